//! Orders of the list.

/// Order of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// The newest first.
    #[default]
    Newest,
    /// The oldest first.
    Oldest,
    /// By title, or by file name without one.
    Title,
    /// The same backwards.
    TitleDescending,
}

impl Sort {
    /// All orders with their names in the API.
    pub const NAMES: [(&str, Self); 4] = [
        ("-created", Self::Newest),
        ("created", Self::Oldest),
        ("title", Self::Title),
        ("-title", Self::TitleDescending),
    ];

    /// The order with this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, sort)| *sort)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_have_names() {
        assert!(Sort::NAMES.iter().all(|(name, sort)| Sort::parse(name) == Some(*sort)));
        assert_eq!(Sort::parse("size"), None);
    }
}
