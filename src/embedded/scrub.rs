//! Reads stored objects and compares their bytes with their entity tags.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use md5::{Digest, Md5};

use super::blobs::Blobs;
use super::catalog::{self, Object};
use super::error::Error;
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
    let (mut scrubbed, mut last) = (Scrubbed::default(), (String::new(), String::new()));
    loop {
        let page = db
            .blocking(|connection| catalog::objects_behind(connection, (&last.0, &last.1), PAGE))?;
        let Some((bucket, object)) = page.last() else { return Ok(scrubbed) };
        last = (bucket.clone(), object.key.clone());
        for (bucket, object) in page {
            let parts = db.blocking(|connection| catalog::blobs(connection, object.id))?;
            let fault = match entity_tag(&blobs, &parts) {
                Ok(etag) if etag == object.etag => None,
                Ok(etag) => {
                    Some(format!("its bytes have the entity tag {etag}, not {}", object.etag))
                }
                Err(error) => Some(error.to_string()),
            };
            scrubbed.objects += 1;
            scrubbed.bytes += object.size;
            if let Some(fault) = fault.filter(|_| is_current(db, &bucket, &object)) {
                scrubbed.damaged.push((format!("{bucket}/{}", object.key), fault));
            }
        }
    }
}

/// Whether the object was neither replaced nor deleted while it was read.
fn is_current(db: &Db, bucket: &str, object: &Object) -> bool {
    let now = db.blocking(|connection| catalog::find(connection, bucket, &object.key));
    now.is_ok_and(|now| now.is_some_and(|now| now.id == object.id))
}

/// The entity tag that S3 computes of these blobs, each with its size in bytes.
fn entity_tag(blobs: &Blobs, parts: &[(String, u64)]) -> io::Result<String> {
    let mut sums = Vec::with_capacity(parts.len());
    for (name, size) in parts {
        sums.push(md5(&mut File::open(blobs.path(name))?, *size)?);
    }
    match sums.as_slice() {
        [sum] => Ok(hex::encode(sum)),
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
