//! The kind of a file that is no video, by its first bytes: what to tell the person who uploaded it.
//!
//! Asked only after GStreamer found nothing to play, so a wrong guess refuses no video. The table has the
//! files that people upload by mistake; a library of all signatures would name types, not say what to do.

use super::failure_code::FailureCode;

/// Bytes from the beginning of a file that [`FileKind::of`] needs.
pub const HEAD_BYTES: usize = 32 << 10;

/// Kind of a file that is no video.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileKind {
    /// The kind with its article, such as `a photo (HEIC)`.
    pub name: &'static str,
    /// Name of such files, for people.
    pub group: Group,
}

/// A group of kinds of files, which share their advice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// One image.
    Photo,
    /// Moving images in a format that has no decoder here.
    Animation,
    /// Files in one file.
    Archive,
    /// Text that names other files.
    Playlist,
    /// A page, saved in place of a download.
    Page,
    /// The attributes of another file.
    Companion,
    /// Nothing but zeros.
    Blank,
    /// Anything else.
    Other,
}

const fn kind(name: &'static str, group: Group) -> FileKind {
    FileKind { name, group }
}

/// Kinds by the bytes at an offset. The first row that matches counts.
const SIGNATURES: &[(usize, &[u8], FileKind)] = &[
    (0, b"\xFF\xD8\xFF", kind("a photo (JPEG)", Group::Photo)),
    (0, b"BM", kind("an image (BMP)", Group::Photo)),
    (0, b"8BPS", kind("an image (Photoshop)", Group::Photo)),
    (0, b"II\x2A\x00", kind("a photo (TIFF or camera raw)", Group::Photo)),
    (0, b"MM\x00\x2A", kind("a photo (TIFF or camera raw)", Group::Photo)),
    (0, b"IIRO", kind("a photo (camera raw)", Group::Photo)),
    (0, b"IIU\x00", kind("a photo (camera raw)", Group::Photo)),
    (0, b"FUJIFILMCCD-RAW", kind("a photo (camera raw)", Group::Photo)),
    (0, b"\x00\x00\x00\x0CJXL ", kind("a photo (JPEG XL)", Group::Photo)),
    (0, b"\xFF\x0A", kind("a photo (JPEG XL)", Group::Photo)),
    (0, b"\x00\x00\x00\x0CjP  ", kind("a photo (JPEG 2000)", Group::Photo)),
    (0, b"\x00\x00\x01\x00", kind("an image (icon)", Group::Photo)),
    (4, b"ftypheic", kind("a photo (HEIC)", Group::Photo)),
    (4, b"ftypheix", kind("a photo (HEIC)", Group::Photo)),
    (4, b"ftypheim", kind("a photo (HEIC)", Group::Photo)),
    (4, b"ftypheis", kind("a photo (HEIC)", Group::Photo)),
    (4, b"ftypmif1", kind("a photo (HEIF)", Group::Photo)),
    (4, b"ftypavif", kind("a photo (AVIF)", Group::Photo)),
    (4, b"ftypcrx ", kind("a photo (camera raw)", Group::Photo)),
    (4, b"ftyphevc", kind("an image sequence (HEIF)", Group::Animation)),
    (4, b"ftypmsf1", kind("an image sequence (HEIF)", Group::Animation)),
    (4, b"ftypavis", kind("an image sequence (AVIF)", Group::Animation)),
    (0, b"FWS", kind("a Flash animation", Group::Animation)),
    (0, b"CWS", kind("a Flash animation", Group::Animation)),
    (0, b"ZWS", kind("a Flash animation", Group::Animation)),
    (4, b"RED1", kind("a camera raw video (R3D)", Group::Animation)),
    (4, b"RED2", kind("a camera raw video (R3D)", Group::Animation)),
    (0, b"Rar!\x1A\x07", kind("an archive (RAR)", Group::Archive)),
    (0, b"7z\xBC\xAF\x27\x1C", kind("an archive (7-Zip)", Group::Archive)),
    (0, b"\x1F\x8B", kind("an archive (gzip)", Group::Archive)),
    (0, b"BZh", kind("an archive (bzip2)", Group::Archive)),
    (0, b"\xFD7zXZ\x00", kind("an archive (xz)", Group::Archive)),
    (0, b"\x28\xB5\x2F\xFD", kind("an archive (Zstandard)", Group::Archive)),
    (257, b"ustar", kind("an archive (tar)", Group::Archive)),
    (0, b"xar!", kind("an archive (xar)", Group::Archive)),
    (0, b"\x00\x05\x16\x07", kind("a companion file of macOS (AppleDouble)", Group::Companion)),
    (0, b"L\x00\x00\x00\x01\x14\x02\x00", kind("a shortcut of Windows", Group::Companion)),
    (0, b"bplist00", kind("a property list of macOS", Group::Companion)),
    (0, b"book\x00\x00\x00\x00mark", kind("an alias of macOS", Group::Companion)),
    (0, b"d8:announce", kind("a torrent", Group::Companion)),
    (0, b"%PDF-", kind("a PDF document", Group::Other)),
    (0, b"%!PS", kind("a PostScript document", Group::Other)),
    (0, b"{\\rtf", kind("a text document (RTF)", Group::Other)),
    (0, b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", kind("an Office document", Group::Other)),
    (0, b"SQLite format 3\x00", kind("a database (SQLite)", Group::Other)),
    (0, b"MZ", kind("a program (Windows)", Group::Other)),
    (0, b"\x7FELF", kind("a program (Linux)", Group::Other)),
    (0, b"\xCF\xFA\xED\xFE", kind("a program (macOS)", Group::Other)),
    (0, b"MThd", kind("a MIDI file", Group::Other)),
    (0, b"BLENDER", kind("a project (Blender)", Group::Other)),
    (0, b"wOF", kind("a font", Group::Other)),
];

/// Kinds of ZIP archives by a name in them. The last one matches any.
const IN_ZIP: &[(&[u8], FileKind)] = &[
    (b"word/", kind("a Word document", Group::Other)),
    (b"xl/", kind("an Excel workbook", Group::Other)),
    (b"ppt/", kind("a PowerPoint presentation", Group::Other)),
    (b"mimetypeapplication/vnd.oasis.opendocument", kind("an OpenDocument file", Group::Other)),
    (b"mimetypeapplication/epub+zip", kind("an e-book (EPUB)", Group::Other)),
    (b"AndroidManifest.xml", kind("an Android app", Group::Other)),
    (b"[Content_Types].xml", kind("an Office document", Group::Other)),
    (b"PK", kind("an archive (ZIP)", Group::Archive)),
];

/// Kinds of text by its beginning, in small letters. The last one matches any.
const TEXTS: &[(&str, FileKind)] = &[
    ("#extm3u", kind("a playlist (M3U8)", Group::Playlist)),
    ("[playlist]", kind("a playlist (PLS)", Group::Playlist)),
    ("v=0", kind("a session description (SDP)", Group::Playlist)),
    ("<mpd", kind("a DASH manifest", Group::Playlist)),
    ("<smoothstreamingmedia", kind("a Smooth Streaming manifest", Group::Playlist)),
    ("[internetshortcut]", kind("a link", Group::Playlist)),
    ("<!doctype html", kind("a web page", Group::Page)),
    ("<html", kind("a web page", Group::Page)),
    ("<svg", kind("a drawing (SVG)", Group::Photo)),
    ("webvtt", kind("a subtitle file (WebVTT)", Group::Other)),
    ("[script info]", kind("a subtitle file (ASS)", Group::Other)),
    ("1\n00:0", kind("a subtitle file (SRT)", Group::Other)),
    ("1\r\n00:0", kind("a subtitle file (SRT)", Group::Other)),
    ("<?xml", kind("an XML file", Group::Other)),
    ("{", kind("a text file (JSON)", Group::Other)),
    ("", kind("a text file", Group::Other)),
];

impl FileKind {
    /// The kind of a file with these first bytes: all of them, or [`HEAD_BYTES`]. `None` if it is none of the
    /// table.
    #[must_use]
    pub fn of(head: &[u8]) -> Option<Self> {
        if !head.is_empty() && head.iter().all(|byte| *byte == 0) {
            return Some(kind("empty", Group::Blank));
        }
        Self::of_image(head)
            .or_else(|| of_program_stream(head))
            .or_else(|| of_zip(head))
            .or_else(|| of_signature(head))
            .or_else(|| of_text(head))
    }

    /// Formats that hold one image or several.
    fn of_image(head: &[u8]) -> Option<Self> {
        let (photo, animation) = if head.starts_with(b"\x89PNG\r\n\x1A\n") {
            let is_animated = find(head, b"acTL").is_some();
            return Some(if is_animated {
                kind("an animation (PNG)", Group::Animation)
            } else {
                kind("an image (PNG)", Group::Photo)
            });
        } else if head.starts_with(b"GIF8") {
            (("an image (GIF)", !is_animated_gif(head)), "an animation (GIF)")
        } else if head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP") {
            (("an image (WebP)", find(head, b"ANIM").is_none()), "an animation (WebP)")
        } else {
            return None;
        };
        let (name, is_still) = photo;
        Some(if is_still { kind(name, Group::Photo) } else { kind(animation, Group::Animation) })
    }

    /// Failure code of such a source.
    #[must_use]
    pub fn code(self) -> FailureCode {
        match self.group {
            Group::Photo => FailureCode::NoVideo,
            Group::Animation => FailureCode::Undecodable,
            Group::Archive
            | Group::Playlist
            | Group::Page
            | Group::Companion
            | Group::Blank
            | Group::Other => FailureCode::NotMedia,
        }
    }

    /// Sentences for the person who uploaded it: what the file is, and what to do.
    #[must_use]
    pub fn message(self) -> String {
        let name = self.name;
        match self.group {
            Group::Photo => format!("The file is {name} and has no video. Upload a video file."),
            Group::Animation => format!(
                "The file is {name}, which cannot be decoded here. Convert it to MP4 with H.264 video and \
                 upload that."
            ),
            Group::Archive => {
                format!("The file is {name}, not a video. Unpack it and upload the video itself.")
            }
            Group::Playlist => format!(
                "The file is {name}: it holds no video and only says where one is. Upload the video itself."
            ),
            Group::Page => format!(
                "The file is {name}, not a video: it was saved in place of the video. Download the video \
                 itself and check that it plays before you upload it."
            ),
            Group::Companion => format!(
                "The file is {name}: it belongs to another file and holds no video. Upload the video itself."
            ),
            Group::Blank => {
                "The file begins with nothing but zeros: a copy or a download did not finish. \
                 Check that it plays, then upload it again."
                    .to_owned()
            }
            Group::Other => {
                format!("The file is {name}, not a video. Check that you chose the right file.")
            }
        }
    }
}

