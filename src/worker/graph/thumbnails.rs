//! Poster and storyboard: a few of the pictures that are encoded anyway, taken behind a tee.
//!
//! Pictures that nobody wants are dropped at the tee; the others become RGB and JPEG on a thread of
//! their own. A fault in here costs a warning, never the job.

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
use crate::worker::graph::element::{caps_filter, chain, make, pad, plain, queue};
use crate::worker::output::Output;
use crate::worker::protocol::{Event, Failure};

/// JPEG qualities, of 100: the poster is seen large, the storyboard's pictures small.
const POSTER_QUALITY: u8 = 85;
const SHEET_QUALITY: u8 = 75;
/// Pictures that may wait for their conversion.
const WAITING_PICTURES: u32 = 2;
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

/// What takes pictures.
trait Taker: Send + 'static {
    /// Frames from one wanted picture to the next.
    fn interval(&self) -> u64;
    /// How many are wanted at most.
    fn limit(&self) -> u64;
    /// Takes a picture: RGB triples, `stride` bytes a row.
    fn take(&mut self, rgb: &[u8], stride: usize);
    /// There are no more.
    fn end(&mut self);
}

/// `tee ! [only what is wanted] ! queue ! still ! RGB ! fakesink`.
fn branch(
    pipeline: &gst::Pipeline,
    spec: &PipelineSpec,
    tee: &gst::Element,
    (width, height): (u32, u32),
    taker: impl Taker,
) -> Result<gst::Element, Failure> {
    let head = queue(WAITING_PICTURES, 0)?;
    let mut elements = vec![head.clone()];
    for step in &spec.still {
        elements.push(make(step)?);
    }
    elements.push(caps_filter(&format!(
        "video/x-raw,format=RGB,width={width},height={height},pixel-aspect-ratio=1/1"
    ))?);
    let sink = plain("fakesink")?;
    // The pipeline does not wait for its first picture.
    sink.set_property("async", false);
    elements.push(sink.clone());
    chain(pipeline, &elements)?;
    tee.link(&head).map_err(|error| crate::worker::graph::element::broken(error.to_string()))?;

    let (interval, limit) = (taker.interval().max(1), taker.limit());
    let frames = AtomicU64::new(0);
    pad(&head, "sink")?.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
        let number = frames.fetch_add(1, Ordering::Relaxed);
        if number.is_multiple_of(interval) && number / interval < limit {
            gst::PadProbeReturn::Ok
        } else {
            gst::PadProbeReturn::Drop
        }
    });
    watch(&pad(&sink, "sink")?, (width, height), taker);
    Ok(sink)
}

/// Gives the pictures that arrive to the taker, and tells it of the end.
fn watch(sink: &gst::Pad, (width, height): (u32, u32), taker: impl Taker) {
    let taker = Mutex::new(taker);
    // Rows of packed RGB are padded to four bytes.
    let stride = (width as usize * RGB).next_multiple_of(4);
    let bytes = stride * height as usize;
    let mask = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM;
    // Nothing reaches the sink itself: it would hold its first picture until the pipeline plays, and
    // those behind it would hold up the encoders without which it does not.
    sink.add_probe(mask, move |_, info| {
        let mut taker = taker.lock();
        match &info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => {
                if let Ok(rgb) = buffer.map_readable()
                    && rgb.len() >= bytes
                {
                    taker.take(&rgb[..bytes], stride);
                }
                gst::PadProbeReturn::Drop
            }
            Some(gst::PadProbeData::Event(event)) if event.type_() == gst::EventType::Eos => {
                taker.end();
                gst::PadProbeReturn::Ok
            }
            _ => gst::PadProbeReturn::Ok,
        }
    });
}

/// Keeps the candidate with most to see.
struct Poster {
    interval: u64,
    /// Candidates that are still to come.
    left: u32,
    limit: u32,
    /// Score of the best so far.
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

impl Taker for Poster {
    fn interval(&self) -> u64 {
        self.interval
    }

    fn limit(&self) -> u64 {
        u64::from(self.limit)
    }

    fn take(&mut self, rgb: &[u8], stride: usize) {
        let score = poster::score(rgb, stride);
        if self.best.is_none_or(|best| score > best) {
            self.best = Some(score);
            self.image.put(rgb, stride, (0, 0), self.image.width);
        }
        self.left = self.left.saturating_sub(1);
        if self.left == 0 {
            self.end();
        }
    }

    fn end(&mut self) {
        if self.best.take().is_some() {
            send(&self.output, Thumbnail::Poster, &self.image, POSTER_QUALITY);
        }
    }
}

/// Fills sheets.
struct Sheets {
    plan: StoryboardPlan,
    sheet: Image,
    /// Sheets that are done, and pictures on the one that is not.
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

impl Taker for Sheets {
    fn interval(&self) -> u64 {
        u64::from(self.plan.interval_frames)
    }

    fn limit(&self) -> u64 {
        u64::MAX
    }

    fn take(&mut self, rgb: &[u8], stride: usize) {
        let (column, row) = (self.tiles % self.plan.columns, self.tiles / self.plan.columns);
        let place = (column * self.plan.tile_width, row * self.plan.tile_height);
        self.sheet.put(rgb, stride, place, self.plan.tile_width);
        self.tiles += 1;
        if self.tiles == self.plan.tiles_per_sheet() {
            self.end();
        }
    }

    fn end(&mut self) {
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

    /// Puts a picture, `width` pixels wide and `stride` bytes a row, in this place.
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
            let message = format!("a still picture cannot be made: {error}");
            output.event(&Event::Warning { message });
        }
    }
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
