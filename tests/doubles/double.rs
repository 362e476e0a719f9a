//! The elements: bins with the names and properties of the real ones.

use std::sync::OnceLock;

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::prelude::*;
use gstreamer::subclass::prelude::*;

use crate::memory::Memory;
use crate::{facts, faults};

/// The kind of an element.
#[derive(Clone, Copy)]
enum Kind {
    /// Encodes frames in these memories.
    Encoder(&'static [&'static str]),
    /// Decodes this format with this element into the first of these memories that downstream accepts.
    Decoder(&'static str, &'static str, &'static [&'static str]),
    /// Copies frames from the first memories to the second.
    Copy(&'static [&'static str], &'static [&'static str]),
    /// Scales, converts and rotates in these memories.
    Scaler(&'static [&'static str]),
}

const CUDA: &str = "memory:CUDAMemory";
const VA: &str = "memory:VAMemory";
const SURFACE: &str = "memory:VASurface";
const H264: &str = "video/x-h264,stream-format=byte-stream,alignment=au";
const H265: &str = "video/x-h265,stream-format=byte-stream,alignment=au";

/// The elements of a set, as it is configured.
struct Set {
    names: Vec<String>,
    release: String,
    devices: u32,
}

fn set() -> &'static Set {
    static SET: OnceLock<Set> = OnceLock::new();
    SET.get_or_init(|| {
        let text = crate::file("set");
        let (set, release) = text.split_once(' ').unwrap_or((text.as_str(), ""));
        let names: &[&str] = match set {
            "nvcodec" => &["nvh264enc", "nvcudah264enc", "nvh264dec", "nvh265dec", "cuda"],
            "nvcodec-without-encoder" => &["nvh264dec", "nvh265dec", "cuda"],
            "va" => &["vah264enc", "vah264dec", "vah265dec", "vapostproc"],
            "va-low-power" => &["vah264lpenc", "vah264dec", "vapostproc"],
            "qsv" => &["qsvh264enc", "vah264dec", "vah265dec", "vapostproc"],
            "vaapi" => &["vaapi"],
            _ => &[],
        };
        Set {
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            release: release.to_owned(),
            devices: crate::file("devices").parse().unwrap_or(1),
        }
    })
}

fn is_wanted(factory: &str, like: &str) -> bool {
    let set = set();
    let in_set = set.names.iter().any(|name| like == name || like.starts_with(name.as_str()));
    let number = u32::from(factory != like);
    // `elements.json` has no decoders of gstreamer-vaapi: no recipe sets a property of theirs.
    let exists =
        facts::has(like, &set.release) || like.starts_with("vaapi") && like.ends_with("dec");
    in_set && exists && number < set.devices
}

macro_rules! doubles {
    ($($module:ident $type:literal $factory:literal like $like:literal: $kind:expr;)+) => {
        $(mod $module {
            use super::*;

            #[derive(Default)]
            pub struct Inner;

            glib::wrapper! {
                pub struct Double(ObjectSubclass<Inner>)
                    @extends gst::Bin, gst::Element, gst::Object,
                    @implements gst::ChildProxy;
            }

            #[glib::object_subclass]
            impl ObjectSubclass for Inner {
                const NAME: &'static str = $type;
                type Type = Double;
                type ParentType = gst::Bin;
            }

            impl ObjectImpl for Inner {
                fn properties() -> &'static [glib::ParamSpec] {
                    static ALL: OnceLock<Vec<glib::ParamSpec>> = OnceLock::new();
                    ALL.get_or_init(|| facts::properties($like, &set().release))
                }

                fn set_property(&self, _: usize, value: &glib::Value, spec: &glib::ParamSpec) {
                    apply(self.obj().upcast_ref(), spec.name(), value);
                }

                fn property(&self, _: usize, spec: &glib::ParamSpec) -> glib::Value {
                    // No caller reads a value that was set.
                    spec.default_value().clone()
                }

                fn constructed(&self) {
                    self.parent_constructed();
                    build(self.obj().upcast_ref(), &$kind);
                }
            }

            impl GstObjectImpl for Inner {}

            impl ElementImpl for Inner {
                fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
                    static ALL: OnceLock<gst::subclass::ElementMetadata> = OnceLock::new();
                    Some(ALL.get_or_init(|| {
                        let klass = klass(&$kind);
                        gst::subclass::ElementMetadata::new($factory, klass, "a double", "ladderd")
                    }))
                }

                fn pad_templates() -> &'static [gst::PadTemplate] {
                    static ALL: OnceLock<Vec<gst::PadTemplate>> = OnceLock::new();
                    ALL.get_or_init(|| templates(&$kind))
                }
            }

            impl BinImpl for Inner {}
        })+

        /// Registers the configured elements.
        pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
            $(if is_wanted($factory, $like) {
                let rank = gst::Rank::NONE;
                gst::Element::register(Some(plugin), $factory, rank, $module::Double::static_type())?;
            })+
            Ok(())
        }
    };
}

