//! From an element's description to the element, with words instead of `GLib`'s panics.

use std::cell::RefCell;
use std::collections::HashMap;

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::prelude::*;

use crate::domain::failure_code::FailureCode;
use crate::domain::recipe::{ElementSpec, Elements, PropertyError};
use crate::worker::protocol::Failure;

/// Makes the element that a recipe describes.
pub(crate) fn make(spec: &ElementSpec) -> Result<gst::Element, Failure> {
    let element = plain(&spec.element)?;
    for (name, value) in &spec.set {
        set(&element, name, value)?;
    }
    Ok(element)
}

/// Makes an element with its defaults.
pub(crate) fn plain(factory: &str) -> Result<gst::Element, Failure> {
    gst::ElementFactory::make(factory).build().map_err(|_| {
        Failure::new(
            FailureCode::ElementMissing,
            format!("the GStreamer element {factory} is not installed on this machine"),
        )
    })
}

/// A capsfilter.
pub(crate) fn caps_filter(caps: &str) -> Result<gst::Element, Failure> {
    let caps = caps
        .parse::<gst::Caps>()
        .map_err(|_| broken(format!("caps {caps:?} cannot be understood")))?;
    let filter = plain("capsfilter")?;
    filter.set_property("caps", caps);
    Ok(filter)
}

/// A queue that is bounded by one measure only: buffers or nanoseconds.
pub(crate) fn queue(buffers: u32, time_ns: u64) -> Result<gst::Element, Failure> {
    let queue = plain("queue")?;
    queue.set_property("max-size-buffers", buffers);
    queue.set_property("max-size-bytes", 0_u32);
    queue.set_property("max-size-time", time_ns);
    Ok(queue)
}

/// The elements of this machine. Each is made once and asked for its properties.
#[derive(Default)]
pub(crate) struct Installed(RefCell<HashMap<String, Option<gst::Element>>>);

impl Installed {
    fn element(&self, name: &str) -> Option<gst::Element> {
        let mut made = self.0.borrow_mut();
        let make = || gst::ElementFactory::make(name).build().ok();
        made.entry(name.to_owned()).or_insert_with(make).clone()
    }
}

impl Elements for Installed {
    fn has(&self, element: &str) -> bool {
        self.element(element).is_some()
    }

    fn has_property(&self, element: &str, property: &str) -> bool {
        self.element(element).is_some_and(|element| element.find_property(property).is_some())
    }

    fn takes(&self, element: &str, property: &str, value: &str) -> Result<(), PropertyError> {
        let found = self.element(element);
        let found = found.ok_or_else(|| PropertyError::NoElement(element.to_owned()))?;
        set(&found, property, value)
    }
}

/// Adds the elements to the bin and links them in this order.
pub(crate) fn chain(bin: &gst::Pipeline, elements: &[gst::Element]) -> Result<(), Failure> {
    bin.add_many(elements).and_then(|()| gst::Element::link_many(elements)).map_err(|error| {
        let names: Vec<_> = elements.iter().map(GstObjectExt::name).collect();
        broken(format!("{names:?} cannot be linked: {error}"))
    })
}

/// A pad that every element of this kind has.
pub(crate) fn pad(element: &gst::Element, name: &str) -> Result<gst::Pad, Failure> {
    element.static_pad(name).ok_or_else(|| broken(format!("{} has no pad {name}", element.name())))
}

impl From<PropertyError> for Failure {
    fn from(error: PropertyError) -> Self {
        broken(error.to_string())
    }
}

/// Our own fault: a recipe that should not have passed the checks at start.
pub(crate) fn broken(message: impl Into<String>) -> Failure {
    Failure::new(FailureCode::PipelineBuild, message)
}

/// Sets a property from text.
///
/// # Errors
/// If the element has no such property, or the property does not take the value.
pub(crate) fn set(element: &gst::Element, name: &str, value: &str) -> Result<(), PropertyError> {
    let factory = element.factory().map_or_else(String::new, |f| f.name().to_string());
    let Some(spec) = element.find_property(name) else {
        return Err(PropertyError::unknown(&factory, name));
    };
    if !spec.flags().contains(glib::ParamFlags::WRITABLE) {
        return Err(PropertyError::read_only(&factory, name));
    }
    let parsed = glib::Value::deserialize_with_pspec(value, &spec)
        .map_err(|_| PropertyError::value(&factory, name, value))?;
    if let Some(range) = out_of_range(&spec, &parsed) {
        let (property, value) = (name.to_owned(), value.to_owned());
        return Err(PropertyError::Range { element: factory, property, value, range });
    }
    element.set_property_from_value(name, &parsed);
    Ok(())
}

/// The range that a number lies outside of. `GLib` would clamp it, and its Rust binding panics.
fn out_of_range(spec: &glib::ParamSpec, value: &glib::Value) -> Option<String> {
    macro_rules! check {
        ($($spec:ty => $number:ty),+ $(,)?) => {
            $(if let (Some(spec), Ok(number)) =
                (spec.downcast_ref::<$spec>(), value.get::<$number>())
            {
                let range = spec.minimum()..=spec.maximum();
                return (!range.contains(&number)).then(|| format!("{range:?}"));
            })+
        };
    }
    check!(
        glib::ParamSpecInt => i32,
        glib::ParamSpecUInt => u32,
        glib::ParamSpecInt64 => i64,
        glib::ParamSpecUInt64 => u64,
        glib::ParamSpecFloat => f32,
        glib::ParamSpecDouble => f64,
    );
    None
}
