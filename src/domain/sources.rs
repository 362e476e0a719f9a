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

impl SourceFilter {
    /// Why an object is no source, if it is none.
    ///
    /// # Errors
    /// The reason, for the log.
    pub fn accept(&self, key: &str) -> Result<(), String> {
        if is_internal_key(key) {
            return Err(format!("{key:?} is one of our records"));
        }
        if key.is_empty() || key.ends_with('/') {
            return Err(format!("{key:?} is a folder"));
        }
        let lower = key.to_lowercase();
        if !lower.starts_with(&self.prefix.to_lowercase()) {
            return Err(format!("{key:?} is not below {:?}", self.prefix));
        }
        if !self.has_suffix(&lower) {
            return Err(format!("{key:?} ends with none of {}", self.suffixes.join(", ")));
        }
        Ok(())
    }

    /// Whether a name has one of the ends that are wanted.
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
