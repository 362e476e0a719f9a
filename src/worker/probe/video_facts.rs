//! Completes video streams by facts that the discoverer does not report: colours, pixel shape, orientation,
//! hidden tracks, Dolby Vision.

use crate::domain::colour::Stated;
use crate::domain::media::{Fraction, MediaInfo, Undecodable, VideoStream};
use crate::domain::orientation::{self, Shapes};
use crate::worker::elements::range_source::Client;
use crate::worker::probe::dolby_vision::DolbyVision;
use crate::worker::probe::matroska;
use crate::worker::probe::mp4;
use crate::worker::probe::statements::{Statement, Statements};
use crate::worker::probe::track_number;

/// Adds the facts of the file to its video streams. A stream that looks wrong without Dolby Vision's own
/// conversion becomes an undecodable one.
pub(super) fn add(media: &mut MediaInfo, statements: &Statements, client: &Client) {
    if media.video.is_empty() {
        return;
    }
    let of_mp4 = mp4::video_tracks(client);
    let of_matroska = if of_mp4.is_empty() { matroska::video_tracks(client) } else { Vec::new() };
    // The discoverer lists a demuxer's caps as a stream of their own where the parser gets other ones.
    if media.video.iter().any(|stream| !stream.stream_id.is_empty()) {
        media.video.retain(|stream| !stream.stream_id.is_empty());
    }
    let mut kept = Vec::new();
    for mut stream in std::mem::take(&mut media.video) {
        let statement = statements.of(&stream.stream_id);
        add_statement(&mut stream, statement);
        let mut dolby_vision = None;
        if let Some(track) = of_mp4.iter().find(|track| is_id(&stream, track.id.into())) {
            add_mp4(&mut stream, track, statement);
            dolby_vision = track.dolby_vision;
        }
        if let Some(track) = of_matroska.iter().find(|track| is_id(&stream, track.number)) {
            add_matroska(&mut stream, track);
            dolby_vision = track.dolby_vision;
        }
        match dolby_vision.filter(|found| !found.has_compatible_base()) {
            Some(found) => media.undecodable.push(undecodable(found)),
            None => kept.push(stream),
        }
    }
    media.video = kept;
}

/// Whether the stream is the track with this number.
fn is_id(stream: &VideoStream, number: u64) -> bool {
    track_number::of_stream_id(&stream.stream_id) == Some(number)
}

fn add_statement(stream: &mut VideoStream, statement: Statement) {
    stream.container_colour = statement.container.colour;
    stream.bitstream_colour = statement.bitstream.or(statement.prores);
    stream.interlaced |= statement.is_interlaced;
    if let Some(aspect) = statement.pixel_aspect {
        stream.pixel_aspect = aspect;
    }
    let is_stated = |aspect: &Fraction| aspect.num != aspect.den;
    let bitstream = statement.jpeg_aspect.or(statement.pixel_aspect).filter(is_stated);
    // MXF states the shape of its frames for the lines that are shown.
    let stated = bitstream.or(statement.container.removed_aspect);
    if let Some(aspect) = stated {
        let bitstream = Some(aspect);
        let aspect = orientation::pixel_aspect(&Shapes { bitstream, ..Shapes::default() });
        set_aspect(stream, aspect, statement);
    }
}

fn add_mp4(stream: &mut VideoStream, track: &mp4::VideoTrack, statement: Statement) {
    if track.colour != Stated::default() {
        stream.container_colour = track.colour;
    }
    stream.orientation = orientation::of_matrix(track.matrix);
    stream.is_disabled = !track.is_enabled;
    stream.frames = track.frames;
    // Pixels of an aperture are those of the size that its box is stored with.
    let size = (stream.width, stream.height);
    let is_coded = track.coded == (f64::from(size.0), f64::from(size.1));
    stream.crop = track.aperture.filter(|_| is_coded).and_then(|aperture| aperture.crop(size));
    let shown_part = track.aperture.filter(|_| stream.crop.is_some()).map(|aperture| aperture.size);
    let aspect = orientation::pixel_aspect(&Shapes {
        container: track.pixel_aspect,
        bitstream: statement.jpeg_aspect.or(statement.pixel_aspect),
        shown_and_coded: Some([track.shown, shown_part.unwrap_or(track.coded)]),
        matrix: Some(track.matrix),
    });
    set_aspect(stream, aspect, statement);
}

/// Sets the pixel aspect ratio, and whether it replaces that of decoded frames.
fn set_aspect(stream: &mut VideoStream, aspect: Fraction, statement: Statement) {
    let decoded = statement.pixel_aspect.unwrap_or(Fraction::new(1, 1));
    let cross = |a: Fraction, b: Fraction| u64::from(a.num) * u64::from(b.den);
    stream.replaces_aspect = cross(decoded, aspect) != cross(aspect, decoded);
    stream.pixel_aspect = aspect;
}

fn add_matroska(stream: &mut VideoStream, track: &matroska::VideoTrack) {
    stream.is_disabled = !track.is_enabled;
    if let Some(orientation) = track.orientation {
        stream.orientation = orientation;
    }
}

fn undecodable(dolby_vision: DolbyVision) -> Undecodable {
    Undecodable { description: dolby_vision.name(), is_video: true }
}
