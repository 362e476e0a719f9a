//! Reasons why a sandbox layer is not enforced.

use rustix::io::Errno;

/// Reason why a layer is not enforced, or enforced in part.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The kernel refuses `PR_SET_NO_NEW_PRIVS`.
    #[error("the kernel refuses no_new_privs: {0}")]
    NoNewPrivs(Errno),
    /// The kernel refuses some resource limits: their names and reasons.
    #[error("the kernel refuses these limits: {0}")]
    Limits(String),
    /// The Landlock ruleset cannot be built or applied.
    #[error("failed to apply the Landlock ruleset: {0}")]
    Landlock(#[from] landlock::RulesetError),
    /// The kernel enforces a part of the Landlock ruleset.
    #[error("this kernel enforces a part of the ruleset; Linux 6.15 enforces all of it")]
    LandlockPartial,
    /// The kernel has no Landlock.
    #[error("this kernel has no Landlock; Linux 5.13 or newer with lsm=landlock has it")]
    LandlockMissing,
    /// The seccomp filter cannot be built.
    #[error("failed to build the seccomp filter: {0}")]
    FilterInvalid(#[from] seccompiler::BackendError),
    /// The kernel refuses the seccomp filter.
    #[error("failed to apply the seccomp filter: {0}")]
    FilterRefused(#[from] seccompiler::Error),
}
