//! Declares colours and pixel shape of decoded frames as the plan has them.
//!
//! Decoders state what the bitstream states, which may be little. The plan has the rest: what the container
//! states, and what follows from the size. Everything behind converts by the declared caps.

use gstreamer as gst;
use gstreamer::prelude::*;

use crate::domain::colour::DynamicRange;
use crate::domain::failure_code::FailureCode;
use crate::domain::plan::VideoPlan;
use crate::domain::recipe::PipelineSpec;
use crate::worker::colorimetry;
use crate::worker::graph::limit_probe;
use crate::worker::protocol::Failure;

/// Completes the caps of all decoded frames that arrive at this pad. Frames that this pipeline cannot convert
/// fail the job.
pub(crate) fn declare(
    pipeline: &gst::Pipeline,
    head: &gst::Pad,
    plan: &VideoPlan,
    spec: &PipelineSpec,
) {
    let (weak, plan) = (pipeline.downgrade(), plan.clone());
    // Frames of more than 8 bits are deinterlaced only where the plan knows of it.
    let is_planned = plan.deinterlace || plan.dynamic_range == DynamicRange::Standard;
    let deinterlaces = is_planned && spec.prepare.iter().any(|step| step.element == "deinterlace");
    // Runs on the decoder's streaming thread: replaces an event, and posts a message on the bus.
    head.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        if let Some(gst::PadProbeData::Event(event)) = &mut info.data
            && let gst::EventView::Caps(caps) = event.view()
        {
            match declared(caps.caps(), &plan, deinterlaces) {
                Ok(caps) => {
                    *event = gst::event::Caps::builder(&caps).seqnum(event.seqnum()).build();
                }
                Err(failure) => {
                    if let Some(pipeline) = weak.upgrade() {
                        limit_probe::post(&pipeline, &failure);
                    }
                    return gst::PadProbeReturn::Drop;
                }
            }
        }
        gst::PadProbeReturn::Ok
    });
}

/// These caps with the planned pixel aspect ratio, and with the planned colours where they state none.
///
/// # Errors
/// If they turn to high dynamic range, and the plan has no tone mapping; if they turn interlaced, and the
/// pipeline has no deinterlacer.
fn declared(
    caps: &gst::CapsRef,
    plan: &VideoPlan,
    deinterlaces: bool,
) -> Result<gst::Caps, Failure> {
    let mut caps = caps.to_owned();
    for structure in caps.make_mut().iter_mut() {
        let side = |name| structure.get::<i32>(name).ok().and_then(|side| u32::try_from(side).ok());
        let size = (side("width").unwrap_or(0), side("height").unwrap_or(0));
        let is_rgb = structure.get::<&str>("format").is_ok_and(is_rgb);
        let stated = colorimetry::of_caps(structure).or(plan.colour.stated());
        let colour = stated.completed(size).as_converted();
        let is_hdr = |range| matches!(range, DynamicRange::Pq | DynamicRange::Hlg);
        if is_hdr(colour.dynamic_range()) && plan.dynamic_range == DynamicRange::Standard {
            return Err(turned_hdr());
        }
        let mode = structure.get::<&str>("interlace-mode").unwrap_or("progressive");
        if mode != "progressive" && !deinterlaces {
            return Err(turned_interlaced());
        }
        structure.set("colorimetry", colorimetry::to_caps(colour, is_rgb));
        if let Some((num, den)) = plan
            .pixel_aspect
            .and_then(|aspect| i32::try_from(aspect.num).ok().zip(i32::try_from(aspect.den).ok()))
        {
            structure.set("pixel-aspect-ratio", gst::Fraction::new(num, den));
        }
    }
    Ok(caps)
}

/// Whether frames of this format have no colour matrix.
fn is_rgb(format: &str) -> bool {
    let info = format.parse::<gstreamer_video::VideoFormatInfo>();
    info.is_ok_and(|info| info.is_rgb())
}