/// Whether a GIF has several frames. If one frame fills the head, whether it is played in a loop or shown for
/// a time: encoders write that of images, too.
fn is_animated_gif(head: &[u8]) -> bool {
    let frames = || head.windows(6).filter(|bytes| bytes.starts_with(b"\x21\xF9\x04"));
    let is_timed = || frames().any(|bytes| bytes[4] > 0 || bytes[5] > 0);
    let is_cut = head.len() >= HEAD_BYTES;
    frames().count() > 1 || is_cut && (is_timed() || find(head, b"NETSCAPE2.0").is_some())
}

/// MPEG program streams with AVS (GB/T 20090.2), which demuxers take for MPEG-2: they begin with a sequence
/// header (`B0`) and its profile.
fn of_program_stream(head: &[u8]) -> Option<FileKind> {
    const PROFILES: [&[u8]; 2] = [b"\x00\x00\x01\xB0\x20", b"\x00\x00\x01\xB0\x48"];
    let is_avs = head.starts_with(b"\x00\x00\x01\xBA")
        && PROFILES.iter().any(|profile| find(head, profile).is_some());
    is_avs.then_some(kind("a recording with Chinese AVS video", Group::Animation))
}

fn of_zip(head: &[u8]) -> Option<FileKind> {
    let is_zip = head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06");
    let mut kinds = IN_ZIP.iter().filter(|_| is_zip);
    kinds.find(|(name, _)| find(head, name).is_some()).map(|(_, kind)| *kind)
}

