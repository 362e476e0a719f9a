//! Homes of streams: the public bucket, and a part of the private one.

use std::ops::Deref;

use super::bucket::Bucket;
use crate::domain::record::STREAMS_PREFIX;
use crate::domain::visibility::Visibility;

/// Place of the streams of one visibility, with the same keys in either: `<id>/main.m3u8` and so on. Only
/// [`Homes`] makes one, so that nobody publishes to a bucket without a choice.
#[derive(Clone, Debug)]
pub struct Home {
    bucket: Bucket,
    visibility: Visibility,
}

impl Home {
    /// Visibility of the streams here.
    #[must_use]
    pub fn visibility(&self) -> Visibility {
        self.visibility
    }
}

impl Deref for Home {
    type Target = Bucket;

    fn deref(&self) -> &Bucket {
        &self.bucket
    }
}

/// Both homes.
#[derive(Clone, Debug)]
pub struct Homes {
    public: Home,
    private: Home,
}

impl Homes {
    /// The homes in these two buckets.
    #[must_use]
    pub fn new(private: &Bucket, public: &Bucket) -> Self {
        let private = private.below(STREAMS_PREFIX);
        Self {
            public: Home { bucket: public.clone(), visibility: Visibility::Public },
            private: Home { bucket: private, visibility: Visibility::Private },
        }
    }

    /// The home of videos of this visibility.
    #[must_use]
    pub fn of(&self, visibility: Visibility) -> &Home {
        match visibility {
            Visibility::Public => &self.public,
            Visibility::Private => &self.private,
        }
    }

    /// All homes.
    #[must_use]
    pub fn all(&self) -> [&Home; 2] {
        [&self.public, &self.private]
    }
}
