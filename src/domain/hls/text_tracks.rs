//! Added text tracks in the text of a multivariant playlist (RFC 8216, 4.3.4.1).

use super::multivariant::{SUBTITLES_GROUP, quotable};
use crate::domain::text_track::{PublishedTrack, RENDITION_PREFIX, TrackKind};

/// `CHARACTERISTICS` of captions (RFC 8216, 4.3.4.1).
const OF_CAPTIONS: &str = "public.accessibility.transcribes-spoken-dialog,\
                           public.accessibility.describes-music-and-sound";
const MEDIA: &str = "#EXT-X-MEDIA:";
const SUBTITLES: &str = "#EXT-X-MEDIA:TYPE=SUBTITLES,";
const STREAM_INF: &str = "#EXT-X-STREAM-INF:";

/// The multivariant playlist with these added text tracks in place of those that it names. `uri` is that of the
/// media playlist of a rendition. Subtitles of the source stay; a track gets a `NAME` that none of them has.
#[must_use]
pub fn with_text_tracks(
    main: &str,
    tracks: &[PublishedTrack],
    uri: impl Fn(&str) -> String,
) -> String {
    let kept: Vec<&str> = main.lines().filter(|line| !is_added(line)).collect();
    let of_source = kept.iter().filter(|line| line.starts_with(SUBTITLES));
    let mut names: Vec<String> =
        of_source.filter_map(|line| attribute(line, "NAME")).map(str::to_owned).collect();
    let has_subtitles = !names.is_empty() || !tracks.is_empty();
    let default = tracks.iter().position(|track| track.is_default);
    let mut added = Vec::new();
    for (at, track) in tracks.iter().enumerate() {
        let name = unused(&quotable(&track.label), &names);
        added.push(media(track, &name, default == Some(at), &uri(&track.rendition)));
        names.push(name);
    }
    let first_variant = kept.iter().position(|line| line.starts_with(STREAM_INF));
    let behind_media = kept.iter().rposition(|line| line.starts_with(MEDIA)).map(|at| at + 1);
    let place = behind_media.or(first_variant).unwrap_or(kept.len());
    let mut text = String::with_capacity(main.len() + 300 * added.len());
    let lines = kept[..place].iter().copied();
    let lines = lines.chain(added.iter().map(String::as_str)).chain(kept[place..].iter().copied());
    for line in lines {
        let group = format!(",SUBTITLES=\"{SUBTITLES_GROUP}\"");
        if line.starts_with(STREAM_INF) {
            text.push_str(&line.replace(&group, ""));
            text.push_str(if has_subtitles { &group } else { "" });
        } else {
            text.push_str(line);
        }
        text.push('\n');
    }
    text
}

/// Whether a line names the rendition of an added track.
fn is_added(line: &str) -> bool {
    let uri = attribute(line, "URI").filter(|_| line.starts_with(SUBTITLES));
    uri.and_then(|uri| uri.rsplit('/').nth(1))
        .is_some_and(|name| name.starts_with(RENDITION_PREFIX))
}

/// The quoted value of an attribute. Values of ours have no quotes in them.
fn attribute<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(&format!(",{name}=\""))?;
    rest.split_once('"').map(|(value, _)| value)
}

/// The name, or the first of `name (2)`, `name (3)` and so on that is not in use.
fn unused(name: &str, used: &[String]) -> String {
    let numbered = (2..).map(|number: u32| format!("{name} ({number})"));
    let mut names = std::iter::once(name.to_owned()).chain(numbered);
    names.find(|name| !used.contains(name)).unwrap_or_default()
}

