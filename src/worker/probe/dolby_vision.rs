//! Dolby Vision: the configuration record that MP4 and Matroska share.

/// The statement of a configuration record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DolbyVision {
    /// Profile.
    pub(crate) profile: u8,
    /// `dv_bl_signal_compatibility_id`: the standard by which players without Dolby Vision show the base
    /// layer; 0 for none.
    pub(crate) compatibility: u8,
}

impl DolbyVision {
    /// Parses a `DOVIDecoderConfigurationRecord`; `None` if it is cut off.
    pub(crate) fn of_record(record: &[u8]) -> Option<Self> {
        let (profile, compatibility) = (*record.get(2)?, *record.get(4)?);
        Some(Self { profile: profile >> 1, compatibility: compatibility >> 4 })
    }

    /// Whether the frames look right without Dolby Vision's own conversion. Those of profile 5, and of
    /// profile 10 without a compatible base, are in a colour space of their own: green and purple.
    pub(crate) fn has_compatible_base(self) -> bool {
        !matches!((self.profile, self.compatibility), (5, _) | (10, 0))
    }

    /// Its name for people.
    pub(crate) fn name(self) -> String {
        format!("Dolby Vision profile {}, which has no compatible base layer", self.profile)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_of_profiles_without_a_base_are_recognized() {
        let table = [
            ([1, 0, 0x0A, 0x0D, 0x00], (5, 0, false)),
            ([1, 0, 0x10, 0x25, 0x40], (8, 4, true)),
            ([1, 0, 0x10, 0x25, 0x10], (8, 1, true)),
            ([1, 0, 0x0E, 0x35, 0x60], (7, 6, true)),
            ([1, 0, 0x14, 0x2D, 0x00], (10, 0, false)),
            ([1, 0, 0x14, 0x2D, 0x10], (10, 1, true)),
        ];
        for (record, (profile, compatibility, has_base)) in table {
            let found = DolbyVision::of_record(&record).unwrap();
            assert_eq!((found.profile, found.compatibility), (profile, compatibility));
            assert_eq!(found.has_compatible_base(), has_base, "{found:?}");
        }
        assert_eq!(DolbyVision::of_record(&[1, 0, 0x0A, 0x0D]), None);
    }
}
