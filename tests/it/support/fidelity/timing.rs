//! Findings about which frames are shown and when.

use std::collections::BTreeSet;

use super::matching::{Shown, Timeline, is_foreign, noise};
use super::report::{Findings, Limits};

/// Figures of the frames.
#[derive(Debug, Default)]
pub struct Timing {
    /// Frames of the source that differ from the one before, and how many of them the output could
    /// show at its rate.
    pub distinct: usize,
    pub expected: usize,
    pub shown: usize,
    /// First appearance of a frame after its time in the source, in seconds.
    pub median: f64,
    /// The earliest frame: seconds before it is due.
    pub early: f64,
    /// The latest: seconds after the next one is due.
    pub late: f64,
    /// The longest standstill while the source moves, in seconds.
    pub frozen: f64,
    /// Distance of matched frames, in levels.
    pub noise: f64,
    /// Seconds between two frames of the source and of the output.
    pub intervals: (f64, f64),
}

/// Compares the frames. `shown` are the matches of the output's frames.
pub fn judge(
    source: &Timeline,
    output: &Timeline,
    shown: &[Shown],
    limits: &Limits,
    findings: &mut Findings,
) -> Timing {
    let mut timing = Timing { noise: noise(shown), distinct: source.groups(), ..Timing::default() };
    timing.intervals = (interval(&source.secs), interval(&output.secs));
    // Frames before the first one of the source are no part of it.
    let first = source.secs[0];
    let shown: Vec<&Shown> =
        shown.iter().filter(|own| own.secs > first - timing.intervals.1 - 0.001).collect();
    if shown.is_empty() {
        findings.add("frames-lost", "no frame of the output is in the time of the source");
        return timing;
    }
    judge_strangers(&shown, &timing, findings);
    judge_lost(source, &shown, &mut timing, limits, findings);
    if !source.has_fields {
        judge_rate(source, &timing, findings);
    }
    if source.secs.len() > 1 && source.groups() < (source.secs.len() / 20).max(2) {
        let text = format!("{} of {} frames differ", source.groups(), source.secs.len());
        findings.add("ambiguous", &text);
    }
    let stale = judge_frozen(source, &shown, &mut timing, findings);
    judge_times(source, &shown, &stale, &mut timing, limits, findings);
    judge_order(source, &shown, findings);
    timing
}

/// Median distance of times, in seconds.
fn interval(secs: &[f64]) -> f64 {
    let gaps = secs.windows(2).map(|pair| pair[1] - pair[0]).filter(|gap| *gap > 0.000_5);
    super::decode::median(gaps.collect()).unwrap_or(0.04)
}

/// Frames that are nowhere in the source: grey, green, black or torn.
fn judge_strangers(shown: &[&Shown], timing: &Timing, findings: &mut Findings) {
    let far: Vec<&&Shown> = shown.iter().filter(|own| is_foreign(own, timing.noise)).collect();
    if let Some(first) = far.first() {
        let text = format!(
            "{} frames, the first at {:.3} s, {:.0} levels off",
            far.len(),
            first.secs,
            first.distance
        );
        findings.add("foreign-frames", &text);
    }
}

fn judge_lost(
    source: &Timeline,
    shown: &[&Shown],
    timing: &mut Timing,
    limits: &Limits,
    findings: &mut Findings,
) {
    let mut expected = BTreeSet::new();
    let mut secs = shown[0].secs;
    while secs < source.end() - 0.002 {
        expected.insert(source.group[source.due(secs)]);
        secs += timing.intervals.1;
    }
    let seen: BTreeSet<usize> =
        shown.iter().flat_map(|own| &own.near).map(|n| source.group[*n]).collect();
    (timing.expected, timing.shown) = (expected.len(), seen.len());
    if (seen.len() as f64) < limits.shown * expected.len() as f64 {
        let missing: Vec<usize> = expected.difference(&seen).copied().collect();
        let first = missing.first().and_then(|group| source.group.iter().position(|g| g == group));
        let text = format!(
            "{} of {} distinct frames are shown; the first one missing is that of {:.3} s",
            seen.len(),
            expected.len(),
            first.map_or(f64::NAN, |n| source.secs[n])
        );
        findings.add("frames-lost", &text);
    }
}

