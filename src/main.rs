//! The `ladderd` program.

fn main() {}
