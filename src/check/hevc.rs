//! HEVC (ITU-T H.265): its NAL units and its sequence parameter sets.

use h264_reader::rbsp::{BitRead, BitReader, BitReaderError, decode_nal};

use super::codec::{Codec, Hevc};
use super::video_format::{PIXEL_ASPECTS, VideoFormat};

/// Type of a NAL unit (table 7-1).
pub(super) fn unit_type(first_byte: u8) -> u8 {
    first_byte >> 1 & 0x3F
}

/// Whether decoding can begin at a NAL unit of this type: an IDR, a CRA or a BLA frame.
pub(super) fn is_random_access(unit_type: u8) -> bool {
    (16..=21).contains(&unit_type)
}

/// Type of a sequence parameter set.
pub(super) const SEQUENCE_SET: u8 = 33;
/// Types of the parameter sets that a decoder needs: video, sequence and picture.
pub(super) const PARAMETER_SETS: [u8; 3] = [32, SEQUENCE_SET, 34];

type Bits<'a> = BitReader<&'a [u8]>;
type Parsed<T> = Result<T, BitReaderError>;

/// Parses a sequence parameter set; `None` if it is damaged.
pub(super) fn format(unit: &[u8]) -> Option<VideoFormat> {
    // The parser fails on an empty unit.
    let bytes = decode_nal(unit.get(..2).and(Some(unit))?).ok()?;
    let mut bits = BitReader::new(bytes.get(1..)?);
    let (mut format, layers) = size(&mut bits).ok()?;
    // Colours stand behind everything else. A set without them is still of use.
    if let Ok(Some(details)) = details(&mut bits, layers, &format) {
        format = details;
    }
    Some(format)
}

/// Reads up to the bit depths. Returns `sps_max_sub_layers_minus1`, too.
fn size(bits: &mut Bits<'_>) -> Parsed<(VideoFormat, u32)> {
    bits.skip(4, "sps_video_parameter_set_id")?;
    let layers = bits.read::<3, u32>("sps_max_sub_layers_minus1")?;
    bits.skip(1, "sps_temporal_id_nesting_flag")?;
    let profile = profile_tier_level(bits, layers)?;
    bits.read_ue("sps_seq_parameter_set_id")?;
    let chroma = bits.read_ue("chroma_format_idc")?;
    if chroma == 3 {
        bits.skip(1, "separate_colour_plane_flag")?;
    }
    let mut width = bits.read_ue("pic_width_in_luma_samples")?;
    let mut height = bits.read_ue("pic_height_in_luma_samples")?;
    if bits.read_bit("conformance_window_flag")? {
        let (across, down) =
            (if matches!(chroma, 1 | 2) { 2 } else { 1 }, if chroma == 1 { 2 } else { 1 });
        for (side, unit) in [(&mut width, across), (&mut height, down)] {
            for _ in 0..2 {
                let cut = bits.read_ue("conf_win_offset")?;
                *side = side.saturating_sub(cut.saturating_mul(unit));
            }
        }
    }
    let luma = bits.read_ue("bit_depth_luma_minus8")?;
    let depth = bits.read_ue("bit_depth_chroma_minus8")?;
    let format = VideoFormat::sized(Codec::Hevc(profile), width, height);
    let is_420_8_bit = (chroma, luma, depth) == (1, 0, 0);
    Ok((VideoFormat { is_420_8_bit, ..format }, layers))
}

