//! The worker: a child process that turns one source into segments.
//!
//! It is a function from bytes to bytes: it has no credentials, opens no connection and writes no
//! file. [`parent`] starts it, feeds it and reads it; everything else here runs in the child.

mod audio;
mod av1;
mod bus;
mod child;
mod choose;
mod cuts;
mod element;
mod ends;
mod fault;
mod filter;
mod flatten;
mod fragments;
mod guard;
mod matroska;
mod mp4;
mod pace;
pub mod parent;
mod pictures;
mod pipeline;
mod plugins;
mod probe;
pub mod protocol;
mod rangesrc;
mod scale;
#[cfg(test)]
mod seen;
mod segments;
mod sink;
mod subtitles;
mod tonemap;
pub mod trial;
mod video;

pub use child::main;

/// Whatever a thread that panicked has left: the worker ends soon, and says why until then.
fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