fn turned_hdr() -> Failure {
    Failure::new(
        FailureCode::Undecodable,
        "The video changes from standard to high dynamic range (HDR) after its beginning, which cannot be \
         converted. Convert it to one dynamic range and upload that.",
    )
}

/// The code lets another backend try, which decodes and deinterlaces in software.
fn turned_interlaced() -> Failure {
    let told = "the video turns interlaced after its beginning, and the device cannot deinterlace";
    Failure { of_device: true, ..Failure::new(FailureCode::PipelineFailed, told) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::colour::{Colour, Range};
    use crate::domain::encode::EncodeConfig;
    use crate::domain::media::Fraction;

    fn plan() -> VideoPlan {
        let plan = VideoPlan::grid(Fraction::new(25, 1), &EncodeConfig::default());
        let colour = Colour { range: Range::Full, matrix: 6, ..Colour::OUTPUT };
        VideoPlan { colour, ..plan }
    }

    fn colorimetry_of(caps: &str, plan: &VideoPlan) -> Option<String> {
        let caps: gst::Caps = caps.parse().unwrap();
        let declared = declared(&caps, plan, true).ok()?;
        Some(declared.structure(0).unwrap().get::<String>("colorimetry").unwrap())
    }

    #[test]
    fn decoded_caps_are_completed_by_the_plan() {
        gst::init().unwrap();
        let table = [
            ("format=I420", "1:4:5:1"),
            ("format=I420,colorimetry=2:0:0:0", "2:4:5:1"),
            ("format=I420,colorimetry=bt709", "bt709"),
            ("format=I420_10LE,colorimetry=2:3:16:4", "bt709"),
            ("format=GRAY8", "1:4:5:1"),
            ("format=BGRx", "1:1:5:1"),
            ("format=GBR_10LE,colorimetry=sRGB", "1:1:5:1"),
        ];
        for (caps, expected) in table {
            let caps = format!("video/x-raw,width=1920,height=1080,{caps}");
            assert_eq!(colorimetry_of(&caps, &plan()).as_deref(), Some(expected), "{caps}");
        }
    }

    #[test]
    fn an_hdr_transfer_function_enters_no_ladder_without_tone_mapping() {
        gst::init().unwrap();
        let caps = "video/x-raw,format=I420_10LE,width=16,height=16,colorimetry=bt2100-pq";
        assert_eq!(colorimetry_of(caps, &plan()), None);
        let hdr = VideoPlan { dynamic_range: DynamicRange::Hlg, ..plan() };
        assert_eq!(colorimetry_of(caps, &hdr).as_deref(), Some("bt2100-pq"));
    }

    #[test]
    fn interlaced_frames_enter_no_ladder_without_a_deinterlacer() {
        gst::init().unwrap();
        let caps = "video/x-raw,format=NV12,width=16,height=16,interlace-mode=mixed";
        let caps: gst::Caps = caps.parse().unwrap();
        assert!(declared(&caps, &plan(), true).is_ok());
        let failure = declared(&caps, &plan(), false).unwrap_err();
        assert!(failure.code.may_be_backend(), "{failure:?}");
    }

    #[test]
    fn a_planned_pixel_aspect_replaces_that_of_the_decoder() {
        gst::init().unwrap();
        let caps: gst::Caps =
            "video/x-raw,format=I420,width=16,height=16,pixel-aspect-ratio=1/1".parse().unwrap();
        for (planned, expected) in [(None, (1, 1)), (Some(Fraction::new(4, 3)), (4, 3))] {
            let plan = VideoPlan { pixel_aspect: planned, ..plan() };
            let declared = declared(&caps, &plan, true).unwrap();
            let found = declared.structure(0).unwrap().get::<gst::Fraction>("pixel-aspect-ratio");
            let found = found.unwrap();
            assert_eq!((found.numer(), found.denom()), expected);
        }
    }
}
