//! System calls that a driver may make.

/// A call that a fault names.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    /// On the list of GPUs.
    MemfdCreate,
    /// On no list, and not among the harmful ones.
    InotifyInit1,
    /// Harmful.
    Shmget,
}

impl Call {
    pub(crate) fn named(name: &str) -> Self {
        match name {
            "memfd_create" => Self::MemfdCreate,
            "inotify_init1" => Self::InotifyInit1,
            "shmget" => Self::Shmget,
            other => panic!("there is no call {other}"),
        }
    }

    /// Makes the call. Returns whether it succeeded.
    pub(crate) fn works(self) -> bool {
        // SAFETY: the name is a string of C; the other arguments are numbers.
        let returned = unsafe {
            match self {
                Self::MemfdCreate => libc::memfd_create(c"x".as_ptr(), 0),
                Self::InotifyInit1 => libc::inotify_init1(0),
                Self::Shmget => libc::shmget(libc::IPC_PRIVATE, 4096, 0o600),
            }
        };
        returned >= 0
    }
}
