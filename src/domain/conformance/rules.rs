//! The rules that `ladderd check` knows, in our own words, and the page that lists them.

mod apple;
mod format;
mod rule;

use std::fmt::Write as _;

pub use self::rule::Rule;

/// Apple's specification.
const APPLE: &str = "https://developer.apple.com/documentation/http-live-streaming/hls-authoring-specification-for-apple-devices";
/// RFC 8216.
const RFC: &str = "https://datatracker.ietf.org/doc/html/rfc8216#section-";
/// The successor of RFC 8216.
const BIS: &str = "https://datatracker.ietf.org/doc/html/draft-pantos-hls-rfc8216bis#section-";

/// All rules.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    apple::RULES.iter().chain(format::RULES)
}

impl Rule {
    /// The rule with this id.
    #[must_use]
    pub fn find(id: &str) -> Option<&'static Self> {
        all().find(|rule| rule.id == id)
    }

    /// Name and address of the text that has the rule; no address for a rule of this project.
    #[must_use]
    pub fn source(&self) -> (&'static str, Option<String>) {
        if let Some(section) = self.id.strip_prefix("RFC 8216bis ") {
            return ("draft-pantos-hls-rfc8216bis", Some(format!("{BIS}{section}")));
        }
        if let Some(section) = self.id.strip_prefix("RFC 8216 ") {
            return ("RFC 8216", Some(format!("{RFC}{section}")));
        }
        if self.id.starts_with(|c: char| c.is_ascii_digit()) {
            return ("Apple", Some(APPLE.to_owned()));
        }
        ("ladderd", None)
    }
}

/// The page that lists the rules.
#[must_use]
pub fn reference() -> String {
    let mut page = "# Rules of `ladderd check`\n\n\
        <!-- Generated from src/domain/conformance/rules.rs by `make generate`. -->\n\n\
        Every rule in our own words. Ids such as `7.4` are those of Apple's HLS authoring specification, `RFC 8216` \
        is the\nformat itself. Rules with a word as their id are this project's own; `colour`, `cache` and `unchecked` \
        apply to its\nown streams alone. `--ignore RULE` leaves a rule out.\n\n\
        | Rule | Source | It says | An example that breaks it | To mend it |\n|---|---|---|---|---|\n"
        .to_owned();
    for rule in all() {
        let source = match rule.source() {
            (name, Some(address)) => format!("[{name}]({address})"),
            (name, None) => name.to_owned(),
        };
        let Rule { id, says, breaks, mend } = rule;
        // Writing to a text cannot fail.
        let written = writeln!(page, "| `{id}` | {source} | {says} | {breaks} | {mend} |");
        debug_assert!(written.is_ok());
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_stands_in_the_table_once_and_has_a_source() {
        for rule in all() {
            let same = all().filter(|other| other.id == rule.id);
            assert_eq!(same.count(), 1, "{}", rule.id);
            assert!(rule.says.ends_with('.') && rule.mend.ends_with('.'), "{}", rule.id);
        }
        let address = Rule::find("RFC 8216 4.2").unwrap().source().1.unwrap();
        assert_eq!(address, "https://datatracker.ietf.org/doc/html/rfc8216#section-4.2");
        assert_eq!(Rule::find("colour").unwrap().source(), ("ladderd", None));
    }
}
