//! Listings, which hold one page at a time.

use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};

use super::bucket::Bucket;
use super::error::{Error, map_error};
use super::object_types::Entry;

impl Bucket {
    /// All objects whose key starts with `prefix`, in key order. Holds one page of 1,000 objects at a time.
    ///
    /// The stream ends after an error, which is [`Error::Unavailable`] or [`Error::Denied`].
    #[must_use]
    pub fn entries(&self, prefix: &str) -> BoxStream<'static, Result<Entry, Error>> {
        self.entries_after(prefix, None)
    }

    /// Like [`Bucket::entries`], but only what comes after the key `after`.
    #[must_use]
    pub fn entries_after(
        &self,
        prefix: &str,
        after: Option<String>,
    ) -> BoxStream<'static, Result<Entry, Error>> {
        let request = self.client.list_objects_v2().bucket(&self.name).prefix(self.full(prefix));
        let after = after.map(|after| self.full(&after));
        let pages = request.set_start_after(after).into_paginator().send();
        let prefix = prefix.to_owned();
        let pages = stream::unfold(pages, |mut pages| async {
            let page = pages.next().await?;
            Some((page, pages))
        });
        let bucket = self.clone();
        let entries = pages.map(move |page| match page {
            Ok(page) => {
                let bucket = bucket.clone();
                let objects = stream::iter(page.contents.unwrap_or_default());
                Ok(objects.map(move |object| Ok(bucket.entry(&object))))
            }
            Err(error) => Err(map_error("list", &prefix, &error)),
        });
        entries.try_flatten().boxed()
    }

    /// Lists all objects whose key starts with `prefix`, in key order, over all pages. For prefixes that have few
    /// objects, such as those of one video.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Denied`].
    pub async fn list(&self, prefix: &str) -> Result<Vec<Entry>, Error> {
        self.entries(prefix).try_collect().await
    }
}
