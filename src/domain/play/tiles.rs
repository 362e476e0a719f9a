//! The storyboard of a private stream: the payload of each cue names a sheet (`storyboard_000.jpg#xywh=…`).

/// Replaces the URIs in the cues of a storyboard, without their fragments, by `link`. `None` leaves a URI as it is.
pub fn rewrite(text: &str, mut link: impl FnMut(&str) -> Option<String>) -> String {
    let mut is_payload = false;
    let mut rewritten = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let content = line.trim_end_matches(['\r', '\n']);
        let (uri, fragment) = content.split_at(content.find('#').unwrap_or(content.len()));
        match Some(uri).filter(|uri| is_payload && !uri.is_empty()).and_then(&mut link) {
            Some(link) => {
                for part in [link.as_str(), fragment, &line[content.len()..]] {
                    rewritten.push_str(part);
                }
            }
            None => rewritten.push_str(line),
        }
        is_payload = content.contains("-->") || (is_payload && !content.is_empty());
    }
    rewritten
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sheets_become_links_and_keep_their_rectangles() {
        let text = "WEBVTT\n\n00:00.000 --> 00:05.000\nstoryboard_000.jpg#xywh=0,0,160,90\n\n\
                    00:05.000 --> 00:10.000\r\nstoryboard_000.jpg#xywh=160,0,160,90\r\n";
        let linked = rewrite(text, |uri| Some(format!("https://s3/{uri}?a=b")));
        let expected = text.replace("storyboard_000.jpg", "https://s3/storyboard_000.jpg?a=b");
        assert_eq!(linked, expected);
        assert_eq!(rewrite(text, |_| None), text);
    }

    proptest! {
        #[test]
        fn what_is_no_cue_stays(text in "(WEBVTT|NOTE|[a-z# .:>-]{0,9}|\r?\n){0,30}") {
            prop_assert_eq!(&rewrite(&text, |_| None), &text);
            prop_assert_eq!(&rewrite(&text, |uri| Some(uri.to_owned())), &text);
        }
    }
}
