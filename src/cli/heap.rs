//! Settings of glibc's allocator that return freed memory to the kernel.
//!
//! By default glibc keeps most of it: dozens of threads have an arena each, and freed segments and
//! source blocks, which are megabytes long, seldom fit a later allocation.

/// Maximum number of arenas. The default of glibc is eight for each core.
#[cfg(target_env = "gnu")]
const ARENAS: libc::c_int = 2;
/// Allocations of at least this size return to the kernel as soon as they are freed. It is glibc's
/// initial value, which glibc otherwise raises to the size of each freed block, up to 32 MiB.
#[cfg(target_env = "gnu")]
const LARGE_BYTES: libc::c_int = 128 << 10;

/// Makes all threads share a few arenas. Call it before the first thread starts.
pub(super) fn share() {
    #[cfg(target_env = "gnu")]
    set(libc::M_ARENA_MAX, ARENAS);
}

/// Returns large allocations to the kernel as soon as they are freed. For a process that holds them
/// for a moment; a worker reuses the memory of its frames, so it does not call this.
pub(super) fn give_back_large() {
    #[cfg(target_env = "gnu")]
    set(libc::M_MMAP_THRESHOLD, LARGE_BYTES);
}

#[cfg(target_env = "gnu")]
fn set(parameter: libc::c_int, value: libc::c_int) {
    #[expect(unsafe_code, reason = "no safe wrapper of mallopt exists")]
    // SAFETY: mallopt takes two numbers and locks the main arena.
    let taken = unsafe { libc::mallopt(parameter, value) };
    debug_assert_eq!(taken, 1, "mallopt refused parameter {parameter}");
}

#[cfg(test)]
#[cfg(target_env = "gnu")]
mod tests {
    use super::*;

    /// Resident memory of the heap and the stacks: pages of the program come in as they are first run.
    fn resident_kib() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    #[test]
    fn large_allocations_return_to_the_kernel_while_small_ones_stay() {
        share();
        give_back_large();
        let before = resident_kib();
        // Without the setting, freeing this block would raise the size for large allocations.
        drop(std::hint::black_box(vec![1_u8; 24 << 20]));
        let mut stays = Vec::new();
        for _ in 0..4 {
            let block = std::hint::black_box(vec![1_u8; 4 << 20]);
            stays.push(std::hint::black_box(vec![1_u8; 64 << 10]));
            drop(block);
        }
        let kept = resident_kib().saturating_sub(before);
        assert!(kept < 2048, "{kept} KiB stay resident for {} blocks of 64 KiB", stays.len());
    }
}
