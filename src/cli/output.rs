//! Output of the commands: messages for people on standard error, results on standard output.

use std::io::Write;

use serde::Serialize;

/// Prints a message for the person at the terminal to standard error.
#[expect(clippy::print_stderr, reason = "the command line speaks to a person")]
pub(super) fn say(line: &str) {
    eprintln!("{line}");
}

/// Prints a result to standard output. A closed pipe is an error, not a panic.
pub(super) fn print(text: &str) -> std::io::Result<()> {
    std::io::stdout().write_all(text.as_bytes())
}

/// Prints a result to standard output as indented JSON.
pub(super) fn print_json(result: &impl Serialize) -> std::io::Result<()> {
    print(&(serde_json::to_string_pretty(result)? + "\n"))
}
