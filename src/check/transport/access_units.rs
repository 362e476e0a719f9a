//! Access units of H.264 and HEVC in a byte stream (annex B of ITU-T H.264 and H.265).

use super::super::hevc;
use super::super::segment::VideoFormat;

/// One access unit: a frame, or a field of one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct AccessUnit {
    /// Offset in the stream.
    pub(super) at: usize,
    pub(super) bytes: usize,
    pub(super) is_idr: bool,
    pub(super) has_parameter_sets: bool,
    /// Whether it has a part of an image.
    has_slice: bool,
}

/// The access units of a stream, and the format of the first sequence parameter set.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct AccessUnits {
    pub(super) units: Vec<AccessUnit>,
    pub(super) format: Option<VideoFormat>,
}

/// Meaning of a NAL unit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    /// The part of an image; whether it is the first part, and whether decoding can begin here.
    Slice {
        is_first: bool,
        is_idr: bool,
    },
    SequenceSet,
    /// Another parameter set, by its place in the table of those.
    OtherSet(u8),
    /// Anything else that stands before an image.
    Before,
    /// Anything that stands within or behind an image.
    Behind,
}

pub(super) fn split(is_hevc: bool, data: &[u8]) -> AccessUnits {
    let mut result = AccessUnits::default();
    let mut current = AccessUnit::default();
    let (mut sets, all_sets) = (0_u8, if is_hevc { 0b111 } else { 0b11 });
    let end = |mut unit: AccessUnit, until: usize, units: &mut Vec<AccessUnit>| {
        unit.bytes = until - unit.at;
        if unit.has_slice {
            units.push(unit);
        }
    };
    for (at, unit) in nal_units(data) {
        let Some(kind) = kind(is_hevc, unit) else { continue };
        let begins = match kind {
            Unit::Slice { is_first, .. } => is_first,
            Unit::SequenceSet | Unit::OtherSet(_) | Unit::Before => true,
            Unit::Behind => false,
        };
        if begins && current.has_slice {
            end(current, at, &mut result.units);
            current = AccessUnit { at, ..AccessUnit::default() };
            sets = 0;
        }
        match kind {
            Unit::Slice { is_idr, .. } => {
                current.has_slice = true;
                current.is_idr |= is_idr;
            }
            Unit::SequenceSet => {
                sets |= 1;
                let parse = || if is_hevc { hevc::format(unit) } else { VideoFormat::of(unit) };
                result.format = result.format.or_else(parse);
            }
            Unit::OtherSet(bit) => sets |= bit,
            Unit::Before | Unit::Behind => {}
        }
        current.has_parameter_sets = sets == all_sets;
    }
    end(current, data.len(), &mut result.units);
    result
}

fn kind(is_hevc: bool, unit: &[u8]) -> Option<Unit> {
    let first = *unit.first()?;
    if is_hevc {
        // Layers other than the base do not begin an image.
        if first & 1 != 0 || unit.get(1)? >> 3 != 0 {
            return Some(Unit::Behind);
        }
        let kind = hevc::unit_type(first);
        return Some(match kind {
            0..=31 => {
                let is_first = unit.get(2)? & 0x80 != 0;
                Unit::Slice { is_first, is_idr: hevc::is_random_access(kind) }
            }
            33 => Unit::SequenceSet,
            32 => Unit::OtherSet(0b10),
            34 => Unit::OtherSet(0b100),
            35 | 39 | 41..=44 | 48..=55 => Unit::Before,
            _ => Unit::Behind,
        });
    }
    Some(match first & 0x1F {
        // The first macroblock is number zero, which is a set bit in front.
        kind @ (1 | 2 | 5) => Unit::Slice {
            is_first: kind != 2 && unit.get(1).is_some_and(|byte| byte & 0x80 != 0),
            is_idr: kind == 5,
        },
        7 => Unit::SequenceSet,
        8 => Unit::OtherSet(0b10),
        6 | 9 | 14..=18 => Unit::Before,
        _ => Unit::Behind,
    })
}

/// The NAL units of a byte stream, each with the offset of its start code.
fn nal_units(data: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut next = start_code(data, 0);
    std::iter::from_fn(move || {
        let begin = next?;
        next = start_code(data, begin + 3);
        let unit = &data[begin + 3..next.unwrap_or(data.len())];
        let len = unit.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        // A zero byte may belong to the start code.
        let has_zero = begin > 0 && data[begin - 1] == 0;
        Some((begin - usize::from(has_zero), &unit[..len]))
    })
}

/// Offset of the first start code from here on.
fn start_code(data: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    // The third byte tells how far the next start code is at least.
    while let Some(third) = data.get(at + 2) {
        match third {
            0 => at += 1,
            1 if data[at..at + 2] == [0, 0] => return Some(at),
            _ => at += 3,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn units(is_hevc: bool, stream: &[&[u8]]) -> Vec<(usize, usize, bool, bool)> {
        let data = stream.iter().flat_map(|unit| [&[0, 0, 0, 1][..], unit].concat());
        let found = split(is_hevc, &data.collect::<Vec<u8>>());
        found.units.iter().map(|u| (u.at, u.bytes, u.is_idr, u.has_parameter_sets)).collect()
    }

    #[test]
    fn images_begin_where_the_standards_say() {
        // Two slices, then an image without any unit before it.
        let stream: [&[u8]; 7] = [
            &[9, 0xF0],
            &[0x67, 1, 1],
            &[0x68, 1],
            &[0x65, 0x88],
            &[0x65, 0x08],
            &[0x41, 0x9A],
            &[0x41, 0x9B],
        ];
        let expected = [(0, 31, true, true), (31, 6, false, false), (37, 6, false, false)];
        assert_eq!(units(false, &stream), expected);
        let stream: [&[u8]; 7] = [
            &[0x40, 1, 1],
            &[0x42, 1, 1],
            &[0x44, 1, 1],
            &[0x26, 1, 0x80],
            &[0x26, 1, 0x40],
            &[0x46, 1, 0x50],
            &[0x02, 1, 0x80],
        ];
        assert_eq!(units(true, &stream), [(0, 35, true, true), (35, 14, false, false)]);
        assert!(units(false, &[&[9, 0xF0]]).is_empty());
    }

    proptest! {
        #[test]
        fn any_bytes_are_split(bytes in prop::collection::vec(0_u8..40, 0..300), is_hevc: bool) {
            let found = split(is_hevc, &bytes);
            let len: usize = found.units.iter().map(|unit| unit.bytes).sum();
            prop_assert!(len <= bytes.len());
        }
    }
}
