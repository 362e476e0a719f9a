//! No work is done before the build; the page is built by `make web`.
fn main() {}
