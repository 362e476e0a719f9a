//! The documents generated from the declarations: the commented default and the reference.

use std::fmt;

use toml::{Table, Value};

use super::Settings;
use super::takes_effect::RELOADED;
use crate::domain::declare::{Section, Setting, Shape};

const TOML_INTRO: &str = "\
# Every setting of ladderd with its default. GENERATED from the declarations in src/: do not edit.
# A file of your own (/etc/ladderd/ladderd.toml, --config or LADDERD_CONFIG) needs only the keys that
# differ. The environment (LADDERD__SECTION__KEY) wins over the file, and flags win over both. Unknown keys
# are errors. Sizes and times in the names: _bytes, _secs (seconds), _kbps (kbit/s).
";

const REFERENCE_INTRO: &str = "\
# Settings

<!-- GENERATED from the declarations in src/: do not edit. -->

ladderd reads its settings from four layers; later layers win:

1. the defaults below, which [config/ladderd.toml](../../config/ladderd.toml) has as TOML;
2. a file: `--config PATH`, else the one that `LADDERD_CONFIG` names, else `/etc/ladderd/ladderd.toml` if it
   exists. It needs only the keys that differ;
3. the environment: `LADDERD__SECTION__KEY`, such as `LADDERD__HTTP__LISTEN`. Commas separate the
   items of a list;
4. the flags of `ladderd serve`.

`ladderd validate` checks all layers. Unknown keys and values that are not allowed are errors; each
names its layer, the key, the value and the allowed values. Suffixes of keys are units: `_bytes`,
`_secs` (seconds), `_kbps` (kbit/s), `_pixels`. Secrets are never printed.
";

const RELOAD_INTRO: &str = "
## Reload

`systemctl reload ladderd` (or SIGHUP) makes the daemon read all layers but flags and environment, which stay as they
were at its start. It takes the new values of the keys below for the jobs that start from then on, and names them in the
log. It names the others that have changed as well: they need a restart. If anything is wrong, all old values stay, and
the log says why. The certificate is read again, whether its path has changed or not; TLS is switched on and off by a
restart only.

";

/// The text of `config/ladderd.toml`: every key with its doc, allowed values and default.
#[must_use]
pub fn default_toml() -> String {
    let mut text = TOML_INTRO.to_owned();
    write_toml(&mut text, "", &Settings::settings(), &defaults());
    text
}

/// The text of `docs/reference/settings.md`: a table of keys for each section.
#[must_use]
pub fn reference() -> String {
    let mut text = REFERENCE_INTRO.to_owned();
    text.push_str("\n## Top level\n");
    write_reference(&mut text, "", &Settings::settings(), &defaults());
    text.push_str(RELOAD_INTRO);
    for key in RELOADED {
        put(&mut text, format_args!("- `{key}`\n"));
    }
    text
}

/// All keys with their defaults.
fn defaults() -> Table {
    Table::try_from(Settings::default()).unwrap_or_default()
}

fn write_toml(text: &mut String, section: &str, settings: &[Setting], values: &Table) {
    for setting in settings.iter().filter(|setting| is_value(setting)) {
        if section.is_empty() {
            text.push('\n');
        }
        write_key(text, setting, &values[setting.key], true);
    }
    // An empty list is a plain value, so that the file has each key.
    for setting in settings {
        if let Shape::Tables(below) = &setting.shape
            && values[setting.key].as_array().is_some_and(Vec::is_empty)
        {
            comment(text, &setting.doc);
            put(text, format_args!("# Entries are tables:\n"));
            for entry in below {
                let (key, doc) = (entry.key, entry.doc.join(" "));
                comment(text, &[&format!("  {key}: {doc} Allowed: {}.", entry.allowed)]);
            }
            write_key(text, setting, &values[setting.key], false);
        }
    }
    for setting in settings {
        let path = join(section, setting.key);
        match (&setting.shape, &values[setting.key]) {
            (Shape::Table(below), Value::Table(values)) => {
                text.push('\n');
                comment(text, &setting.doc);
                put(text, format_args!("[{path}]\n"));
                write_toml(text, &path, below, values);
            }
            (Shape::Tables(below), Value::Array(entries)) if !entries.is_empty() => {
                text.push('\n');
                comment(text, &setting.doc);
                for (n, values) in entries.iter().enumerate() {
                    let gap = if n == 0 { "" } else { "\n" };
                    put(text, format_args!("{gap}[[{path}]]\n"));
                    for setting in below {
                        write_key(text, setting, &values[setting.key], n == 0);
                    }
                }
            }
            _ => {}
        }
    }
}