fn media(track: &PublishedTrack, name: &str, is_default: bool, uri: &str) -> String {
    let characteristics = match track.kind {
        TrackKind::Subtitles => String::new(),
        TrackKind::Captions => format!("CHARACTERISTICS=\"{OF_CAPTIONS}\","),
    };
    let (language, default) = (&track.language, if is_default { "YES" } else { "NO" });
    format!(
        "{SUBTITLES}GROUP-ID=\"{SUBTITLES_GROUP}\",NAME=\"{name}\",LANGUAGE=\"{language}\",\
         DEFAULT={default},AUTOSELECT=YES,FORCED=NO,{characteristics}URI=\"{uri}\""
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = "#EXTM3U\n#EXT-X-VERSION:6\n\
        #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"en\",LANGUAGE=\"en\",URI=\"a1/audio-en/index.m3u8\"\n\
        #EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"audio\"\na1/720p/index.m3u8\n\
        #EXT-X-STREAM-INF:BANDWIDTH=2,AUDIO=\"audio\"\na1/1080p/index.m3u8\n\
        #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI=\"a1/720p/iframes.m3u8\"\n";

    fn track(language: &str, label: &str, is_default: bool) -> PublishedTrack {
        PublishedTrack {
            language: language.to_owned(),
            kind: TrackKind::Subtitles,
            label: label.to_owned(),
            is_default,
            version: "v".to_owned(),
            rendition: format!("track-{language}-0a"),
        }
    }

    fn with(main: &str, tracks: &[PublishedTrack]) -> String {
        with_text_tracks(main, tracks, |rendition| format!("a1/{rendition}/index.m3u8"))
    }

    #[test]
    fn tracks_come_and_go_and_nothing_else_changes() {
        let captions =
            PublishedTrack { kind: TrackKind::Captions, ..track("de", "Deutsch", false) };
        let text = with(PLAIN, &[track("en", "English", true), captions]);
        insta::assert_snapshot!(text, @r#"
        #EXTM3U
        #EXT-X-VERSION:6
        #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="en",LANGUAGE="en",URI="a1/audio-en/index.m3u8"
        #EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subtitles",NAME="English",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,FORCED=NO,URI="a1/track-en-0a/index.m3u8"
        #EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subtitles",NAME="Deutsch",LANGUAGE="de",DEFAULT=NO,AUTOSELECT=YES,FORCED=NO,CHARACTERISTICS="public.accessibility.transcribes-spoken-dialog,public.accessibility.describes-music-and-sound",URI="a1/track-de-0a/index.m3u8"
        #EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="audio",SUBTITLES="subtitles"
        a1/720p/index.m3u8
        #EXT-X-STREAM-INF:BANDWIDTH=2,AUDIO="audio",SUBTITLES="subtitles"
        a1/1080p/index.m3u8
        #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI="a1/720p/iframes.m3u8"
        "#);
        assert_eq!(with(&text, &[track("en", "English", true)]).matches("track-").count(), 1);
        assert_eq!(with(&text, &[]), PLAIN);
        let playlist = m3u8_rs::parse_master_playlist_res(text.as_bytes()).unwrap();
        assert_eq!(playlist.alternatives.len(), 3);
    }

    #[test]
    fn subtitles_of_the_source_stay_and_keep_their_name() {
        let of_source = "#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"subtitles\",NAME=\"English\",\
                         LANGUAGE=\"en\",DEFAULT=NO,URI=\"a1/subtitles-en/index.m3u8\"\n";
        let group = "AUDIO=\"audio\",SUBTITLES=\"subtitles\"";
        let main = PLAIN.replace(
            "#EXT-X-STREAM-INF:BANDWIDTH=1",
            &format!("{of_source}#EXT-X-STREAM-INF:BANDWIDTH=1"),
        );
        let main = main.replace("AUDIO=\"audio\"\n", &format!("{group}\n"));
        let tracks = [track("en", "English", false), track("en-US", "English", false)];
        let text = with(&main, &tracks);
        assert!(text.contains("NAME=\"English (2)\",LANGUAGE=\"en\""), "{text}");
        assert!(text.contains("NAME=\"English (3)\",LANGUAGE=\"en-US\""), "{text}");
        assert_eq!(text.matches("SUBTITLES=\"subtitles\"").count(), 2);
        assert_eq!(with(&text, &[]), main);
    }

    #[test]
    fn one_track_is_the_default() {
        let tracks = [track("en", "a", false), track("de", "b", true), track("fr", "c", true)];
        let text = with(PLAIN, &tracks);
        assert_eq!(text.matches("DEFAULT=YES").count(), 1, "{text}");
        assert!(text.contains("NAME=\"b\",LANGUAGE=\"de\",DEFAULT=YES"), "{text}");
        // Without other renditions, they stand before the variants.
        let bare = with("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nx/index.m3u8\n", &tracks[..1]);
        let lines: Vec<&str> = bare.lines().collect();
        assert!(lines[1].starts_with(SUBTITLES) && lines[2].starts_with(STREAM_INF), "{bare}");
    }
}
