//! The one integration test binary: real servers, real files, a real browser.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    unreachable_pub,
    reason = "a panic fails the test and prints its reason"
)]

pub(crate) mod support;

mod access;
mod additions;
mod audio;
mod browser;
mod catalog;
mod chaos;
mod chapters;
mod children;
mod clean_start;
mod cli;
mod cli_remote;
mod clock_steps;
mod cmaf;
mod colours;
mod conformance;
mod contract;
mod corpus;
mod crash;
mod crops;
mod damaged_files;
mod damaged_places;
mod dead_streams;
mod deletes;
mod docs;
mod doctor;
mod drain;
mod embedded_files;
mod embedded_parameters;
mod embedded_protocol;
mod embedded_s3;
mod encryption;
mod end_to_end;
mod event_streams;
mod examples;
mod fairness;
mod fidelity;
mod fleet;
mod frame_times;
mod frames;
mod fuzzing;
mod generated;
mod gpu;
mod headers;
mod hls_output;
mod hostile_files;
mod hostile_library;
mod hostile_worker;
mod http_api;
mod imports;
mod load;
mod monitoring;
mod operations;
mod outgoing;
mod package;
mod page;
mod private_videos;
mod pulls;
mod queue_contract;
mod recipes;
mod refusals;
mod released;
mod reload;
mod reuploads;
mod s3_keys;
mod s3_operations;
mod same_origin;
mod sandbox;
mod secrets;
mod settings;
mod subtitles;
mod systemd;
mod thumbnails;
mod tidy;
mod tls;
mod tone_mapping;
mod viewers;
mod webhooks;