/// One key with its default, behind its comment.
fn write_key(text: &mut String, setting: &Setting, value: &Value, is_commented: bool) {
    if is_commented {
        comment(text, &setting.doc);
        if !setting.allowed.is_empty() {
            put(text, format_args!("# Allowed: {}.\n", setting.allowed));
        }
    }
    let readable = readable(setting.key, value).map(|words| format!(" # {words}"));
    put(text, format_args!("{} = {value}{}\n", setting.key, readable.unwrap_or_default()));
}

fn put(text: &mut String, part: fmt::Arguments<'_>) {
    text.push_str(&part.to_string());
}

/// A comment of these lines, without the backticks of their Markdown.
fn comment(text: &mut String, lines: &[&str]) {
    for line in lines {
        put(text, format_args!("# {}\n", line.replace('`', "")));
    }
}

fn write_reference(text: &mut String, section: &str, settings: &[Setting], values: &Table) {
    if settings.iter().any(is_value) {
        text.push_str("\n| Key | Default | Allowed | Meaning |\n|---|---|---|---|\n");
    }
    for setting in settings.iter().filter(|setting| is_value(setting)) {
        let value = &values[setting.key];
        let secret = if setting.is_secret { " Secret." } else { "" };
        let words = readable(setting.key, value).map(|words| format!(" ({words})"));
        let (key, words, allowed) =
            (setting.key, words.unwrap_or_default(), allowed(setting, value));
        let doc = setting.doc.join(" ").replace('|', "\\|");
        put(text, format_args!("| `{key}` | `{value}`{words} | {allowed} | {doc}{secret} |\n"));
    }
    for setting in settings.iter().filter(|setting| !is_value(setting)) {
        let path = join(section, setting.key);
        let doc = setting.doc.join(" ");
        match (&setting.shape, &values[setting.key]) {
            (Shape::Table(below), Value::Table(values)) => {
                put(text, format_args!("\n## `[{path}]`\n\n{doc}\n"));
                write_reference(text, &path, below, values);
            }
            (Shape::Tables(below), value) => {
                let allowed = match setting.allowed.as_str() {
                    "" => String::new(),
                    allowed => format!(" Allowed: {allowed}."),
                };
                put(text, format_args!("\n## `[[{path}]]`\n\n{doc}{allowed}\n"));
                write_entries(text, below, value);
            }
            (Shape::Value | Shape::Table(_), _) => {}
        }
    }
}

/// The keys of a list's entries, and the default list.
fn write_entries(text: &mut String, settings: &[Setting], entries: &Value) {
    text.push_str("\n| Key | Allowed | Meaning |\n|---|---|---|\n");
    for setting in settings {
        let (key, allowed, doc) = (setting.key, &setting.allowed, setting.doc.join(" "));
        put(text, format_args!("| `{key}` | {allowed} | {doc} |\n"));
    }
    if entries.as_array().is_some_and(Vec::is_empty) {
        put(text, format_args!("\nDefault: none.\n"));
        return;
    }
    let keys: Vec<_> = settings.iter().map(|setting| format!("`{}`", setting.key)).collect();
    let rule = "---|".repeat(keys.len());
    put(text, format_args!("\nDefault:\n\n| {} |\n|{rule}\n", keys.join(" | ")));
    for entry in entries.as_array().into_iter().flatten() {
        let values: Vec<_> =
            settings.iter().map(|setting| entry[setting.key].to_string()).collect();
        put(text, format_args!("| {} |\n", values.join(" | ")));
    }
}

fn is_value(setting: &Setting) -> bool {
    matches!(setting.shape, Shape::Value)
}

fn join(section: &str, key: &str) -> String {
    if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") }
}

