//! Scaling of a whole frame: both plane sizes, the letterbox and the split into bands.

use gstreamer as gst;
use gstreamer_video::prelude::*;
use gstreamer_video::{VideoChromaSite, VideoFrameRef, VideoInfo};
use ladderd_pixels::alpha::{BLACK_CHROMA, BLACK_LUMA};
use ladderd_pixels::fit::{Rect, fit};
use ladderd_pixels::scale::{PlaneScaler, Previous, STRIP_ROWS, Scratch, Siting};
use ladderd_pixels::{Plane, PlaneMut};

use crate::worker::elements::n_threads::{chroma_rows_per_thread, for_each_parallel};
use crate::worker::elements::video_filter::{self, Planes};

/// The planes of the previous frame and of its scaled version.
pub(super) struct PreviousPlanes<'a> {
    pub(super) input: Planes<'a>,
    pub(super) output: Planes<'a>,
}

/// Scales frames from one size to another.
pub(super) struct FrameScaler {
    luma: PlaneScaler,
    chroma: PlaneScaler,
    /// The part of the output that the scaled frame covers; the rest is black.
    rect: Rect,
}

impl FrameScaler {
    pub(super) fn new(in_info: &VideoInfo, out_info: &VideoInfo) -> Self {
        let input_size = |component: u8| {
            (in_info.comp_width(component) as usize, in_info.comp_height(component) as usize)
        };
        let output_size = (out_info.width() as usize, out_info.height() as usize);
        let rect = fit(display_shape(in_info, out_info), output_size);
        let luma_size = (rect.width, rect.height);
        let chroma_size = (rect.width.div_ceil(2), rect.height.div_ceil(2));
        let centre = (Siting::Centre, Siting::Centre);
        Self {
            luma: PlaneScaler::new(input_size(0), luma_size, centre),
            chroma: PlaneScaler::new(input_size(1), chroma_size, siting(in_info.chroma_site())),
            rect,
        }
    }

    /// Scales a frame, one band of rows per thread. Strips that equal those of the previous frame
    /// are copied. `None` for frames without three planes.
    pub(super) fn scale(
        &self,
        input: &VideoFrameRef<&gst::BufferRef>,
        previous: Option<&PreviousPlanes<'_>>,
        output: &mut VideoFrameRef<&mut gst::BufferRef>,
        n_threads: u32,
        scratch: &mut Vec<Scratch>,
    ) -> Option<()> {
        let planes = video_filter::planes(input)?;
        let output_size = (output.width() as usize, output.height() as usize);
        let is_letterboxed = (self.rect.width, self.rect.height) != output_size;
        let rows = chroma_rows_per_thread(output.height(), n_threads).next_multiple_of(STRIP_ROWS);
        scratch.resize_with(n_threads as usize, Scratch::default);
        let bands = video_filter::bands_mut(output, rows)?.zip(scratch).enumerate();
        for_each_parallel(bands, |(number, (band, scratch))| {
            for (index, plane) in band.into_iter().enumerate() {
                if is_letterboxed {
                    plane.bytes.fill(if index == 0 { BLACK_LUMA } else { BLACK_CHROMA });
                }
                self.scale_plane(index, planes[index], previous, plane, number * rows, scratch);
            }
        });
        Some(())
    }

    /// Scales the part of one plane that lies in the band `output`. The band begins at row
    /// `chroma_row` of the output's chroma.
    fn scale_plane(
        &self,
        index: usize,
        input: Plane<'_>,
        previous: Option<&PreviousPlanes<'_>>,
        output: PlaneMut<'_>,
        chroma_row: usize,
        scratch: &mut Scratch,
    ) {
        let (scaler, subsampling) = if index == 0 { (&self.luma, 1) } else { (&self.chroma, 2) };
        let (left, top) = (self.rect.left / subsampling, self.rect.top / subsampling);
        let first = chroma_row * 2 / subsampling;
        let black_rows = top.saturating_sub(first);
        let PlaneMut { bytes, stride } = output;
        let Some(bytes) = bytes.get_mut(black_rows * stride + left..) else { return };
        let previous = previous.map(|previous| {
            let output = previous.output[index].skip_rows(first + black_rows);
            let bytes = output.bytes.get(left..).unwrap_or_default();
            Previous { input: previous.input[index], output: Plane { bytes, ..output } }
        });
        let first_row = first + black_rows - top;
        let output = PlaneMut { bytes, stride };
        scaler.scale_band((input, previous), output, first_row, scratch);
    }
}

/// Width and height of the displayed input, in pixels of the output's aspect ratio.
fn display_shape(input: &VideoInfo, output: &VideoInfo) -> (u64, u64) {
    let positive = |value: i32| u64::from(value.unsigned_abs());
    let [in_par, out_par] = [input.par(), output.par()];
    let width_factor = positive(in_par.numer()) * positive(out_par.denom());
    let height_factor = positive(in_par.denom()) * positive(out_par.numer());
    (u64::from(input.width()) * width_factor, u64::from(input.height()) * height_factor)
}

/// Horizontal and vertical siting of chroma. Unknown siting is taken for that of H.264.
fn siting(site: VideoChromaSite) -> (Siting, Siting) {
    if site.is_empty() {
        return (Siting::Cosited, Siting::Centre);
    }
    let on = |flag| if site.contains(flag) { Siting::Cosited } else { Siting::Centre };
    (on(VideoChromaSite::H_COSITED), on(VideoChromaSite::V_COSITED))
}