doubles! {
    nvh264enc "DoubleNvH264Enc" "nvh264enc" like "nvh264enc": Kind::Encoder(&[CUDA, ""]);
    nvh264device1enc "DoubleNvH264Device1Enc" "nvh264device1enc" like "nvh264enc": Kind::Encoder(&[CUDA, ""]);
    nvcudah264enc "DoubleNvCudaH264Enc" "nvcudah264enc" like "nvcudah264enc": Kind::Encoder(&[CUDA, ""]);
    nvh264dec "DoubleNvH264Dec" "nvh264dec" like "nvh264dec": Kind::Decoder(H264, "avdec_h264", &[CUDA, ""]);
    nvh264device1dec "DoubleNvH264Device1Dec" "nvh264device1dec" like "nvh264dec": Kind::Decoder(H264, "avdec_h264", &[CUDA, ""]);
    nvh265dec "DoubleNvH265Dec" "nvh265dec" like "nvh265dec": Kind::Decoder(H265, "avdec_h265", &[CUDA, ""]);
    cudaupload "DoubleCudaUpload" "cudaupload" like "cudaupload": Kind::Copy(&["", CUDA], &[CUDA]);
    cudadownload "DoubleCudaDownload" "cudadownload" like "cudadownload": Kind::Copy(&["", CUDA], &["", CUDA]);
    cudaconvertscale "DoubleCudaConvertScale" "cudaconvertscale" like "cudaconvertscale": Kind::Scaler(&[CUDA]);
    vah264enc "DoubleVaH264Enc" "vah264enc" like "vah264enc": Kind::Encoder(&[VA, ""]);
    vah264lpenc "DoubleVaH264LpEnc" "vah264lpenc" like "vah264lpenc": Kind::Encoder(&[VA, ""]);
    vah264dec "DoubleVaH264Dec" "vah264dec" like "vah264dec": Kind::Decoder(H264, "avdec_h264", &[VA, ""]);
    vah265dec "DoubleVaH265Dec" "vah265dec" like "vah265dec": Kind::Decoder(H265, "avdec_h265", &[VA, ""]);
    vapostproc "DoubleVaPostProc" "vapostproc" like "vapostproc": Kind::Scaler(&[VA, ""]);
    qsvh264enc "DoubleQsvH264Enc" "qsvh264enc" like "qsvh264enc": Kind::Encoder(&[VA, ""]);
    vaapih264enc "DoubleVaapiH264Enc" "vaapih264enc" like "vaapih264enc": Kind::Encoder(&[SURFACE, ""]);
    vaapih264dec "DoubleVaapiH264Dec" "vaapih264dec" like "vaapih264dec": Kind::Decoder(H264, "avdec_h264", &[SURFACE, ""]);
    vaapipostproc "DoubleVaapiPostProc" "vaapipostproc" like "vaapipostproc": Kind::Scaler(&[SURFACE, ""]);
}

fn klass(kind: &Kind) -> &'static str {
    match kind {
        Kind::Encoder(_) => "Codec/Encoder/Video/Hardware",
        Kind::Decoder(..) => "Codec/Decoder/Video/Hardware",
        Kind::Copy(..) => "Filter/Video/Hardware",
        Kind::Scaler(_) => "Filter/Converter/Video/Scaler/Colorspace/Hardware",
    }
}

/// Raw caps in these memories.
fn raw(memories: &[&str], formats: &str, sizes: &str) -> gst::Caps {
    let structure = |memory: &&str| {
        let features = if memory.is_empty() { String::new() } else { format!("({memory})") };
        format!("video/x-raw{features}{formats}{sizes}")
    };
    let all: Vec<String> = memories.iter().map(structure).collect();
    all.join(";").parse().unwrap()
}

/// Range of frame sizes: the minimum of NVENC is that of Turing and newer cards.
fn sizes(memories: &[&str]) -> &'static str {
    if memories.contains(&CUDA) {
        ",width=[160,4096],height=[64,4096]"
    } else {
        ",width=[16,4096],height=[16,4096]"
    }
}

