//! The placeholders of recipes: names in braces, which [`render`](super::render) fills in.

/// All placeholders. The unit is part of the name: `k` is 1,000 and `ki` is
/// 1,024, which is what NVENC counts in.
pub const PLACEHOLDERS: [&str; 19] = [
    "width",
    "height",
    "fps",
    "gop_frames",
    "bitrate_kbps",
    "bitrate_kibps",
    "average_kbps",
    "quality",
    "threads",
    "orientation",
    "crop_left",
    "crop_top",
    "crop_right",
    "crop_bottom",
    "vbv_ms",
    "vbv_kbits",
    "vbv_kibits",
    "device",
    "device_index",
];

/// The names in braces that are no placeholders, in their order.
pub(super) fn unknown_placeholders(text: &str) -> Vec<&str> {
    text.split('{')
        .skip(1)
        .map(|rest| rest.split('}').next().unwrap_or(rest))
        .filter(|name| !PLACEHOLDERS.contains(name))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_placeholders_are_found() {
        assert_eq!(unknown_placeholders("a {width} {bitrate} {"), ["bitrate", ""]);
        assert!(unknown_placeholders("{width}x{height}").is_empty());
    }
}
