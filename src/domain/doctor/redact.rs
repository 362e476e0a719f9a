//! Texts without secrets, for support bundles.

/// Text in place of a secret.
const REDACTED: &str = "(redacted)";
/// Begins of secrets of our own and of signatures; the secret ends at the first byte that is none of it.
const MARKS: [&str; 11] = [
    "ldr_",
    "ldg_",
    "ldc_",
    "whsec_",
    "eyJ",
    "X-Amz-Signature=",
    "X-Amz-Credential=",
    "X-Amz-Security-Token=",
    "Signature=",
    "Bearer ",
    "token=",
];
/// Shortest value of a secret that is looked for: a shorter one would be found in words.
const SHORTEST: usize = 6;

/// The text without these secrets and without what looks like one: tokens, codes, signatures, and the user in URLs.
#[must_use]
pub fn redact(text: &str, secrets: &[String]) -> String {
    let mut text = text.to_owned();
    for secret in secrets.iter().filter(|secret| secret.len() >= SHORTEST) {
        text = text.replace(secret.as_str(), REDACTED);
    }
    for mark in MARKS {
        text = without(&text, mark);
    }
    without_users(&text)
}

/// The text without the values behind a mark.
fn without(text: &str, mark: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(mark) {
        let (before, behind) = rest.split_at(at + mark.len());
        shown.push_str(before);
        let is_part = |c: char| c.is_ascii_alphanumeric() || "_-+/=.%~".contains(c);
        let end = behind.find(|c: char| !is_part(c)).unwrap_or(behind.len());
        if end >= SHORTEST {
            shown.push_str(REDACTED);
        } else {
            shown.push_str(&behind[..end]);
        }
        rest = &behind[end..];
    }
    shown.push_str(rest);
    shown
}

/// The text without the users and passwords of its URLs.
fn without_users(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, behind) = rest.split_at(at + 3);
        shown.push_str(before);
        let ends = |c: char| c.is_whitespace() || "/?#\"'<>\\".contains(c);
        let end = behind.find(ends).unwrap_or(behind.len());
        let authority = &behind[..end];
        match authority.rsplit_once('@') {
            Some((_, host)) => {
                shown.push_str(REDACTED);
                shown.push('@');
                shown.push_str(host);
            }
            None => shown.push_str(authority),
        }
        rest = &behind[end..];
    }
    shown.push_str(rest);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_tokens_signatures_and_users_are_cut() {
        let secrets = ["00112233445566778899aabbccddeeff".to_owned(), "short".to_owned()];
        let table = [
            ("key 00112233445566778899aabbccddeeff!", "key (redacted)!"),
            ("a short story", "a short story"),
            (
                "ldr_0123456789abcdef, ldr_ and whsec_aGVsbG8=\n",
                "ldr_(redacted), ldr_ and whsec_(redacted)\n",
            ),
            ("http://h/#sign-in=ldc_0011223344", "http://h/#sign-in=ldc_(redacted)"),
            ("PUT /k?X-Amz-Signature=deadbeef&x=1", "PUT /k?X-Amz-Signature=(redacted)&x=1"),
            ("Authorization: Bearer abcdefgh", "Authorization: Bearer (redacted)"),
            (
                "get https://ann:pass@host:80/x and http://host/a@b",
                "get https://(redacted)@host:80/x and http://host/a@b",
            ),
            ("\u{e4}://\u{e4}", "\u{e4}://\u{e4}"),
        ];
        for (text, expected) in table {
            assert_eq!(redact(text, &secrets), expected);
        }
    }
}
