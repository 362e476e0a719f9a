//! One declaration per setting: key, type, default, allowed values and doc.
//!
//! `settings!` turns the declarations of a section into its struct, its `Default` and its
//! [`Section`]. The generated `config/ladderd.toml`, the settings reference and the checks of the
//! loader all read from there.

use std::fmt::Display;
use std::ops::RangeInclusive;

use serde::de::DeserializeOwned;
use serde::de::value::Error as ValueError;
use serde::de::{Deserializer, Error as _, Visitor};

/// A struct of settings that `settings!` declares.
pub trait Section {
    /// All declarations, in the order of the struct.
    fn settings() -> Vec<Setting>;

    /// Values that are not allowed, with keys relative to this section.
    fn violations(&self) -> Vec<Violation>;
}

/// The declaration of one key.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Key within its section.
    pub key: &'static str,
    /// Doc comment, line by line.
    pub doc: Vec<&'static str>,
    /// Allowed values in words. Empty if every value of the type is allowed.
    pub allowed: String,
    /// Whether the value must never be printed.
    pub is_secret: bool,
    /// Shape of the value.
    pub shape: Shape,
}

/// Shape of a setting's value.
#[derive(Clone, Debug)]
pub enum Shape {
    /// One value, or a list of plain values.
    Value,
    /// A TOML table.
    Table(Vec<Setting>),
    /// An array of TOML tables.
    Tables(Vec<Setting>),
}

/// A value that is not allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Key, with dots between the sections.
    pub key: String,
    /// Allowed values in words, behind `allowed: `.
    pub allowed: String,
}

impl Violation {
    /// A violation at `key`.
    pub fn new(key: impl Into<String>, allowed: impl Into<String>) -> Self {
        Self { key: key.into(), allowed: allowed.into() }
    }
}

impl Setting {
    /// Declares `key`; called by `settings!`.
    pub fn new<T>(key: &'static str, doc: &[&'static str], rule: &impl Rule<T>) -> Self {
        Self {
            key,
            doc: doc.iter().map(|line| line.strip_prefix(' ').unwrap_or(line)).collect(),
            allowed: rule.allowed(),
            is_secret: rule.is_secret(),
            shape: rule.shape(),
        }
    }
}

/// Values of type `T` that a setting allows.
pub trait Rule<T> {
    /// Allowed values in words. Empty if every value of the type is allowed.
    fn allowed(&self) -> String;

    /// Whether `value` is allowed.
    fn accepts(&self, value: &T) -> bool;

    /// Whether values must never be printed.
    fn is_secret(&self) -> bool {
        false
    }

    /// Shape of the values.
    fn shape(&self) -> Shape {
        Shape::Value
    }

    /// Violations in `value`, which stands at `key`.
    fn violations(&self, key: &str, value: &T) -> Vec<Violation> {
        if self.accepts(value) { Vec::new() } else { vec![Violation::new(key, self.allowed())] }
    }
}

/// Every value of the type.
pub struct Any;

impl<T> Rule<T> for Any {
    fn allowed(&self) -> String {
        String::new()
    }

    fn accepts(&self, _: &T) -> bool {
        true
    }
}

/// A range, both ends included.
impl<T: PartialOrd + Display> Rule<T> for RangeInclusive<T> {
    fn allowed(&self) -> String {
        format!("{} to {}", self.start(), self.end())
    }

    fn accepts(&self, value: &T) -> bool {
        self.contains(value)
    }
}

/// A least value.
pub struct AtLeast<T>(pub T);

impl<T: PartialOrd + Display> Rule<T> for AtLeast<T> {
    fn allowed(&self) -> String {
        format!("{} or more", self.0)
    }

    fn accepts(&self, value: &T) -> bool {
        *value >= self.0
    }
}

/// The even numbers of a range.
pub struct Even(pub RangeInclusive<u32>);

impl Rule<u32> for Even {
    fn allowed(&self) -> String {
        format!("even, {}", self.0.allowed())
    }

    fn accepts(&self, value: &u32) -> bool {
        value.is_multiple_of(2) && self.0.contains(value)
    }
}

/// Zero, which stands for "automatic", or a range.
pub struct ZeroOr(pub RangeInclusive<f64>);

impl Rule<f64> for ZeroOr {
    fn allowed(&self) -> String {
        format!("0, or {}", self.0.allowed())
    }

    fn accepts(&self, value: &f64) -> bool {
        *value == 0.0 || self.0.contains(value)
    }
}

/// Text of a certain form.
#[derive(Clone, Copy)]
pub struct Text {
    /// The form in words.
    pub allowed: &'static str,
    /// Whether a text has the form.
    pub accepts: fn(&str) -> bool,
}

impl Rule<String> for Text {
    fn allowed(&self) -> String {
        self.allowed.to_owned()
    }

    fn accepts(&self, value: &String) -> bool {
        (self.accepts)(value)
    }
}

/// A list of texts of a certain form.
impl Rule<Vec<String>> for Text {
    fn allowed(&self) -> String {
        self.allowed.to_owned()
    }

