//! Subclass of `ladderdrangesrc`.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::subclass::prelude::*;
use gstreamer_base::prelude::*;
use gstreamer_base::subclass::base_src::CreateSuccess;
use gstreamer_base::subclass::prelude::*;
use parking_lot::Mutex;

use super::client::Client;
use super::transport_stream::TransportStream;

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new("ladderdrangesrc", gst::DebugColorFlags::empty(), Some("Range source"))
});

/// Longest wait for `decodebin` to finish linking, which takes microseconds of CPU time.
const LINK_TIMEOUT: Duration = Duration::from_secs(2);
/// Interval of the checks during that wait.
const LINK_POLL_INTERVAL: Duration = Duration::from_millis(1);

#[derive(Default)]
pub(crate) struct RangeSrc {
    client: Mutex<Option<Client>>,
    /// The source, if it is a transport stream.
    transport_stream: Mutex<Option<TransportStream>>,
    /// Set after one wait of [`LINK_TIMEOUT`]: later reads do not wait again.
    gave_up_waiting: AtomicBool,
}

impl RangeSrc {
    pub(super) fn set_client(&self, client: Client) {
        *self.client.lock() = Some(client);
    }

    fn client(&self) -> Option<Client> {
        self.client.lock().clone()
    }

    /// Waits until `decodebin` or `parsebin` has finished linking the reader. Both ignore the
    /// errors of an element until then: an element that fails on its first bytes meanwhile (on a
    /// busy machine) would stall the pipeline without a message.
    fn wait_until_linked(&self) {
        let begun = Instant::now();
        while !self.gave_up_waiting.load(Ordering::Relaxed) && self.is_being_linked() {
            if begun.elapsed() > LINK_TIMEOUT {
                gst::warning!(CAT, imp = self, "Downstream is still being linked; reading anyway");
                self.gave_up_waiting.store(true, Ordering::Relaxed);
            }
            std::thread::sleep(LINK_POLL_INTERVAL);
        }
    }

    /// Whether an element between this one and the demuxer has a locked state, as `decodebin` locks
    /// the elements that it is linking.
    fn is_being_linked(&self) -> bool {
        let mut pad = self.obj().static_pad("src");
        while let Some(peer) = pad.and_then(|pad| pad.peer()) {
            let sink = match peer.downcast::<gst::GhostPad>() {
                Ok(ghost) => ghost.target(),
                Err(sink) => Some(sink),
            };
            let Some(element) = sink.and_then(|sink| sink.parent_element()) else { break };
            if element.is_locked_state() {
                return true;
            }
            pad = element.static_pad("src");
        }
        false
    }

    /// Reads from the parent; posts an error message if that fails. The end of the source is
    /// `FlowError::Eos`, without a message.
    fn read(&self, offset: u64, target: &mut [u8]) -> Result<usize, gst::FlowError> {
        let client = self.client().ok_or(gst::FlowError::Error)?;
        match client.read(offset, target) {
            Ok(0) => Err(gst::FlowError::Eos),
            Ok(filled) => Ok(filled),
            Err(error) => Err(self.read_error(&error)),
        }
    }

    /// Reads the next packets of a transport stream, like [`Self::read`].
    fn read_packets(&self, stream: &mut TransportStream) -> Result<gst::Buffer, gst::FlowError> {
        let chunk = stream.next_chunk().map_err(|error| self.read_error(&error))?;
        let chunk = chunk.ok_or(gst::FlowError::Eos)?;
        let mut buffer = gst::Buffer::from_mut_slice(chunk.bytes);
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(chunk.ticks.map(time));
        }
        Ok(buffer)
    }

    fn read_error(&self, error: &std::io::Error) -> gst::FlowError {
        gst::element_imp_error!(self, gst::ResourceError::Read, ["reading the source: {error}"]);
        gst::FlowError::Error
    }
}

#[glib::object_subclass]
impl ObjectSubclass for RangeSrc {
    const NAME: &'static str = "LadderdRangeSrc";
    type Type = super::RangeSrc;
    type ParentType = gstreamer_base::BaseSrc;
    type Interfaces = (gst::URIHandler,);
}

impl ObjectImpl for RangeSrc {
    fn constructed(&self) {
        self.parent_constructed();
        self.obj().set_format(gst::Format::Bytes);
    }
}

impl GstObjectImpl for RangeSrc {}

impl ElementImpl for RangeSrc {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Range source",
                "Source",
                "Reads the job's source from the parent process",
                "ladderd",
            )
        });
        Some(&*METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            gst::PadTemplate::new(
                "src",
                gst::PadDirection::Src,
                gst::PadPresence::Always,
                &gst::Caps::new_any(),
            )
            .into_iter()
            .collect()
        });
        TEMPLATES.as_ref()
    }
}

// `create` runs on the thread that pulls: that of the demuxer, or of `typefind`. It may block,
// because the whole job waits for these bytes. `start` runs on the thread that changes the state.
impl BaseSrcImpl for RangeSrc {
    fn start(&self) -> Result<(), gst::ErrorMessage> {
        let client = self.client().ok_or_else(|| {
            gst::error_msg!(gst::ResourceError::Settings, ["the source has no connection"])
        })?;
        gst::debug!(CAT, imp = self, "Reading a source of {} bytes", client.source_bytes());
        let stream = TransportStream::open(&client);
        self.obj().set_format(if stream.is_some() {
            gst::Format::Time
        } else {
            gst::Format::Bytes
        });
        *self.transport_stream.lock() = stream;
        Ok(())
    }

    fn is_seekable(&self) -> bool {
        self.transport_stream.lock().is_none()
    }

    fn query(&self, query: &mut gst::QueryRef) -> bool {
        if let gst::QueryViewMut::Duration(duration) = query.view_mut()
            && duration.format() == gst::Format::Time
            && let Some(stream) = &*self.transport_stream.lock()
        {
            duration.set(time(stream.duration_ticks));
            return true;
        }
        BaseSrcImplExt::parent_query(self, query)
    }

    fn size(&self) -> Option<u64> {
        self.client().map(|client| client.source_bytes())
    }

    fn create(
        &self,
        offset: u64,
        buffer: Option<&mut gst::BufferRef>,
        length: u32,
    ) -> Result<CreateSuccess, gst::FlowError> {
        // Without the lock, since queries of other threads take it.
        self.wait_until_linked();
        if let Some(stream) = &mut *self.transport_stream.lock() {
            return self.read_packets(stream).map(CreateSuccess::NewBuffer);
        }
        gst::trace!(CAT, imp = self, "Reading {length} bytes at {offset}");
        // A demuxer may supply the buffer, whose size then bounds the read.
        if let Some(buffer) = buffer {
            let filled = {
                let mut map = buffer.map_writable().map_err(|_| gst::FlowError::Error)?;
                let wanted = map.len().min(length as usize);
                self.read(offset, &mut map[..wanted])?
            };
            buffer.set_size(filled);
            buffer.set_offset(offset);
            buffer.set_offset_end(offset + filled as u64);
            return Ok(CreateSuccess::FilledBuffer);
        }
        let mut bytes = vec![0; length as usize];
        let filled = self.read(offset, &mut bytes)?;
        bytes.truncate(filled);
        let mut buffer = gst::Buffer::from_mut_slice(bytes);
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_offset(offset);
            buffer.set_offset_end(offset + filled as u64);
        }
        Ok(CreateSuccess::NewBuffer(buffer))
    }
}

/// The time of ticks of 90 kHz.
fn time(ticks: u64) -> gst::ClockTime {
    gst::ClockTime::from_nseconds(ticks.saturating_mul(100_000) / 9)
}
