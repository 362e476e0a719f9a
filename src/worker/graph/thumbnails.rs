//! Thumbnails: poster and storyboard, from a few of the scaled frames behind a tee.
//!
//! Frames that are not needed are dropped at the tee; the others are converted to RGB and JPEG on a thread of
//! their own. A fault here causes a warning and never fails the job.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gstreamer as gst;
use gstreamer::prelude::*;
use jpeg_encoder::{ColorType, Encoder, EncodingError, SamplingFactor};
use ladderd_pixels::poster;
use parking_lot::Mutex;

use crate::domain::plan::{Plan, StoryboardPlan, ThumbnailPlan};
use crate::domain::recipe::PipelineSpec;
use crate::domain::thumbnail::Thumbnail;
use crate::worker::graph::element::{broken, caps_filter, chain, make, pad, plain, queue};
use crate::worker::output::Output;
use crate::worker::protocol::Failure;

/// JPEG qualities, of 100: the poster is shown large, the storyboard's tiles small.
const POSTER_QUALITY: u8 = 85;
const SHEET_QUALITY: u8 = 75;
/// Frames that may wait for their conversion.
const QUEUED_FRAMES: u32 = 2;
/// Bytes of a pixel.
const RGB: usize = 3;

/// Builds the branches for poster and storyboard behind the tees of the rungs. Returns their sinks.
pub(crate) fn build(
    pipeline: &gst::Pipeline,
    plan: &Plan,
    spec: &PipelineSpec,
    tees: &[gst::Element],
    output: &Arc<Output>,
) -> Result<Vec<gst::Element>, Failure> {
    let Some(thumbnails) = &plan.thumbnails else { return Ok(Vec::new()) };
    let (Some(rung), Some(of_poster)) =
        (plan.video.rungs.get(thumbnails.poster_rung), tees.get(thumbnails.poster_rung))
    else {
        return Ok(Vec::new());
    };
    let Some(of_storyboard) = tees.last() else { return Ok(Vec::new()) };
    let storyboard = &thumbnails.storyboard;
    let tile = (storyboard.tile_width, storyboard.tile_height);
    let whole = (rung.width, rung.height);
    let sheets = Sheets::new(storyboard, output);
    let poster = Poster::new(thumbnails, whole, output);
    Ok(vec![
        branch(pipeline, spec, of_poster, whole, poster)?,
        branch(pipeline, spec, of_storyboard, tile, sheets)?,
    ])
}

/// Consumes RGB frames of one branch.
trait FrameConsumer: Send + 'static {
    /// Distance of needed frames, in frames.
    fn interval(&self) -> u64;
    /// Largest number of needed frames.
    fn limit(&self) -> u64;
    /// Consumes a frame: RGB triples, `stride` bytes a row.
    fn consume(&mut self, rgb: &[u8], stride: usize);
    /// Sends what is left: there are no more frames.
    fn finish(&mut self);
}

/// Builds `tee ! [needed frames only] ! queue ! download… ! RGB ! fakesink`.
fn branch(
    pipeline: &gst::Pipeline,
    spec: &PipelineSpec,
    tee: &gst::Element,
    (width, height): (u32, u32),
    consumer: impl FrameConsumer,
) -> Result<gst::Element, Failure> {
    let head = queue(QUEUED_FRAMES, 0)?;
    let mut elements = vec![head.clone()];
    for step in &spec.still {
        elements.push(make(step)?);
    }
    elements.push(caps_filter(&format!(
        "video/x-raw,format=RGB,width={width},height={height},pixel-aspect-ratio=1/1"
    ))?);
    let sink = plain("fakesink")?;
    // The pipeline does not wait for its first frame.
    sink.set_property("async", false);
    elements.push(sink.clone());
    chain(pipeline, &elements)?;
    tee.link(&head).map_err(|error| broken(error.to_string()))?;

    let (interval, limit) = (consumer.interval().max(1), consumer.limit());
    let frames = AtomicU64::new(0);
    // Runs on the streaming thread of the tee: counts and drops, never blocks.
    pad(&head, "sink")?.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
        let number = frames.fetch_add(1, Ordering::Relaxed);
        if number.is_multiple_of(interval) && number / interval < limit {
            gst::PadProbeReturn::Ok
        } else {
            gst::PadProbeReturn::Drop
        }
    });
    watch(&pad(&sink, "sink")?, (width, height), consumer);
    Ok(sink)
}

/// Passes frames that arrive at the sink to the consumer, and finishes it at EOS.
fn watch(sink: &gst::Pad, (width, height): (u32, u32), consumer: impl FrameConsumer) {
    let consumer = Mutex::new(consumer);
    // Rows of packed RGB are padded to four bytes.
    let stride = (width as usize * RGB).next_multiple_of(4);
    let bytes = stride * height as usize;
    let mask = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM;
    // Runs on the branch's own streaming thread: scores or copies the frame, encodes JPEG, writes to the
    // pipe. Nothing reaches the sink itself: it would hold its first frame until the pipeline plays, and
    // the frames behind it would block the encoders, without which the pipeline does not play.
    sink.add_probe(mask, move |_, info| {
        let mut consumer = consumer.lock();
        match &info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => {
                if let Ok(rgb) = buffer.map_readable()
                    && rgb.len() >= bytes
                {
                    consumer.consume(&rgb[..bytes], stride);
                }
                gst::PadProbeReturn::Drop
            }
            Some(gst::PadProbeData::Event(event)) if event.type_() == gst::EventType::Eos => {
                consumer.finish();
                gst::PadProbeReturn::Ok
            }
            _ => gst::PadProbeReturn::Ok,
        }
    });
}

