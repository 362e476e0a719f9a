//! Arguments with which a call is allowed. A call that is not named here is allowed with all.

use seccompiler::SeccompCmpArgLen::{Dword, Qword};
use seccompiler::SeccompCmpOp::{Eq, MaskedEq, Ne};
use seccompiler::{BackendError, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompRule};

/// Arguments with which a call is allowed (or, in the deny list, refused): one of these rules, of which
/// each needs all its conditions.
pub(super) type Forms = Result<Vec<(&'static str, Vec<SeccompRule>)>, BackendError>;

/// Flags of `clone` that start something else than a thread.
const NO_THREAD: i32 = libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET
    | libc::CLONE_PTRACE
    | libc::CLONE_VFORK;
/// Flags of `open` that make or empty a file. The bit of `O_TMPFILE` is the one that is its own.
const CHANGES_FILE: i32 = libc::O_CREAT | libc::O_TRUNC | (libc::O_TMPFILE & !libc::O_DIRECTORY);
/// The bit that `MAP_SHARED` and `MAP_SHARED_VALIDATE` have and `MAP_PRIVATE` has not.
const SHARED: i32 = libc::MAP_SHARED;
/// Commands of `fcntl` that neither make the kernel send signals nor lock files.
const FCNTL: [i32; 10] = [
    libc::F_DUPFD,
    libc::F_DUPFD_CLOEXEC,
    libc::F_GETFD,
    libc::F_SETFD,
    libc::F_GETFL,
    libc::F_SETFL,
    libc::F_GETLK,
    libc::F_GETPIPE_SZ,
    libc::F_SETPIPE_SZ,
    libc::F_GET_SEALS,
];
/// Commands of `fcntl` that drivers of GPUs use besides.
const FCNTL_OF_DEVICES: [i32; 1] = [libc::F_ADD_SEALS];
/// Advices of `madvise` that take memory away from the machine: `MADV_HWPOISON`, `MADV_SOFT_OFFLINE`.
const BREAKS_MEMORY: [u32; 2] = [100, 101];
const AF_UNIX: u32 = libc::AF_UNIX.cast_unsigned();
/// Requests of `ioctl` to any file: is it a terminal, how many bytes wait, does it block.
const IOCTL: [u32; 7] = [
    TCGETS,
    // TCGETS2 of the C library 2.42.
    0x802C_542A,
    TIOCGWINSZ,
    FIONREAD,
    FIONBIO,
    FIOCLEX,
    FIONCLEX,
];
// Numbers of `asm-generic/ioctls.h`, which x86-64 and AArch64 share.
const TCGETS: u32 = 0x5401;
const TIOCGWINSZ: u32 = 0x5413;
const FIONREAD: u32 = 0x541B;
const FIONBIO: u32 = 0x5421;
const FIOCLEX: u32 = 0x5451;
const FIONCLEX: u32 = 0x5450;
/// Requests of `ioctl` that put characters into a terminal, or let the kernel send signals to others:
/// TIOCSTI, TIOCLINUX, FIOASYNC, FIOSETOWN, SIOCSPGRP.
const HARMFUL_IOCTL: [u32; 5] = [0x5412, 0x541C, 0x5452, 0x8901, 0x8902];
/// Options of `prctl` that read, or that only name a thread or a mapping.
const PRCTL: [i32; 8] = [
    libc::PR_SET_NAME,
    libc::PR_GET_NAME,
    libc::PR_GET_DUMPABLE,
    libc::PR_GET_SECCOMP,
    libc::PR_GET_NO_NEW_PRIVS,
    libc::PR_CAPBSET_READ,
    libc::PR_GET_TIMERSLACK,
    libc::PR_SET_VMA,
];

/// An argument: its index, and whether the kernel reads 32 bits of it or all 64.
fn argument(index: u8, len: SeccompCmpArgLen, test: SeccompCmpOp, value: u64) -> Condition {
    SeccompCondition::new(index, len, test, value)
}

type Condition = Result<SeccompCondition, BackendError>;

/// The argument of 32 bits is this number.
fn is(index: u8, value: u32) -> Condition {
    argument(index, Dword, Eq, value.into())
}

/// The argument of 32 bits is another number.
fn is_not(index: u8, value: u32) -> Condition {
    argument(index, Dword, Ne, value.into())
}

/// None of these bits of an argument of 32 bits is set.
fn lacks(index: u8, bits: i32) -> Condition {
    argument(index, Dword, MaskedEq(bits_of(bits)), 0)
}

/// The type of a socket, without its flags.
fn has_type(of_socket: i32) -> Condition {
    argument(1, Dword, MaskedEq(0xF), bits_of(of_socket))
}

/// The argument is a null pointer.
fn is_null(index: u8) -> Condition {
    argument(index, Qword, Eq, 0)
}

/// All conditions together.
fn all(conditions: impl IntoIterator<Item = Condition>) -> Result<SeccompRule, BackendError> {
    SeccompRule::new(conditions.into_iter().collect::<Result<_, _>>()?)
}

/// One rule for each of these values of an argument.
fn one_of(
    index: u8,
    values: impl IntoIterator<Item = u32>,
) -> Result<Vec<SeccompRule>, BackendError> {
    values.into_iter().map(|value| all([is(index, value)])).collect()
}

/// The bits of a number of the C library.
const fn bits_of(number: i32) -> u64 {
    number.cast_unsigned() as u64
}

/// The forms of calls that workers on the processor may make. `pid` is the worker's own.
pub(super) fn of_processor(pid: u32) -> Forms {
    let mut forms = of_every_worker(pid)?;
    // Shared anonymous memory does not count towards the limit (RLIMIT_DATA).
    let private = all([lacks(3, SHARED), lacks(3, libc::MAP_GROWSDOWN)])?;
    let file = all([lacks(3, libc::MAP_ANONYMOUS), lacks(2, libc::PROT_WRITE)])?;
    forms.push(("mmap", vec![private, file]));
    forms.push(("fcntl", one_of(1, FCNTL.map(i32::cast_unsigned))?));
    forms.push(("ioctl", one_of(1, IOCTL)?));
    Ok(forms)
}

/// The forms of calls that workers on a GPU may make.
pub(super) fn of_device(pid: u32) -> Forms {
    let mut forms = of_every_worker(pid)?;
    forms.push(("mmap", vec![all([lacks(3, libc::MAP_GROWSDOWN)])?]));
    let fcntl = FCNTL.into_iter().chain(FCNTL_OF_DEVICES).map(i32::cast_unsigned);
    forms.push(("fcntl", one_of(1, fcntl)?));
    // The requests of drivers are without number, and only the listed devices can be opened.
    forms.push(("ioctl", vec![all(HARMFUL_IOCTL.map(|request| is_not(1, request)))?]));
    Ok(forms)
}

fn of_every_worker(pid: u32) -> Forms {
    let thread = bits_of(libc::CLONE_THREAD);
    let thread = argument(0, Qword, MaskedEq(thread | bits_of(NO_THREAD)), thread);
    let plain_open = |flags| Ok::<_, BackendError>(vec![all([lacks(flags, CHANGES_FILE)])?]);
    Ok(vec![
        ("clone", vec![all([thread])?]),
        ("open", plain_open(1)?),
        ("openat", plain_open(2)?),
        // Reads a limit of its own.
        ("prlimit64", vec![all([is(0, 0), is_null(2)])?, all([is(0, pid), is_null(2)])?]),
        ("tgkill", vec![all([is(0, pid)])?]),
        // PRIO_PROCESS of the calling thread.
        ("setpriority", vec![all([is(0, 0), is(1, 0)])?]),
        ("sched_setaffinity", vec![all([is(0, 0)])?, all([is(0, pid)])?]),
        ("prctl", one_of(0, PRCTL.map(i32::cast_unsigned))?),
        // GStreamer wakes its threads with pairs of streams. Datagrams could be sent to other sockets.
        ("socketpair", vec![all([is(0, AF_UNIX), has_type(libc::SOCK_STREAM)])?]),
        ("madvise", vec![all(BREAKS_MEMORY.map(|advice| is_not(2, advice)))?]),
        // A connected socket needs no address.
        ("sendto", vec![all([is_null(4)])?]),
    ])
}

/// The forms of calls that the deny list refuses. `parent` is the daemon.
pub(super) fn of_deny_list(pid: u32, parent: u32) -> Forms {
    let thread = argument(0, Qword, MaskedEq(bits_of(libc::CLONE_THREAD)), 0);
    let set_own = [libc::F_SETOWN, F_SETSIG, F_SETOWN_EX].map(i32::cast_unsigned);
    let mut forms = vec![
        ("clone", vec![all([thread])?]),
        ("prlimit64", vec![all([is_not(0, 0), is_not(0, pid)])?, all([not_null(2)])?]),
        ("tgkill", vec![all([is_not(0, pid)])?]),
        ("setpriority", vec![all([is_not(0, 0)])?, all([is(1, parent)])?]),
        ("fcntl", one_of(1, set_own)?),
        ("ioctl", one_of(1, HARMFUL_IOCTL)?),
        ("prctl", vec![all([is(0, libc::PR_SET_PDEATHSIG.cast_unsigned())])?]),
        ("sendto", vec![all([not_null(4)])?]),
        ("madvise", one_of(2, BREAKS_MEMORY)?),
        ("socketpair", vec![all([is_not(0, AF_UNIX)])?, all([has_type(libc::SOCK_DGRAM)])?]),
    ];
    let of_parent = all([is(0, parent)])?;
    for call in ["sched_setaffinity", "sched_setscheduler", "sched_setparam", "sched_setattr"] {
        forms.push((call, vec![of_parent.clone()]));
    }
    for (call, flags) in [("open", 1), ("openat", 2)] {
        let truncates = bits_of(libc::O_TRUNC);
        let truncates = argument(flags, Dword, MaskedEq(truncates), truncates);
        forms.push((call, vec![all([truncates])?]));
    }
    Ok(forms)
}

/// Sets the signal of a file.
const F_SETSIG: i32 = 10;
/// Sets the owner of a file's signals, as a thread, a process or a group.
const F_SETOWN_EX: i32 = 15;

/// The argument is a pointer.
fn not_null(index: u8) -> Condition {
    argument(index, Qword, Ne, 0)
}
