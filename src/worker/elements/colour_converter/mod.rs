//! `ladderdcolour`: converts matrix and range of 8-bit 4:2:0 frames to BT.709 of limited range.
//! `videoconvert` of GStreamer 1.22 leaves the range as it is where both sides have the same matrix, and
//! is off by up to five codes of 255 where they differ.

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::prelude::*;

mod imp;

glib::wrapper! {
    /// Converts `I420` of any colorimetry to `I420` of the same size in BT.709.
    pub(crate) struct ColourConverter(ObjectSubclass<imp::ColourConverter>)
        @extends gstreamer_video::VideoFilter, gstreamer_base::BaseTransform, gst::Element, gst::Object;
}

/// Registers the element in this process.
pub(crate) fn register() -> Result<(), glib::BoolError> {
    gst::Element::register(None, "ladderdcolour", gst::Rank::NONE, ColourConverter::static_type())
}

#[cfg(test)]
mod tests {
    use super::register;
    use crate::worker::elements::testing::run;

    /// Codes of a flat frame of this colour, sent with this colorimetry and converted.
    fn converted(colorimetry: &str, argb: &str, threads: u32) -> [u8; 3] {
        let found = run(
            register,
            &format!(
                "videotestsrc num-buffers=2 pattern=solid-color foreground-color={argb} \
                 ! video/x-raw,format=BGRx,width=318,height=178 ! videoconvert \
                 ! video/x-raw,format=I420,colorimetry=(string){colorimetry} \
                 ! ladderdcolour n-threads={threads} ! video/x-raw,colorimetry=bt709 \
                 ! fakesink sync=false async=false name=out"
            ),
            &["out"],
        );
        let (_, format, planes) = &found[0][1];
        assert_eq!(format, "I420");
        for plane in planes {
            assert!(plane.iter().all(|code| *code == plane[0]), "{colorimetry}: not flat");
        }
        [planes[0][0], planes[1][0], planes[2][0]]
    }

    #[test]
    fn every_colorimetry_becomes_bt709_of_limited_range() {
        // BT.709 codes of a strong orange, of white and of black.
        let colours = [
            ("0xffff8000", [141, 59, 189]),
            ("0xffffffff", [235, 128, 128]),
            ("0xff000000", [16, 128, 128]),
        ];
        for (argb, expected) in colours {
            for colorimetry in ["bt709", "bt601", "1:3:5:1", "1:4:0:0", "2:4:5:3"] {
                for threads in [1, 3] {
                    let found = converted(colorimetry, argb, threads);
                    let off = found.iter().zip(expected).map(|(a, b)| a.abs_diff(b)).max();
                    assert!(off <= Some(2), "{colorimetry} {argb}: {found:?}, not {expected:?}");
                }
            }
        }
    }
}
