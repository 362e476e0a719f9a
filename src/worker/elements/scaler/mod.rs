//! `ladderdscale`: scales 8-bit 4:2:0 frames with a Lanczos filter, with black bars for another
//! aspect ratio. `videoscale` takes three times as long for the same quality.

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::prelude::*;

mod frame_scaler;
mod imp;

glib::wrapper! {
    /// Scales `I420` frames.
    pub(crate) struct Scaler(ObjectSubclass<imp::Scaler>)
        @extends gstreamer_video::VideoFilter, gstreamer_base::BaseTransform, gst::Element, gst::Object;
}

/// Registers the element in this process.
pub(crate) fn register() -> Result<(), glib::BoolError> {
    gst::Element::register(None, "ladderdscale", gst::Rank::NONE, Scaler::static_type())
}

#[cfg(test)]
mod tests {
    use ladderd_pixels::scale::{PlaneScaler, Scratch, Siting};
    use ladderd_pixels::{Plane, PlaneMut};

    use super::register;
    use crate::worker::elements::testing::run;

    const FROM: (usize, usize) = (320, 240);

    /// Scales a plane of a frame without regard to the previous one.
    fn scaled(plane: &[u8], to: (usize, usize), subsampling: usize, siting: Siting) -> Vec<u8> {
        let (from, to) = (
            (FROM.0 / subsampling, FROM.1 / subsampling),
            (to.0 / subsampling, to.1 / subsampling),
        );
        let mut bytes = vec![0; to.0 * to.1];
        let input = Plane { bytes: plane, stride: from.0 };
        let output = PlaneMut { bytes: &mut bytes, stride: to.0 };
        let scaler = PlaneScaler::new(from, to, (siting, Siting::Centre));
        scaler.scale_band((input, None), output, 0, &mut Scratch::default());
        bytes
    }

    /// A plane without its black bars.
    fn crop_bars(plane: &[u8], all: (usize, usize), inner: (usize, usize)) -> Vec<u8> {
        let rows = plane.chunks(all.0).skip((all.1 - inner.1) / 2).take(inner.1);
        rows.flat_map(|row| row[(all.0 - inner.0) / 2..][..inner.0].to_vec()).collect()
    }

    /// The test pattern is a ball that moves over a still background.
    #[test]
    fn copied_strips_equal_scaled_ones() {
        let to = (192, 144);
        let sizes = [to, (256, 144), (192, 208)].map(|size| [(size, 1), (size, 2)]);
        for ((width, height), threads) in sizes.into_iter().flatten() {
            let found = run(
                register,
                &format!(
                    "videotestsrc num-buffers=30 pattern=ball animation-mode=frames \
                     ! video/x-raw,format=I420,width=320,height=240,framerate=30/1 ! tee name=t \
                     t. ! queue ! fakesink sync=false async=false name=in \
                     t. ! queue ! ladderdscale n-threads={threads} \
                     ! video/x-raw,width={width},height={height},pixel-aspect-ratio=1/1 \
                     ! fakesink sync=false async=false name=out"
                ),
                &["in", "out"],
            );
            assert_eq!((found[0].len(), found[1].len()), (30, 30));
            for (number, (input, output)) in found[0].iter().zip(&found[1]).enumerate() {
                for (plane, siting) in
                    [(0, Siting::Centre), (1, Siting::Cosited), (2, Siting::Cosited)]
                {
                    let share = if plane == 0 { 1 } else { 2 };
                    let expected = scaled(&input.2[plane], to, share, siting);
                    let (all, inner) =
                        ((width / share, height / share), (to.0 / share, to.1 / share));
                    let found = crop_bars(&output.2[plane], all, inner);
                    assert!(found == expected, "{width}x{height} {threads} {number} {plane}");
                }
            }
        }
    }
}
