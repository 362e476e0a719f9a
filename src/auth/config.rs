//! The section `[auth]`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::auth::Scope;
use crate::domain::auth::token::{Hash, check_name};
use crate::domain::declare::{Each, OneOf, Rule, Text, settings};

settings! {
    /// Accounts: who may upload, see and manage.
    #[derive(Eq)]
    pub struct Config {
        /// Where accounts come from: "tokens" (made by `ladderd token create`, or listed below), or "proxy" (a
        /// proxy in front signs people in, and names them in headers; tokens work as well).
        mode: Mode = Mode::Tokens, OneOf;
        /// Tokens in the settings, each with the SHA-256 of its text: `printf %s "$TOKEN" | sha256sum`. A text is
        /// `ldr_` and 64 hex digits. Tokens of `ladderd token create` are in the private bucket and need no entry.
        tokens: Vec<TokenConfig> = Vec::new(), Each;
        /// Seconds without a request after which a session of the page ends.
        session_idle_secs: u64 = 7 * 86_400, 60..=31_536_000;
        /// Seconds after the sign-in at which a session of the page ends.
        session_max_secs: u64 = 30 * 86_400, 60..=31_536_000;
        /// Header in which the proxy names the user, for `mode = "proxy"`. It counts only in requests from
        /// `http.trusted_proxies`.
        user_header: String = "x-forwarded-user".to_owned(), HEADER;
        /// Header in which the proxy lists the groups of the user, separated by commas.
        groups_header: String = "x-forwarded-groups".to_owned(), HEADER;
        /// Rights of groups, for `mode = "proxy"`. The group `*` stands for every user.
        roles: Vec<RoleConfig> = Vec::new(), Each;
    }
}

/// Where accounts come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// From tokens.
    Tokens,
    /// From a proxy in front, and from tokens.
    Proxy,
}

/// The name of a header, in lower case.
const HEADER: Text = Text {
    allowed: "the name of a header in lower case, such as x-forwarded-user",
    accepts: |name| {
        let is_name = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        !name.is_empty() && name.bytes().all(is_name)
    },
};

settings! {
    /// A token in the settings.
    #[derive(Eq)]
    pub struct TokenConfig {
        /// Name for people.
        name: String, Text { allowed: "1 to 100 bytes", accepts: |name| check_name(name).is_ok() };
        /// Rights that it gives: "upload", "read", "manage", "metrics", "admin".
        scopes: Vec<Scope>, ScopeList;
        /// SHA-256 of its text, 64 hex digits.
        sha256: String, Text {
            allowed: "64 hex digits",
            accepts: |text| Hash::parse(text).is_some(),
        };
        /// End of its validity in RFC 3339, such as "2027-01-31T00:00:00Z"; "" for none.
        expires_at: String, Text {
            allowed: "a time such as 2027-01-31T00:00:00Z, or nothing",
            accepts: |text| text.is_empty() || text.parse::<Timestamp>().is_ok(),
        };
    }
}

settings! {
    /// Rights of a group.
    #[derive(Eq)]
    pub struct RoleConfig {
        /// Name of the group; `*` for every user.
        group: String, Text { allowed: "a name", accepts: |name| !name.trim().is_empty() };
        /// Rights that it has: "upload", "read", "manage", "metrics", "admin".
        scopes: Vec<Scope>, ScopeList;
    }
}

/// At least one scope.
struct ScopeList;

impl Rule<Vec<Scope>> for ScopeList {
    fn allowed(&self) -> String {
        let names = Scope::ALL.map(|scope| format!("{:?}", scope.name()));
        format!("one or more of {}", names.join(", "))
    }

    fn accepts(&self, value: &Vec<Scope>) -> bool {
        !value.is_empty()
    }
}
