//! Values that are never printed, and never taken for a number.

use std::collections::HashMap;

use config::Environment;

use super::load::PREFIX;
use crate::encryption::Config;

/// What stands in the place of a secret.
pub(super) const REDACTED: &str = "(redacted)";

/// Section of the secrets.
const SECTION: &str = "encryption";

/// Whether the value of this key, given with dots, is a secret.
pub(super) fn is_secret(key: &str) -> bool {
    key.split_once('.')
        .is_some_and(|(section, name)| section == SECTION && Config::SECRETS.contains(&name))
}

/// What a parser said of a file, without the rest of lines that hold a secret.
pub(super) fn without_secrets(text: &str) -> String {
    let cut = |line: &str| {
        let ends = Config::SECRETS.iter().filter_map(|name| Some(line.find(name)? + name.len()));
        ends.min().map_or(line.to_owned(), |end| format!("{} = {REDACTED}", &line[..end]))
    };
    text.lines().map(cut).collect::<Vec<_>>().join("\n")
}

/// The secrets among these variables. They are texts, whatever they look like: 32 hex digits may
/// be the number `1e5`, and would be rounded.
pub(super) fn of_environment(variables: &[(String, String)]) -> Environment {
    let secrets: HashMap<String, String> =
        variables.iter().filter(|(name, _)| is_variable(name)).cloned().collect();
    Environment::with_prefix(PREFIX).prefix_separator("__").separator("__").source(Some(secrets))
}

/// Whether this variable holds a secret.
pub(super) fn is_variable(name: &str) -> bool {
    let name = name.to_lowercase();
    Config::SECRETS.iter().any(|key| {
        let (prefix, section) = (PREFIX.to_lowercase(), SECTION);
        name == format!("{prefix}__{section}__{key}")
    })
}
