//! The promise about this project's own video: BT.709 of limited range, 4:2:0 with 8 bits. Other encoders'
//! streams may differ, so these rules are part of the gate only.

use super::rendition::Rendition;
use super::segment::VideoFormat;
use crate::domain::conformance::Report;

/// Id of the rule in reports.
const RULE: &str = "colour";
/// Code points of BT.709 (ITU-T H.273) for primaries, transfer function and matrix.
const BT709: u8 = 1;

/// Verifies all video renditions. A bitstream that states nothing breaks no rule: some hardware encoders
/// cannot write it, and players assume the same.
pub(super) fn verify(renditions: &[Rendition], report: &mut Report) {
    for rendition in renditions {
        if let Some(format) = &rendition.format {
            for fault in faults(format) {
                report.must(RULE, &rendition.uri, fault);
            }
        }
    }
}

fn faults(format: &VideoFormat) -> Vec<String> {
    let mut faults = Vec::new();
    if format.has_full_range {
        faults.push("the video has full range, not limited range".to_owned());
    }
    if !format.is_420_8_bit {
        faults.push("the video is not 4:2:0 with 8 bits".to_owned());
    }
    let stated = format.primaries_and_matrix.zip(format.transfer);
    if let Some(((primaries, matrix), transfer)) = stated
        && [primaries, transfer, matrix].iter().any(|code| *code != BT709)
    {
        faults.push(format!(
            "the video states primaries {primaries}, transfer function {transfer} and matrix {matrix}, \
             not BT.709"
        ));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::super::codec::Codec;
    use super::*;

    const SOUND: VideoFormat = VideoFormat {
        codec: Codec::H264 { profile: 100, constraints: Some(0), level: 30 },
        pixel_aspect: (1, 1),
        width: 640,
        height: 360,
        reference_frames: 1,
        has_fields: false,
        transfer: Some(1),
        primaries_and_matrix: Some((1, 1)),
        has_full_range: false,
        is_420_8_bit: true,
    };

    #[test]
    fn every_part_of_the_promise_is_verified() {
        let silent = VideoFormat { transfer: None, primaries_and_matrix: None, ..SOUND };
        let table = [
            (SOUND, ""),
            (silent, ""),
            (VideoFormat { has_full_range: true, ..SOUND }, "full range"),
            (VideoFormat { has_full_range: true, ..silent }, "full range"),
            (VideoFormat { is_420_8_bit: false, ..SOUND }, "4:2:0"),
            (VideoFormat { primaries_and_matrix: Some((1, 6)), ..SOUND }, "matrix 6"),
            (VideoFormat { primaries_and_matrix: Some((9, 1)), ..SOUND }, "primaries 9"),
            (VideoFormat { transfer: Some(18), ..SOUND }, "transfer function 18"),
        ];
        for (format, expected) in table {
            let report = format!("{:?}", faults(&format));
            assert_eq!(expected.is_empty(), faults(&format).is_empty(), "{report}");
            assert!(report.contains(expected), "{report} lacks {expected}");
            let mut found = Report::default();
            let mut rendition = Rendition::default();
            rendition.format = Some(format);
            verify(&[rendition], &mut found);
            assert_eq!(found.musts().count(), faults(&format).len());
        }
    }
}
