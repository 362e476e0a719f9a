//! Values by video, in little memory: whole buckets are looked at.

use super::job::VideoId;

/// Bytes of the id of a video.
type Packed = [u8; 10];

fn packed(id: &str) -> Option<Packed> {
    let mut bytes = Packed::default();
    hex::decode_to_slice(id, &mut bytes).ok()?;
    Some(bytes)
}

/// Collects values by video.
#[derive(Debug)]
pub struct IdMapBuilder<T>(Vec<(Packed, T)>);

impl<T> Default for IdMapBuilder<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> IdMapBuilder<T> {
    /// Adds a value. The first one of a video stays.
    pub fn insert(&mut self, id: &VideoId, value: T) {
        if let Some(id) = packed(id.as_str()) {
            self.0.push((id, value));
        }
    }

    /// The values, found by video.
    #[must_use]
    pub fn build(self) -> IdMap<T> {
        let mut entries = self.0;
        entries.sort_by_key(|(id, _)| *id);
        entries.dedup_by_key(|(id, _)| *id);
        entries.shrink_to_fit();
        IdMap(entries)
    }
}

/// Values by video: 10 bytes for the id and the size of the value each.
#[derive(Debug)]
pub struct IdMap<T>(Vec<(Packed, T)>);

impl<T> Default for IdMap<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> IdMap<T> {
    /// The value of the video with this id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&T> {
        let at = self.0.binary_search_by_key(&packed(id)?, |(id, _)| *id).ok()?;
        self.0.get(at).map(|(_, value)| value)
    }

    /// Whether there is a value of the video with this id.
    #[must_use]
    pub fn contains_key(&self, id: &str) -> bool {
        self.get(id).is_some()
    }

    /// All videos in the order of their ids, with their values.
    pub fn iter(&self) -> impl Iterator<Item = (VideoId, &T)> {
        let id = |bytes: &Packed| VideoId::parse(&hex::encode(bytes));
        self.0.iter().filter_map(move |(bytes, value)| Some((id(bytes)?, value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_id_whatever_their_order() {
        let id = |n: u32| VideoId::of_source("uploads", &n.to_string());
        let mut builder = IdMapBuilder::default();
        for n in 0..100 {
            builder.insert(&id(n), n);
        }
        builder.insert(&id(7), 1000);
        let map = builder.build();
        for n in 0..100 {
            assert_eq!(map.get(id(n).as_str()), Some(&n));
        }
        assert!(!map.contains_key(id(100).as_str()) && !map.contains_key("no id"));
        let ids: Vec<VideoId> = map.iter().map(|(id, _)| id).collect();
        assert!(ids.len() == 100 && ids.is_sorted());
    }
}
