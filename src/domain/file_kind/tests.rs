use super::*;

fn name(head: &[u8]) -> Option<&'static str> {
    FileKind::of(head).map(|kind| kind.name)
}

/// A ZIP archive whose first entry has this name and these bytes.
fn zip(entry: &str, bytes: &[u8]) -> Vec<u8> {
    [b"PK\x03\x04\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", entry.as_bytes(), bytes]
        .concat()
}

#[test]
fn files_are_known_by_their_first_bytes() {
    let ftyp = |brand: &[u8; 4]| [b"\0\0\0\x18ftyp", &brand[..], b"\0\0\0\0mif1heic"].concat();
    let frame = b"\x21\xF9\x04\0\0\0\0\0";
    let timed = b"\x21\xF9\x04\0\x08\0\0\0";
    let table: Vec<(Vec<u8>, Option<&str>)> = vec![
        (b"\xFF\xD8\xFF\xE1\0\x10Exif".to_vec(), Some("a photo (JPEG)")),
        (ftyp(b"heic"), Some("a photo (HEIC)")),
        (ftyp(b"mif1"), Some("a photo (HEIF)")),
        (ftyp(b"avif"), Some("a photo (AVIF)")),
        (ftyp(b"avis"), Some("an image sequence (AVIF)")),
        (ftyp(b"crx "), Some("a photo (camera raw)")),
        (b"\x89PNG\r\n\x1A\n\0\0\0\rIHDR\0IDAT".to_vec(), Some("an image (PNG)")),
        (b"\x89PNG\r\n\x1A\n\0\0\0\rIHDR\0acTL\0IDAT".to_vec(), Some("an animation (PNG)")),
        ([b"GIF89a", &frame[..]].concat(), Some("an image (GIF)")),
        ([b"GIF89a", &frame[..], frame].concat(), Some("an animation (GIF)")),
        ([b"GIF89a", &timed[..]].concat(), Some("an image (GIF)")),
        ([b"GIF89a", &timed[..], &[1; HEAD_BYTES]].concat(), Some("an animation (GIF)")),
        ([b"GIF89a", &frame[..], &[1; HEAD_BYTES]].concat(), Some("an image (GIF)")),
        (b"RIFF\0\0\0\0WEBPVP8 ".to_vec(), Some("an image (WebP)")),
        (b"RIFF\0\0\0\0WEBPVP8X\0ANIM".to_vec(), Some("an animation (WebP)")),
        (zip("film.mp4", b"x"), Some("an archive (ZIP)")),
        (zip("[Content_Types].xml", b"..word/document.xml"), Some("a Word document")),
        (zip("[Content_Types].xml", b".."), Some("an Office document")),
        (b"%PDF-1.7\n\xE2\xE3".to_vec(), Some("a PDF document")),
        ([&[0; 257][..], b"ustar"].concat(), Some("an archive (tar)")),
        (
            b"\0\x05\x16\x07\0\x02\0\0Mac OS X".to_vec(),
            Some("a companion file of macOS (AppleDouble)"),
        ),
        (b"\xEF\xBB\xBF  <!DOCTYPE HTML>\n<html>".to_vec(), Some("a web page")),
        (b"<?xml version=\"1.0\"?>\n<MPD xmlns=\"\">".to_vec(), Some("a DASH manifest")),
        (b"<?xml version=\"1.0\"?>\n<!-- x --><a/>".to_vec(), Some("an XML file")),
        (b"#EXTM3U\n#EXT-X-VERSION:3\n".to_vec(), Some("a playlist (M3U8)")),
        (b"1\r\n00:00:01,000 --> 00:00:02,000\r\nHi".to_vec(), Some("a subtitle file (SRT)")),
        (b"abc".to_vec(), Some("a text file")),
        ("Gr\u{fc}\u{df}e\n".as_bytes().to_vec(), Some("a text file")),
        (b"\xFF\xFEa\0b\0".to_vec(), Some("a text file")),
        (vec![0; 1000], Some("empty")),
        // Videos, noise and nothing.
        (ftyp(b"isom"), None),
        (ftyp(b"qt  "), None),
        (b"\x1A\x45\xDF\xA3\x01\0\0\0".to_vec(), None),
        (b"RIFF\0\0\0\0AVI LIST".to_vec(), None),
        (b"\x47\x40\0\x10\0".to_vec(), None),
        (b"FLV\x01\x05\0\0\0\x09".to_vec(), None),
        (b"\0\0\x01\xBA\x44\0\0\0\x01\xB3\x14".to_vec(), None),
        (
            b"\0\0\x01\xBA\x44\0\0\0\x01\xB0\x20\x42".to_vec(),
            Some("a recording with Chinese AVS video"),
        ),
        (b"abc\x01".to_vec(), None),
        (Vec::new(), None),
    ];
    for (head, expected) in table {
        assert_eq!(name(&head), expected, "{:?}", String::from_utf8_lossy(&head));
    }
}

#[test]
fn every_kind_has_a_code_and_tells_what_to_do() {
    let of_signatures = SIGNATURES.iter().map(|(_, _, kind)| kind);
    let of_others = IN_ZIP.iter().map(|(_, kind)| kind).chain(TEXTS.iter().map(|(_, kind)| kind));
    for kind in of_signatures.chain(of_others) {
        let message = kind.message();
        assert!(message.starts_with("The file is a"), "{message}");
        assert!(message.contains(kind.name) && message.ends_with('.'), "{message}");
        assert!(message.contains(". Upload") || message.matches(". ").count() == 1, "{message}");
        assert_eq!(kind.code() == FailureCode::NoVideo, kind.group == Group::Photo, "{message}");
    }
    let photo = FileKind::of(b"\0\0\0\x18ftypheic").unwrap();
    assert_eq!(
        photo.message(),
        "The file is a photo (HEIC) and has no video. Upload a video file."
    );
    let blank = FileKind::of(&[0; 100]).unwrap();
    assert_eq!(blank.code(), FailureCode::NotMedia);
}
