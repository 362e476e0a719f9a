//! Chooses the backend that encodes a source.

use gstreamer as gst;

use crate::domain::backend::Backend;
use crate::domain::colour::DynamicRange;
use crate::domain::failure_code::FailureCode;
use crate::domain::media::{MediaInfo, VideoStream};
use crate::domain::plan::{Plan, VideoPlan};
use crate::domain::recipe::{Recipe, Source};
use crate::worker::protocol::Failure;

/// Returns the first backend that can encode this plan, and notes in the plan why others were skipped.
pub(super) fn choose<'a>(
    backends: &'a [Backend],
    media: &MediaInfo,
    plan: &mut Plan,
) -> Result<(&'a Backend, Source), Failure> {
    let stream = media.video.iter().find(|stream| stream.stream_id == plan.video.stream_id);
    let mut skipped = Vec::new();
    for backend in backends {
        let in_software = software_only(&plan.video);
        let decodable = stream.filter(|_| in_software.is_none());
        let decoder = decodable.and_then(|stream| decoder(&backend.recipe, stream));
        let source = Source { device_decoded: decoder.is_some() };
        if let Some(reason) = backend.unfit(&plan.video, source) {
            skipped.push(format!("skipped backend {}: {reason}", backend.label()));
            continue;
        }
        plan.notes.append(&mut skipped);
        if let Some(stream) = stream.filter(|_| decoder.is_none())
            && !backend.recipe.decoders.is_empty()
        {
            plan.notes.push(match in_software {
                Some(why) => format!("decoded in software: {why}"),
                None => format!(
                    "decoded in software: {} has no decoder for {}",
                    backend.label(),
                    described(stream)
                ),
            });
        }
        plan.backend = backend.label();
        plan.decoder = decoder;
        return Ok((backend, source));
    }
    let why = if skipped.is_empty() { "there is none".to_owned() } else { skipped.join("; ") };
    Err(Failure::new(FailureCode::NoBackend, format!("no backend can encode the video: {why}")))
}

/// Why the frames of this plan come from a software decoder on every backend: no device crops in every release,
/// and none deinterlaces frames of more than 8 bits.
fn software_only(plan: &VideoPlan) -> Option<&'static str> {
    let is_hdr = plan.dynamic_range != DynamicRange::Standard;
    match plan.crop {
        Some(_) => Some("a part of the frames is cut off"),
        None if plan.deinterlace && is_hdr => {
            Some("its frames are interlaced, of high dynamic range")
        }
        None => None,
    }
}

/// Codec, profile and chroma format, if they are known.
fn described(stream: &VideoStream) -> String {
    let caps: Option<gst::Caps> = stream.caps.parse().ok();
    let structure = caps.as_ref().and_then(|caps| caps.structure(0));
    let fields = ["profile", "chroma-format"];
    let known = fields.iter().filter_map(|name| structure?.get::<String>(*name).ok());
    std::iter::once(stream.codec.clone()).chain(known).collect::<Vec<_>>().join(" ")
}

/// The device's decoder that can decode the stream.
fn decoder(recipe: &Recipe, stream: &VideoStream) -> Option<String> {
    let caps = comparable(stream)?;
    let takes = |name: &&String| {
        gst::ElementFactory::find(name).is_some_and(|factory| factory.can_sink_any_caps(&caps))
    };
    recipe.decoders.iter().find(takes).cloned()
}

/// The fields of the stream's caps that decide whether a decoder can take it; a parser converts the
/// others. `None` for streams that no known device decodes, whatever its decoder's caps say: H.264 of
/// more than 8 bits, and chroma formats other than 4:2:0.
fn comparable(stream: &VideoStream) -> Option<gst::Caps> {
    const DECISIVE: [&str; 3] = ["profile", "width", "height"];
    let caps: gst::Caps = stream.caps.parse().ok()?;
    let structure = caps.structure(0)?;
    let chroma = structure.get::<&str>("chroma-format").unwrap_or("4:2:0");
    if chroma != "4:2:0" || stream.codec == "video/x-h264" && stream.bit_depth > 8 {
        return None;
    }
    let mut short = gst::Structure::new_empty(structure.name());
    for name in DECISIVE {
        if let Ok(value) = structure.value(name) {
            short.set_value(name, value.clone());
        }
    }
    Some(gst::Caps::builder_full().structure(short).build())
}
