//! Exit codes of the commands.

use std::process::ExitCode;

/// Exit code of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// 0: the command succeeded; a checked stream breaks no binding rule.
    Ok,
    /// 1: the command failed, or a checked stream breaks a binding rule.
    Failed,
    /// 2: the stream, the sandbox or the backends could not be checked.
    Unchecked,
    /// 3: there are warnings, and no errors.
    Warnings,
    /// 64: wrong arguments or settings (`EX_USAGE` of `sysexits.h`).
    Usage,
    /// 66: the file or the video does not exist (`EX_NOINPUT`).
    NotFound,
    /// 69: the appliance cannot be reached or is not ready (`EX_UNAVAILABLE`).
    Unreachable,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Ok => 0,
            Exit::Failed => 1,
            Exit::Unchecked => 2,
            Exit::Warnings => 3,
            Exit::Usage => 64,
            Exit::NotFound => 66,
            Exit::Unreachable => 69,
        })
    }
}

/// Error that ends a command, with its exit code.
#[derive(Debug)]
pub(super) struct Error {
    /// Exit code of the process.
    pub(super) exit: Exit,
    /// Reason, for the message on standard error.
    pub(super) reason: anyhow::Error,
}

/// Errors end with [`Exit::Failed`] unless [`OrExit`] names another code.
impl From<anyhow::Error> for Error {
    fn from(reason: anyhow::Error) -> Self {
        Self { exit: Exit::Failed, reason }
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self { exit: Exit::Failed, reason: error.into() }
    }
}

/// Names the exit code of an error.
pub(super) trait OrExit<T> {
    /// Ends the command with `exit` if this is an error.
    fn or_exit(self, exit: Exit) -> Result<T, Error>;
}

impl<T, E: Into<anyhow::Error>> OrExit<T> for Result<T, E> {
    fn or_exit(self, exit: Exit) -> Result<T, Error> {
        self.map_err(|error| Error { exit, reason: error.into() })
    }
}
