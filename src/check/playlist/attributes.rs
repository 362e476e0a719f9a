//! Attribute lists (RFC 8216, 4.2).

use super::attribute_tables::{Attribute, Type, attributes_of};
use super::faults::Faults;
use super::lines::Tag;
use super::tags;

/// Rule for attribute lists.
const RULE: &str = "RFC 8216 4.2";

/// The attributes of one tag. Values of the wrong type are left out; a fault names them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Attributes(Vec<(String, Value)>);

/// A value as it stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) text: String,
    pub(super) is_quoted: bool,
}

impl Attributes {
    /// Reads the attributes of a tag, and compares them with what is known about it.
    pub(super) fn read(tag: &Tag, line: usize, faults: &mut Faults) -> Self {
        let known = attributes_of(&tag.name);
        let mut read = Self::default();
        for (name, value) in split(&tag.name, tag.text(), line, faults) {
            if read.0.iter().any(|(other, _)| *other == name) {
                faults.must(RULE, line, format!("{} has the attribute {name} twice", tag.name));
                continue;
            }
            if let Some(attribute) = known.iter().find(|attribute| attribute.name == name) {
                if let Some(expected) = attribute.kind.mismatch(&value) {
                    let quotes = if value.is_quoted { "\"" } else { "" };
                    let found = format!("{quotes}{}{quotes}", value.text);
                    let text = format!("{name} of {} is {found}, expected {expected}", tag.name);
                    faults.must(tags::rule(&tag.name), line, text);
                    if attribute.kind.is_lost(&value) {
                        continue;
                    }
                }
            } else if let Some(meant) = near_miss(known, &name) {
                let text = format!("{} has no attribute {name}: did you mean {meant}?", tag.name);
                faults.must(RULE, line, text);
            }
            read.0.push((name, value));
        }
        for attribute in known.iter().filter(|attribute| attribute.is_required) {
            if read.get(attribute.name).is_none() && !read.is_unreadable(tag, attribute.name) {
                let text = format!("{} has no {}", tag.name, attribute.name);
                faults.must(tags::rule(&tag.name), line, text);
            }
        }
        read
    }

    /// Whether the attribute is there, but was left out.
    fn is_unreadable(&self, tag: &Tag, name: &str) -> bool {
        let mut ignored = Faults::default();
        self.get(name).is_none()
            && split("", tag.text(), 0, &mut ignored).iter().any(|(n, _)| n == name)
    }

    /// The text of an attribute.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value.text.as_str())
    }

    /// The text of an attribute as an owned value.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    /// A decimal integer.
    pub(super) fn integer(&self, name: &str) -> Option<u64> {
        self.get(name)?.parse().ok()
    }

    /// A decimal fraction.
    pub(super) fn float(&self, name: &str) -> Option<f64> {
        self.get(name)?.parse().ok()
    }

    /// `YES` or not.
    pub(super) fn is_yes(&self, name: &str) -> bool {
        self.get(name) == Some("YES")
    }
}

/// Splits a list into names and values.
pub(super) fn split(
    tag: &str,
    text: &str,
    line: usize,
    faults: &mut Faults,
) -> Vec<(String, Value)> {
    let mut list = Vec::new();
    let mut rest = text;
    while !rest.trim().is_empty() {
        let Some((name, behind)) = rest.split_once('=') else {
            faults.must(
                RULE,
                line,
                format!("{tag}: {:?} is no attribute: it has no value", rest.trim()),
            );
            break;
        };
        let (value, more) = if let Some(quoted) = behind.strip_prefix('"') {
            let (inner, more) = quoted.split_once('"').unwrap_or_else(|| {
                faults.must(RULE, line, format!("{tag}: the quoted value of {name} does not end"));
                (quoted, "")
            });
            (Value { text: inner.to_owned(), is_quoted: true }, more)
        } else {
            let end = behind.find(',').unwrap_or(behind.len());
            let value = Value { text: behind[..end].trim().to_owned(), is_quoted: false };
            if value.text.is_empty() {
                faults.must(
                    RULE,
                    line,
                    format!("{tag}: the attribute {} has no value", name.trim()),
                );
            }
            (value, &behind[end..])
        };
        if name.trim() != name || behind.starts_with(' ') {
            faults.should(
                RULE,
                line,
                format!("{tag}: there is white space around {:?}", name.trim()),
            );
        }
        let name = name.trim();
        let is_legal = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-';
        if name.is_empty() || !name.chars().all(is_legal) {
            let text = format!(
                "{tag}: {name:?} is no name of an attribute, which has A to Z, 0 to 9 and - only"
            );
            faults.must(RULE, line, text);
        }
        list.push((name.to_owned(), value));
        rest = if let Some(next) = more.trim_start().strip_prefix(',') {
            if next.trim().is_empty() {
                faults.must(RULE, line, format!("{tag}: the list ends with a comma"));
            }
            next
        } else {
            if !more.trim().is_empty() {
                let text = format!("{tag}: {:?} stands behind the value of {name}", more.trim());
                faults.must(RULE, line, text);
            }
            ""
        };
    }
    list
}