/// A constant rate up to 60 fps is kept.
fn judge_rate(source: &Timeline, timing: &Timing, findings: &mut Findings) {
    let (own, made) = timing.intervals;
    let regular =
        source.secs.windows(2).filter(|pair| (pair[1] - pair[0] - own).abs() < 0.1 * own).count();
    let is_constant = source.secs.len() > 8 && regular * 5 >= (source.secs.len() - 1) * 4;
    if is_constant && made > 1.015 * own.max(1.0 / 60.0) {
        findings.add("rate-low", &format!("{:.3} fps of {:.3}", 1.0 / made, 1.0 / own));
    }
}

/// Standstills of more than a quarter of a second while the source moves. Returns their frames.
fn judge_frozen(
    source: &Timeline,
    shown: &[&Shown],
    timing: &mut Timing,
    findings: &mut Findings,
) -> BTreeSet<usize> {
    let mut stale = BTreeSet::new();
    let mut worst = (0.0, 0.0);
    let mut from = 0;
    while from < shown.len() {
        let of = source.group[shown[from].source];
        let alike = |own: &&&Shown| source.group[own.source] == of && own.error > 0.0;
        let run = shown[from..].iter().take_while(alike).count();
        if run >= 3 {
            let secs = shown[from + run - 1].error;
            if secs > 0.25 {
                stale.extend(from..from + run);
            }
            if secs > worst.0 {
                worst = (secs, shown[from].secs);
            }
        }
        from += run.max(1);
    }
    timing.frozen = worst.0;
    if worst.0 > 0.25 {
        let text = format!("{:.3} s too long from {:.3} s on", worst.0, worst.1);
        findings.add("frozen", &text);
    }
    stale
}

fn judge_times(
    source: &Timeline,
    shown: &[&Shown],
    stale: &BTreeSet<usize>,
    timing: &mut Timing,
    limits: &Limits,
    findings: &mut Findings,
) {
    let others: Vec<&&Shown> = shown
        .iter()
        .enumerate()
        .filter_map(|(n, own)| (!stale.contains(&n)).then_some(own))
        .collect();
    let extreme = |pick: fn(f64, f64) -> f64| others.iter().map(|own| own.error).fold(0.0, pick);
    (timing.early, timing.late) = (-extreme(f64::min), extreme(f64::max));
    let mut firsts: Vec<Option<f64>> = vec![None; source.groups()];
    for own in shown {
        firsts[source.group[own.source]].get_or_insert(own.secs);
    }
    let begins = |group| source.group.iter().position(|own| *own == group).unwrap();
    let offsets = firsts
        .iter()
        .enumerate()
        .filter_map(|(group, first)| Some((*first)? - source.secs[begins(group)]));
    timing.median = super::decode::median(offsets.collect()).unwrap_or(0.0);
    let frame = timing.intervals.1.min(0.1);
    let early: Vec<&&&Shown> =
        others.iter().filter(|own| own.error < -limits.early * frame - 0.003).collect();
    if early.len() >= 2 {
        let text = format!(
            "{} frames, up to {:.3} s before their time; the first at {:.3} s",
            early.len(),
            timing.early,
            early[0].secs
        );
        findings.add("frames-early", &text);
    }
    let late: Vec<&&&Shown> =
        others.iter().filter(|own| own.error > limits.late_secs + 0.003).collect();
    if late.len() >= 2 {
        let text = format!(
            "{} frames, up to {:.3} s after the next one is due; the first at {:.3} s",
            late.len(),
            timing.late,
            late[0].secs
        );
        findings.add("frames-late", &text);
    }
}

/// A frame that could be none but an earlier one than the frame before.
fn judge_order(source: &Timeline, shown: &[&Shown], findings: &mut Findings) {
    let back = |pair: &&[&Shown]| {
        let (before, after) = (pair[0].near.iter().min(), pair[1].near.iter().max());
        before.zip(after).is_some_and(|(before, after)| after < before)
    };
    let steps: Vec<&[&Shown]> = shown.windows(2).filter(back).collect();
    if let Some(first) = steps.first() {
        let of = |own: &Shown| source.secs[own.source];
        let text = format!(
            "{} steps back; at {:.3} s the frame of {:.3} s follows that of {:.3} s",
            steps.len(),
            first[1].secs,
            of(first[1]),
            of(first[0])
        );
        findings.add("wrong-order", &text);
    }
}
