//! Metadata of a video by people and programs: title, description, tags, their own id, and its end.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

use super::priority::Priority;
use super::visibility::Visibility;

/// Longest title in characters.
pub const MAX_TITLE_CHARS: usize = 200;
/// Longest description in characters.
pub const MAX_DESCRIPTION_CHARS: usize = 5000;
/// Most tags of a video.
pub const MAX_TAGS: usize = 32;
/// Longest tag in characters.
pub const MAX_TAG_CHARS: usize = 64;
/// Longest id of another system, in bytes.
pub const MAX_EXTERNAL_ID_BYTES: usize = 128;
/// Longest text that is passed through, in bytes.
pub const MAX_PASSTHROUGH_BYTES: usize = 1024;

/// Metadata of a video by people and programs. All of it can change at any time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Metadata {
    /// Title for people, up to 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 200)]
    pub title: Option<String>,
    /// Description for people, up to 5000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 5000)]
    pub description: Option<String>,
    /// Up to 32 tags of up to 64 characters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 32)]
    pub tags: Vec<String>,
    /// Id of the video in another system, up to 128 bytes. No two videos have the same one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 128)]
    pub external_id: Option<String>,
    /// Text that comes back in each event of the video, up to 1024 bytes. It is never interpreted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1024)]
    pub passthrough: Option<String>,
    /// When the video is deleted, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
}

impl Metadata {
    /// Checks the limits.
    ///
    /// # Errors
    /// The field and its rule.
    pub fn check(&self) -> Result<(), String> {
        let title = self.title.as_deref().map(|title| is_line(title, MAX_TITLE_CHARS));
        if title == Some(false) {
            return Err(format!(
                "title: must be one line of 1 to {MAX_TITLE_CHARS} characters; null removes it"
            ));
        }
        let chars = self.description.as_deref().map_or(0, |text| text.chars().count());
        if chars > MAX_DESCRIPTION_CHARS {
            return Err(format!(
                "description: {chars} characters, at most {MAX_DESCRIPTION_CHARS}"
            ));
        }
        if self.tags.len() > MAX_TAGS {
            return Err(format!("tags: {} tags, at most {MAX_TAGS}", self.tags.len()));
        }
        if let Some(tag) = self.tags.iter().find(|tag| !is_line(tag, MAX_TAG_CHARS)) {
            let shown: String = tag.chars().take(MAX_TAG_CHARS).collect();
            return Err(format!(
                "tags: {shown:?} must be one line of 1 to {MAX_TAG_CHARS} characters"
            ));
        }
        if self.external_id.as_deref().is_some_and(|id| !is_external_id(id)) {
            return Err(format!(
                "external_id: must have 1 to {MAX_EXTERNAL_ID_BYTES} bytes without control characters"
            ));
        }
        let bytes = self.passthrough.as_deref().map_or(0, str::len);
        if bytes > MAX_PASSTHROUGH_BYTES {
            return Err(format!("passthrough: {bytes} bytes, at most {MAX_PASSTHROUGH_BYTES}"));
        }
        Ok(())
    }

    /// The same with each tag once, in the order given.
    #[must_use]
    pub fn tidied(mut self) -> Self {
        let mut seen = std::collections::HashSet::new();
        self.tags.retain(|tag| seen.insert(tag.clone()));
        self
    }
}

/// Properties that the upload of a grant gets, whoever makes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preset {
    /// Who may watch the video.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility: Option<Visibility>,
    /// Its turn among the videos that wait.
    #[serde(default)]
    pub priority: Priority,
    /// Description by the maker of the grant.
    #[serde(default)]
    pub metadata: Metadata,
}

impl Preset {
    /// Metadata of an upload that asks for this. The holder of a grant may describe the video and choose who may
    /// watch it, where the grant does not; ids, turn, end and the text that is passed through are its maker's alone.
    #[must_use]
    pub fn over(&self, asked: Self) -> Self {
        let (preset, asked_for) = (self.metadata.clone(), asked.metadata);
        let metadata = Metadata {
            title: preset.title.or(asked_for.title),
            description: preset.description.or(asked_for.description),
            tags: if preset.tags.is_empty() { asked_for.tags } else { preset.tags },
            ..preset
        };
        Self { visibility: self.visibility.or(asked.visibility), priority: self.priority, metadata }
    }
}

/// Whether a text may be the id of a video in another system.
#[must_use]
pub fn is_external_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= MAX_EXTERNAL_ID_BYTES && !id.chars().any(char::is_control)
}

fn is_line(text: &str, most: usize) -> bool {
    !text.trim().is_empty() && text.chars().count() <= most && !text.chars().any(char::is_control)
}

/// A change of one field, as JSON Merge Patch (RFC 7396) has it: absent keeps it, `null` removes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// The field stays.
    #[default]
    Keep,
    /// The field is removed.
    Clear,
    /// The field gets this value.
    Set(T),
}

impl<T> Change<T> {
    /// Whether it changes nothing.
    #[must_use]
    pub fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }

    fn apply(self, to: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Clear => *to = None,
            Self::Set(value) => *to = Some(value),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Change<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Clear, Self::Set))
    }
}