/// Keeps the candidate with the highest score.
struct Poster {
    interval: u64,
    /// Candidates still to come.
    left: u32,
    limit: u32,
    /// Best score so far.
    best: Option<f64>,
    image: Image,
    output: Arc<Output>,
}

impl Poster {
    fn new(plan: &ThumbnailPlan, (width, height): (u32, u32), output: &Arc<Output>) -> Self {
        Self {
            interval: u64::from(plan.poster_interval_frames),
            image: Image::black(width, height),
            left: plan.poster_candidates,
            limit: plan.poster_candidates,
            best: None,
            output: Arc::clone(output),
        }
    }
}

impl FrameConsumer for Poster {
    fn interval(&self) -> u64 {
        self.interval
    }

    fn limit(&self) -> u64 {
        u64::from(self.limit)
    }

    fn consume(&mut self, rgb: &[u8], stride: usize) {
        let score = poster::score(rgb, stride);
        if self.best.is_none_or(|best| score > best) {
            self.best = Some(score);
            self.image.put(rgb, stride, (0, 0), self.image.width);
        }
        self.left = self.left.saturating_sub(1);
        if self.left == 0 {
            self.finish();
        }
    }

    fn finish(&mut self) {
        if self.best.take().is_some() {
            send(&self.output, Thumbnail::Poster, &self.image, POSTER_QUALITY);
        }
    }
}

/// Fills storyboard sheets.
struct Sheets {
    plan: StoryboardPlan,
    sheet: Image,
    /// Finished sheets, and tiles on the unfinished one.
    done: u32,
    tiles: u32,
    output: Arc<Output>,
}

impl Sheets {
    fn new(plan: &StoryboardPlan, output: &Arc<Output>) -> Self {
        let sheet = Image::black(plan.tile_width * plan.columns, plan.tile_height * plan.rows);
        Self { plan: plan.clone(), sheet, done: 0, tiles: 0, output: Arc::clone(output) }
    }
}

impl FrameConsumer for Sheets {
    fn interval(&self) -> u64 {
        u64::from(self.plan.interval_frames)
    }

    fn limit(&self) -> u64 {
        u64::MAX
    }

    fn consume(&mut self, rgb: &[u8], stride: usize) {
        let (column, row) = (self.tiles % self.plan.columns, self.tiles / self.plan.columns);
        let place = (column * self.plan.tile_width, row * self.plan.tile_height);
        self.sheet.put(rgb, stride, place, self.plan.tile_width);
        self.tiles += 1;
        if self.tiles == self.plan.tiles_per_sheet() {
            self.finish();
        }
    }

    fn finish(&mut self) {
        if self.tiles == 0 {
            return;
        }
        let rows = self.tiles.div_ceil(self.plan.columns);
        self.sheet.height = rows * self.plan.tile_height;
        let sheet = Thumbnail::StoryboardSheet { number: self.done, tiles: self.tiles };
        send(&self.output, sheet, &self.sheet, SHEET_QUALITY);
        self.done += 1;
        self.tiles = 0;
        let plan = &self.plan;
        self.sheet = Image::black(plan.tile_width * plan.columns, plan.tile_height * plan.rows);
    }
}

/// RGB triples without padding.
struct Image {
    width: u32,
    height: u32,
    rgb: Vec<u8>,
}

impl Image {
    fn black(width: u32, height: u32) -> Self {
        Self { width, height, rgb: vec![0; width as usize * height as usize * RGB] }
    }

    /// Copies a frame, `width` pixels wide and `stride` bytes a row, to this position.
    fn put(&mut self, rgb: &[u8], stride: usize, (x, y): (u32, u32), width: u32) {
        let own_stride = self.width as usize * RGB;
        let begin = y as usize * own_stride + x as usize * RGB;
        let rows = self.rgb.get_mut(begin..).unwrap_or_default().chunks_mut(own_stride);
        for (to, from) in rows.zip(rgb.chunks(stride)) {
            let len = (width as usize * RGB).min(to.len()).min(from.len());
            to[..len].copy_from_slice(&from[..len]);
        }
    }
}

fn send(output: &Output, thumbnail: Thumbnail, image: &Image, quality: u8) {
    match jpeg(image, quality) {
        Ok(bytes) => output.thumbnail(thumbnail, &bytes),
        Err(error) => {
            let message = format!("failed to encode a thumbnail: {error}");
            output.warn(message);
        }
    }
}

/// Encodes RGB triples with so many bytes a row as a poster (JPEG).
pub(crate) fn rgb_to_jpeg(
    rgb: &[u8],
    stride: usize,
    (width, height): (u32, u32),
) -> Result<Vec<u8>, EncodingError> {
    let mut image = Image::black(width, height);
    image.put(rgb, stride, (0, 0), width);
    jpeg(&image, POSTER_QUALITY)
}

fn jpeg(image: &Image, quality: u8) -> Result<Vec<u8>, EncodingError> {
    let side = |side: u32| u16::try_from(side).unwrap_or(u16::MAX);
    let (width, height) = (side(image.width), side(image.height));
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, quality);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    let len = usize::from(width) * usize::from(height) * RGB;
    let rgb = image.rgb.get(..len).unwrap_or(&image.rgb);
    encoder.encode(rgb, width, height, ColorType::Rgb)?;
    Ok(bytes)
}
