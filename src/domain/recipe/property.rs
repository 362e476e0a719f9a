//! Why a property of an element cannot be set.

/// Why a property of an element cannot be set to a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PropertyError {
    /// The element is not installed.
    #[error("the element {0} is not installed")]
    NoElement(String),
    /// The element has no such property.
    #[error("{element} has no property {property}")]
    Unknown {
        /// Factory name of the element.
        element: String,
        /// Name of the property.
        property: String,
    },
    /// The property is read-only.
    #[error("{element}.{property} cannot be written")]
    ReadOnly {
        /// Factory name of the element.
        element: String,
        /// Name of the property.
        property: String,
    },
    /// The property is of another type, or has no such value.
    #[error("{element}.{property} does not take {value:?}")]
    Value {
        /// Factory name of the element.
        element: String,
        /// Name of the property.
        property: String,
        /// The value as text.
        value: String,
    },
    /// The number is out of the property's range.
    #[error("{element}.{property} = {value} lies outside of {range}")]
    Range {
        /// Factory name of the element.
        element: String,
        /// Name of the property.
        property: String,
        /// The value as text.
        value: String,
        /// The range, such as `1..=64`.
        range: String,
    },
}

impl PropertyError {
    /// The element has no such property.
    #[must_use]
    pub fn unknown(element: &str, property: &str) -> Self {
        Self::Unknown { element: element.to_owned(), property: property.to_owned() }
    }

    /// The property is read-only.
    #[must_use]
    pub fn read_only(element: &str, property: &str) -> Self {
        Self::ReadOnly { element: element.to_owned(), property: property.to_owned() }
    }

    /// The property does not take this value.
    #[must_use]
    pub fn value(element: &str, property: &str, value: &str) -> Self {
        let (element, property) = (element.to_owned(), property.to_owned());
        Self::Value { element, property, value: value.to_owned() }
    }
}
