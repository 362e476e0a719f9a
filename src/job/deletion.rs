//! Deletes: begun, undone and ended by any box.
//!
//! A delete is a tombstone (`domain::tombstone`) and what it asks for. The box that got the request begins at
//! once ([`begin`]); housekeeping ends what a box that died has left (`advance`). `held` writes the
//! tombstone, `purge` removes the objects, `restore` undoes a delete, and `look` tells jobs what a tombstone
//! means for their source.
//!
//! [`begin`]: Deletions::begin

mod advance;
mod begin;
mod deletions;
mod held;
mod look;
mod purge;
mod restore;

pub use self::deletions::Deletions;
pub(super) use self::deletions::version_of;
pub(super) use self::look::{Covered, Looked};
pub use self::restore::Restore;
