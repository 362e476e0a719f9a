//! The lists of system calls, by what they are for. Legacy calls count where the architecture has them.

/// Calls that workers on the processor may make. Those that [`arguments`](super::arguments) names only
/// with some arguments.
pub(super) const PROCESSOR: &[(&str, &str)] = &[
    ("memory", "brk mmap munmap mprotect mremap madvise mincore msync mseal mlock mlock2 munlock"),
    ("placement of memory", "get_mempolicy set_mempolicy"),
    ("protection keys", "pkey_alloc pkey_free pkey_mprotect map_shadow_stack"),
    // A filter of its own refuses clone3 with another error, which the error of this list would hide.
    (
        "threads",
        "clone clone3 exit exit_group gettid set_tid_address set_robust_list get_robust_list rseq \
         membarrier restart_syscall arch_prctl prctl futex futex_waitv futex_wake futex_wait \
         futex_requeue",
    ),
    (
        "scheduling",
        "sched_yield sched_getaffinity sched_getparam sched_getscheduler sched_getattr \
         sched_get_priority_max sched_get_priority_min sched_rr_get_interval sched_setaffinity \
         getcpu getpriority setpriority",
    ),
    (
        "signals to itself",
        "rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigsuspend rt_sigtimedwait \
         sigaltstack tgkill pause",
    ),
    (
        "time",
        "clock_gettime clock_getres clock_nanosleep gettimeofday nanosleep time times \
         timer_create timer_settime timer_gettime timer_getoverrun timer_delete timerfd_create \
         timerfd_settime timerfd_gettime getitimer setitimer alarm",
    ),
    (
        "facts of itself and of the machine",
        "getpid getppid getuid geteuid getgid getegid getresuid getresgid getgroups getpgid \
         getpgrp getsid getrusage getrlimit prlimit64 capget uname sysinfo getrandom getcwd umask",
    ),
    (
        "open files",
        "read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 lseek close \
         close_range dup dup2 dup3 fcntl ioctl fadvise64 readahead",
    ),
    (
        "waiting",
        "poll ppoll select pselect6 epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait \
         epoll_pwait2 eventfd eventfd2 pipe pipe2",
    ),
    (
        "the inherited socket, and pairs of its own",
        "recvfrom recvmsg sendto sendmsg shutdown getsockname getpeername getsockopt socketpair",
    ),
    // Landlock decides which files.
    (
        "reading files",
        "open openat access faccessat faccessat2 stat lstat fstat newfstatat statx readlink \
         readlinkat getdents getdents64 statfs fstatfs cachestat",
    ),
];

/// Calls that workers on a GPU may make besides: the drivers of NVIDIA and Mesa share memory with the
/// kernel and with themselves, and place it.
pub(super) const DEVICE: &[(&str, &str)] = &[
    ("shared memory", "memfd_create ftruncate fallocate"),
    ("placed memory", "mbind"),
    ("waiting", "signalfd4"),
];

/// Calls that no worker may make, not even with the deny list.
pub(super) const REFUSED: &[(&str, &str)] = &[
    ("programs and processes", "execve execveat fork vfork setpgid setsid"),
    ("connections", "socket connect bind listen accept accept4"),
    (
        "other processes",
        "kill tkill rt_sigqueueinfo rt_tgsigqueueinfo pidfd_open pidfd_send_signal pidfd_getfd \
         ptrace process_vm_readv process_vm_writev process_madvise process_mrelease kcmp \
         ioprio_set migrate_pages move_pages setrlimit",
    ),
    // Landlock refuses most of these too, some of them only in newer kernels, and none of those that
    // change the owner, the mode, the times or the attributes of a file.
    (
        "changes of files",
        "truncate creat rename renameat renameat2 link linkat symlink symlinkat unlink unlinkat \
         mkdir mkdirat rmdir mknod mknodat chmod fchmod fchmodat fchmodat2 chown fchown lchown \
         fchownat utime utimes futimesat utimensat setxattr lsetxattr fsetxattr setxattrat \
         removexattr lremovexattr fremovexattr removexattrat file_setattr",
    ),
    ("files around Landlock", "open_by_handle_at name_to_handle_at openat2"),
    (
        "memory of other processes",
        "shmget shmat shmctl shmdt semget semop semctl semtimedop msgget msgsnd msgrcv msgctl \
         mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr",
    ),
    (
        "the machine",
        "mount umount2 pivot_root chroot setns unshare move_mount open_tree open_tree_attr fsopen \
         fsconfig fsmount fspick mount_setattr swapon swapoff reboot kexec_load kexec_file_load \
         init_module finit_module delete_module settimeofday clock_settime clock_adjtime adjtimex \
         acct quotactl quotactl_fd syslog vhangup sethostname setdomainname iopl ioperm \
         modify_ldt fanotify_init fanotify_mark lookup_dcookie",
    ),
    (
        "rights",
        "setuid setgid setreuid setregid setresuid setresgid setfsuid setfsgid setgroups capset \
         personality",
    ),
    (
        "large attack surfaces of the kernel",
        "add_key request_key keyctl bpf perf_event_open userfaultfd io_uring_setup \
         io_uring_enter io_uring_register io_setup io_submit io_destroy io_cancel io_getevents \
         memfd_secret remap_file_pages seccomp vmsplice",
    ),
];

/// The names in a list.
pub(super) fn names(list: &'static [(&str, &str)]) -> impl Iterator<Item = &'static str> {
    list.iter().flat_map(|(_, names)| names.split_whitespace())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::names::number;
    use super::*;

    /// On x86-64, which has every call that another architecture has.
    #[cfg(target_arch = "x86_64")]
    #[test]
    fn every_name_is_a_call() {
        let all = [PROCESSOR, DEVICE, REFUSED].into_iter().flat_map(names);
        let unknown: Vec<_> = all.filter(|name| number(name).is_none()).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }

    #[test]
    fn no_call_is_listed_twice() {
        let mut seen = BTreeSet::new();
        for name in [PROCESSOR, DEVICE, REFUSED].into_iter().flat_map(names) {
            assert!(seen.insert(name), "{name}");
        }
    }
}
