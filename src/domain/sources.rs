//! Which objects of the private bucket are sources.

use super::declare::{Any, Text, settings};
use super::record::is_internal_key;

settings! {
    /// Selection of the objects in the private bucket that are videos. Letter case is ignored:
    /// cameras write `.MOV`.
    #[derive(Eq)]
    pub struct SourceFilter {
        /// Prefix of the object keys. Empty: any.
        prefix: String = String::new(), Any;
        /// Suffixes of the object keys, such as `[".mp4", ".mov"]`. Empty: any.
        suffixes: Vec<String> = Vec::new(), Text {
            allowed: "ends of names, such as .mp4",
            accepts: |suffix| !suffix.is_empty(),
        };
    }
}

/// Why an object of the private bucket is not a source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotASource {
    /// A record of ladderd.
    #[error("{0:?} is one of our records")]
    Internal(String),
    /// An empty key, or one that ends with a slash.
    #[error("{0:?} is a folder")]
    Folder(String),
    /// The key does not begin with the prefix.
    #[error("{key:?} is not below {prefix:?}")]
    OutsidePrefix {
        /// Key of the object.
        key: String,
        /// The configured prefix.
        prefix: String,
    },
    /// The key ends with none of the suffixes.
    #[error("{key:?} ends with none of {allowed}")]
    OtherSuffix {
        /// Key of the object.
        key: String,
        /// The configured suffixes, separated by commas.
        allowed: String,
    },
}

impl SourceFilter {
    /// Checks whether an object is a source.
    ///
    /// # Errors
    /// Why it is none.
    pub fn accept(&self, key: &str) -> Result<(), NotASource> {
        let lower = key.to_lowercase();
        let key = || key.to_owned();
        if is_internal_key(&key()) {
            return Err(NotASource::Internal(key()));
        }
        if lower.is_empty() || lower.ends_with('/') {
            return Err(NotASource::Folder(key()));
        }
        if !lower.starts_with(&self.prefix.to_lowercase()) {
            return Err(NotASource::OutsidePrefix { key: key(), prefix: self.prefix.clone() });
        }
        if !self.has_suffix(&lower) {
            return Err(NotASource::OtherSuffix { key: key(), allowed: self.suffixes.join(", ") });
        }
        Ok(())
    }

    /// Whether a name ends with one of the suffixes.
    #[must_use]
    pub fn has_suffix(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        let fits = |suffix: &String| name.ends_with(&suffix.to_lowercase());
        self.suffixes.is_empty() || self.suffixes.iter().any(fits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_does_not_matter_and_our_own_objects_are_none() {
        let filter = SourceFilter {
            prefix: "In/".to_owned(),
            suffixes: vec![".mp4".to_owned(), ".MOV".to_owned()],
        };
        let table = [
            ("in/a.mp4", true),
            ("IN/Ä/b.MOV", true),
            ("in/c.mov", true),
            ("in/d.txt", false),
            ("out/a.mp4", false),
            ("in/", false),
            ("", false),
            ("records/x.mp4", false),
        ];
        for (key, accepted) in table {
            assert_eq!(filter.accept(key).is_ok(), accepted, "{key}");
        }
        assert!(SourceFilter::default().accept("anything").is_ok());
        assert!(SourceFilter::default().accept("claims/x.json").is_err());
    }
}
