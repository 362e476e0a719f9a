//! The life of one job.
pub mod board;