fn profile_tier_level(bits: &mut Bits<'_>, layers: u32) -> Parsed<Hevc> {
    let mut hevc = Hevc {
        profile_space: bits.read::<2, u8>("general_profile_space")?,
        is_high_tier: bits.read_bit("general_tier_flag")?,
        profile: bits.read::<5, u8>("general_profile_idc")?,
        compatibility: bits.read::<32, u32>("general_profile_compatibility_flags")?,
        ..Hevc::default()
    };
    for byte in &mut hevc.constraints {
        *byte = bits.read::<8, u8>("general_constraint_flags")?;
    }
    hevc.level = bits.read::<8, u8>("general_level_idc")?;
    let mut present = Vec::new();
    for _ in 0..layers {
        let profile = bits.read_bit("sub_layer_profile_present_flag")?;
        present.push((profile, bits.read_bit("sub_layer_level_present_flag")?));
    }
    if layers > 0 {
        bits.skip(2 * (8 - layers), "reserved_zero_2bits")?;
    }
    for (profile, level) in present {
        bits.skip(if profile { 88 } else { 0 }, "sub_layer_profile")?;
        bits.skip(if level { 8 } else { 0 }, "sub_layer_level_idc")?;
    }
    Ok(hevc)
}

/// Reads from behind the bit depths up to the colours. `None` if a count is out of range.
fn details(bits: &mut Bits<'_>, layers: u32, format: &VideoFormat) -> Parsed<Option<VideoFormat>> {
    let order_bits = bits.read_ue("log2_max_pic_order_cnt_lsb_minus4")?.saturating_add(4);
    let all = bits.read_bit("sps_sub_layer_ordering_info_present_flag")?;
    for _ in 0..(if all { layers + 1 } else { 1 }) * 3 {
        bits.read_ue("sps_max")?;
    }
    for _ in 0..6 {
        bits.read_ue("log2_size")?;
    }
    if bits.read_bit("scaling_list_enabled_flag")?
        && bits.read_bit("sps_scaling_list_data_present_flag")?
    {
        scaling_lists(bits)?;
    }
    bits.skip(2, "amp_enabled_flag")?;
    if bits.read_bit("pcm_enabled_flag")? {
        bits.skip(8, "pcm_sample_bit_depth")?;
        bits.read_ue("log2_min_pcm_luma_coding_block_size_minus3")?;
        bits.read_ue("log2_diff_max_min_pcm_luma_coding_block_size")?;
        bits.skip(1, "pcm_loop_filter_disabled_flag")?;
    }
    let sets = bits.read_ue("num_short_term_ref_pic_sets")?;
    if sets > 64 || !reference_sets(bits, sets)? {
        return Ok(None);
    }
    if bits.read_bit("long_term_ref_pics_present_flag")? {
        let count = bits.read_ue("num_long_term_ref_pics_sps")?;
        if count > 32 || order_bits > 16 {
            return Ok(None);
        }
        bits.skip(count * (order_bits + 1), "lt_ref_pic_poc_lsb_sps")?;
    }
    bits.skip(2, "sps_temporal_mvp_enabled_flag")?;
    if !bits.read_bit("vui_parameters_present_flag")? {
        return Ok(Some(*format));
    }
    usability(bits, format).map(Some)
}

/// The beginning of the video usability information (annex E).
fn usability(bits: &mut Bits<'_>, format: &VideoFormat) -> Parsed<VideoFormat> {
    let mut format = *format;
    if bits.read_bit("aspect_ratio_info_present_flag")? {
        format.pixel_aspect = match bits.read::<8, u8>("aspect_ratio_idc")? {
            255 => (bits.read::<16, u32>("sar_width")?, bits.read::<16, u32>("sar_height")?),
            code => {
                let known = usize::from(code).checked_sub(1).and_then(|at| PIXEL_ASPECTS.get(at));
                known.copied().unwrap_or((1, 1))
            }
        };
        if format.pixel_aspect.0 == 0 || format.pixel_aspect.1 == 0 {
            format.pixel_aspect = (1, 1);
        }
    }
    if bits.read_bit("overscan_info_present_flag")? {
        bits.skip(1, "overscan_appropriate_flag")?;
    }
    if bits.read_bit("video_signal_type_present_flag")? {
        bits.skip(3, "video_format")?;
        format.has_full_range = bits.read_bit("video_full_range_flag")?;
        if bits.read_bit("colour_description_present_flag")? {
            let primaries = bits.read::<8, u8>("colour_primaries")?;
            format.transfer = Some(bits.read::<8, u8>("transfer_characteristics")?);
            let matrix = bits.read::<8, u8>("matrix_coeffs")?;
            format.primaries_and_matrix = Some((primaries, matrix));
        }
    }
    Ok(format)
}

