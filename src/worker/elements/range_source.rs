//! The source as a seekable GStreamer element: every read is a request to the parent.
//!
//! It works in pull mode, so that a demuxer may jump (`moov` at the end, badly interleaved
//! tracks) and nothing is downloaded as a whole.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::prelude::*;
use parking_lot::Mutex;

use crate::worker::protocol::{Order, READ_FAILED};

/// Bytes that one request asks for. Demuxers read in pieces of a few bytes to some 64 KiB; a
/// quarter of a mebibyte makes a request rare and is still a small answer.
const BLOCK_BYTES: u64 = 256 << 10;
/// Blocks that the worker keeps: a demuxer alternates between audio and video chunks that lie
/// close together. 16 blocks are 4 MiB.
const KEPT_BLOCKS: usize = 16;

/// The worker's end of the source socket. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Client(Arc<Mutex<Connection>>);

#[derive(Debug)]
struct Connection {
    socket: UnixStream,
    size: u64,
    /// Block number and bytes, the most recently used at the back.
    blocks: VecDeque<(u64, Arc<[u8]>)>,
}

impl Client {
    /// Takes the order from the socket; the socket then serves reads.
    pub(crate) fn connect(mut socket: UnixStream) -> std::io::Result<(Self, Order)> {
        let mut len = [0; 4];
        socket.read_exact(&mut len)?;
        let mut text = vec![0; u32::from_be_bytes(len) as usize];
        socket.read_exact(&mut text)?;
        let order: Order = serde_json::from_slice(&text)?;
        let connection = Connection { socket, size: order.source_bytes, blocks: VecDeque::new() };
        Ok((Self(Arc::new(Mutex::new(connection))), order))
    }

    fn size(&self) -> u64 {
        self.0.lock().size
    }

    /// Fills `target` from `offset` on and returns how many bytes there were.
    pub(crate) fn read(&self, offset: u64, target: &mut [u8]) -> std::io::Result<usize> {
        let mut connection = self.0.lock();
        let mut filled = 0;
        while filled < target.len() {
            let position = offset + filled as u64;
            if position >= connection.size {
                break;
            }
            let block = connection.block(position / BLOCK_BYTES)?;
            let skip = usize::try_from(position % BLOCK_BYTES).unwrap_or(usize::MAX);
            let Some(bytes) = block.get(skip..).filter(|bytes| !bytes.is_empty()) else {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            };
            let len = bytes.len().min(target.len() - filled);
            target[filled..filled + len].copy_from_slice(&bytes[..len]);
            filled += len;
        }
        Ok(filled)
    }
}

impl Connection {
    fn block(&mut self, number: u64) -> std::io::Result<Arc<[u8]>> {
        if let Some(at) = self.blocks.iter().position(|(kept, _)| *kept == number)
            && let Some(entry) = self.blocks.remove(at)
        {
            let bytes = Arc::clone(&entry.1);
            self.blocks.push_back(entry);
            return Ok(bytes);
        }
        let bytes = self.request(number * BLOCK_BYTES)?;
        if self.blocks.len() == KEPT_BLOCKS {
            self.blocks.pop_front();
        }
        self.blocks.push_back((number, Arc::clone(&bytes)));
        Ok(bytes)
    }

    fn request(&mut self, offset: u64) -> std::io::Result<Arc<[u8]>> {
        let len = u32::try_from(BLOCK_BYTES.min(self.size - offset)).unwrap_or(u32::MAX);
        let mut request = [0; 12];
        request[..8].copy_from_slice(&offset.to_be_bytes());
        request[8..].copy_from_slice(&len.to_be_bytes());
        self.socket.write_all(&request)?;
        let mut answer = [0; 4];
        self.socket.read_exact(&mut answer)?;
        let answer = u32::from_be_bytes(answer);
        if answer == READ_FAILED || answer > len {
            return Err(std::io::Error::other("the source could not be read"));
        }
        let mut bytes = vec![0; answer as usize];
        self.socket.read_exact(&mut bytes)?;
        Ok(bytes.into())
    }
}

glib::wrapper! {
    /// The element.
    pub(crate) struct RangeSrc(ObjectSubclass<imp::RangeSrc>)
        @extends gstreamer_base::BaseSrc, gst::Element, gst::Object,
        @implements gst::URIHandler;
}

