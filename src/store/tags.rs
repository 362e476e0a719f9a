//! The tag of sources that are done.

use aws_sdk_s3::types::{Tag, Tagging};

use super::bucket::Bucket;
use super::error::{Error, map_error};
use super::object_types::Head;

/// State of a source after [`Bucket::tag_done`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Tagged {
    /// This version has the tag.
    Done,
    /// The key has another version by now, without the tag, or no object.
    Changed,
}

impl Bucket {
    /// Tags this version of the object `ladderd=done`, so that a lifecycle rule of the bucket can delete or
    /// archive it.
    ///
    /// Without versioning, S3 cannot tag one version: the key is tagged, and the tag is removed again if the
    /// version has changed meanwhile. For the time between these two requests another version has it.
    ///
    /// # Errors
    /// [`Error::Rejected`] if the store does not support tags.
    pub async fn tag_done(&self, key: &str, version: &Head) -> Result<Tagged, Error> {
        let tag = Tag::builder().key("ladderd").value("done").build();
        let tagging = tag.and_then(|tag| Tagging::builder().tag_set(tag).build());
        let tagging = tagging.map_err(|e| Error::Rejected {
            operation: "tag",
            key: key.to_owned(),
            reason: e.to_string(),
        })?;
        let put = self
            .client
            .put_object_tagging()
            .bucket(&self.name)
            .key(self.full(key))
            .tagging(tagging);
        let put = put.set_version_id(version.version_id.clone());
        match put.send().await.map_err(|e| map_error("tag", key, &e)) {
            Ok(_) => {}
            Err(Error::NotFound { .. }) => return Ok(Tagged::Changed),
            Err(error) => return Err(error),
        }
        if version.version_id.is_some() {
            return Ok(Tagged::Done);
        }
        match self.find(key).await? {
            Some(now) if now.etag == version.etag => return Ok(Tagged::Done),
            Some(_) => {
                let delete =
                    self.client.delete_object_tagging().bucket(&self.name).key(self.full(key));
                delete.send().await.map_err(|e| map_error("untag", key, &e))?;
            }
            None => {}
        }
        Ok(Tagged::Changed)
    }
}
