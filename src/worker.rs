//! The worker: a child process that turns one source into segments.
//!
//! It is a function from bytes to bytes: it has no credentials, opens no connection and writes no
//! file. The parent starts it, feeds it and reads it; everything else here runs in the child.

pub mod protocol;
