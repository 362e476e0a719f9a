//! Handling of secret values: they are never printed, never parsed as numbers, and read from places that other users
//! cannot look into.

use std::collections::HashMap;
use std::path::Path;

use config::Environment;

use super::Settings;
use crate::domain::declare::{Section, Setting, Shape};
use crate::private_file;

/// Prefix of the environment variables.
pub(super) const PREFIX: &str = "LADDERD";

/// Text shown in place of a secret.
pub(super) const REDACTED: &str = "(redacted)";

/// Origin of variables in reports.
pub(super) const ENVIRONMENT: &str = "the environment";

/// End of the name of a variable that names the file of a secret.
const FILE: &str = "_FILE";
/// Variable in which systemd names the folder of the credentials of a service.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// Keys of all secrets, with dots between the sections.
pub(super) struct Secrets(Vec<String>);

/// A secret that is given outside of the settings file.
pub(super) struct Given {
    /// Environment variable of the setting.
    variable: String,
    value: String,
    /// Place of the value: the environment or a file.
    pub(super) origin: String,
}

impl Given {
    /// The secret as a layer of its own. It is kept as text: 32 hex digits may read as the number `1e5`, and would be
    /// rounded.
    pub(super) fn layer(&self) -> Environment {
        layer([(self.variable.clone(), self.value.clone())])
    }
}

/// The layer of all these secrets.
pub(super) fn layer_of(given: &[Given]) -> Environment {
    layer(given.iter().map(|given| (given.variable.clone(), given.value.clone())))
}

fn layer(variables: impl IntoIterator<Item = (String, String)>) -> Environment {
    let variables: HashMap<_, _> = variables.into_iter().collect();
    let layer = Environment::with_prefix(PREFIX).prefix_separator("__").separator("__");
    layer.source(Some(variables))
}

impl Secrets {
    /// The secrets among the declared settings.
    pub(super) fn declared() -> Self {
        let mut keys = Vec::new();
        collect("", &Settings::settings(), &mut keys);
        Self(keys)
    }

    /// Whether the value of `key`, with dots between the sections, is a secret.
    pub(super) fn contains(&self, key: &str) -> bool {
        self.0.iter().any(|secret| secret == key)
    }

    /// The keys of all secrets.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// A parser's message about a file, with the lines that name a secret cut after its name.
    pub(super) fn redact(&self, text: &str) -> String {
        let names = || self.0.iter().filter_map(|key| key.rsplit('.').next());
        let cut = |line: &str| {
            let ends = names().filter_map(|name| Some(line.find(name)? + name.len()));
            ends.min().map_or(line.to_owned(), |end| format!("{} = {REDACTED}", &line[..end]))
        };
        text.lines().map(cut).collect::<Vec<_>>().join("\n")
    }

    /// The secrets that these variables give: in the variable of the setting, else in the file that the same variable
    /// with `_FILE` names, else in the credential of systemd with the name of the setting.
    ///
    /// # Errors
    /// Files that cannot be read, or that other users have access to.
    pub(super) fn given(&self, variables: &[(String, String)]) -> Result<Vec<Given>, Vec<String>> {
        let value = |name: &str| {
            let found = variables.iter().find(|(found, _)| found.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.as_str())
        };
        let folder = value(CREDENTIALS).map(Path::new);
        let (mut given, mut faults) = (Vec::new(), Vec::new());
        for key in &self.0 {
            let variable = variable(key);
            if let Some(value) = value(&variable) {
                let (value, origin) = (value.to_owned(), ENVIRONMENT.to_owned());
                given.push(Given { variable, value, origin });
                continue;
            }
            let named = value(&format!("{variable}{FILE}")).map(Path::new).map(Path::to_owned);
            let credential =
                || Some(folder?.join(key)).filter(|path| !matches!(path.try_exists(), Ok(false)));
            let Some(path) = named.or_else(credential) else { continue };
            let origin = path.display().to_string();
            match read(&path) {
                Ok(value) => given.push(Given { variable, value, origin }),
                Err(error) => faults.push(format!("{key}: {error}")),
            }
        }
        if faults.is_empty() { Ok(given) } else { Err(faults) }
    }

    /// Whether the variable `name` sets a secret, or names its file.
    pub(super) fn is_variable(&self, name: &str) -> bool {
        let is_of = |key: &String| {
            let variable = variable(key);
            let file = format!("{variable}{FILE}");
            name.eq_ignore_ascii_case(&variable) || name.eq_ignore_ascii_case(&file)
        };
        self.0.iter().any(is_of)
    }
}

/// The environment variable of a setting.
pub(super) fn variable(key: &str) -> String {
    format!("{PREFIX}__{}", key.replace('.', "__")).to_uppercase()
}

/// Reads a secret, without the line break at its end.
fn read(path: &Path) -> Result<String, String> {
    let bytes = private_file::read(path).map_err(|error| error.to_string())?;
    let text =
        String::from_utf8(bytes).map_err(|_| format!("{}: this is no text", path.display()))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

fn collect(section: &str, settings: &[Setting], keys: &mut Vec<String>) {
    for setting in settings {
        let key = [section, setting.key].concat();
        match &setting.shape {
            Shape::Value if setting.is_secret => keys.push(key),
            Shape::Value => {}
            Shape::Table(below) | Shape::Tables(below) => {
                collect(&format!("{key}."), below, keys);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_found_in_keys_variables_and_messages() {
        let secrets = Secrets::declared();
        assert_eq!(
            secrets.0,
            [
                "playback.keys",
                "encryption.key_hex",
                "encryption.key_endpoint_token",
                "encryption.master_keys"
            ]
        );
        assert!(secrets.contains("encryption.key_hex") && !secrets.contains("encryption.kind"));
        assert!(secrets.is_variable("ladderd__ENCRYPTION__KEY_HEX"));
        assert!(secrets.is_variable("LADDERD__ENCRYPTION__KEY_HEX_FILE"));
        assert!(!secrets.is_variable("LADDERD__ENCRYPTION__KIND"));
        let shown = secrets.redact("line 1\nkey_hex = \"12\nkind = \"none\"");
        assert_eq!(shown, "line 1\nkey_hex = (redacted)\nkind = \"none\"");
    }

    #[test]
    fn the_environment_wins_over_a_named_file_and_that_over_a_credential() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
            path.display().to_string()
        };
        let (file, _) =
            (write("file", "from a file\r\n"), write("encryption.key_hex", "credential\n"));
        let folder = dir.path().display().to_string();
        let all = [
            (CREDENTIALS, folder.as_str()),
            ("LADDERD__ENCRYPTION__KEY_HEX_FILE", file.as_str()),
            ("LADDERD__ENCRYPTION__KEY_HEX", "variable"),
        ];
        let secrets = Secrets::declared();
        let table = [(3, "variable"), (2, "from a file"), (1, "credential")];
        for (count, expected) in table {
            let variables: Vec<_> = all[..count]
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect();
            let given = secrets.given(&variables).unwrap_or_default();
            let values: Vec<_> = given.iter().map(|given| given.value.as_str()).collect();
            assert_eq!(values, [expected]);
        }
        assert!(secrets.given(&[]).is_ok_and(|given| given.is_empty()));
    }
}
