//! Subclass of `ladderdg2mdec`.

use std::sync::LazyLock;

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::prelude::*;
use gstreamer::subclass::prelude::*;

use crate::domain::codec_name::{self, GOTOMEETING};

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "ladderdg2mdec",
        gst::DebugColorFlags::empty(),
        Some("GoToMeeting decoder"),
    )
});

/// Templates of the bin's pads.
fn templates() -> Vec<gst::PadTemplate> {
    let announced = GOTOMEETING.iter().flat_map(|fourcc| codec_name::announced_caps(*fourcc));
    let sink = announced.filter_map(|text| text.parse::<gst::Caps>().ok()).collect();
    let raw = gst::Caps::new_empty_simple("video/x-raw");
    [("sink", gst::PadDirection::Sink, sink), ("src", gst::PadDirection::Src, raw)]
        .into_iter()
        .filter_map(|(name, direction, caps)| {
            gst::PadTemplate::new(name, direction, gst::PadPresence::Always, &caps).ok()
        })
        .collect()
}

/// Puts the decoder into the bin. Without it (GStreamer's libav plugin is not installed) the bin has no pads,
/// and cannot be linked.
fn fill(bin: &gst::Bin) -> Result<(), glib::BoolError> {
    let decoder = gst::ElementFactory::make("avdec_g2m").build()?;
    bin.add(&decoder)?;
    for name in ["sink", "src"] {
        let inner = decoder.static_pad(name).ok_or_else(|| glib::bool_error!("no pad {name}"))?;
        let template =
            bin.pad_template(name).ok_or_else(|| glib::bool_error!("no template {name}"))?;
        if name == "sink" {
            accept(&inner, &template.caps().to_owned());
        }
        bin.add_pad(&gst::GhostPad::from_template_with_target(&template, &inner)?)?;
    }
    Ok(())
}

/// Makes the decoder's sink pad take these caps. Its own template has `unknown/unknown`, which its base class
/// refuses; of other caps it reads the fields only.
#[expect(clippy::wildcard_enum_match_arm, reason = "an enum of GStreamer, which grows")]
fn accept(sink: &gst::Pad, caps: &gst::Caps) {
    let caps = caps.clone();
    // Runs on the streaming thread that queries; must not block.
    sink.add_probe(gst::PadProbeType::QUERY_DOWNSTREAM, move |_, info| {
        let Some(query) = info.query_mut() else { return gst::PadProbeReturn::Ok };
        match query.view_mut() {
            gst::QueryViewMut::AcceptCaps(accept) => {
                let is_ours = accept.caps().is_subset(&caps);
                accept.set_result(is_ours);
            }
            gst::QueryViewMut::Caps(wanted) => {
                let ours = wanted.filter().map_or_else(
                    || caps.clone(),
                    |filter| filter.intersect_with_mode(&caps, gst::CapsIntersectMode::First),
                );
                wanted.set_result(&ours);
            }
            _ => return gst::PadProbeReturn::Ok,
        }
        gst::PadProbeReturn::Handled
    });
}

#[derive(Default)]
pub(crate) struct GoToMeeting;

#[glib::object_subclass]
impl ObjectSubclass for GoToMeeting {
    const NAME: &'static str = "LadderdG2mDec";
    type Type = super::GoToMeeting;
    type ParentType = gst::Bin;
}

impl ObjectImpl for GoToMeeting {
    fn constructed(&self) {
        self.parent_constructed();
        if let Err(error) = fill(self.obj().upcast_ref()) {
            gst::warning!(CAT, imp = self, "Failed to add the decoder: {error}");
        }
    }
}

impl GstObjectImpl for GoToMeeting {}
impl BinImpl for GoToMeeting {}

impl ElementImpl for GoToMeeting {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "GoToMeeting decoder",
                "Codec/Decoder/Video",
                "Gives FFmpeg's decoder, whose codec has no caps name, the caps of demuxers",
                "ladderd",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static PADS: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(templates);
        &PADS
    }
}
