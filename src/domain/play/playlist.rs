//! Playlists of private streams: their URIs are replaced, line by line, and every other byte stays.

/// Kind of the file that a URI in a playlist names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Another playlist.
    Playlist,
    /// A segment or an initialization section.
    Media,
    /// A key.
    Key,
}

/// Replaces the URIs of a playlist by `link`. `None` leaves a URI as it is.
///
/// A URI is a line that is no tag (RFC 8216, 4.1), or the attribute `URI` of a tag (4.2). The kind of the
/// former follows from the tag before it: `EXT-X-STREAM-INF` names playlists.
pub fn rewrite(text: &str, mut link: impl FnMut(Kind, &str) -> Option<String>) -> String {
    let mut rewritten = String::with_capacity(text.len() * 2);
    let mut kind_of_line = Kind::Media;
    for line in text.split_inclusive('\n') {
        let content = line.trim_end_matches(['\r', '\n']);
        let found = if content.starts_with('#') {
            if content.starts_with("#EXT-X-STREAM-INF:") {
                kind_of_line = Kind::Playlist;
            }
            kind_of_tag(content).zip(uri_attribute(content))
        } else {
            let uri = Some((kind_of_line, (0, content.len()))).filter(|_| !content.is_empty());
            if uri.is_some() {
                kind_of_line = Kind::Media;
            }
            uri
        };
        let linked = found
            .and_then(|(kind, (start, end))| Some((start, end, link(kind, &content[start..end])?)));
        match linked {
            Some((start, end, link)) => {
                for part in [&line[..start], &link, &line[end..]] {
                    rewritten.push_str(part);
                }
            }
            None => rewritten.push_str(line),
        }
    }
    rewritten
}

/// The kind of what the attribute `URI` of a tag names.
fn kind_of_tag(line: &str) -> Option<Kind> {
    match line.split_once(':')?.0 {
        "#EXT-X-MEDIA" | "#EXT-X-I-FRAME-STREAM-INF" => Some(Kind::Playlist),
        "#EXT-X-MAP" => Some(Kind::Media),
        "#EXT-X-KEY" | "#EXT-X-SESSION-KEY" => Some(Kind::Key),
        _ => None,
    }
}

/// Place of the value of the attribute `URI` in a tag, without its quotes.
fn uri_attribute(line: &str) -> Option<(usize, usize)> {
    let mut at = line.find(':')? + 1;
    loop {
        let equals = at + line[at..].find('=')?;
        let value = equals + 1;
        let end = if line[value..].starts_with('"') {
            value + 1 + line[value + 1..].find('"')? + 1
        } else {
            value + line[value..].find(',').unwrap_or(line.len() - value)
        };
        if line[at..equals].trim() == "URI" && end >= value + 2 {
            return Some((value + 1, end - 1));
        }
        at = end + line[end..].find(',')? + 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn marked(text: &str) -> String {
        rewrite(text, |kind, uri| Some(format!("<{kind:?} {uri}>")))
    }

    #[test]
    fn uris_are_found_by_lines_and_attributes() {
        let table = [
            ("#EXTM3U\n", "#EXTM3U\n"),
            ("#EXTINF:6,\nseg_00000.ts\n", "#EXTINF:6,\n<Media seg_00000.ts>\n"),
            ("seg.ts", "<Media seg.ts>"),
            ("seg.ts\r\n\r\n", "<Media seg.ts>\r\n\r\n"),
            (
                "#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=\"a,b\"\n\na1/720p/index.m3u8\nx\n",
                "#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=\"a,b\"\n\n<Playlist a1/720p/index.m3u8>\n<Media x>\n",
            ),
            ("#EXT-X-MAP:URI=\"init.mp4\"\n", "#EXT-X-MAP:URI=\"<Media init.mp4>\"\n"),
            (
                "#EXT-X-MAP:BYTERANGE=\"9@0\",URI=\"i\"\r\n",
                "#EXT-X-MAP:BYTERANGE=\"9@0\",URI=\"<Media i>\"\r\n",
            ),
            (
                "#EXT-X-KEY:METHOD=AES-128,URI=\"../key?v=1\",IV=0x0\n",
                "#EXT-X-KEY:METHOD=AES-128,URI=\"<Key ../key?v=1>\",IV=0x0\n",
            ),
            (
                "#EXT-X-MEDIA:NAME=\"x,URI=\",URI=\"a/i.m3u8\",GROUP-ID=\"g\"\n",
                "#EXT-X-MEDIA:NAME=\"x,URI=\",URI=\"<Playlist a/i.m3u8>\",GROUP-ID=\"g\"\n",
            ),
            (
                "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI=\"a\"\n",
                "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI=\"<Playlist a>\"\n",
            ),
            // Without a URI, or of tags that name nothing of the stream.
            ("#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS\n", "#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS\n"),
            ("#EXT-X-MAP:URI=\"\n", "#EXT-X-MAP:URI=\"\n"),
            ("#EXT-X-MAP:URI=i\n", "#EXT-X-MAP:URI=i\n"),
            ("# URI=\"x\"\n", "# URI=\"x\"\n"),
            ("#EXT-X-OTHER:URI=\"x\"\n", "#EXT-X-OTHER:URI=\"x\"\n"),
        ];
        for (text, expected) in table {
            assert_eq!(marked(text), expected);
        }
    }

    prop_compose! {
        fn playlist()(lines in prop::collection::vec(prop_oneof![
            "[a-z/.]{0,8}",
            "#EXT[A-Z-]{0,6}:[A-Z]{0,3}=[\",a-z0-9=]{0,9}",
            "#EXT-X-(MAP|KEY|MEDIA|STREAM-INF):([A-Z]{1,4}=(\"[ !#-~]{0,5}\"|[a-z0-9]{0,3}),){0,3}(URI=\"[a-z]{0,4}\")?",
        ], 0..12), crlf in any::<bool>()) -> Vec<String> {
            lines.into_iter().map(|line| line + if crlf { "\r\n" } else { "\n" }).collect()
        }
    }

    proptest! {
        #[test]
        fn all_but_uris_stays(lines in playlist()) {
            let text = lines.concat();
            prop_assert_eq!(&rewrite(&text, |_, _| None), &text);
            prop_assert_eq!(&rewrite(&text, |_, uri| Some(uri.to_owned())), &text);
            let mut uris = Vec::new();
            let marked = rewrite(&text, |_, uri| {
                uris.push(uri.to_owned());
                Some("\u{1}".to_owned())
            });
            let mut parts = marked.split('\u{1}');
            let mut restored = parts.next().unwrap_or_default().to_owned();
            for (uri, part) in uris.iter().zip(parts) {
                restored.extend([uri.as_str(), part]);
            }
            prop_assert_eq!(&restored, &text);
        }

        #[test]
        fn a_playlist_that_grows_keeps_its_lines(lines in playlist(), share in 0.0_f64..1.0) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a test value")]
            let begun = (lines.len() as f64 * share) as usize;
            let (before, after) = (marked(&lines[..begun].concat()), marked(&lines.concat()));
            prop_assert!(after.starts_with(&before), "{before:?} {after:?}");
        }
    }
}
