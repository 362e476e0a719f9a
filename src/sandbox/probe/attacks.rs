//! System calls with which code in a worker could hurt others, made one by one.
//!
//! The probe makes them, and so does a plugin of the tests (`tests/doubles`), which includes this file.

#![expect(unsafe_code, reason = "libraries would not make these calls")]
#![expect(clippy::cast_lossless, clippy::cast_possible_wrap, reason = "arguments may be pointers")]

use std::ffi::{CStr, c_long};
use std::ptr::null;

/// The process and the file that are attacked.
pub(crate) struct Victim<'a> {
    /// Id of the parent.
    pub(crate) parent: i32,
    /// Absolute path of a file of the same user.
    pub(crate) file: &'a CStr,
    /// Absolute path at which there is no file.
    pub(crate) absent: &'a CStr,
    /// Whether an attack that succeeds ends the parent. Else it only shows that it could.
    pub(crate) is_lethal: bool,
}

/// Result of one attack: description, and the error number with which it failed.
pub(crate) type Attack = (&'static str, Result<(), i32>);

/// Whether the sandbox refused it. Other errors come from a kernel that would have obeyed.
pub(crate) fn is_refused(result: Result<(), i32>) -> bool {
    matches!(result, Err(libc::EPERM | libc::EACCES | libc::ENOSYS))
}

/// Memory that the limit would refuse if it counted, in bytes.
const MUCH: usize = 1 << 30;
/// A user without processes.
const NOBODY: i32 = 12345;
/// Key of System V objects that nobody made: an attack that succeeds leaves nothing behind.
const NO_KEY: i32 = 0x6C61_6464;
/// Smallest scheduling mask: the first processor.
const FIRST_PROCESSOR: [u64; 1] = [1];
/// Commands of `fcntl` that the `libc` crate lacks.
const F_SETSIG: i32 = 10;
const F_SETOWN_EX: i32 = 15;
/// Request of `ioctl` that types a character into a terminal.
const TIOCSTI: i32 = 0x5412;

/// One argument of a call.
macro_rules! argument {
    ($value:expr) => {
        $value as c_long
    };
}

/// Makes a call, whose arguments may be numbers or pointers.
macro_rules! call {
    ($number:expr $(, $argument:expr)*) => {{
        // SAFETY: each pointer is null, or points to what the call expects, and lives until it returns.
        let returned = unsafe { libc::syscall($number $(, argument!($argument))*) };
        if returned < 0 {
            Err(std::io::Error::last_os_error().raw_os_error().unwrap_or_default())
        } else {
            Ok(())
        }
    }};
}

/// Makes all attacks, those of the x32 ABI included if they are wanted. Those that succeed harm the victim alone.
pub(crate) fn all(victim: &Victim<'_>, with_x32: bool) -> Vec<Attack> {
    let of_x32 = if with_x32 { 0..X32.len() } else { 0..0 };
    let of_x32 = of_x32.filter_map(|number| x32(victim, number)).collect();
    let groups = [
        on_processes(victim),
        on_files(victim),
        on_limits(),
        legacy(victim),
        of_x32,
        on_kernel(victim),
    ];
    groups.into_iter().flatten().collect()
}

/// Attacks on the parent and on other processes.
fn on_processes(victim: &Victim<'_>) -> Vec<Attack> {
    let parent = victim.parent;
    let signal = if victim.is_lethal { libc::SIGKILL } else { 0 };
    // Three open files are too few for anything.
    let files = if victim.is_lethal { 3_u64 } else { 1 << 20 };
    let limit = [files, files];
    let mut socket = [0_i32; 2];
    let pair =
        call!(libc::SYS_socketpair, libc::AF_UNIX, libc::SOCK_STREAM, 0, socket.as_mut_ptr());
    let socket = pair.map_or(0, |()| socket[0]);
    let owner = [1, parent];
    let info = [0_u64; 16];
    vec![
        (
            "limit the daemon's open files",
            call!(libc::SYS_prlimit64, parent, libc::RLIMIT_NOFILE, limit.as_ptr(), null::<u8>()),
        ),
        ("signal the daemon (kill)", call!(libc::SYS_kill, parent, signal)),
        ("signal the daemon (tkill)", call!(libc::SYS_tkill, parent, signal)),
        ("signal the daemon (tgkill)", call!(libc::SYS_tgkill, parent, parent, signal)),
        (
            "signal the daemon (rt_sigqueueinfo)",
            call!(libc::SYS_rt_sigqueueinfo, parent, libc::SIGTERM, info.as_ptr()),
        ),
        ("hold the daemon (pidfd_open)", call!(libc::SYS_pidfd_open, parent, 0)),
        (
            "let the kernel signal the daemon (F_SETOWN)",
            call!(libc::SYS_fcntl, socket, libc::F_SETOWN, parent),
        ),
        (
            "let the kernel signal the daemon (F_SETOWN_EX)",
            call!(libc::SYS_fcntl, socket, F_SETOWN_EX, owner.as_ptr()),
        ),
        (
            "choose the signal of a file (F_SETSIG)",
            call!(libc::SYS_fcntl, socket, F_SETSIG, libc::SIGKILL),
        ),
        (
            "slow the daemon down (setpriority)",
            call!(libc::SYS_setpriority, libc::PRIO_PROCESS, parent, 19),
        ),
        (
            "slow a user down (setpriority)",
            call!(libc::SYS_setpriority, libc::PRIO_USER, NOBODY, 19),
        ),
        (
            "slow the daemon down (sched_setaffinity)",
            call!(libc::SYS_sched_setaffinity, parent, 8, FIRST_PROCESSOR.as_ptr()),
        ),
        (
            "slow the daemon down (sched_setscheduler)",
            call!(libc::SYS_sched_setscheduler, parent, libc::SCHED_IDLE, [0_i32].as_ptr()),
        ),
        ("slow the daemon down (ioprio_set)", call!(libc::SYS_ioprio_set, 1, parent, 3 << 13)),
        ("trace the daemon (ptrace)", call!(libc::SYS_ptrace, libc::PTRACE_SEIZE, parent, 0, 0)),
        (
            "read the daemon's memory",
            call!(libc::SYS_process_vm_readv, parent, null::<u8>(), 0, null::<u8>(), 0, 0),
        ),
        (
            "write the daemon's memory",
            call!(libc::SYS_process_vm_writev, parent, null::<u8>(), 0, null::<u8>(), 0, 0),
        ),
        (
            "outlive the daemon (PR_SET_PDEATHSIG)",
            call!(libc::SYS_prctl, libc::PR_SET_PDEATHSIG, 0, 0, 0, 0),
        ),
        ("leave the process group (setsid)", call!(libc::SYS_setsid)),
        ("leave the process group (setpgid)", call!(libc::SYS_setpgid, 0, 0)),
        ("start a process (fork)", fork()),
        ("start a process (clone3)", call!(libc::SYS_clone3, null::<u8>(), 0)),
        (
            "start a program (execve)",
            call!(libc::SYS_execve, c"/bin/true".as_ptr(), null::<u8>(), null::<u8>()),
        ),
    ]
}

fn fork() -> Result<(), i32> {
    let mut status = 0;
    // SAFETY: the child ends at once, and uses nothing that another thread may hold.
    let child = unsafe { libc::fork() };
    match child {
        // SAFETY: this ends the process, without destructors.
        0 => unsafe { libc::_exit(0) },
        1.. => {
            // SAFETY: the status lives until the call returns.
            unsafe { libc::waitpid(child, &raw mut status, 0) };
            Ok(())
        }
        _ => Err(std::io::Error::last_os_error().raw_os_error().unwrap_or_default()),
    }
}

/// Attacks on a file of the same user.
fn on_files(victim: &Victim<'_>) -> Vec<Attack> {
    let (file, absent, here) = (victim.file.as_ptr(), victim.absent.as_ptr(), libc::AT_FDCWD);
    let epoch = [0_u64; 4];
    let how = [libc::O_RDONLY.cast_unsigned().into(), 0, 0_u64];
    vec![
        ("read a file", call!(libc::SYS_openat, here, file, libc::O_RDONLY)),
        ("read a file (openat2)", call!(libc::SYS_openat2, here, file, how.as_ptr(), 24)),
        ("write a file", call!(libc::SYS_openat, here, file, libc::O_WRONLY)),
        (
            "make a file",
            call!(libc::SYS_openat, here, absent, libc::O_WRONLY | libc::O_CREAT, 0o600),
        ),
        (
            "empty a file (O_TRUNC)",
            call!(libc::SYS_openat, here, file, libc::O_RDONLY | libc::O_TRUNC),
        ),
        ("empty a file (truncate)", call!(libc::SYS_truncate, file, 0)),
        ("change the mode of a file", call!(libc::SYS_fchmodat, here, file, 0o777)),
        ("change the owner of a file", call!(libc::SYS_fchownat, here, file, NOBODY, NOBODY, 0)),
        ("change the times of a file", call!(libc::SYS_utimensat, here, file, epoch.as_ptr(), 0)),
        (
            "set an attribute of a file",
            call!(libc::SYS_setxattr, file, c"user.x".as_ptr(), c"x".as_ptr(), 1, 0),
        ),
        ("remove an attribute of a file", call!(libc::SYS_removexattr, file, c"user.x".as_ptr())),
        ("link a file", call!(libc::SYS_linkat, here, file, here, absent, 0)),
        ("make a symbolic link", call!(libc::SYS_symlinkat, file, here, absent)),
        ("make a folder", call!(libc::SYS_mkdirat, here, absent, 0o700)),
        ("make a pipe", call!(libc::SYS_mknodat, here, absent, libc::S_IFIFO | 0o600, 0)),
        ("rename a file", call!(libc::SYS_renameat2, here, file, here, absent, 0)),
        ("delete a file", call!(libc::SYS_unlinkat, here, file, 0)),
    ]
}

/// Attacks on the limits of the process itself.
fn on_limits() -> Vec<Attack> {
    let none = [libc::RLIM_INFINITY, libc::RLIM_INFINITY];
    let writable = libc::PROT_READ | libc::PROT_WRITE;
    let private = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    let map = |flags: i32| call!(libc::SYS_mmap, 0, MUCH, writable, flags, -1, 0);
    vec![
        (
            "raise its memory limit",
            call!(libc::SYS_prlimit64, 0, libc::RLIMIT_DATA, none.as_ptr(), null::<u8>()),
        ),
        ("map shared memory", map(libc::MAP_SHARED | libc::MAP_ANONYMOUS)),
        ("map a growing stack", map(private | libc::MAP_GROWSDOWN)),
        ("make a file in memory", call!(libc::SYS_memfd_create, c"x".as_ptr(), 0)),
        ("make secret memory", call!(libc::SYS_memfd_secret, 0)),
        ("share System V memory", call!(libc::SYS_shmget, NO_KEY, MUCH, 0)),
        ("use a System V queue", call!(libc::SYS_msgget, NO_KEY, 0)),
        ("use a System V semaphore", call!(libc::SYS_semget, NO_KEY, 1, 0)),
        (
            "make a POSIX queue",
            call!(libc::SYS_mq_open, c"x".as_ptr(), libc::O_CREAT, 0o600, null::<u8>()),
        ),
    ]
}

/// Attacks on the kernel and the machine.
fn on_kernel(victim: &Victim<'_>) -> Vec<Attack> {
    let file = victim.file.as_ptr();
    // Large enough for the arguments of each of these calls.
    let mut zeroes = [0_u64; 32];
    let zeroes = zeroes.as_mut_ptr();
    vec![
        ("open a socket", call!(libc::SYS_socket, libc::AF_INET, libc::SOCK_STREAM, 0)),
        (
            "open a socket for datagrams",
            call!(libc::SYS_socketpair, libc::AF_UNIX, libc::SOCK_DGRAM, 0, zeroes),
        ),
        ("open an io_uring", call!(libc::SYS_io_uring_setup, 1, zeroes)),
        ("set up asynchronous files", call!(libc::SYS_io_setup, 1, zeroes)),
        ("handle page faults (userfaultfd)", call!(libc::SYS_userfaultfd, 1)),
        ("declare memory broken (madvise)", call!(libc::SYS_madvise, 0, 4096, libc::MADV_HWPOISON)),
        ("read keys (keyctl)", call!(libc::SYS_keyctl, 0, -3, 0)),
        (
            "add a key",
            call!(libc::SYS_add_key, c"user".as_ptr(), c"x".as_ptr(), c"x".as_ptr(), 1, -3),
        ),
        ("load a program into the kernel (bpf)", call!(libc::SYS_bpf, 0, zeroes, 72)),
        ("count events (perf_event_open)", call!(libc::SYS_perf_event_open, zeroes, 0, -1, -1, 0)),
        ("leave what it shares (unshare)", call!(libc::SYS_unshare, libc::CLONE_FILES)),
        (
            "mount",
            call!(libc::SYS_mount, c"none".as_ptr(), c"/mnt".as_ptr(), c"none".as_ptr(), 0, 0),
        ),
        ("change the root", call!(libc::SYS_chroot, c"/".as_ptr())),
        ("watch files (inotify)", call!(libc::SYS_inotify_init1, 0)),
        (
            "name a file by its handle",
            call!(libc::SYS_name_to_handle_at, libc::AT_FDCWD, file, zeroes, zeroes, 0),
        ),
        ("type into a terminal", call!(libc::SYS_ioctl, 0, TIOCSTI, c"x".as_ptr())),
        ("set another filter", call!(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, zeroes)),
        ("make an unknown call", call!(100_000)),
        // The last one, because another user may do less.
        ("become another user", call!(libc::SYS_setuid, NOBODY)),
    ]
}

/// Attacks with the calls that only x86-64 has.
#[cfg(target_arch = "x86_64")]
fn legacy(victim: &Victim<'_>) -> Vec<Attack> {
    let (file, absent) = (victim.file.as_ptr(), victim.absent.as_ptr());
    vec![
        ("empty a file (open)", call!(libc::SYS_open, file, libc::O_RDONLY | libc::O_TRUNC)),
        ("make a file (creat)", call!(libc::SYS_creat, absent, 0o600)),
        ("change the mode of a file (chmod)", call!(libc::SYS_chmod, file, 0o777)),
        ("change the times of a file (utimes)", call!(libc::SYS_utimes, file, null::<u8>())),
        ("rename a file (rename)", call!(libc::SYS_rename, file, absent)),
        ("delete a file (unlink)", call!(libc::SYS_unlink, file)),
        ("make a folder (mkdir)", call!(libc::SYS_mkdir, absent, 0o700)),
        (
            "raise its memory limit (setrlimit)",
            call!(libc::SYS_setrlimit, libc::RLIMIT_DATA, [u64::MAX; 2].as_ptr()),
        ),
    ]
}

/// Attacks with calls of the x32 ABI.
pub(crate) const X32: [&str; 3] = [
    "make a call of the x32 ABI",
    "signal the daemon (kill of the x32 ABI)",
    "start a program (execve of the x32 ABI)",
];

/// Makes an attack of [`X32`]. `SystemCallArchitectures=native` of a unit ends the process that makes such a call.
#[cfg(target_arch = "x86_64")]
pub(crate) fn x32(victim: &Victim<'_>, number: usize) -> Option<Attack> {
    /// Bit of the numbers of the x32 ABI, and its number of `execve` (520).
    const ABI: c_long = 0x4000_0000;
    const EXECVE: c_long = ABI | 0x208;
    let what = X32.get(number)?;
    Some(match number {
        0 => (what, call!(ABI | libc::SYS_getpid)),
        1 => (what, call!(ABI | libc::SYS_kill, victim.parent, 0)),
        _ => (what, call!(EXECVE, c"/bin/true".as_ptr(), null::<u8>(), null::<u8>())),
    })
}

#[cfg(not(target_arch = "x86_64"))]
fn legacy(_: &Victim<'_>) -> Vec<Attack> {
    Vec::new()
}

#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn x32(_: &Victim<'_>, _: usize) -> Option<Attack> {
    None
}
