//! Handling of secret values: they are never printed, and never parsed as numbers.

use std::collections::HashMap;

use config::Environment;

use super::Settings;
use crate::domain::declare::{Section, Setting, Shape};

/// Prefix of the environment variables.
pub(super) const PREFIX: &str = "LADDERD";

/// Text shown in place of a secret.
pub(super) const REDACTED: &str = "(redacted)";

/// Keys of all secrets, with dots between the sections.
pub(super) struct Secrets(Vec<String>);

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

    /// A parser's message about a file, with the lines that name a secret cut after its name.
    pub(super) fn redact(&self, text: &str) -> String {
        let names = || self.0.iter().filter_map(|key| key.rsplit('.').next());
        let cut = |line: &str| {
            let ends = names().filter_map(|name| Some(line.find(name)? + name.len()));
            ends.min().map_or(line.to_owned(), |end| format!("{} = {REDACTED}", &line[..end]))
        };
        text.lines().map(cut).collect::<Vec<_>>().join("\n")
    }

    /// The layer of the secrets among these variables. It keeps them as text: 32 hex digits may
    /// read as the number `1e5`, and would be rounded.
    pub(super) fn layer(&self, variables: &[(String, String)]) -> Environment {
        let secrets: HashMap<String, String> =
            variables.iter().filter(|(name, _)| self.is_variable(name)).cloned().collect();
        let layer = Environment::with_prefix(PREFIX).prefix_separator("__").separator("__");
        layer.source(Some(secrets))
    }

    /// Whether the variable `name` sets a secret.
    pub(super) fn is_variable(&self, name: &str) -> bool {
        let variable = |key: &String| format!("{PREFIX}__{}", key.replace('.', "__"));
        self.0.iter().any(|key| variable(key).eq_ignore_ascii_case(name))
    }
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
        assert!(!secrets.is_variable("LADDERD__ENCRYPTION__KIND"));
        let shown = secrets.redact("line 1\nkey_hex = \"12\nkind = \"none\"");
        assert_eq!(shown, "line 1\nkey_hex = (redacted)\nkind = \"none\"");
    }
}
