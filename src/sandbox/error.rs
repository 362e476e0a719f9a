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
    /// The kernel has no Landlock, or a container's policy forbids it.
    #[error(
        "there is no Landlock here: it needs Linux 5.13 or newer, `landlock` in the list of the boot \
         parameter lsm=, and in a container a seccomp profile that allows landlock_create_ruleset"
    )]
    LandlockMissing,
    /// The seccomp filter cannot be built.
    #[error("failed to build the seccomp filter: {0}")]
    FilterInvalid(#[from] seccompiler::BackendError),
    /// The kernel refuses the seccomp filter.
    #[error("failed to apply the seccomp filter: {0}")]
    FilterRefused(#[from] seccompiler::Error),
}
