//! `EXT-X-DEFINE`: variables and their substitution (RFC 8216bis, 4.3 and 4.4.2.3).

use std::collections::BTreeMap;

use super::attributes::Attributes;
use super::faults::Faults;
use super::lines::{Content, Line, Tag};

/// Values by name.
pub(in super::super) type Variables = BTreeMap<String, String>;

/// Rule for `EXT-X-DEFINE`.
const RULE: &str = "RFC 8216bis 4.4.2.3";
/// Longest line after substitution. Nested values cannot grow without bound, as each is substituted once, but a value
/// may be named many times.
const MAX_LINE_BYTES: usize = 64 * 1024;

/// Substitutes the variables in URIs and in values of tags. Adds the definitions to `variables`.
pub(super) fn substitute(
    lines: Vec<Line>,
    query: &str,
    imports: &Variables,
    variables: &mut Variables,
    faults: &mut Faults,
) -> Vec<Line> {
    let mut done = Vec::with_capacity(lines.len());
    for line in lines {
        let number = line.number;
        let content = match line.content {
            Content::Uri(uri) => Content::Uri(replace(uri, number, variables, faults)),
            Content::Tag(Tag { name, value }) => {
                let value = value.map(|value| match name.as_str() {
                    // The title of a segment has no variables.
                    "EXTINF" => value,
                    _ => replace(value, number, variables, faults),
                });
                let tag = Tag { name, value };
                if tag.name == "EXT-X-DEFINE" {
                    define(&tag, number, query, imports, variables, faults);
                }
                Content::Tag(tag)
            }
        };
        done.push(Line { number, content });
    }
    done
}

fn define(
    tag: &Tag,
    line: usize,
    query: &str,
    imports: &Variables,
    variables: &mut Variables,
    faults: &mut Faults,
) {
    let attributes = Attributes::read(tag, line, faults);
    let (name, value) = if let Some(name) = attributes.get("NAME") {
        let Some(value) = attributes.get("VALUE") else {
            faults.must(RULE, line, format!("EXT-X-DEFINE has no VALUE for {name:?}"));
            return;
        };
        (name, value.to_owned())
    } else if let Some(name) = attributes.get("IMPORT") {
        let Some(value) = imports.get(name) else {
            faults.must(RULE, line, format!("the multivariant playlist does not define {name:?}"));
            return;
        };
        (name, value.clone())
    } else if let Some(name) = attributes.get("QUERYPARAM") {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let Some((_, value)) =
            pairs.into_iter().find(|(key, value)| *key == name && !value.is_empty())
        else {
            faults.must(
                RULE,
                line,
                format!("the URI of the playlist has no query parameter {name:?}"),
            );
            return;
        };
        (name, value.to_owned())
    } else {
        faults.must(RULE, line, "EXT-X-DEFINE has none of NAME, IMPORT and QUERYPARAM");
        return;
    };
    if variables.insert(name.to_owned(), value).is_some() {
        faults.must(RULE, line, format!("the variable {name:?} is defined twice"));
    }
}

/// Replaces `{$name}` by its value.
fn replace(text: String, line: usize, variables: &Variables, faults: &mut Faults) -> String {
    if !text.contains("{$") {
        return text;
    }
    let mut done = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some((before, behind)) = rest.split_once("{$") {
        done.push_str(before);
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let Some((name, more)) =
            behind.split_once('}').filter(|(name, _)| name.chars().all(is_name))
        else {
            done.push_str("{$");
            rest = behind;
            continue;
        };
        match variables.get(name) {
            Some(value) => done.push_str(value),
            None => faults.must(
                RULE,
                line,
                format!("the variable {name:?} is not defined before this line"),
            ),
        }
        if done.len() > MAX_LINE_BYTES {
            faults.must(
                RULE,
                line,
                format!("the line has more than {MAX_LINE_BYTES} bytes with its variables"),
            );
            return done;
        }
        rest = more;
    }
    done.push_str(rest);
    done
}
