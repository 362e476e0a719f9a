//! Frames in system memory whose caps claim GPU memory.

use std::sync::OnceLock;

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::prelude::*;
use gstreamer::subclass::prelude::*;
use gstreamer_base::subclass::BaseTransformMode;
use gstreamer_base::subclass::prelude::*;

/// Changes the memory feature of caps and nothing else.
#[derive(Default)]
pub struct Inner(OnceLock<Sides>);

struct Sides {
    from: Vec<String>,
    to: Vec<String>,
}

glib::wrapper! {
    pub struct Memory(ObjectSubclass<Inner>)
        @extends gstreamer_base::BaseTransform, gst::Element, gst::Object;
}

impl Memory {
    /// An element that accepts frames in the memories `from` and outputs the first of the memories `to`
    /// that downstream accepts. Memories are features of caps; system memory is the empty string.
    pub(crate) fn between(from: &[&str], to: &[&str]) -> gst::Element {
        let memory: Self = glib::Object::new();
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        drop(memory.imp().0.set(Sides { from: list(from), to: list(to) }));
        memory.upcast()
    }
}

#[glib::object_subclass]
impl ObjectSubclass for Inner {
    const NAME: &'static str = "DoubleMemory";
    type Type = Memory;
    type ParentType = gstreamer_base::BaseTransform;
}

impl ObjectImpl for Inner {}
impl GstObjectImpl for Inner {}

impl ElementImpl for Inner {
    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: OnceLock<Vec<gst::PadTemplate>> = OnceLock::new();
        TEMPLATES.get_or_init(|| {
            let caps: gst::Caps = "video/x-raw(ANY)".parse().unwrap();
            [("sink", gst::PadDirection::Sink), ("src", gst::PadDirection::Src)]
                .map(|(name, direction)| {
                    gst::PadTemplate::new(name, direction, gst::PadPresence::Always, &caps).unwrap()
                })
                .to_vec()
        })
    }
}

impl BaseTransformImpl for Inner {
    const MODE: BaseTransformMode = BaseTransformMode::AlwaysInPlace;
    const PASSTHROUGH_ON_SAME_CAPS: bool = true;
    const TRANSFORM_IP_ON_PASSTHROUGH: bool = false;

    fn transform_caps(
        &self,
        direction: gst::PadDirection,
        caps: &gst::Caps,
        filter: Option<&gst::Caps>,
    ) -> Option<gst::Caps> {
        let sides = self.0.get()?;
        let (here, there) = match direction {
            gst::PadDirection::Sink => (&sides.from, &sides.to),
            gst::PadDirection::Src | gst::PadDirection::Unknown => (&sides.to, &sides.from),
        };
        let mut other = gst::Caps::new_empty();
        {
            let other = other.make_mut();
            for memory in there {
                for (structure, features) in caps.iter_with_features() {
                    let is_ours = features.is_any() || here.iter().any(|m| *m == name(features));
                    if is_ours {
                        other.append_structure_full(structure.to_owned(), features_of(memory));
                    }
                }
            }
        }
        Some(match filter {
            Some(filter) => filter.intersect_with_mode(&other, gst::CapsIntersectMode::First),
            None => other,
        })
    }

    fn transform_ip(&self, _: &mut gst::BufferRef) -> Result<gst::FlowSuccess, gst::FlowError> {
        Ok(gst::FlowSuccess::Ok)
    }
}

fn name(features: &gst::CapsFeaturesRef) -> String {
    let name = features.nth(0).map(ToString::to_string).unwrap_or_default();
    if name == "memory:SystemMemory" { String::new() } else { name }
}

fn features_of(memory: &str) -> Option<gst::CapsFeatures> {
    (!memory.is_empty()).then(|| gst::CapsFeatures::new([memory]))
}
