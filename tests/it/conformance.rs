//! What we make keeps the rules, and the check finds out what does not.

use std::path::Path;

use serde_json::Value;

use super::support::appliance::{Appliance, Home};
use super::support::{self, corpus, media};

/// Makes a stream of a file.
fn transcode(input: &Path, out: &Path) {
    let output = support::program().arg("transcode").arg(input).arg(out).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// What the check says of a folder or a URL.
pub(crate) fn check(target: &str) -> (bool, Value) {
    let output = support::program().args(["check", "--json", target]).output().unwrap();
    let report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    (output.status.success(), report)
}

pub(crate) fn musts(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().unwrap().iter();
    let musts = findings.filter(|finding| finding["level"] == "MUST");
    musts.map(|finding| finding["rule"].as_str().unwrap().to_owned()).collect()
}

/// A file of the corpus becomes a stream without a broken binding rule.
fn keeps_the_rules(file: &str) {
    let Some(input) = corpus(file) else { return };
    let out = tempfile::tempdir().unwrap();
    transcode(&input, out.path());
    let (is_sound, report) = check(out.path().to_str().unwrap());
    assert_eq!(musts(&report), Vec::<String>::new(), "{report:#}");
    assert!(is_sound);
    assert!(report["measured"].as_array().unwrap().len() >= 2);
}

macro_rules! these_keep_the_rules {
    ($($name:ident: $file:literal,)*) => {
        $(#[test] fn $name() { keeps_the_rules($file); })*
    };
}
these_keep_the_rules! {
    film_1080p24: "bbb_1080p24_30s_aac51.mp4",
    film_480p24: "bbb_480p24_30s_aac51.mp4",
    clip_of_a_phone_of_2005: "clip_h264_360p_13s.3gp",
    variable_rate_and_rotation: "phone_720p_rot180_vfr.mp4",
    interlaced_camera: "avchd_1080i2997_ac3.mts",
    portrait: "portrait_576x1024_16s.mp4",
    webcam: "webcam_h264_aac_360p_19s.flv",
    mpeg2_without_sound: "city_mpeg2_405p_7s.mpg",
    sound_longer_than_the_picture: "timecode_720p30_42s_aac.mp4",
    sixty_frames_without_sound: "testsrc_1080p60_60s_noaudio.mp4",
}

/// One kind of damage and the rule that it breaks.
pub(crate) struct Damage {
    pub(crate) rule: &'static str,
    pub(crate) file: &'static str,
    pub(crate) change: fn(Vec<u8>) -> Vec<u8>,
}

/// A change of text.
pub(crate) fn text(bytes: Vec<u8>, change: impl Fn(&str) -> String) -> Vec<u8> {
    let before = String::from_utf8(bytes).unwrap();
    let after = change(&before);
    assert_ne!(before, after, "nothing was damaged:\n{before}");
    after.into_bytes()
}

/// Replaces the first number behind a name by another one.
pub(crate) fn number(text: &str, name: &str, change: impl Fn(f64) -> f64) -> String {
    let at = text.find(name).unwrap() + name.len();
    let end = text[at..].find(|c: char| !c.is_ascii_digit() && c != '.').unwrap() + at;
    let changed = change(text[at..end].parse().unwrap());
    format!("{}{changed}{}", &text[..at], &text[end..])
}

/// Removes an attribute, with its comma.
pub(crate) fn without(text: &str, name: &str) -> String {
    let at = text.find(&format!(",{name}=")).unwrap();
    let rest = &text[at + 1..];
    let value = rest.find('=').unwrap() + 1;
    let len = if rest[value..].starts_with('"') {
        value + 2 + rest[value + 1..].find('"').unwrap()
    } else {
        rest.find([',', '\n']).unwrap()
    };
    format!("{}{}", &text[..at], &rest[len..])
}

/// Lines without those that begin so.
pub(crate) fn without_lines(text: &str, start: &str) -> String {
    text.lines()
        .filter(|line| !line.starts_with(start))
        .fold(String::new(), |all, line| all + line + "\n")
}

/// Packets of a transport stream.
fn packets(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes.chunks(188).map(<[u8]>::to_vec).collect()
}

const DAMAGES: &[Damage] = &[
    Damage {
        rule: "9.1",
        file: "main.m3u8",
        change: |b| text(b, |t| t.replacen("avc1.64", "avc1.4d", 1)),
    },
    Damage {
        rule: "9.2",
        file: "main.m3u8",
        change: |b| text(b, |t| number(t, "RESOLUTION=", |w| w + 2.0)),
    },
    Damage {
        rule: "9.16",
        file: "main.m3u8",
        change: |b| text(b, |t| t.replacen(",FRAME-RATE", ",VIDEO-RANGE=PQ,FRAME-RATE", 1)),
    },
    Damage { rule: "9.15", file: "main.m3u8", change: |b| text(b, |t| without(t, "FRAME-RATE")) },
    Damage {
        rule: "9.14",
        file: "main.m3u8",
        change: |b| text(b, |t| without(t, "AVERAGE-BANDWIDTH")),
    },
    Damage {
        rule: "1.26",
        file: "main.m3u8",
        change: |b| text(b, |t| number(t, "AVERAGE-BANDWIDTH=", |n| (n * 1.2).round())),
    },
    Damage {
        rule: "1.27",
        file: "main.m3u8",
        change: |b| text(b, |t| number(t, "INF:BANDWIDTH=", |n| (n * 0.8).round())),
    },
    Damage {
        rule: "6.1",
        file: "main.m3u8",
        change: |b| text(b, |t| without_lines(t, "#EXT-X-I-FRAME-STREAM-INF")),
    },
    Damage {
        rule: "9.4",
        file: "main.m3u8",
        change: |b| {
            text(b, |t| {
                let at = t.find("#EXT-X-I-FRAME").unwrap();
                format!("{}{}", &t[..at], number(&t[at..], "RESOLUTION=", |w| w + 2.0))
            })
        },
    },
    Damage {
        rule: "9.3",
        file: "main.m3u8",
        change: |b| {
            text(b, |t| {
                let at = t.find("#EXT-X-I-FRAME").unwrap();
                format!("{}{}", &t[..at], t[at..].replacen("avc1.64", "avc1.42", 1))
            })
        },
    },
    Damage { rule: "8.10", file: "main.m3u8", change: |b| text(b, |t| without(t, "LANGUAGE")) },
    Damage {
        rule: "8.9",
        file: "main.m3u8",
        change: |b| text(b, |t| t.replacen(",AUDIO=\"audio\"", ",AUDIO=\"other\"", 1)),
    },
    Damage {
        rule: "2.3",
        file: "main.m3u8",
        change: |b| text(b, |t| t.replace("CHANNELS=\"2\"", "CHANNELS=\"6\"")),
    },
    Damage {
        rule: "9.9",
        file: "main.m3u8",
        change: |b| {
            text(b, |t| {
                let at = t.rfind("#EXT-X-STREAM-INF").unwrap();
                let end = at + t[at..].match_indices('\n').nth(1).unwrap().0 + 1;
                format!("{}{}", &t[..at], &t[end..])
            })
        },
    },
    Damage {
        rule: "8.6",
        file: "360p/index.m3u8",
        change: |b| text(b, |t| without_lines(t, "#EXT-X-PLAYLIST-TYPE")),
    },
    Damage {
        rule: "RFC 8216 4.3.3.4",
        file: "360p/index.m3u8",
        change: |b| text(b, |t| without_lines(t, "#EXT-X-ENDLIST")),
    },
    Damage {
        rule: "RFC 8216 4.3.3.1",
        file: "240p/index.m3u8",
        change: |b| text(b, |t| t.replace("TARGETDURATION:6", "TARGETDURATION:4")),
    },
    Damage {
        rule: "8.2",
        file: "audio-und/index.m3u8",
        change: |b| text(b, |t| t.replace("TARGETDURATION:6", "TARGETDURATION:7")),
    },
    Damage {
        rule: "8.1",
        file: "360p/index.m3u8",
        change: |b| text(b, |t| number(t, "#EXTINF:", |n| n - 0.1)),
    },
    Damage {
        rule: "8.3",
        file: "audio-und/index.m3u8",
        change: |b| {
            text(b, |t| {
                let at = t.rfind("#EXTINF").unwrap();
                format!("{}#EXT-X-ENDLIST\n", &t[..at])
            })
        },
    },
    Damage {
        rule: "6.8",
        file: "240p/iframes.m3u8",
        change: |b| text(b, |t| without_lines(t, "#EXT-X-I-FRAMES-ONLY")),
    },
    Damage {
        rule: "6.1",
        file: "240p/iframes.m3u8",
        change: |b| text(b, |t| number(t, "BYTERANGE:", |n| n - 188.0)),
    },
    Damage {
        rule: "RFC 8216 6.2.1",
        file: "360p/index.m3u8",
        change: |b| text(b, |t| t.replacen("seg_00001", "seg_00009", 1)),
    },
    // A packet that never arrived.
    Damage {
        rule: "7.2",
        file: "360p/seg_00001.ts",
        change: |b| {
            let mut packets = packets(&b);
            packets.remove(20);
            packets.concat()
        },
    },
    // A segment that begins behind its key frame.
    Damage {
        rule: "7.4",
        file: "240p/seg_00001.ts",
        change: |b| {
            let packets = packets(&b);
            let begins = |p: &&Vec<u8>| {
                p[1] & 0x40 != 0 && (u16::from(p[1] & 0x1F) << 8 | u16::from(p[2])) > 0x40
            };
            let second = packets.iter().filter(begins).nth(1).unwrap();
            let at = packets.iter().position(|p| p == second).unwrap();
            [packets[..2].concat(), packets[at..].concat()].concat()
        },
    },
    Damage {
        rule: "9.12",
        file: "main.m3u8",
        change: |b| text(b, |t| without_lines(t, "#EXT-X-INDEPENDENT-SEGMENTS")),
    },
];

#[test]
fn every_damage_is_called_by_its_rule() {
    let home = tempfile::tempdir().unwrap();
    let Some(clip) = media::clip(home.path(), 360, "30000/1001", 13) else { return };
    let good = home.path().join("good");
    transcode(&clip, &good);
    are_called_by_their_rules(&good, DAMAGES);
}

/// Each damage to this stream, which has none, is found.
pub(crate) fn are_called_by_their_rules(good: &Path, damages: &[Damage]) {
    let (is_sound, report) = check(good.to_str().unwrap());
    assert!(is_sound, "{report:#}");
    for damage in damages {
        let bad = good.with_file_name("bad");
        copy(good, &bad);
        let file = bad.join(damage.file);
        std::fs::write(&file, (damage.change)(std::fs::read(&file).unwrap())).unwrap();
        if damage.rule == "9.12" {
            for rung in ["360p", "240p"] {
                let file = bad.join(rung).join("index.m3u8");
                let before = std::fs::read_to_string(&file).unwrap();
                std::fs::write(&file, without_lines(&before, "#EXT-X-INDEPENDENT")).unwrap();
            }
        }
        let (is_sound, report) = check(bad.to_str().unwrap());
        assert!(!is_sound, "{} in {}", damage.rule, damage.file);
        assert!(
            musts(&report).iter().any(|rule| rule == damage.rule),
            "{} in {}: {report:#}",
            damage.rule,
            damage.file
        );
        std::fs::remove_dir_all(&bad).unwrap();
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}

/// A video of an appliance with these settings is served without a finding. Returns the appliance and
/// the video's id; nothing where no clip can be made.
pub(super) async fn serves_without_a_finding(home: &Home) -> Option<(Appliance, String)> {
    let clip = media::clip(home.path(), 480, "25", 8)?;
    let appliance = home.start();
    let id = appliance.upload("film.mp4", std::fs::read(clip).unwrap()).await;
    let video = appliance.wait_for_end(&id).await;
    assert_eq!(video["state"], "ready", "{video:#}");
    let url = video["playback_url"].as_str().unwrap().to_owned();
    let (is_sound, report) = tokio::task::spawn_blocking(move || check(&url)).await.unwrap();
    assert!(is_sound, "{report:#}");
    // Types, encodings and caches as well: there is not even advice.
    assert_eq!(report["findings"], serde_json::json!([]));
    Some((appliance, id))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_served_keeps_the_rules_and_the_record_says_so() {
    let home = Home::default();
    let Some((appliance, id)) = serves_without_a_finding(&home).await else { return };
    let (_, _, record) = appliance.public(&format!("{id}/job.json")).await;
    let record: Value = serde_json::from_slice(&record).unwrap();
    assert_eq!(record["conformance"]["findings"], serde_json::json!([]));
    let measured = record["conformance"]["measured"].as_array().unwrap();
    assert_eq!(measured.len(), 3, "{record:#}");
}

#[test]
fn rates_of_television_do_not_drift() {
    for (fps, frame) in [("30000/1001", 1001.0 / 30_000.0), ("24000/1001", 1001.0 / 24_000.0)] {
        let home = tempfile::tempdir().unwrap();
        let Some(clip) = media::clip(home.path(), 360, fps, 60) else { return };
        let out = home.path().join("out");
        transcode(&clip, &out);
        let (is_sound, report) = check(out.to_str().unwrap());
        assert!(is_sound, "{report:#}");
        let playlist = std::fs::read(out.join("360p/index.m3u8")).unwrap();
        let playlist = m3u8_rs::parse_media_playlist_res(&playlist).unwrap();
        let stated: f64 = playlist.segments.iter().map(|s| f64::from(s.duration)).sum();
        let (_, _, frames) = media::picture(out.join("main.m3u8").to_str().unwrap());
        let (_, _, in_source) = media::picture(clip.to_str().unwrap());
        assert_eq!(frames, in_source, "{fps}");
        let real = f64::from(in_source) * frame;
        assert!(
            real > 60.0 - frame && (stated - real).abs() < frame,
            "{fps}: {stated} of {real} s"
        );
    }
}
