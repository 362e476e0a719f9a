//! One MP4 file of a published stream: its video and its audio, without encoding.
//!
//! [`Muxer`] reads the segments of both twice. The first time it notes sizes and times, from which [`Muxer::head`]
//! makes everything before the media data. The second time it hands out that data, a chunk for each segment.

mod fragments;
mod sample;
mod tables;
mod transport;

use serde::{Deserialize, Serialize};

use self::fragments::Fragments;
use self::sample::Sample;
use self::tables::Tables;
use self::transport::Transport;

/// Begin of the names of downloads.
pub const PREFIX: &str = "download-";

/// Name of the download of a rung, beside its rendition.
#[must_use]
pub fn file_name(rung: &str) -> String {
    format!("{PREFIX}{rung}.mp4")
}

/// Value of `Content-Disposition` for the download of a rung of a video with this title, or of this file.
#[must_use]
pub fn disposition(title: Option<&str>, filename: &str, rung: &str) -> String {
    let stem = || filename.rsplit_once('.').map_or(filename, |(stem, _)| stem);
    let stem = title.unwrap_or_else(stem).trim();
    let stem = if stem.is_empty() { "video" } else { stem };
    let name = format!("{stem}-{rung}.mp4");
    let is_plain = |c: char| c.is_ascii_alphanumeric() || " -_.()".contains(c);
    let plain: String = name.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    let encoded = percent_encoding::utf8_percent_encode(&name, percent_encoding::NON_ALPHANUMERIC);
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

/// Place of a file among the bytes that a worker reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// First byte.
    pub offset: u64,
    /// Number of bytes. Zeros may follow the content.
    pub len: u64,
}

/// Segments of one rendition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenditionPlaces {
    /// The initialization section; `None` for transport streams.
    pub init: Option<Place>,
    /// The segments in order.
    pub segments: Vec<Place>,
    /// Width and height in pixels; 0 for audio.
    pub size: (u16, u16),
}

/// The renditions of a download: the video, and the audio if there is some.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remux {
    /// The renditions.
    pub renditions: Vec<RenditionPlaces>,
}

