//! How the process gives back memory that it has freed.
//!
//! glibc keeps most of it: an arena for each of dozens of threads, and in each what was freed of
//! segments and blocks of the source, which are megabytes long and seldom fit again.

/// Arenas of a process. glibc's own bound is eight for each core.
#[cfg(target_env = "gnu")]
const ARENAS: libc::c_int = 2;
/// Allocations from this size on are given back to the kernel as soon as they are freed. It is
/// glibc's own first value; but left to itself, glibc raises it to the size of whatever is freed,
/// up to 32 MiB.
#[cfg(target_env = "gnu")]
const LARGE_BYTES: libc::c_int = 128 << 10;

/// Has all threads share a few arenas. To be called before there are any.
pub(super) fn share() {
    #[cfg(target_env = "gnu")]
    set(libc::M_ARENA_MAX, ARENAS);
}

/// Gives back at once what is large: for a process that holds some for a moment only. A worker's
/// pictures are as large, and used again and again.
pub(super) fn give_back_large() {
    #[cfg(target_env = "gnu")]
    set(libc::M_MMAP_THRESHOLD, LARGE_BYTES);
}

#[cfg(target_env = "gnu")]
fn set(parameter: libc::c_int, value: libc::c_int) {
    #[expect(unsafe_code, reason = "malloc is told, which nothing safe does")]
    // SAFETY: it takes two numbers, and the lock of the main arena.
    let taken = unsafe { libc::mallopt(parameter, value) };
    debug_assert_eq!(taken, 1, "mallopt refused parameter {parameter}");
}

#[cfg(test)]
#[cfg(target_env = "gnu")]
mod tests {
    use super::*;

    fn resident_kib() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    #[test]
    fn what_is_large_goes_back_although_smaller_things_stay() {
        share();
        give_back_large();
        let before = resident_kib();
        // The first that is freed would raise the size from which on the kernel is asked.
        drop(std::hint::black_box(vec![1_u8; 24 << 20]));
        let mut stays = Vec::new();
        for _ in 0..4 {
            let block = std::hint::black_box(vec![1_u8; 4 << 20]);
            stays.push(std::hint::black_box(vec![1_u8; 64 << 10]));
            drop(block);
        }
        let kept = resident_kib().saturating_sub(before);
        assert!(kept < 2048, "{kept} KiB are kept for {} blocks of 64 KiB", stays.len());
    }
}
