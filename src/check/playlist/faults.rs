//! Faults of a playlist, by rule and line.

use crate::domain::conformance::Level;

/// Something that breaks the format of a playlist, or that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Fault {
    /// Id of the rule.
    pub(in super::super) rule: String,
    pub(in super::super) level: Level,
    /// Number of the line, from 1.
    pub(in super::super) line: usize,
    pub(in super::super) text: String,
}

/// Rule for the lines of a playlist.
pub(super) const LINES: &str = "RFC 8216 4.1";

/// Faults of one playlist in the order of its lines.
#[derive(Debug, Default)]
pub(super) struct Faults(pub(super) Vec<Fault>);

impl Faults {
    pub(super) fn must(&mut self, rule: &str, line: usize, text: impl Into<String>) {
        self.add(rule, Level::Must, line, text.into());
    }

    pub(super) fn should(&mut self, rule: &str, line: usize, text: impl Into<String>) {
        self.add(rule, Level::Should, line, text.into());
    }

    fn add(&mut self, rule: &str, level: Level, line: usize, text: String) {
        self.0.push(Fault { rule: rule.to_owned(), level, line, text });
    }
}