/// Allowed values in words; the type if every value of it is allowed.
fn allowed(setting: &Setting, default: &Value) -> String {
    if !setting.allowed.is_empty() {
        return setting.allowed.clone();
    }
    let words = match default {
        Value::Boolean(_) => "true or false",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number",
        Value::Array(_) => "a list of texts",
        Value::String(_) | Value::Datetime(_) | Value::Table(_) => "text",
    };
    words.to_owned()
}

/// A number of bytes or seconds in a larger unit, if that is exact.
fn readable(key: &str, value: &Value) -> Option<String> {
    const BYTES: [(i64, &str); 4] =
        [(1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    const SECS: [(i64, &str); 3] = [(86_400, "d"), (3600, "h"), (60, "min")];
    let units: &[(i64, &str)] = match key.rsplit('_').next() {
        Some("bytes") => &BYTES,
        Some("secs") => &SECS,
        Some(_) | None => return None,
    };
    let number = value.as_integer().filter(|number| *number > 0)?;
    let (unit, name) = units.iter().find(|(unit, _)| number % unit == 0)?;
    Some(format!("{} {name}", number / unit))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// All declared keys with their paths, sections included.
    fn all(section: &str, settings: Vec<Setting>) -> Vec<(String, Setting)> {
        let mut found = Vec::new();
        for setting in settings {
            let path = join(section, setting.key);
            found.push((path.clone(), setting.clone()));
            if let Shape::Table(below) | Shape::Tables(below) = setting.shape {
                found.extend(all(&path, below));
            }
        }
        found
    }

    #[test]
    fn every_key_has_a_doc_and_stands_once() {
        let mut seen = BTreeSet::new();
        for (path, setting) in all("", Settings::settings()) {
            let doc = setting.doc.join(" ");
            assert!(doc.len() > 10 && doc.ends_with('.'), "{path}: {doc:?}");
            assert!(seen.insert(path.clone()), "{path} stands twice");
        }
    }

    #[test]
    fn numbers_have_a_unit_or_are_counts() {
        const UNITS: [&str; 4] = ["_secs", "_bytes", "_kbps", "_pixels"];
        const COUNTS: [&str; 15] = [
            "http.request_burst",
            "uploads.max_in_flight",
            "embedded.max_connections",
            "queue.max_attempts",
            "jobs.max_running",
            "pulls.max_running",
            "pulls.max_attempts",
            "jobs.max_encoder_sessions",
            "encode.gops_per_segment",
            "limits.tracks",
            // Rates and scales.
            "http.requests_per_sec",
            "embedded.scrub_bytes_per_sec",
            "limits.frames_per_second",
            "limits.pixels_per_second",
            "encode.quality",
        ];
        let defaults = Value::Table(defaults());
        for (path, setting) in all("", Settings::settings()) {
            let value = path.split('.').try_fold(&defaults, |value, key| value.get(key));
            let is_number = value.is_some_and(|value| value.is_integer() || value.is_float());
            let has_unit = UNITS.iter().any(|unit| path.ends_with(unit));
            let is_count = COUNTS.contains(&path.as_str());
            assert!(!is_number || has_unit || is_count, "{path} has no unit");
            assert!(!is_number || !setting.allowed.is_empty(), "{path} has no range");
        }
    }

    #[test]
    fn defaults_are_allowed() {
        assert_eq!(Settings::default().violations(), []);
    }

    #[test]
    fn the_default_toml_has_every_key_with_its_default() {
        let written: Table = toml::from_str(&default_toml()).unwrap();
        assert_eq!(written, defaults());
    }

    #[test]
    fn sizes_and_times_are_readable() {
        let table = [
            ("a_bytes", 100 << 30, Some("100 GiB")),
            ("a_bytes", (1 << 20) + 1024, Some("1025 KiB")),
            ("a_bytes", 7, None),
            ("a_secs", 604_800, Some("7 d")),
            ("a_secs", 5400, Some("90 min")),
            ("a_secs", 0, None),
            ("a_kbps", 1024, None),
        ];
        for (key, number, expected) in table {
            let found = readable(key, &Value::Integer(number));
            assert_eq!(found.as_deref(), expected, "{key} {number}");
        }
    }
}
