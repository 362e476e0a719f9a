//! `ladderd`: uploaded video in, an HLS ladder out, nothing lost.
//!
//! The modules, in reading order (ARCHITECTURE.md walks through them):
//!
//! - [`domain`]: the decisions, pure: what a message means, which rungs a source gets, what a
//!   playlist says, what a fault leads to.
//! - [`queue`], [`store`], [`source`], [`worker`], [`publish`]: the effects. They do not know of
//!   each other; they meet in [`job`].
//! - [`job`]: the life of one job, from message to acknowledgement.
//! - [`encryption`]: where the keys of encrypted streams come from.
//! - [`embedded`]: the S3 server and the database that stand in for AWS.
//! - [`http`]: the API and the page.
//! - [`settings`], [`app`], [`cli`]: how it is put together and started.

pub mod app;
pub mod backend;
pub mod check;
pub mod cli;
pub mod db;
pub mod domain;
pub mod embedded;
pub mod encryption;
pub mod gpu;
pub mod http;
pub mod job;
pub mod metrics;
pub mod publish;
pub mod queue;
pub mod sandbox;
pub mod server;
pub mod settings;
pub mod source;
pub mod store;
pub mod telemetry;
pub mod worker;
