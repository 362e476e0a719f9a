//! Who may do what: scopes, and the callers that have them.

pub mod address;
pub mod listening;
pub mod session;
pub mod token;

use serde::{Deserialize, Serialize};

/// A right that a token gives, and that a route needs.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Upload videos, and see and end the own uploads.
    Upload,
    /// See all videos and the state of the appliance, and watch private videos.
    Read,
    /// Change, delete, restore and retry all videos; includes `read`.
    Manage,
    /// Read `/metrics` and the reasons of `/readyz`.
    Metrics,
    /// Everything, tokens included.
    Admin,
}

impl Scope {
    /// All scopes.
    pub const ALL: [Self; 5] = [Self::Upload, Self::Read, Self::Manage, Self::Metrics, Self::Admin];

    /// Its name in tokens, settings and the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Upload => "upload",
            Self::Read => "read",
            Self::Manage => "manage",
            Self::Metrics => "metrics",
            Self::Admin => "admin",
        }
    }

    /// Whether who has this scope may do what needs the other.
    #[must_use]
    pub fn includes(self, needed: Self) -> bool {
        self == needed || self == Self::Admin || (self == Self::Manage && needed == Self::Read)
    }
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|scope| scope.name() == text);
        known.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("{text:?} is no scope: {names}")
        })
    }
}

/// How a caller has shown who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Means {
    /// Not at all.
    None,
    /// It is a program or a page on the same machine, and the appliance has no accounts; or it uses the socket in the
    /// data directory.
    Loopback,
    /// By `Authorization: Bearer` with a token.
    Token,
    /// By `Authorization: Bearer` with an upload grant.
    Grant,
    /// By the cookie of a sign-in.
    Session,
    /// By the headers of a trusted proxy.
    Proxy,
}

impl Means {
    /// Whether a browser adds it to the requests of any page, so that a page of another origin could use it.
    #[must_use]
    pub fn is_ambient(self) -> bool {
        matches!(self, Self::Session | Self::Proxy)
    }
}

/// Who sends a request, and what that may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// How it has shown that.
    pub means: Means,
    /// Id of its token, or `user:` and the name that the proxy gave. Empty without an account.
    pub id: String,
    /// Name of the token or user, for people.
    pub name: String,
    /// Its rights.
    pub scopes: Vec<Scope>,
}

impl Caller {
    /// A caller without an account and rights.
    #[must_use]
    pub fn nobody() -> Self {
        let (id, name) = (String::new(), "nobody".to_owned());
        Self { means: Means::None, id, name, scopes: Vec::new() }
    }

    /// A caller on the same machine as an appliance without accounts: it may do everything.
    #[must_use]
    pub fn loopback() -> Self {
        let (id, name) = (String::new(), "this machine".to_owned());
        Self { means: Means::Loopback, id, name, scopes: vec![Scope::Admin] }
    }

    /// Whether it may do what needs this scope.
    #[must_use]
    pub fn may(&self, needed: Scope) -> bool {
        self.scopes.iter().any(|scope| scope.includes(needed))
    }

    /// Whether a video or an upload of this owner is its own. Nobody owns what no account uploaded.
    #[must_use]
    pub fn owns(&self, owner: Option<&str>) -> bool {
        !self.id.is_empty() && owner == Some(self.id.as_str())
    }

    /// The owner of what it uploads.
    #[must_use]
    pub fn owner(&self) -> Option<String> {
        (!self.id.is_empty()).then(|| self.id.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scope_includes_what_the_table_says() {
        use Scope::{Admin, Manage, Metrics, Read, Upload};
        let table: [(Scope, &[Scope]); 5] = [
            (Upload, &[Upload]),
            (Read, &[Read]),
            (Manage, &[Read, Manage]),
            (Metrics, &[Metrics]),
            (Admin, &Scope::ALL),
        ];
        for (scope, included) in table {
            for needed in Scope::ALL {
                assert_eq!(scope.includes(needed), included.contains(&needed), "{scope} {needed}");
            }
        }
    }

    #[test]
    fn scopes_have_one_name_everywhere() {
        for scope in Scope::ALL {
            assert_eq!(scope.name().parse(), Ok(scope));
            assert_eq!(serde_json::to_value(scope).unwrap(), scope.name());
        }
        assert!("write".parse::<Scope>().unwrap_err().contains("upload, read, manage"));
    }

    #[test]
    fn callers_own_what_they_uploaded_and_no_more() {
        let caller = Caller { id: "a".to_owned(), means: Means::Token, ..Caller::nobody() };
        assert!(caller.owns(Some("a")) && !caller.owns(Some("b")) && !caller.owns(None));
        for without_account in [Caller::nobody(), Caller::loopback()] {
            assert!(!without_account.owns(None) && !without_account.owns(Some("")));
            assert_eq!(without_account.owner(), None);
        }
    }
}
