//! Landlock by the ABIs of its kernels: what each ABI added, and which other layer refuses it on older
//! kernels.
//!
//! Debian 12 has ABI 2, Debian 13 has ABI 6. Since seccomp refuses what an older ABI lacks, each ABI is
//! enough for `sandbox.mode = "require"`.

use landlock::ABI;

/// Newest Landlock ABI in use (Linux 6.15).
pub(super) const NEWEST: ABI = ABI::V7;

/// Rights that Landlock restricts since one of its ABIs.
pub(super) struct Later {
    /// The ABI.
    pub(super) abi: ABI,
    /// The operations, in words.
    pub(super) what: &'static str,
    /// Names of the rights in the crate. None of them is given to a worker, except `IoctlDev` on devices
    /// that it may open anyway.
    #[cfg_attr(not(test), expect(dead_code, reason = "compared with the crate by a test"))]
    pub(super) rights: &'static [&'static str],
    /// The calls that seccomp refuses, in every form or in the harmful ones.
    #[cfg_attr(not(test), expect(dead_code, reason = "compared with the lists by a test"))]
    pub(super) calls: &'static [&'static str],
}

/// The ABIs after the first. ABI 7 added no right.
const LATER: [Later; 5] = [
    Later {
        abi: ABI::V2,
        what: "moving files between folders",
        rights: &["Refer"],
        calls: &["rename", "renameat", "renameat2", "link", "linkat"],
    },
    Later {
        abi: ABI::V3,
        what: "truncating files",
        rights: &["Truncate"],
        calls: &["truncate", "creat", "open", "openat", "openat2"],
    },
    Later {
        abi: ABI::V4,
        what: "TCP",
        rights: &["BindTcp", "ConnectTcp"],
        calls: &["socket", "bind", "connect"],
    },
    Later { abi: ABI::V5, what: "requests to devices", rights: &["IoctlDev"], calls: &["ioctl"] },
    Later {
        abi: ABI::V6,
        what: "signals and abstract sockets",
        rights: &["AbstractUnixSocket", "Signal"],
        calls: &[
            "kill",
            "tkill",
            "tgkill",
            "rt_sigqueueinfo",
            "pidfd_send_signal",
            "fcntl",
            "socket",
        ],
    },
];

/// The rights that an ABI lacks.
pub(super) fn missing(abi: ABI) -> impl Iterator<Item = &'static Later> {
    LATER.iter().filter(move |later| later.abi > abi)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use landlock::{Access, AccessFs, AccessNet, Scope};

    use super::*;
    use crate::sandbox::calls;

    const ABIS: [ABI; 7] = [ABI::V1, ABI::V2, ABI::V3, ABI::V4, ABI::V5, ABI::V6, ABI::V7];

    /// All rights that the ruleset of an ABI handles.
    fn handled(abi: ABI) -> BTreeSet<String> {
        let files = AccessFs::from_all(abi).iter().map(|right| format!("{right:?}"));
        let net = AccessNet::from_all(abi).iter().map(|right| format!("{right:?}"));
        let scope = Scope::from_all(abi).iter().map(|right| format!("{right:?}"));
        files.chain(net).chain(scope).collect()
    }

    #[test]
    fn what_an_older_abi_lacks_stands_in_the_table() {
        for abi in ABIS {
            let lacking: BTreeSet<_> = handled(NEWEST).difference(&handled(abi)).cloned().collect();
            let named = missing(abi).flat_map(|later| later.rights);
            let named: BTreeSet<_> = named.map(|right| (*right).to_owned()).collect();
            assert_eq!(lacking, named, "ABI {abi}");
        }
    }

    #[test]
    fn seccomp_refuses_what_an_older_abi_lacks() {
        for later in &LATER {
            for call in later.calls {
                assert!(calls::is_restricted(call), "{call}: {}", later.what);
            }
        }
    }
}