fn near_miss(known: &[Attribute], name: &str) -> Option<&'static str> {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if name.starts_with("X-") || name.len() < 4 || !name.bytes().all(is_legal) {
        return None;
    }
    let upper = name.to_ascii_uppercase();
    let distance = |attribute: &&Attribute| tags::edits(&upper, attribute.name);
    let best = known.iter().filter(|attribute| attribute.name.len() > 3).min_by_key(distance)?;
    (distance(&best) <= 1).then_some(best.name)
}

impl Type {
    /// The expected form, if the value has another one.
    fn mismatch(self, value: &Value) -> Option<String> {
        let text = value.text.as_str();
        let expect = |is_right: bool, expected: &str| (!is_right).then(|| expected.to_owned());
        match self {
            Self::Any => None,
            Self::Quoted => expect(value.is_quoted, "a text in quotes"),
            Self::QuotedText => expect(
                value.is_quoted && !text.trim().is_empty(),
                "a text in quotes that is not empty",
            ),
            Self::QuotedOrNone => {
                expect(value.is_quoted || text == "NONE", "a text in quotes, or NONE")
            }
            Self::Integer => expect(!value.is_quoted && is_integer(text), "a whole number"),
            Self::Float => {
                expect(!value.is_quoted && is_float(text), "a number such as 2.5, without a sign")
            }
            Self::SignedFloat => {
                let digits = text.strip_prefix('-').unwrap_or(text);
                expect(!value.is_quoted && is_float(digits), "a number such as -2.5")
            }
            Self::Hex => {
                let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
                let is_hex = digits.is_some_and(|digits| {
                    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
                });
                expect(!value.is_quoted && is_hex, "0x and hex digits")
            }
            Self::Resolution => expect(
                !value.is_quoted && resolution(text).is_some(),
                "WIDTHxHEIGHT such as 640x360",
            ),
            Self::OneOf(values) => {
                let is_known = !value.is_quoted && values.contains(&text);
                (!is_known).then(|| format!("{} without quotes", values.join(" or ")))
            }
        }
    }

    /// Whether a value of another form tells nothing. Quotes too many or too few do not hide it.
    fn is_lost(self, value: &Value) -> bool {
        match self {
            Self::Integer => !is_integer(&value.text),
            Self::Float | Self::SignedFloat => value.text.parse::<f64>().is_err(),
            Self::Resolution => resolution(&value.text).is_none(),
            Self::QuotedText => value.text.trim().is_empty(),
            Self::Any | Self::Quoted | Self::QuotedOrNone | Self::Hex | Self::OneOf(_) => false,
        }
    }
}

/// Whether this is a decimal integer of at most 64 bits.
pub(super) fn is_integer(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u64>().is_ok()
}

/// Whether this is an unsigned decimal fraction.
pub(super) fn is_float(text: &str) -> bool {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    is_number && text.parse::<f64>().is_ok_and(f64::is_finite)
}

/// Width and height.
pub(super) fn resolution(text: &str) -> Option<(u64, u64)> {
    let (width, height) = text.split_once('x')?;
    if !is_integer(width) || !is_integer(height) {
        return None;
    }
    Some((width.parse().ok()?, height.parse().ok()?))
}