fn of_signature(head: &[u8]) -> Option<FileKind> {
    let is_at =
        |at: usize, bytes: &[u8]| head.get(at..).is_some_and(|rest| rest.starts_with(bytes));
    SIGNATURES.iter().find(|(at, bytes, _)| is_at(*at, bytes)).map(|(_, _, kind)| *kind)
}

/// Text has no control characters but spaces, in UTF-8 or in an 8-bit code page. UTF-16 has a byte order
/// mark.
fn of_text(head: &[u8]) -> Option<FileKind> {
    let is_utf16 = head.starts_with(b"\xFF\xFE") || head.starts_with(b"\xFE\xFF");
    let steers = |byte: &u8| *byte < 0x20 && !b"\t\n\x0C\r\x1B".contains(byte) || *byte == 0x7F;
    if head.is_empty() || !is_utf16 && head.iter().any(steers) {
        return None;
    }
    let text = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head);
    let text = String::from_utf8_lossy(text).trim_start().to_lowercase();
    // The root of an XML file says what it is.
    let root =
        text.strip_prefix("<?xml").and_then(|rest| Some(rest.split_once("?>")?.1.trim_start()));
    let begins = |text: &str| TEXTS.iter().find(|(begin, _)| text.starts_with(begin));
    let of_root = root.and_then(begins).filter(|(begin, _)| begin.starts_with('<'));
    of_root.or_else(|| begins(&text)).map(|(_, kind)| *kind)
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests;