/// A change of metadata. Fields that are absent stay; `null` removes one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
pub struct MetadataChange {
    /// Title for people, up to 200 characters; `null` removes it.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 200)]
    pub title: Change<String>,
    /// Description for people, up to 5000 characters; `null` removes it.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 5000)]
    pub description: Change<String>,
    /// All tags, up to 32 of up to 64 characters; `null` removes them.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 32)]
    pub tags: Change<Vec<String>>,
    /// Id of the video in another system, up to 128 bytes; `null` removes it.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 128)]
    pub external_id: Change<String>,
    /// Text that comes back in each event of the video, up to 1024 bytes; `null` removes it.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 1024)]
    pub passthrough: Change<String>,
    /// When the video is deleted, RFC 3339; `null` keeps it for ever.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Change<Timestamp>,
}

impl MetadataChange {
    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Checks the limits of the fields that it sets.
    ///
    /// # Errors
    /// The field and its rule.
    pub fn check(&self) -> Result<(), String> {
        self.clone().applied(&Metadata::default()).check()
    }

    /// The metadata with this change.
    #[must_use]
    pub fn applied(self, metadata: &Metadata) -> Metadata {
        let mut changed = metadata.clone();
        self.title.apply(&mut changed.title);
        self.description.apply(&mut changed.description);
        match self.tags {
            Change::Keep => {}
            Change::Clear => changed.tags = Vec::new(),
            Change::Set(tags) => changed.tags = tags,
        }
        self.external_id.apply(&mut changed.external_id);
        self.passthrough.apply(&mut changed.passthrough);
        self.expires_at.apply(&mut changed.expires_at);
        changed.tidied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Metadata {
        Metadata {
            title: Some("A film".to_owned()),
            description: Some("Two\nlines".to_owned()),
            tags: vec!["a".to_owned(), "b".to_owned()],
            external_id: Some("lesson/7".to_owned()),
            passthrough: Some("{\"n\":1}".to_owned()),
            expires_at: "2027-01-01T00:00:00Z".parse().ok(),
        }
    }

    #[test]
    fn limits_are_stated_with_the_field() {
        assert_eq!(full().check(), Ok(()));
        assert_eq!(Metadata::default().check(), Ok(()));
        let table: [(Metadata, &str); 9] = [
            (Metadata { title: Some(" ".to_owned()), ..full() }, "title: "),
            (Metadata { title: Some("ä".repeat(201)), ..full() }, "title: "),
            (Metadata { title: Some("two\nlines".to_owned()), ..full() }, "title: "),
            (Metadata { description: Some("x".repeat(5001)), ..full() }, "description: 5001 "),
            (Metadata { tags: vec!["x".to_owned(); 33], ..full() }, "tags: 33 tags"),
            (Metadata { tags: vec![String::new()], ..full() }, "tags: \"\" must"),
            (Metadata { external_id: Some(String::new()), ..full() }, "external_id: "),
            (Metadata { external_id: Some("a\u{0}".to_owned()), ..full() }, "external_id: "),
            (Metadata { passthrough: Some("x".repeat(1025)), ..full() }, "passthrough: 1025 "),
        ];
        for (metadata, start) in table {
            let refused = metadata.check().unwrap_err();
            assert!(refused.starts_with(start), "{refused}");
        }
        assert_eq!(Metadata { title: Some("ä".repeat(200)), ..full() }.check(), Ok(()));
    }

    #[test]
    fn a_change_keeps_removes_and_sets() {
        let change = |text: &str| serde_json::from_str::<MetadataChange>(text).unwrap();
        assert!(change("{}").is_empty());
        assert_eq!(change("{}").applied(&full()), full());
        let removed = change(
            r#"{"title":null,"description":null,"tags":null,"external_id":null,"passthrough":null,
                "expires_at":null}"#,
        );
        assert_eq!(removed.applied(&full()), Metadata::default());
        let set = change(r#"{"title":"B","tags":["c","c","d"]}"#).applied(&full());
        let tags = vec!["c".to_owned(), "d".to_owned()];
        assert_eq!(set, Metadata { title: Some("B".to_owned()), tags, ..full() });
        assert!(serde_json::from_str::<MetadataChange>(r#"{"expires_at":"soon"}"#).is_err());
    }

    #[test]
    fn the_holder_of_a_grant_describes_the_video_and_no_more() {
        let private = Some(Visibility::Private);
        let preset = Preset { visibility: private, metadata: full(), ..Preset::default() };
        let own = Metadata { title: Some("Mine".to_owned()), ..full() };
        let asked = Preset { visibility: None, priority: Priority::High, metadata: own.clone() };
        assert_eq!(preset.over(asked.clone()), preset);
        let described = Preset::default().over(Preset { visibility: private, ..asked });
        let Metadata { title, description, tags, .. } = own;
        let metadata = Metadata { title, description, tags, ..Metadata::default() };
        let priority = Priority::Normal;
        assert_eq!(described, Preset { visibility: private, priority, metadata });
    }

    /// The records and bodies that have metadata have its fields beside their own, and refuse all others.
    #[test]
    fn flattened_metadata_refuses_unknown_fields() {
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Body {
            size: u64,
            #[serde(flatten)]
            metadata: Metadata,
        }
        let body: Body = serde_json::from_str(r#"{"size":7,"title":"A film"}"#).unwrap();
        assert_eq!((body.size, body.metadata.title.as_deref()), (7, Some("A film")));
        let refused = serde_json::from_str::<Body>(r#"{"size":7,"titel":"A film"}"#).unwrap_err();
        assert!(refused.to_string().contains("unknown field `titel`"), "{refused}");
    }
}
