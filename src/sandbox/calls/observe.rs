//! Reports which calls a filter refuses: the kernel asks a thread of this process, which writes the name
//! of the call and lets it fail with `EPERM`, as the filter itself would.

#![expect(unsafe_code, reason = "no crate wraps the notifications of seccomp")]

use std::collections::BTreeSet;
use std::io::Write as _;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::sync::mpsc;

use seccompiler::{BpfProgram, sock_filter};

use super::names;

/// Start of the line that reports a refused call.
pub const REFUSED_CALL: &str = "ladderd: refused system call ";

/// The instruction of a filter that returns a fixed answer.
#[expect(clippy::cast_possible_truncation, reason = "instructions have 16 bits")]
const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;

/// Applies the filter to this thread and those that it starts. Refused calls are reported.
///
/// # Errors
/// If the kernel has no notifications (Linux 5.0 has them), or the thread cannot be started. The filter is
/// not applied then.
pub(super) fn apply(program: &BpfProgram) -> std::io::Result<()> {
    let (send, receive) = mpsc::channel::<OwnedFd>();
    // Outside the filter, as it starts before; else it would wait for itself.
    std::thread::Builder::new().name("refused-calls".to_owned()).spawn(move || {
        if let Ok(listener) = receive.recv() {
            report(&listener);
        }
    })?;
    let listener = listen(&asking(program))?;
    send.send(listener).map_err(std::io::Error::other)
}

/// Writes the name of a refused call to standard error.
pub(super) fn say(name: &str) {
    // Nobody reads a closed standard error.
    writeln!(std::io::stderr(), "{REFUSED_CALL}{name}").ok();
}

/// The filter, with a question to the listener in place of `EPERM`.
fn asking(program: &BpfProgram) -> BpfProgram {
    let refuse = libc::SECCOMP_RET_ERRNO | libc::EPERM.cast_unsigned();
    let ask = |instruction: &sock_filter| {
        let mut instruction = instruction.clone();
        if instruction.code == RETURN && instruction.k == refuse {
            instruction.k = libc::SECCOMP_RET_USER_NOTIF;
        }
        instruction
    };
    program.iter().map(ask).collect()
}

/// Applies a filter to this thread. Returns where its questions arrive.
fn listen(program: &BpfProgram) -> std::io::Result<OwnedFd> {
    let len = u16::try_from(program.len()).map_err(std::io::Error::other)?;
    let filter = libc::sock_fprog { len, filter: program.as_ptr().cast_mut().cast() };
    // SAFETY: the kernel copies the instructions, which both types lay out as C does, and keeps no pointer.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            libc::SECCOMP_FILTER_FLAG_NEW_LISTENER,
            &raw const filter,
        )
    };
    let fd = i32::try_from(fd).ok().filter(|fd| *fd >= 0);
    let fd = fd.ok_or_else(std::io::Error::last_os_error)?;
    // SAFETY: the kernel made this descriptor for this call alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Reports and refuses each call, until the process ends.
fn report(listener: &OwnedFd) {
    let mut reported = BTreeSet::new();
    loop {
        // SAFETY: the structure consists of numbers. The kernel wants it zeroed.
        let mut asked: libc::seccomp_notif = unsafe { std::mem::zeroed() };
        // SAFETY: the kernel writes one structure of this type.
        let received = unsafe {
            libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_RECV, &raw mut asked)
        };
        if received != 0 {
            match std::io::Error::last_os_error().raw_os_error() {
                // A signal came, or the thread that made the call is gone.
                Some(libc::EINTR | libc::ENOENT) => continue,
                _ => return,
            }
        }
        let number = i64::from(asked.data.nr);
        if reported.insert(number) {
            say(&names::name(number));
        }
        let answer =
            libc::seccomp_notif_resp { id: asked.id, val: 0, error: -libc::EPERM, flags: 0 };
        // SAFETY: the kernel reads one structure of this type. It fails if the thread is gone.
        unsafe {
            libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SEND, &raw const answer)
        };
    }
}
