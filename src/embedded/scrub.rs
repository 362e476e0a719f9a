//! Reads stored objects and compares their bytes with their entity tags.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use md5::{Digest, Md5};
use rusqlite::Connection;

use super::blobs::Blobs;
use super::catalog::{self, Cursor, Object};
use super::error::Error;
use super::store::Store;
use crate::db::Db;

/// Objects that are looked up in one query.
const PAGE: u32 = 100;
/// Bytes that are read at a time.
const READ_BYTES: usize = 1 << 20;

/// Result of a scrub.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scrubbed {
    /// Objects that were read.
    pub objects: u64,
    /// Bytes that were read.
    pub bytes: u64,
    /// Damaged objects as `bucket/key`, each with its fault.
    pub damaged: Vec<(String, String)>,
}

/// Reads every object of the store below `data_dir`. A daemon may run in it.
///
/// # Errors
/// If a statement on the database fails.
pub fn scrub(data_dir: &Path, db: &Db) -> Result<Scrubbed, Error> {
    let blobs = Blobs::at(data_dir);
    let (mut scrubbed, mut cursor) = (Scrubbed::default(), Cursor::default());
    loop {
        let page = db.blocking(|connection| cursor.next_page(connection, PAGE))?;
        if page.is_empty() {
            return Ok(scrubbed);
        }
        for (bucket, object) in page {
            let fault = fault_of(db, &blobs, &bucket, &object)?;
            scrubbed.count(&bucket, &object, fault);
        }
    }
}

impl Scrubbed {
    fn count(&mut self, bucket: &str, object: &Object, fault: Option<String>) {
        self.objects += 1;
        self.bytes += object.size;
        if let Some(fault) = fault {
            self.damaged.push((format!("{bucket}/{}", object.key), fault));
        }
    }
}

impl Store {
    /// Reads every object again and again, at `bytes_per_sec` on average, with `pause` before each pass.
    /// Damaged objects are logged; `report` gets each pass. Never ends.
    pub async fn scrub_slowly(
        &self,
        bytes_per_sec: u64,
        pause: Duration,
        report: impl Fn(&Scrubbed),
    ) {
        loop {
            tokio::time::sleep(pause).await;
            match self.pass(bytes_per_sec).await {
                Ok(scrubbed) => {
                    let (objects, damaged) = (scrubbed.objects, scrubbed.damaged.len());
                    tracing::info!(objects, damaged, "scrubbed the store");
                    report(&scrubbed);
                }
                Err(error) => tracing::error!(%error, "failed to scrub the store"),
            }
        }
    }

    async fn pass(&self, bytes_per_sec: u64) -> Result<Scrubbed, Error> {
        let (mut scrubbed, mut cursor) = (Scrubbed::default(), Cursor::default());
        loop {
            let next = move |connection: &mut Connection| {
                let page = cursor.next_page(connection, PAGE)?;
                Ok::<_, rusqlite::Error>((page, cursor))
            };
            let (page, behind) = self.0.db.call(next).await?;
            if page.is_empty() {
                return Ok(scrubbed);
            }
            cursor = behind;
            for (bucket, object) in page {
                let inner = self.0.clone();
                let read = tokio::task::spawn_blocking(move || {
                    let fault = fault_of(&inner.db, &inner.blobs, &bucket, &object);
                    (fault, bucket, object)
                });
                let (fault, bucket, object) = read.await.map_err(io::Error::other)?;
                let fault = fault?;
                if let Some(fault) = &fault {
                    tracing::error!(bucket, key = object.key, fault, "stored object is damaged");
                }
                scrubbed.count(&bucket, &object, fault);
                let millis = object.size.saturating_mul(1000) / bytes_per_sec.max(1);
                tokio::time::sleep(Duration::from_millis(millis)).await;
            }
        }
    }
}

/// Reads an object. Returns what is wrong with it; `None` if it is sound, or was replaced or deleted meanwhile.
fn fault_of(
    db: &Db,
    blobs: &Blobs,
    bucket: &str,
    object: &Object,
) -> Result<Option<String>, Error> {
    let parts = db.blocking(|connection| catalog::blobs(connection, object.id))?;
    let fault = match entity_tag(blobs, &parts, object.etag.contains('-')) {
        Ok(etag) if etag == object.etag => return Ok(None),
        Ok(etag) => format!("its bytes have the entity tag {etag}, not {}", object.etag),
        Err(error) => error.to_string(),
    };
    Ok(Some(fault).filter(|_| is_current(db, bucket, object)))
}

/// Whether the object was neither replaced nor deleted while it was read.
fn is_current(db: &Db, bucket: &str, object: &Object) -> bool {
    let now = db.blocking(|connection| catalog::find(connection, bucket, &object.key));
    now.is_ok_and(|now| now.is_some_and(|now| now.id == object.id))
}

/// The entity tag that S3 computes of these blobs, each with its size in bytes.
fn entity_tag(blobs: &Blobs, parts: &[(String, u64)], is_multipart: bool) -> io::Result<String> {
    let mut sums = Vec::with_capacity(parts.len());
    for (name, size) in parts {
        sums.push(md5(&mut File::open(blobs.path(name))?, *size)?);
    }
    match sums.as_slice() {
        [sum] if !is_multipart => Ok(hex::encode(sum)),
        sums => Ok(format!("{}-{}", hex::encode(Md5::digest(sums.concat())), sums.len())),
    }
}

/// MD5 of the first `size` bytes of a file.
fn md5(file: &mut File, size: u64) -> io::Result<[u8; 16]> {
    let (mut sum, mut left, mut piece) = (Md5::new(), size, vec![0; READ_BYTES]);
    while left > 0 {
        let want = usize::try_from(left).unwrap_or(usize::MAX).min(READ_BYTES);
        let read = file.read(&mut piece[..want])?;
        if read == 0 {
            let message = format!("a blob has {} bytes, not {size}", size - left);
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
        }
        sum.update(&piece[..read]);
        left -= read as u64;
    }
    Ok(sum.finalize().into())
}
