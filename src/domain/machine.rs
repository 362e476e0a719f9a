//! Counters of the machine, as Linux prints them below `/proc` (proc(5)).

/// Processor time of the whole machine since its start, in ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuTimes {
    busy: u64,
    total: u64,
}

impl CpuTimes {
    /// Reads the first line of `/proc/stat`.
    #[must_use]
    pub fn parse(stat: &str) -> Option<Self> {
        let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
        // user nice system idle iowait irq softirq steal; guests are part of user and nice.
        let fields = line.split_whitespace().take(8).map(|field| field.parse::<u64>().ok());
        let fields: Vec<u64> = fields.collect::<Option<_>>()?;
        let idle = fields.get(3)?.saturating_add(fields.get(4).copied().unwrap_or_default());
        let total = fields.iter().fold(0_u64, |sum, field| sum.saturating_add(*field));
        Some(Self { busy: total.saturating_sub(idle), total })
    }

    /// Share of the processor time since `earlier` that was busy, 0 to 1; `None` if no time went by.
    #[must_use]
    pub fn share_since(self, earlier: Self) -> Option<f64> {
        let total = self.total.checked_sub(earlier.total).filter(|total| *total > 0)?;
        // Linux may set the time of I/O waits back.
        let busy = self.busy.saturating_sub(earlier.busy).min(total);
        Some(ratio(busy, total))
    }
}

/// Bytes that network interfaces have received and sent since they exist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Received bytes.
    pub received: u64,
    /// Sent bytes.
    pub sent: u64,
}

impl Traffic {
    /// Sums the interfaces of `/proc/net/dev`: those of hardware, or all but the loopback where there is none, as in a
    /// container. Bridges and tunnels would count the bytes of the hardware again.
    #[must_use]
    pub fn parse(net_dev: &str, is_hardware: impl Fn(&str) -> bool) -> Option<Self> {
        let lines = net_dev.lines().filter_map(|line| line.split_once(':'));
        let interfaces = lines.map(|(name, counters)| (name.trim(), counters));
        let outer: Vec<_> = interfaces.filter(|(name, _)| *name != "lo").collect();
        let has_hardware = outer.iter().any(|(name, _)| is_hardware(name));
        let counted = outer.into_iter().filter(|(name, _)| !has_hardware || is_hardware(name));
        let mut sum = Self::default();
        for (_, counters) in counted {
            // Eight fields of received packets, then those of sent ones, each with the bytes first.
            let mut fields = counters.split_whitespace();
            let received: u64 = fields.next()?.parse().ok()?;
            let sent: u64 = fields.nth(7)?.parse().ok()?;
            sum.received = sum.received.saturating_add(received);
            sum.sent = sum.sent.saturating_add(sent);
        }
        Some(sum)
    }

    /// Bytes per second since `earlier`, received and sent; `None` for a counter that went back, as that of an
    /// interface that is gone.
    #[must_use]
    pub fn rates_since(self, earlier: Self, secs: f64) -> [Option<u64>; 2] {
        let rate = |now: u64, before: u64| {
            let bytes = now.checked_sub(before)?;
            #[expect(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a rate for people"
            )]
            (secs > 0.0).then(|| (bytes as f64 / secs).round() as u64)
        };
        [rate(self.received, earlier.received), rate(self.sent, earlier.sent)]
    }
}

/// Memory of the machine in bytes, from `/proc/meminfo`.
#[must_use]
pub fn memory_total_bytes(meminfo: &str) -> Option<u64> {
    kib_line(meminfo, "MemTotal:")
}

/// Resident memory of a process in bytes, from `/proc/<pid>/status`. `None` for one that has ended.
#[must_use]
pub fn resident_bytes(status: &str) -> Option<u64> {
    kib_line(status, "VmRSS:")
}

/// Virtual memory of a process in bytes, from `/proc/<pid>/status`.
#[must_use]
pub fn virtual_bytes(status: &str) -> Option<u64> {
    kib_line(status, "VmSize:")
}

/// Threads of a process, from `/proc/<pid>/status`.
#[must_use]
pub fn threads(status: &str) -> Option<u64> {
    line(status, "Threads:")?.parse().ok()
}