impl RangeSrc {
    /// The URI by which the probe finds the element.
    pub(crate) const URI: &str = "ladderd-source://source";

    /// A source that reads through `client`.
    pub(crate) fn new(client: &Client) -> Self {
        let element: Self = glib::Object::builder().build();
        element.set_client(client);
        element
    }

    /// Gives the element its connection.
    pub(crate) fn set_client(&self, client: &Client) {
        use glib::subclass::prelude::*;
        self.imp().set_client(client.clone());
    }
}

/// Makes the element known to GStreamer in this process.
pub(crate) fn register() -> Result<(), glib::BoolError> {
    // Unknown to every other process: the element cannot be named from a pipeline description.
    gst::Element::register(None, "ladderdrangesrc", gst::Rank::PRIMARY, RangeSrc::static_type())
}

mod imp {
    use parking_lot::Mutex;
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::{Duration, Instant};

    use gstreamer as gst;
    use gstreamer::glib;
    use gstreamer::subclass::prelude::*;
    use gstreamer_base::prelude::*;
    use gstreamer_base::subclass::base_src::CreateSuccess;
    use gstreamer_base::subclass::prelude::*;

    use super::Client;

    /// How long a reader is waited for that is being plugged, which takes microseconds of CPU time.
    const LONGEST_PLUGGING: Duration = Duration::from_secs(2);

    #[derive(Default)]
    pub(crate) struct RangeSrc {
        client: Mutex<Option<Client>>,
        /// Whether one was waited for in vain, which is enough.
        is_impatient: AtomicBool,
    }

    impl RangeSrc {
        pub(crate) fn set_client(&self, client: Client) {
            *self.client.lock() = Some(client);
        }

        /// Waits until whoever reads is plugged. `decodebin` and `parsebin` throw away the errors of an
        /// element until then: one that fails at its first bytes while their thread sleeps would not
        /// be heard of, and nothing more would ever come. On a busy machine that happens.
        fn wait_until_plugged(&self) {
            let begun = Instant::now();
            while !self.is_impatient.load(Ordering::Relaxed) && self.is_plugging() {
                self.is_impatient.store(begun.elapsed() > LONGEST_PLUGGING, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(1));
            }
        }

        /// Whether an element of the chain from here to the demuxer is being plugged: it is locked.
        fn is_plugging(&self) -> bool {
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

        /// Reads, or says on the bus why it cannot. The end of the source is no error.
        fn read(&self, offset: u64, target: &mut [u8]) -> Result<usize, gst::FlowError> {
            self.wait_until_plugged();
            let client = self.client().ok_or(gst::FlowError::Error)?;
            match client.read(offset, target) {
                Ok(0) => Err(gst::FlowError::Eos),
                Ok(filled) => Ok(filled),
                Err(error) => {
                    gst::element_imp_error!(
                        self,
                        gst::ResourceError::Read,
                        ["reading {} bytes at {offset}: {error}", target.len()]
                    );
                    Err(gst::FlowError::Error)
                }
            }
        }

        fn client(&self) -> Option<Client> {
            self.client.lock().clone()
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

    impl BaseSrcImpl for RangeSrc {
        fn start(&self) -> Result<(), gst::ErrorMessage> {
            self.client().map(|_| ()).ok_or_else(|| {
                gst::error_msg!(gst::ResourceError::Settings, ["the source has no connection"])
            })
        }

        fn is_seekable(&self) -> bool {
            true
        }

        fn size(&self) -> Option<u64> {
            self.client().map(|client| client.size())
        }

        fn create(
            &self,
            offset: u64,
            buffer: Option<&mut gst::BufferRef>,
            length: u32,
        ) -> Result<CreateSuccess, gst::FlowError> {
            // A demuxer may bring the buffer along; it says how much it wants by its size.
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

    impl URIHandlerImpl for RangeSrc {
        const URI_TYPE: gst::URIType = gst::URIType::Src;

        fn protocols() -> &'static [&'static str] {
            &["ladderd-source"]
        }

        fn uri(&self) -> Option<String> {
            Some(super::RangeSrc::URI.to_owned())
        }

        fn set_uri(&self, _uri: &str) -> Result<(), glib::Error> {
            Ok(())
        }
    }
}
