//! Secret texts of the settings.

use serde::{Deserialize, Serialize, Serializer};

use super::declare::Rule;

/// Text that `Debug` and serialization redact.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Text shown in its place.
    const SHOWN: &str = "(redacted)";

    /// A secret with this text.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// Whether no secret is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text itself. Do not log it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The pairs of a text of the form `name:secret,name:secret`. `None` if it has another form, or if a name
    /// stands twice in it.
    #[must_use]
    pub fn pairs(&self) -> Option<Vec<(&str, &str)>> {
        let parts = self.0.split(',').map(str::trim).filter(|part| !part.is_empty());
        let pairs: Vec<(&str, &str)> =
            parts.map(|part| part.split_once(':')).collect::<Option<_>>()?;
        let is_name = |name: &str| {
            let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
            (1..=64).contains(&name.len()) && name.bytes().all(is_allowed)
        };
        let is_single = |at: usize| pairs[..at].iter().all(|(name, _)| *name != pairs[at].0);
        let is_valid = (0..pairs.len()).all(|at| is_name(pairs[at].0) && is_single(at));
        is_valid.then_some(pairs)
    }

    fn shown(&self) -> &'static str {
        if self.is_empty() { "" } else { Self::SHOWN }
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(self.shown(), f)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.shown())
    }
}

/// Rule of secrets: any text, never printed.
pub struct Concealed;

impl Rule<Secret> for Concealed {
    fn allowed(&self) -> String {
        String::new()
    }

    fn accepts(&self, _: &Secret) -> bool {
        true
    }

    fn is_secret(&self) -> bool {
        true
    }
}

/// Rule of a list of secrets with names: `name:secret,name:secret`, never printed.
pub struct NamedSecrets {
    /// The form of one secret in words.
    pub allowed: &'static str,
    /// Whether a secret has the form.
    pub accepts: fn(&str) -> bool,
}

impl Rule<Secret> for NamedSecrets {
    fn allowed(&self) -> String {
        format!("pairs name:secret with a comma between them; {}", self.allowed)
    }

    fn accepts(&self, value: &Secret) -> bool {
        value.pairs().is_some_and(|pairs| pairs.iter().all(|(_, secret)| (self.accepts)(secret)))
    }

    fn is_secret(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_secrets_are_pairs_with_different_names() {
        let table = [
            ("", Some(vec![])),
            ("a:1", Some(vec![("a", "1")])),
            ("a:1, b-2:x:y ,", Some(vec![("a", "1"), ("b-2", "x:y")])),
            ("a", None),
            (":1", None),
            ("a b:1", None),
            ("a:1,a:2", None),
            ("ä:1", None),
        ];
        for (text, expected) in table {
            let secret = Secret::new(text.to_owned());
            assert_eq!(secret.pairs(), expected, "{text}");
        }
    }
}
