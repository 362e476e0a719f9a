//! `ladderd` turns uploaded video into HLS streams: it decodes a source once, encodes the whole
//! ladder of renditions and publishes while it encodes.
//!
//! The modules from the bottom up; each imports only from those above it in this list.
//! `ARCHITECTURE.md` follows one job through them.
//!
//! - [`domain`]: pure decisions. Plans, playlists, failure codes, record formats; no effects.
//! - [`private_file`]: files that hold secrets.
//! - [`sandbox`], [`db`], [`drain`], [`durable`], [`heartbeat`], [`server`], [`telemetry`], [`tls`],
//!   [`tracer`]: process limits, SQLite, the
//!   switch of new work, whole files, supervision, HTTP connections, logs, certificates, traces of attempts.
//! - [`queue`], [`store`], [`source`], [`embedded`], [`gpu`], [`encryption`], [`publish`],
//!   [`check`], [`outgoing`]: one effect each. They do not know of each other.
//! - [`worker`], [`backend`]: the child process that runs a pipeline, and the encoders that passed
//!   their trial on this machine.
//! - [`metrics`], [`changes`]: what Prometheus reads; news of changed videos.
//! - [`auth`]: tokens, sessions and grants.
//! - [`job`], [`pull`], [`import`]: one job from message to acknowledgement; sources that are pulled from URLs,
//!   and those that are in a bucket already.
//! - [`catalog`], [`history`]: the index of all videos; the load of the last hour.
//! - [`doctor`]: the checks of `ladderd doctor`.
//! - [`http`]: the API and the web page.
//! - [`settings`], [`app`], [`cli`]: configuration, composition and commands.

pub mod app;
pub mod auth;
pub mod backend;
pub mod catalog;
pub mod changes;
pub mod check;
pub mod cli;
pub mod cores;
pub mod db;
pub mod doctor;
pub mod domain;
pub mod drain;
pub mod durable;
pub mod embedded;
pub mod encryption;
pub mod events;
pub mod gpu;
pub mod heartbeat;
pub mod history;
pub mod http;
pub mod import;
pub mod job;
pub mod metrics;
pub mod outgoing;
pub mod play;
pub mod private_file;
pub mod publish;
pub mod pull;
pub mod queue;
pub mod sandbox;
pub mod sdk_error;
pub mod server;
pub mod settings;
pub mod source;
pub mod store;
pub mod telemetry;
pub mod tls;
pub mod tracer;
pub mod webhook;
pub mod worker;