fn templates(kind: &Kind) -> Vec<gst::PadTemplate> {
    let (sink, src) = match kind {
        Kind::Encoder(memories) => {
            (raw(memories, ",format=NV12", sizes(memories)), "video/x-h264".parse().unwrap())
        }
        Kind::Decoder(coded, _, memories) => {
            (coded.parse().unwrap(), raw(memories, ",format={NV12,P010_10LE}", ""))
        }
        Kind::Copy(from, to) => (raw(from, "", ""), raw(to, "", "")),
        Kind::Scaler(memories) => (raw(memories, "", ""), raw(memories, "", "")),
    };
    let always = gst::PadPresence::Always;
    [("sink", gst::PadDirection::Sink, sink), ("src", gst::PadDirection::Src, src)]
        .map(|(name, direction, caps)| {
            gst::PadTemplate::new(name, direction, always, &caps).unwrap()
        })
        .to_vec()
}

/// Adds the elements that do the work to the bin, with ghost pads.
fn build(bin: &gst::Bin, kind: &Kind) {
    let make =
        |factory: &str, name: &str| gst::ElementFactory::make(factory).name(name).build().unwrap();
    let only = |caps: &str| {
        let filter = make("capsfilter", "only");
        filter.set_property("caps", caps.parse::<gst::Caps>().unwrap());
        filter
    };
    let chain = match kind {
        Kind::Encoder(memories) => {
            let encoder = make("x264enc", "inner");
            encoder.set_property_from_str("speed-preset", "superfast");
            encoder.set_property_from_str("option-string", "scenecut=0:open-gop=0");
            encoder.set_property("threads", 1_u32);
            faults::inject(bin.upcast_ref(), &encoder);
            vec![Memory::between(memories, &[""]), only("video/x-raw,format=NV12"), encoder]
        }
        Kind::Decoder(_, decoder, memories) => vec![
            make(decoder, "inner"),
            make("videoconvert", "convert"),
            only("video/x-raw,format={NV12,P010_10LE}"),
            Memory::between(&[""], memories),
        ],
        Kind::Copy(from, to) => vec![Memory::between(from, to)],
        Kind::Scaler(memories) => vec![
            Memory::between(memories, &[""]),
            make("videoconvertscale", "scale"),
            Memory::between(&[""], memories),
        ],
    };
    bin.add_many(&chain).unwrap();
    gst::Element::link_many(&chain).unwrap();
    let (first, last) = (&chain[0], &chain[chain.len() - 1]);
    for (name, element) in [("sink", first), ("src", last)] {
        let template = bin.pad_template(name).unwrap();
        let target = element.static_pad(name).unwrap();
        let pad = gst::GhostPad::builder_from_template_with_target(&template, &target)
            .unwrap()
            .name(name)
            .build();
        bin.add_pad(&pad).unwrap();
    }
}

/// Makes a scaler rotate, too. `videoflip` accepts 8 bits only, so it is added when it is needed.
fn turn(bin: &gst::Bin, direction: &glib::Value) {
    let make = |factory: &str| gst::ElementFactory::make(factory).build().unwrap();
    let (flip, convert) = (make("videoflip"), make("videoconvert"));
    flip.set_property_from_value("video-direction", direction);
    let scale = bin.by_name("scale").unwrap();
    let before = scale.static_pad("sink").unwrap().peer().unwrap().parent_element().unwrap();
    bin.add_many([&convert, &flip]).unwrap();
    before.unlink(&scale);
    gst::Element::link_many([&before, &convert, &flip, &scale]).unwrap();
}

/// Applies a property to the inner elements, if it has a visible effect.
fn apply(bin: &gst::Bin, name: &str, value: &glib::Value) {
    match name {
        "gop-size" | "key-int-max" | "keyframe-period" => {
            let frames = value
                .get::<u32>()
                .or_else(|_| value.get::<i32>().map(|frames| u32::try_from(frames).unwrap_or(0)));
            bin.by_name("inner").unwrap().set_property("key-int-max", frames.unwrap());
        }
        "max-bitrate" | "bitrate" => {
            let rate = value.get::<u32>().unwrap().clamp(1, 2_000_000);
            bin.by_name("inner").unwrap().set_property("bitrate", rate);
        }
        "video-direction" => {
            turn(bin.downcast_ref().unwrap(), value);
        }
        "add-borders" | "force-aspect-ratio" => {
            bin.by_name("scale").unwrap().set_property_from_value("add-borders", value);
        }
        _ => {}
    }
}
