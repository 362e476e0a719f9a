//! Subclass of `ladderdcodecalias`. The table is [`crate::domain::codec_name::ALIASES`].

use std::sync::LazyLock;

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::subclass::prelude::*;
use gstreamer_base::subclass::prelude::*;

use crate::domain::codec_name::{self, ALIASES};

/// Caps before and behind the element, with all aliases.
struct Templates {
    sink: gst::Caps,
    src: gst::Caps,
}

static TEMPLATES: LazyLock<Templates> = LazyLock::new(|| {
    let sink = ALIASES.iter().flat_map(|alias| codec_name::announced_caps(*alias.fourcc));
    let sink = sink.filter_map(|text| text.parse::<gst::Caps>().ok()).collect();
    let src = ALIASES.iter().filter_map(|alias| alias.caps.parse::<gst::Caps>().ok()).collect();
    Templates { sink, src }
});

#[derive(Default)]
pub(crate) struct CodecAlias;

#[glib::object_subclass]
impl ObjectSubclass for CodecAlias {
    const NAME: &'static str = "LadderdCodecAlias";
    type Type = super::CodecAlias;
    type ParentType = gstreamer_base::BaseTransform;
}

impl ObjectImpl for CodecAlias {}
impl GstObjectImpl for CodecAlias {}

impl ElementImpl for CodecAlias {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Codec alias",
                "Codec/Parser/Video",
                "Names codecs whose FourCC demuxers do not know",
                "ladderd",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static PADS: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            let template = |name, direction, caps| {
                gst::PadTemplate::new(name, direction, gst::PadPresence::Always, caps)
            };
            let pads = [
                template("sink", gst::PadDirection::Sink, &TEMPLATES.sink),
                template("src", gst::PadDirection::Src, &TEMPLATES.src),
            ];
            pads.into_iter().flatten().collect()
        });
        &PADS
    }
}

// Called on the demuxer's streaming thread: no blocking, no access to other elements.
impl BaseTransformImpl for CodecAlias {
    const MODE: gstreamer_base::subclass::BaseTransformMode =
        gstreamer_base::subclass::BaseTransformMode::AlwaysInPlace;
    const PASSTHROUGH_ON_SAME_CAPS: bool = false;
    const TRANSFORM_IP_ON_PASSTHROUGH: bool = false;

    fn transform_caps(
        &self,
        direction: gst::PadDirection,
        caps: &gst::Caps,
        filter: Option<&gst::Caps>,
    ) -> Option<gst::Caps> {
        let caps = if direction == gst::PadDirection::Sink {
            caps.iter().filter_map(renamed).collect()
        } else {
            TEMPLATES.sink.clone()
        };
        Some(match filter {
            Some(filter) => filter.intersect_with_mode(&caps, gst::CapsIntersectMode::First),
            None => caps,
        })
    }

    fn transform_ip(
        &self,
        _buffer: &mut gst::BufferRef,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        Ok(gst::FlowSuccess::Ok)
    }
}

/// The structure of the decoder's caps with the fields of the stream; `None` if its FourCC has no alias.
fn renamed(announced: &gst::StructureRef) -> Option<gst::Structure> {
    let fourcc = codec_name::fourcc(&announced.to_string())?;
    let alias = ALIASES.iter().find(|alias| *alias.fourcc == fourcc)?;
    let mut named = alias.caps.parse::<gst::Caps>().ok()?.structure(0)?.to_owned();
    for (field, value) in announced.iter().filter(|(field, _)| *field != "fourcc") {
        named.set_value(field, value.clone());
    }
    Some(named)
}
