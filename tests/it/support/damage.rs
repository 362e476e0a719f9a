//! Damage to one file of a sound stream, and the rule that the check must name for it.

use std::path::Path;

use super::stream::{Stream, check};

/// A change of a file that breaks a rule.
pub struct Damage {
    /// Number of the rule.
    pub rule: &'static str,
    /// The file within the stream.
    pub file: &'static str,
    pub change: fn(Vec<u8>) -> Vec<u8>,
}

/// Asserts that the stream is sound, and that the check names the rule of each damage to it.
/// `arguments` are those of `ladderd check`.
pub fn assert_found(stream: &Stream, damages: &[Damage], arguments: &[&str]) {
    let report = check(stream.folder(), arguments);
    report.assert_sound();
    let copies = tempfile::tempdir().unwrap();
    for damage in damages {
        let bad = copies.path().join(stream.folder().file_name().unwrap());
        copy(stream.folder(), &bad);
        let file = bad.join(damage.file);
        std::fs::write(&file, (damage.change)(std::fs::read(&file).unwrap())).unwrap();
        let report = check(&bad, arguments);
        let is_found = report.musts().iter().any(|rule| rule == damage.rule);
        assert!(is_found, "{} in {}: {:#}", damage.rule, damage.file, report.json);
        std::fs::remove_dir_all(&bad).unwrap();
    }
}

/// Copies a folder with all that is in it.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}

/// Changes a text file; panics where nothing changes.
pub fn text(bytes: Vec<u8>, change: impl Fn(&str) -> String) -> Vec<u8> {
    let before = String::from_utf8(bytes).unwrap();
    let after = change(&before);
    assert_ne!(before, after, "the damage changes nothing:\n{before}");
    after.into_bytes()
}

/// Replaces the first number behind a name.
pub fn number(text: &str, name: &str, change: impl Fn(f64) -> f64) -> String {
    let at = text.find(name).unwrap() + name.len();
    let end = text[at..].find(|c: char| !c.is_ascii_digit() && c != '.').unwrap() + at;
    let changed = change(text[at..end].parse().unwrap());
    format!("{}{changed}{}", &text[..at], &text[end..])
}

/// Removes an attribute with its comma.
pub fn without(text: &str, name: &str) -> String {
    let at = text.find(&format!(",{name}=")).unwrap();
    let rest = &text[at + 1..];
    let value = rest.find('=').unwrap() + 1;
    let len = if rest[value..].starts_with('"') {
        value + 2 + rest[value + 1..].find('"').unwrap()
    } else {
        rest.find([',', '\n']).unwrap()
    };
    format!("{}{}", &text[..at], &rest[len..])
}

/// Removes the lines that begin with `start`.
pub fn without_lines(text: &str, start: &str) -> String {
    text.lines()
        .filter(|line| !line.starts_with(start))
        .fold(String::new(), |all, line| all + line + "\n")
}

/// Removes the last segment of a playlist.
pub fn without_last_segment(text: &str) -> String {
    let at = text.rfind("#EXTINF").unwrap();
    format!("{}#EXT-X-ENDLIST\n", &text[..at])
}

/// Changes what stands from the first `mark` on.
pub fn behind(text: &str, mark: &str, change: impl Fn(&str) -> String) -> String {
    let at = text.find(mark).unwrap();
    format!("{}{}", &text[..at], change(&text[at..]))
}
