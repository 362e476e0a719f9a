use proptest::prelude::*;

use super::*;

fn shown(text: &str) -> String {
    match cues(text) {
        Ok(cues) => {
            let line = |cue: &Cue| {
                let (start, lasts) =
                    (cue.start_ns / 1_000_000, cue.duration_ns.unwrap_or(0) / 1_000_000);
                format!("{start}+{lasts} [{}] {}", cue.settings, cue.text.replace('\n', "|"))
            };
            cues.iter().map(line).collect::<Vec<_>>().join("; ")
        }
        Err(error) => error.to_string(),
    }
}

#[test]
fn both_formats_are_read() {
    let table = [
        ("WEBVTT\n\n00:01.000 --> 00:02.500\nHi\n", "1000+1500 [] Hi"),
        (
            "\u{FEFF}WEBVTT - a title\r\nKind: captions\r\n\r\nNOTE one\r\ntwo\r\n\r\nSTYLE\r\n::cue {}\r\n\r\nid 7\r\n\
          01:00:00.000 --> 01:00:01.000 align:start line:0\r\n<i>Hi</i> &amp;\r\nyou",
            "3600000+1000 [align:start line:0] <i>Hi</i> &amp;|you",
        ),
        (
            "1\n00:00:01,000 --> 00:00:02,5\n<font color=red>A & B</font>\n<b>c\n\n\n2\n00:00:03,000 --> 00:00:04,000 X1:1 X2:2\nd\n",
            "1000+1500 [] A &amp; B|<b>c</b>; 3000+1000 [] d",
        ),
        ("00:00:01,000 --> 00:00:02,000\nno number\n", "1000+1000 [] no number"),
        ("1\r00:00:01,000 --> 00:00:02,000\rold Macs\r", "1000+1000 [] old Macs"),
        // A cue without text shows nothing.
        ("WEBVTT\n\n00:01.000 --> 00:02.000\n\n00:03.000 --> 00:04.000\nx\n", "3000+1000 [] x"),
        // Settings that are none are dropped, and so are regions, repetitions and long values.
        (
            "WEBVTT\n\n00:01.000 --> 00:02.000 a --> b\nx\n\n00:03.000 --> 00:04.000\ny\n",
            "1000+1000 [] x; 3000+1000 [] y",
        ),
        (
            "WEBVTT\n\n00:01.000 --> 00:02.000 region:r size:40% x:1 align:end align:start position:10%,line-left line:1111111111111111111111111 vertical:\nx\n",
            "1000+1000 [size:40% align:end position:10%,line-left] x",
        ),
    ];
    for (text, expected) in table {
        assert_eq!(shown(text), expected, "{text:?}");
    }
}

#[test]
fn a_fault_has_its_line() {
    let table = [
        ("", "line 1: the file has no cue"),
        ("WEBVTT\n\nNOTE nothing\n", "line 1: the file has no cue"),
        ("WEBVTTX\n\n00:01.000 --> 00:02.000\nx\n", "line 1: the first line must be WEBVTT"),
        ("WEBVTT\n00:01.000 --> 00:02.000\nx\n", "line 2: an empty line must separate"),
        ("WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:1,LOCAL:00:00.000\n\n", "line 2: this is a segment"),
        ("WEBVTT\n\n00:01.000 --> 00:02.000\none\n\ntwo\n", "line 6: expected a line such as"),
        ("WEBVTT\n\n\nid\n00:01.000 -> 00:02.000\nx\n", "line 4: expected a line such as"),
        ("WEBVTT\n\nid\n00:01.000 --> 2\nx\n", "line 4: \"00:01.000 --> 2\" is not"),
        ("WEBVTT\n\n00:02.000 --> 00:02.000\nx\n", "line 3: the cue ends before it begins"),
        (
            "1\n00:00:01,000 --> 00:61:00,000\nx\n",
            "line 2: \"00:00:01,000 --> 00:61:00,000\" is not",
        ),
        ("{1}{2}MicroDVD\n", "line 1: expected a line such as"),
    ];
    for (text, expected) in table {
        assert!(shown(text).starts_with(expected), "{text:?}: {}", shown(text));
    }
    let error = decode(b"WEBVTT\n\n00:01.000 --> 00:02.000\nna\xEFve\n").unwrap_err();
    assert_eq!(error.to_string(), "line 4: the text is not UTF-8: save the file in that encoding");
    let many = "00:01.000 --> 90:00:00.000\nx\n\n".repeat(3_000);
    assert!(shown(&format!("WEBVTT\n\n{many}")).contains("too much text"));
}

#[test]
fn text_that_is_repeated_too_often_is_refused() {
    const SECOND_NS: u64 = 1_000_000_000;
    let all = |lines: usize| "00:00:00.000 --> 99:00:00.000\nx\n\n".repeat(lines);
    let few = cues(&format!("WEBVTT\n\n{}", all(20))).unwrap();
    let many = cues(&format!("WEBVTT\n\n{}", all(27))).unwrap();
    let many: Vec<Cue> = many.iter().cycle().take(20_000).cloned().collect();
    let hours = |n: u64| Duration::from_secs(n * 3600);
    assert_eq!(check_expected(&few, hours(12)), Ok(()));
    assert_eq!(check_expected(&many, Duration::from_secs(10)), Ok(()));
    assert_eq!(check_expected(&many, hours(12)), Err(TOO_MUCH));
    assert_eq!(check_rendered(&many, &[4 * SECOND_NS; 3]), Ok(()));
    assert_eq!(check_rendered(&many, &[4 * SECOND_NS; 900]), Err(TOO_MUCH));
    assert_eq!(check_rendered(&many, &[]), Ok(()));
}

proptest! {
    #[test]
    fn nothing_panics_and_every_cue_is_one(text in "(WEBVTT)?[\n\r 0-9:,.>a<&-]{0,200}(00:01.000 --> 00:02.000\n.{0,9}\n\n)?") {
        for cue in cues(&text).unwrap_or_default() {
            prop_assert!(cue.is_one_cue(), "{cue:?}");
        }
    }
}
