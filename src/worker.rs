//! The worker: a child process that turns one source into segments.
//!
//! It is a function from bytes to bytes: it has no credentials, opens no connection and writes no
//! file. [`parent`] starts it, feeds it and reads it; everything else here runs in the child.

mod child;
mod choose;
mod colorimetry;
mod container_caps;
mod dead_streams;
mod elements;
mod fault;
mod graph;
mod output;
pub mod parent;
mod plugins;
mod probe;
mod programs;
pub mod protocol;
mod remux;
mod source;
pub mod spawn;
pub(crate) mod stderr;
mod still;
mod timeline;
pub mod trial;

pub use child::main;
