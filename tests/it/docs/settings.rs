//! Settings in the documentation exist, and its examples are ones that the program takes.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ladderd::settings::{Loaded, Settings, Sources};

use super::pages::pages;
use crate::support::{environment_variable, root};

/// The keys of all settings and of entries of their lists, with dots between the sections.
fn keys() -> BTreeSet<String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    let sources = Sources { file: Some(file.path().to_owned()), ..Sources::default() };
    let shown = Loaded::load(&sources).unwrap().shown;
    let mut keys: BTreeSet<String> = shown.into_iter().map(|setting| setting.key).collect();
    // Entries of lists have keys of their own.
    let reference = std::fs::read_to_string(root().join("docs/reference/settings.md")).unwrap();
    let mut section = String::new();
    for line in reference.lines() {
        if let Some(list) = line.strip_prefix("## `[[").and_then(|line| line.strip_suffix("]]`")) {
            section = format!("{list}.");
        } else if line.starts_with("## ") {
            section.clear();
        } else if let Some(rest) = line.strip_prefix("| `").filter(|_| !section.is_empty()) {
            keys.insert(format!("{section}{}", rest.split('`').next().unwrap()));
        }
    }
    keys
}

#[test]
fn every_setting_of_the_documentation_exists() {
    let keys = keys();
    let variables: BTreeSet<String> = keys.iter().map(|key| environment_variable(key)).collect();
    let sections: BTreeSet<&str> =
        keys.iter().filter_map(|key| key.rsplit_once('.')).map(|k| k.0).collect();
    let top: BTreeSet<&str> = sections.iter().map(|name| name.split('.').next().unwrap()).collect();
    let (mut faults, mut count) = (Vec::new(), 0);
    // The changelog names settings that are gone.
    for page in pages().iter().filter(|page| page.path != Path::new("CHANGELOG.md")) {
        let is_word = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        for (at, _) in page.text.match_indices("LADDERD__") {
            let rest = &page.text[at..];
            let name = &rest[..rest.find(|c| !is_word(c)).unwrap_or(rest.len())];
            count += 1;
            let is_placeholder = name == "LADDERD__SECTION__KEY";
            let secret = name.strip_suffix("_FILE").unwrap_or(name);
            if !is_placeholder && !variables.contains(name) && !variables.contains(secret) {
                faults.push(format!("{}: {name}", page.path.display()));
            }
        }
        for span in &page.spans {
            let key = span.split([' ', '=']).next().unwrap();
            let is_key = |part: &str| {
                !part.is_empty()
                    && part
                        .bytes()
                        .all(|b| b.is_ascii_lowercase() || b == b'_' || b.is_ascii_digit())
            };
            let names_setting = key.split_once('.').is_some_and(|(section, rest)| {
                top.contains(section) && rest.split('.').all(is_key)
            });
            // Files have names with dots, too.
            let is_file = ["db", "json", "md", "mjs", "py", "rs", "sqlite", "toml"]
                .iter()
                .any(|end| key.ends_with(&format!(".{end}")));
            if names_setting && !is_file {
                count += 1;
                if !keys.contains(key) && !sections.contains(key) {
                    faults.push(format!("{}: `{span}`", page.path.display()));
                }
            }
        }
    }
    assert!(count > 100, "only {count} settings were found");
    assert!(faults.is_empty(), "no such settings:\n{}", faults.join("\n"));
}

#[test]
fn every_example_of_a_settings_file_is_taken() {
    let (mut faults, mut count) = (Vec::new(), 0);
    for page in pages() {
        for (_, text) in page.blocks.iter().filter(|(info, _)| info == "toml") {
            count += 1;
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), text).unwrap();
            std::fs::set_permissions(file.path(), PermissionsExt::from_mode(0o600)).unwrap();
            let sources = Sources { file: Some(file.path().to_owned()), ..Sources::default() };
            if let Err(found) = Settings::load(&sources) {
                faults.push(format!("{}:\n{text}{:#?}", page.path.display(), found.0));
            }
        }
    }
    assert!(count > 5, "only {count} examples were found");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn urls_of_the_embedded_store_name_its_buckets() {
    let store = Settings::default().store;
    let mut count = 0;
    for page in pages() {
        for (at, host) in page.text.match_indices("127.0.0.1:8081/") {
            let bucket = page.text[at + host.len()..].split(['/', ' ']).next().unwrap();
            count += 1;
            assert!(
                [&store.public_bucket, &store.private_bucket].contains(&&bucket.to_owned()),
                "{}: {bucket}",
                page.path.display()
            );
        }
    }
    assert!(count > 1);
}