/// Skips `scaling_list_data` (7.3.4).
fn scaling_lists(bits: &mut Bits<'_>) -> Parsed<()> {
    for size in 0..4_u32 {
        for _ in 0..if size == 3 { 2 } else { 6 } {
            if !bits.read_bit("scaling_list_pred_mode_flag")? {
                bits.read_ue("scaling_list_pred_matrix_id_delta")?;
                continue;
            }
            if size > 1 {
                bits.read_se("scaling_list_dc_coef_minus8")?;
            }
            for _ in 0..64.min(1 << (4 + (size << 1))) {
                bits.read_se("scaling_list_delta_coef")?;
            }
        }
    }
    Ok(())
}

/// Skips all `st_ref_pic_set` (7.3.7), each of which may refer to the one before. Returns whether their counts
/// are in range.
fn reference_sets(bits: &mut Bits<'_>, sets: u32) -> Parsed<bool> {
    let mut last: Vec<i64> = Vec::new();
    for index in 0..sets {
        let mut next = Vec::new();
        if index > 0 && bits.read_bit("inter_ref_pic_set_prediction_flag")? {
            let is_negative = bits.read_bit("delta_rps_sign")?;
            let distance = i64::from(bits.read_ue("abs_delta_rps_minus1")?) + 1;
            let shift = if is_negative { -distance } else { distance };
            for delta in last.iter().copied().chain([0]) {
                let is_used = bits.read_bit("used_by_curr_pic_flag")?;
                if (is_used || bits.read_bit("use_delta_flag")?) && delta + shift != 0 {
                    next.push(delta + shift);
                }
            }
        } else {
            let negative = bits.read_ue("num_negative_pics")?;
            let positive = bits.read_ue("num_positive_pics")?;
            if negative > 16 || positive > 16 {
                return Ok(false);
            }
            for (count, sign) in [(negative, -1), (positive, 1)] {
                let mut delta = 0;
                for _ in 0..count {
                    delta += sign * (i64::from(bits.read_ue("delta_poc_minus1")?) + 1);
                    bits.skip(1, "used_by_curr_pic_flag")?;
                    next.push(delta);
                }
            }
        }
        // The nearest ones come first, the earlier ones before the later ones.
        next.sort_by_key(|delta| (*delta > 0, delta.abs()));
        last = next;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Sets that x265 wrote, and their formats: codec, size, pixel aspect, transfer function.
    #[test]
    fn sets_of_an_encoder_are_read() {
        type Row = (&'static str, &'static str, (u32, u32), (u32, u32), Option<u8>);
        let table: [Row; 2] = [
            (MAIN, "hvc1.1.6.L63.90", (640, 358), (4, 3), Some(1)),
            (MAIN10, "hvc1.2.4.L63.90", (640, 360), (1, 1), Some(16)),
        ];
        for (digits, codec, size, pixel_aspect, transfer) in table {
            let format = format(&hex::decode(digits).unwrap()).unwrap();
            assert_eq!(format.codec(), codec);
            assert_eq!((format.width, format.height), size, "{codec}");
            assert_eq!(format.pixel_aspect, pixel_aspect, "{codec}");
            assert_eq!(format.transfer, transfer, "{codec}");
            assert_eq!(format.is_420_8_bit, codec.starts_with("hvc1.1"), "{codec}");
        }
    }

    const MAIN: &str = "42010101600000030090000003000003003fa005020169f596566924caf0e6a020202080000003008000000c84";
    const MAIN10: &str = "42010102200000030090000003000003003fa005020169365959a4932bc05a848804820000030002000003003210";

    proptest! {
        #[test]
        fn any_parameter_set_is_read(bytes in prop::collection::vec(any::<u8>(), 0..96)) {
            let _ = format(&bytes);
            let set = hex::decode(MAIN).unwrap();
            let _ = format(&[&set[..20], &bytes].concat());
        }
    }
}
