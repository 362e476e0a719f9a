//! Rust source as words: no comments, no literals, no code of tests.

/// The words and signs of a source text. Comments, literals and lifetimes are left out; `::` is one
/// sign.
pub(crate) fn tokens(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(&first) = chars.get(at) {
        let rest = &chars[at..];
        if first.is_whitespace() {
            at += 1;
        } else if rest.starts_with(&['/', '/']) {
            at += rest.iter().position(|c| *c == '\n').unwrap_or(rest.len());
        } else if rest.starts_with(&['/', '*']) {
            at += block_comment_len(rest);
        } else if let Some(len) = string_len(rest) {
            at += len;
        } else if first == '\'' {
            at += quote_len(rest);
        } else if is_word(first) {
            let len = rest.iter().take_while(|c| is_word(**c)).count();
            found.push(rest[..len].iter().collect());
            at += len;
        } else if rest.starts_with(&[':', ':']) {
            found.push("::".to_owned());
            at += 2;
        } else {
            found.push(first.to_string());
            at += 1;
        }
    }
    found
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Length of a comment between `/*` and `*/`, which may hold further ones.
fn block_comment_len(chars: &[char]) -> usize {
    let (mut depth, mut at) = (0_u32, 0);
    while at < chars.len() {
        if chars[at..].starts_with(&['/', '*']) {
            (depth, at) = (depth + 1, at + 2);
        } else if chars[at..].starts_with(&['*', '/']) {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                break;
            }
        } else {
            at += 1;
        }
    }
    at
}

/// Length of the string literal that begins here, prefix and hashes included.
fn string_len(chars: &[char]) -> Option<usize> {
    let prefix = chars.iter().take_while(|c| matches!(c, 'r' | 'b' | 'c')).count();
    let is_raw = chars[..prefix].contains(&'r');
    let hashes = chars[prefix..].iter().take_while(|c| is_raw && **c == '#').count();
    let open = prefix + hashes;
    if prefix > 2 || chars.get(open) != Some(&'"') {
        return None;
    }
    let mut at = open + 1;
    loop {
        match chars.get(at)? {
            '\\' if !is_raw => at += 2,
            '"' if chars[at + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes => {
                return Some(at + 1 + hashes);
            }
            _ => at += 1,
        }
    }
}

/// Length of a character literal or of a lifetime's quote and name.
fn quote_len(chars: &[char]) -> usize {
    match (chars.get(1), chars.get(2)) {
        (Some('\\'), _) => 3 + chars[3..].iter().take_while(|c| **c != '\'').count() + 1,
        (Some(_), Some('\'')) => 3,
        _ => 1 + chars[1..].iter().take_while(|c| is_word(**c)).count(),
    }
}

/// The words without each item that stands behind `#[cfg(test)]`.
pub(crate) fn without_tests(tokens: &[String]) -> Vec<String> {
    const MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if tokens[at..].iter().take(MARK.len()).eq(MARK.iter()) {
            at += MARK.len();
            at += item_len(&tokens[at..]);
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

/// Number of words of the item that begins here, its attributes included.
fn item_len(tokens: &[String]) -> usize {
    let (mut depth, mut in_attribute, mut is_use) = (0_u32, false, false);
    for (at, token) in tokens.iter().enumerate() {
        match token.as_str() {
            "#" if depth == 0 => in_attribute = true,
            "use" if depth == 0 => is_use = true,
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => {
                depth = depth.saturating_sub(1);
                if depth == 0 && token == "}" && !is_use {
                    return at + 1;
                }
                if depth == 0 && token == "]" && in_attribute {
                    in_attribute = false;
                }
            }
            ";" if depth == 0 => return at + 1,
            _ => {}
        }
    }
    tokens.len()
}

#[test]
fn comments_literals_and_lifetimes_are_no_words() {
    let text = r##"/* a /* b */ c */ let x: &'static str = r#"crate::no"#; // crate::no
        let y = ('"', '\'', b"crate::no \" ", '\u{1F600}'); crate::yes"##;
    let found = tokens(text).join(" ");
    assert_eq!(found, "let x : & str = ; let y = ( , , , ) ; crate :: yes");
}

#[test]
fn items_of_tests_are_left_out() {
    let text = "use a::b; #[cfg(test)] use c::{d, e}; #[cfg(test)] #[path = \"x\"] mod tests; \
                #[cfg(test)] mod tests { fn f() { g(); } } fn h() {}";
    let found = without_tests(&tokens(text)).join(" ");
    assert_eq!(found, "use a :: b ; fn h ( ) { }");
}