/// Start of the machine in seconds since 1970, from `/proc/stat`.
#[must_use]
pub fn boot_time_secs(stat: &str) -> Option<u64> {
    line(stat, "btime ")?.parse().ok()
}

/// Times of a process in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessStat {
    /// Processor time of its threads.
    pub own: u64,
    /// Processor time of its children that have ended.
    pub children: u64,
    /// Its start, since that of the machine.
    pub started: u64,
}

impl ProcessStat {
    /// Reads `/proc/<pid>/stat`.
    #[must_use]
    pub fn parse(stat: &str) -> Option<Self> {
        // The second field is the name in brackets, which may hold anything.
        let (_, fields) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        // The first of these is the third field of proc(5).
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        Some(Self {
            own: field(14)?.saturating_add(field(15)?),
            children: field(16)?.saturating_add(field(17)?),
            started: field(22)?,
        })
    }
}

fn line<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
}

fn kib_line(text: &str, name: &str) -> Option<u64> {
    line(text, name)?.strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
}

/// `part` of `whole`.
fn ratio(part: u64, whole: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a share for people")]
    let share = part as f64 / whole as f64;
    share
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_busy_time_is_that_between_two_looks() {
        let parse = |line: &str| CpuTimes::parse(&format!("{line}\ncpu0 9 9 9 9\nintr 1\n"));
        let before = parse("cpu  100 0 50 800 50 0 0 0 7 7").unwrap();
        let after = parse("cpu  130 5 60 840 55 5 3 2 9 9").unwrap();
        // 55 of 100 ticks.
        assert_eq!(after.share_since(before), Some(0.55));
        assert_eq!(before.share_since(before), None);
        assert_eq!(before.share_since(after), None, "the counters went back");
        for no_stat in ["", "cpu0 1 2 3 4", "cpu  1 2", "cpu  a b c d"] {
            assert_eq!(CpuTimes::parse(no_stat), None, "{no_stat}");
        }
    }

    #[test]
    fn bytes_of_the_network_are_counted_once() {
        let text = "Inter-|   Receive                                                |  Transmit\n \
                    face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets\n    \
                    lo: 500 1 0 0 0 0 0 0 500 1 0 0 0 0 0 0\n  \
                    eth0: 1000 9 0 0 0 0 0 0 200 9 0 0 0 0 0 0\n\
                    docker0:70 1 0 0 0 0 0 0 30 1 0 0 0 0 0 0\n";
        let counted = |received, sent| Some(Traffic { received, sent });
        assert_eq!(Traffic::parse(text, |name| name == "eth0"), counted(1000, 200));
        assert_eq!(Traffic::parse(text, |_| false), counted(1070, 230), "in a container");
        assert_eq!(Traffic::parse("", |_| true), counted(0, 0));
        assert_eq!(Traffic::parse("eth0: 1 2 3\n", |_| true), None);
        let (before, after) = (counted(100, 500).unwrap(), counted(1100, 400).unwrap());
        assert_eq!(after.rates_since(before, 10.0), [Some(100), None]);
        assert_eq!(after.rates_since(before, 0.0), [None, None]);
    }

    #[test]
    fn sizes_of_memory_are_bytes() {
        assert_eq!(memory_total_bytes("MemTotal:  2048 kB\nMemFree: 1 kB\n"), Some(2 << 20));
        assert_eq!(resident_bytes("Name:\tladderd\nVmRSS:\t     100 kB\n"), Some(102_400));
        assert_eq!(resident_bytes("Name:\tladderd\nState:\tZ (zombie)\n"), None);
    }
    #[test]
    fn times_of_a_process_are_found_behind_any_name() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 1 0 0 0 30 12 500 4 20 0 9 0 8000 1 2 3\n";
        let times = ProcessStat { own: 42, children: 504, started: 8000 };
        assert_eq!(ProcessStat::parse(stat), Some(times));
        for odd in ["", "7 (a", "7 (a) S 1 2 3"] {
            assert_eq!(ProcessStat::parse(odd), None, "{odd}");
        }
        assert_eq!(boot_time_secs("cpu 1 2\nbtime 1796000000\nprocesses 1\n"), Some(1_796_000_000));
        assert_eq!(threads("Name:\tx\nThreads:\t17\n"), Some(17));
        assert_eq!(virtual_bytes("VmSize:\t     3 kB\n"), Some(3072));
    }
}
