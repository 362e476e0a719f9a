//! The decisions, pure: values in, values out.
//!
//! Invariant: nothing below this module knows tokio, AWS, GStreamer, the file system, the
//! network, the environment, the clock or the log. `tests/it/tidy.rs` holds it to that.

pub mod admission;
pub mod backend;
pub mod backoff;
pub mod claim;
pub mod clean_start;
pub mod codec_name;
pub mod colour;
pub mod conformance;
pub mod damage;
pub mod dead_stream;
pub mod declare;
pub mod downmix;
pub mod edits;
pub mod encode;
pub mod failure_code;
pub mod file_kind;
pub mod frame_pacing;
pub mod gpu;
pub mod hls;
pub mod id_map;
pub mod jfif;
pub mod job;
pub mod ladder;
pub mod limits;
pub mod media;
pub mod message;
pub mod orientation;
pub mod outcome;
pub mod plan;
pub mod plan_check;
pub mod programs;
pub mod pulldown;
pub mod quarantine;
pub mod readiness;
pub mod recipe;
pub mod record;
pub mod sandbox;
pub mod segment;
pub mod shown;
pub mod sources;
pub mod standstill;
pub mod store_fault;
pub mod stream_shape;
pub mod thumbnail;
pub mod tombstone;
pub mod tone;
pub mod ts_timeline;
pub mod untrusted;
pub mod video;
pub mod view;
pub mod waiting;
pub mod warning;
pub mod watching;