    fn accepts(&self, value: &Vec<String>) -> bool {
        value.iter().all(|text| (self.accepts)(text))
    }
}

/// An HTTP(S) URL to which paths are appended; empty for the default.
pub const BASE_URL: Text = Text {
    allowed: "a URL without a slash at its end, or nothing",
    accepts: |url| {
        let is_url = url.starts_with("http://") || url.starts_with("https://");
        url.is_empty() || (is_url && !url.ends_with('/'))
    },
};

/// One of the variants of an enum. The loader refuses other texts when it deserializes.
pub struct OneOf;

impl<T: DeserializeOwned> Rule<T> for OneOf {
    fn allowed(&self) -> String {
        let names: Vec<_> = variants::<T>().iter().map(|name| format!("{name:?}")).collect();
        names.join(", ")
    }

    fn accepts(&self, _: &T) -> bool {
        true
    }
}

/// A nested section.
pub struct Nested;

impl<T: Section> Rule<T> for Nested {
    fn allowed(&self) -> String {
        String::new()
    }

    fn accepts(&self, value: &T) -> bool {
        value.violations().is_empty()
    }

    fn shape(&self) -> Shape {
        Shape::Table(T::settings())
    }

    fn violations(&self, key: &str, value: &T) -> Vec<Violation> {
        let below = value.violations().into_iter();
        below.map(|found| Violation { key: format!("{key}.{}", found.key), ..found }).collect()
    }
}

/// A list of sections.
pub struct Each;

impl<T: Section> Rule<Vec<T>> for Each {
    fn allowed(&self) -> String {
        String::new()
    }

    fn accepts(&self, value: &Vec<T>) -> bool {
        value.iter().all(|entry| entry.violations().is_empty())
    }

    fn shape(&self) -> Shape {
        Shape::Tables(T::settings())
    }

    fn violations(&self, key: &str, value: &Vec<T>) -> Vec<Violation> {
        let entries = value.iter().enumerate();
        let below =
            entries.flat_map(|(n, entry)| entry.violations().into_iter().map(move |v| (n, v)));
        below.map(|(n, v)| Violation { key: format!("{key}[{n}].{}", v.key), ..v }).collect()
    }
}

/// Names of an enum's variants as serde reads them: derived code hands them to the deserializer.
fn variants<T: DeserializeOwned>() -> &'static [&'static str] {
    struct Spy<'a>(&'a mut &'static [&'static str]);

    impl<'de> Deserializer<'de> for Spy<'_> {
        type Error = ValueError;

        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, ValueError> {
            Err(ValueError::custom("no enum"))
        }

        fn deserialize_enum<V: Visitor<'de>>(
            self,
            _: &'static str,
            variants: &'static [&'static str],
            _: V,
        ) -> Result<V::Value, ValueError> {
            *self.0 = variants;
            Err(ValueError::custom("only the names are wanted"))
        }

        serde::forward_to_deserialize_any! {
            bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
            option unit unit_struct newtype_struct seq tuple tuple_struct map struct identifier
            ignored_any
        }
    }

    let mut names: &'static [&'static str] = &[];
    // The spy always fails, once it has the names.
    drop(T::deserialize(Spy(&mut names)));
    names
}

/// Declares a section: `key: type = default, rule;` behind the doc comment of each key.
///
/// `also function;` behind the struct names a function from the struct to [`Violation`]s, for
/// rules between keys. Without defaults (`key: type, rule;`) every key is required: the struct is
/// an entry of a list.
macro_rules! settings {
    (@section $name:ident { $($key:ident: $type:ty, [$($doc:literal),+], $rule:expr;)* } $($also:expr)?) => {
        impl $crate::domain::declare::Section for $name {
            fn settings() -> Vec<$crate::domain::declare::Setting> {
                vec![$($crate::domain::declare::Setting::new::<$type>(
                    stringify!($key), &[$($doc),+], &$rule
                )),*]
            }

            fn violations(&self) -> Vec<$crate::domain::declare::Violation> {
                let mut found = Vec::new();
                $(found.extend($crate::domain::declare::Rule::<$type>::violations(
                    &$rule, stringify!($key), &self.$key
                ));)*
                $(found.extend($also(self));)?
                found
            }
        }
    };
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            $($(#[doc = $doc:literal])+ $key:ident: $type:ty = $default:expr, $rule:expr;)*
        }
        $(also $also:expr;)?
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name { $($(#[doc = $doc])+ pub $key: $type,)* }

        impl Default for $name {
            fn default() -> Self {
                Self { $($key: $default,)* }
            }
        }

        $crate::domain::declare::settings!(
            @section $name { $($key: $type, [$($doc),+], $rule;)* } $($also)?
        );
    };
    (
        $(#[$meta:meta])*
        pub struct $name:ident { $($(#[doc = $doc:literal])+ $key:ident: $type:ty, $rule:expr;)* }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name { $($(#[doc = $doc])+ pub $key: $type,)* }

        $crate::domain::declare::settings!(
            @section $name { $($key: $type, [$($doc),+], $rule;)* }
        );
    };
}

pub(crate) use settings;

#[cfg(test)]
mod tests;
