//! The one integration test binary: real servers, real files, a real browser.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    unreachable_pub,
    reason = "a test that panics has failed, and says why on its output"
)]

pub(crate) mod support;

mod attacks;
mod browser;
mod children;
mod cli;
mod cmaf;
mod conformance;
mod corpus;
mod crash;
mod dynamic_range;
mod embedded_s3;
mod encryption;
mod end_to_end;
mod fleet;
mod generated;
mod gpu;
mod hls_output;
mod http_api;
mod mutants;
mod noise;
mod pictures;
mod queue_contract;
mod recipes;
mod sandbox;
mod settings;
mod sound;
mod stills;
mod subtitles;
mod systemd;
mod tidy;
