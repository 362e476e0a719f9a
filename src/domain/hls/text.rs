//! Text that is built line by line.

use std::fmt::Write;

/// Appends a line and its line feed. Writing to a string cannot fail.
pub(super) fn push_line(text: &mut String, line: std::fmt::Arguments<'_>) {
    if text.write_fmt(line).is_ok() {
        text.push('\n');
    }
}
