//! `ladderdrangesrc`: the job's source as a seekable element. Every read is a request to the parent
//! process.
//!
//! The element works in pull mode, so that demuxers can seek (`moov` at the end, badly interleaved
//! tracks) and no source is downloaded as a whole.

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::prelude::*;

mod client;
mod imp;
mod transport_stream;
mod uri_handler;

pub(crate) use client::Client;
pub(crate) use transport_stream::is_transport_stream;

glib::wrapper! {
    /// Reads the source through a [`Client`].
    pub(crate) struct RangeSrc(ObjectSubclass<imp::RangeSrc>)
        @extends gstreamer_base::BaseSrc, gst::Element, gst::Object,
        @implements gst::URIHandler;
}

impl RangeSrc {
    /// The URI for which GStreamer creates this element.
    pub(crate) const URI: &str = uri_handler::URI;

    /// An element that reads through `client`.
    pub(crate) fn new(client: &Client) -> Self {
        let element: Self = glib::Object::builder().build();
        element.set_client(client);
        element
    }

    /// Gives a client to an element that GStreamer created. An element without one does not start.
    pub(crate) fn set_client(&self, client: &Client) {
        use glib::subclass::prelude::*;
        self.imp().set_client(client.clone());
    }
}

/// Registers the element in this process; other processes do not know it.
pub(crate) fn register() -> Result<(), glib::BoolError> {
    gst::Element::register(None, "ladderdrangesrc", gst::Rank::PRIMARY, RangeSrc::static_type())
}
