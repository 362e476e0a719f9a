//! Codec strings of `CODECS` (RFC 6381), read from the encoded stream.

/// Codec string of AAC-LC, the only profile of audio that is encoded.
pub const AAC_LC: &str = "mp4a.40.2";

/// Codec string of an H.264 byte stream (ITU-T H.264, annex B): profile, constraints and level of
/// its first sequence parameter set. `None` if the stream has no parameter set.
#[must_use]
pub fn avc1_of_byte_stream(bytes: &[u8]) -> Option<String> {
    const SEQUENCE_PARAMETER_SET: u8 = 7;
    let start = bytes.windows(4).position(|window| {
        window[..3] == [0, 0, 1] && window[3] & 0x1F == SEQUENCE_PARAMETER_SET
    })?;
    match bytes.get(start + 4..start + 7)? {
        [profile, constraints, level] => {
            Some(format!("avc1.{profile:02x}{constraints:02x}{level:02x}"))
        }
        _ => None,
    }
}

/// Codec string of an `AVCDecoderConfigurationRecord`, which CMAF renditions carry in place of
/// parameter sets in the stream (ISO 14496-15, 5.3.3.1). `None` if the record is cut off.
#[must_use]
pub fn avc1_of_record(record: &[u8]) -> Option<String> {
    match record.get(1..4)? {
        [profile, constraints, level] => {
            Some(format!("avc1.{profile:02x}{constraints:02x}{level:02x}"))
        }
        _ => None,
    }
}

/// Whether this is the codec string of H.264 as the functions of this module write it.
#[must_use]
pub fn is_avc1(codec: &str) -> bool {
    let is_hex =
        |digits: &str| digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    codec.strip_prefix("avc1.").is_some_and(|digits| digits.len() == 6 && is_hex(digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codec_strings_are_recognized() {
        for codec in ["avc1.640028", "avc1.42c00d"] {
            assert!(is_avc1(codec), "{codec}");
        }
        for codec in
            ["", "avc1.", "avc1.64002", "avc1.6400280", "avc1.64002G", "mp4a.40.2", "avc1.64\"028"]
        {
            assert!(!is_avc1(codec), "{codec}");
        }
    }

    #[test]
    fn the_first_parameter_set_names_the_codec() {
        let delimiter = [0, 0, 0, 1, 0x09, 0x10];
        let set = [0, 0, 0, 1, 0x67, 0x64, 0x00, 0x28, 0xAC];
        let stream = [&delimiter[..], &set[..]].concat();
        assert_eq!(avc1_of_byte_stream(&stream).as_deref(), Some("avc1.640028"));
        assert_eq!(avc1_of_byte_stream(&delimiter), None);
        assert_eq!(avc1_of_byte_stream(&set[..6]), None);
        assert_eq!(avc1_of_byte_stream(&[]), None);
    }

    #[test]
    fn the_record_names_the_codec() {
        let record = [1, 0x64, 0x00, 0x1E, 0xFF];
        assert_eq!(avc1_of_record(&record).as_deref(), Some("avc1.64001e"));
        assert_eq!(avc1_of_record(&record[..3]), None);
    }
}