/// Reasons why segments cannot become a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A segment is not of the format of the others.
    #[error("segment {0} is damaged: {1}")]
    Segment(usize, &'static str),
    /// The stream has no frame of a kind.
    #[error("the stream has no {0}")]
    Missing(&'static str),
}

/// Reads the segments of one rendition in order.
enum Demuxer {
    Transport(Transport),
    Fragments(Fragments),
}

impl Demuxer {
    fn new(init: Option<&[u8]>) -> Result<Self, Error> {
        Ok(match init {
            Some(init) => {
                let fragments = Fragments::new(init);
                Self::Fragments(fragments.ok_or(Error::Missing("initialization section"))?)
            }
            None => Self::Transport(Transport::default()),
        })
    }

    fn samples(&mut self, number: usize, segment: &[u8]) -> Result<Vec<Sample>, Error> {
        let read = match self {
            Self::Transport(transport) => transport.samples(segment),
            Self::Fragments(fragments) => fragments.samples(segment),
        };
        read.map_err(|reason| Error::Segment(number, reason))
    }
}

/// One rendition on its way into the file.
struct Rendition {
    places: RenditionPlaces,
    init: Option<Vec<u8>>,
    tables: Tables,
}

/// Makes a file of the segments of one or two renditions.
pub struct Muxer {
    renditions: Vec<Rendition>,
}

impl Muxer {
    /// Reads all segments by `read` and notes their frames.
    ///
    /// # Errors
    /// [`Error`], or that of `read`.
    pub fn new<E: From<Error>>(
        remux: &Remux,
        mut read: impl FnMut(Place) -> Result<Vec<u8>, E>,
    ) -> Result<Self, E> {
        let mut renditions = Vec::new();
        for places in &remux.renditions {
            let init = places.init.map(&mut read).transpose()?;
            let mut demuxer = Demuxer::new(init.as_deref())?;
            let mut tables = Tables::default();
            for (number, place) in places.segments.iter().enumerate() {
                tables.add_chunk(&demuxer.samples(number, &read(*place)?)?);
            }
            let track = match &demuxer {
                Demuxer::Transport(transport) => transport.track(places.size),
                Demuxer::Fragments(fragments) => Some(fragments.track(places.size)),
            };
            tables.set_track(track.ok_or(Error::Missing("frames that can be read"))?);
            renditions.push(Rendition { places: places.clone(), init, tables });
        }
        if renditions.iter().all(|rendition| rendition.tables.is_empty()) {
            return Err(Error::Missing("frame").into());
        }
        Ok(Self { renditions })
    }

    /// All bytes before the media data.
    #[must_use]
    pub fn head(&self) -> Vec<u8> {
        let tables: Vec<&Tables> = self.renditions.iter().map(|r| &r.tables).collect();
        tables::head(&tables)
    }

    /// Reads all segments once more and hands the media data out, chunk by chunk.
    ///
    /// # Errors
    /// [`Error`], or that of `read`.
    pub fn write<E: From<Error>>(
        &self,
        mut read: impl FnMut(Place) -> Result<Vec<u8>, E>,
        mut write: impl FnMut(&[u8]),
    ) -> Result<(), E> {
        let mut demuxers = Vec::new();
        for rendition in &self.renditions {
            demuxers.push(Demuxer::new(rendition.init.as_deref())?);
        }
        let chunks = self.renditions.iter().map(|r| r.places.segments.len()).max().unwrap_or(0);
        for number in 0..chunks {
            for (rendition, demuxer) in self.renditions.iter().zip(&mut demuxers) {
                let Some(place) = rendition.places.segments.get(number) else { continue };
                let samples = demuxer.samples(number, &read(*place)?)?;
                let data: Vec<u8> = samples.into_iter().flat_map(|sample| sample.data).collect();
                if data.len() as u64 != rendition.tables.chunk_bytes(number) {
                    return Err(Error::Segment(number, "it has changed while it was read").into());
                }
                write(&data);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_download_has_the_name_of_its_video() {
        let table = [
            (
                Some("Part 1. The end"),
                "film.mov",
                "attachment; filename=\"Part 1. The end-720p.mp4\"; \
              filename*=UTF-8''Part%201%2E%20The%20end%2D720p%2Emp4",
            ),
            (
                None,
                "film.mov",
                "attachment; filename=\"film-720p.mp4\"; filename*=UTF-8''film%2D720p%2Emp4",
            ),
            (
                None,
                "a\"b\n/ü.mp4",
                "attachment; filename=\"a_b___-720p.mp4\"; \
              filename*=UTF-8''a%22b%0A%2F%C3%BC%2D720p%2Emp4",
            ),
            (
                Some(" "),
                "film.mov",
                "attachment; filename=\"video-720p.mp4\"; filename*=UTF-8''video%2D720p%2Emp4",
            ),
            (
                None,
                "",
                "attachment; filename=\"video-720p.mp4\"; filename*=UTF-8''video%2D720p%2Emp4",
            ),
        ];
        for (title, filename, expected) in table {
            assert_eq!(disposition(title, filename, "720p"), expected);
        }
        assert_eq!(file_name("720p"), "download-720p.mp4");
    }

    #[test]
    fn damaged_segments_are_an_error() {
        let place = Place { offset: 0, len: 1 };
        let rendition = |init| RenditionPlaces { init, segments: vec![place], size: (2, 2) };
        for init in [None, Some(place)] {
            let remux = Remux { renditions: vec![rendition(init)] };
            for bytes in [&b""[..], b"x", &[0x47; 188], &[0; 400], b"\0\0\0\x08moof\0\0\0\x08mdat"]
            {
                let made = Muxer::new(&remux, |_| Ok::<_, Error>(bytes.to_vec()));
                assert!(made.is_err(), "{init:?} {bytes:?}");
            }
        }
    }
}
