//! The life of one job: from a message to its acknowledgement.
//!
//! The story reads in one direction: `message` takes a message, `video` one video that it asks for,
//! `attempt` one try at it, `encode_run` one backend's go, `gate` checks the result, and [`settled`]
//! has the proof that allows the acknowledgement. Queue, store, source, worker and publisher do not
//! know of each other; they meet here.

pub(crate) mod adapters;
pub mod additions;
mod attempt;
pub mod board;
mod claim;
mod context;
pub mod deletion;
pub mod downloads;
mod encode_run;
mod error;
pub(crate) mod fallback;
pub(crate) mod follow;
mod gate;
pub mod housekeeping;
mod lease;
mod message;
mod moves;
mod outcome;
mod records;
mod reencode;
mod retry;
mod scheduler;
pub mod settled;
mod signals;
mod source_state;
mod traced;
mod unsettled;
mod video;

pub use self::claim::{ClaimView, claim_view};
pub use self::context::{Config, Context, JobSettings};
pub use self::deletion::{Deletions, Restore};
pub use self::error::{Blame, Error};
pub use self::moves::{Moved, Moves};
pub use self::outcome::Outcome;
pub use self::reencode::{Reencode, request as reencode};
pub use self::retry::{Retry, reset};
pub use self::scheduler::Scheduler;
