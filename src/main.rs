//! The command line of `ladderd`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ladderd::cli::main()
}
