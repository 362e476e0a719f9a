//! The one integration test binary: real servers, real files, a real browser.

mod support;

mod browser;
mod cli;
mod crash;
mod embedded_s3;
mod end_to_end;
mod hls_output;
mod http_api;
mod queue_contract;
mod recipes;
mod settings;
mod tidy;
