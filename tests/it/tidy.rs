//! Rules of the house that no compiler knows.

use std::path::{Path, PathBuf};

use super::support::root;

fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The Rust files below these folders: name within the package, and text.
fn sources(folders: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for folder in folders {
        files(&root().join(folder), &mut found);
    }
    let name = |path: &Path| path.strip_prefix(root()).unwrap().display().to_string();
    found.iter().map(|path| (name(path), std::fs::read_to_string(path).unwrap())).collect()
}

#[test]
fn the_domain_is_pure() {
    const IMPURE: [&str; 12] = [
        "tokio",
        "aws_",
        "gstreamer",
        "gst::",
        "rusqlite",
        "std::fs",
        "std::env",
        "std::net",
        "std::process",
        "Instant::now",
        "SystemTime::now",
        "tracing::",
    ];
    let mut breaches = Vec::new();
    for (name, text) in sources(&["src/domain"]) {
        for (number, line) in (1..).zip(text.lines()) {
            let code = line.split("//").next().unwrap();
            if IMPURE.iter().any(|word| code.contains(word)) || code.contains("Timestamp::now") {
                breaches.push(format!("{name}:{number}: {}", line.trim()));
            }
        }
    }
    assert!(breaches.is_empty(), "src/domain reaches outside:\n{}", breaches.join("\n"));
}

#[test]
fn no_file_is_longer_than_400_lines_before_its_tests() {
    let long: Vec<String> = sources(&["src", "tests"])
        .into_iter()
        .map(|(name, text)| {
            let lines = text.lines().take_while(|line| *line != "#[cfg(test)]").count();
            (name, lines)
        })
        .filter(|(_, lines)| *lines > 400)
        .map(|(name, lines)| format!("{name}: {lines}"))
        .collect();
    assert!(long.is_empty(), "find the border inside: {long:?}");
}

#[test]
fn nothing_is_left_for_later() {
    let words = ["todo!", "unimplemented!", &["FIX", "ME"].concat(), &["#[ign", "ore"].concat()];
    for (name, text) in sources(&["src", "tests"]) {
        if name.ends_with("tidy.rs") {
            continue;
        }
        for word in words {
            assert!(!text.contains(word), "{name} holds {word}");
        }
    }
}

#[test]
fn messages_are_acknowledged_in_one_place() {
    let places: Vec<String> = sources(&["src"])
        .into_iter()
        .filter(|(name, _)| !name.starts_with("src/queue"))
        .flat_map(|(name, text)| vec![name; text.matches(".ack(").count()])
        .collect();
    assert_eq!(places, ["src/job/process.rs"]);
}

#[test]
fn siblings_do_not_import_each_other() {
    const SIBLINGS: [&str; 5] = ["queue", "store", "source", "publish", "worker"];
    // The worker's parent feeds it a source: that border is the `Source` trait.
    const ALLOWED: [(&str, &str); 1] = [("worker", "source")];
    for sibling in SIBLINGS {
        let of_it = |name: &str| {
            name == format!("src/{sibling}.rs") || name.starts_with(&format!("src/{sibling}/"))
        };
        for (name, text) in sources(&["src"]).iter().filter(|(name, _)| of_it(name)) {
            for other in SIBLINGS.iter().filter(|other| **other != sibling) {
                let used = text.contains(&format!("crate::{other}::"));
                let allowed = ALLOWED.contains(&(sibling, other));
                assert!(!used || allowed, "{name} uses {other}: they meet in src/job");
            }
        }
    }
}

#[test]
fn the_map_names_every_module() {
    let map = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let library = std::fs::read_to_string(root().join("src/lib.rs")).unwrap();
    for line in library.lines() {
        if let Some(module) = line.strip_prefix("pub mod ").and_then(|l| l.strip_suffix(';')) {
            assert!(map.contains(&format!("`{module}`")), "ARCHITECTURE.md does not name {module}");
        }
    }
}
