use super::*;

const RENEWAL: Duration = Duration::from_secs(5);

fn claimant(box_id: &str, instance: &str) -> Claimant {
    Claimant { box_id: box_id.to_owned(), instance: instance.to_owned() }
}

fn record() -> PullRecord {
    let id = VideoId::of_source("uploads", "k");
    PullRecord::new(id, "k".to_owned(), "https://h.example/a.mp4?sig=hush".to_owned())
}

#[test]
fn a_pull_is_taken_by_one_box_until_it_dies() {
    let (one, two) = (claimant("one", "a"), claimant("two", "a"));
    let waiting = record();
    assert!(waiting.is_free(Duration::ZERO, RENEWAL, &one));
    let held = waiting.taken_by(&one, Timestamp::UNIX_EPOCH);
    assert!(!held.is_free(Duration::from_secs(29), RENEWAL, &two));
    assert!(held.is_free(Duration::from_secs(30), RENEWAL, &two));
    assert!(held.is_free(Duration::ZERO, RENEWAL, &one), "a restart of the same box");
    assert!(!held.is_free(Duration::ZERO, RENEWAL, &claimant("one", "copy")));
    let later = held.taken_by(&two, Timestamp::MAX);
    assert_eq!((later.began_at, later.renewal), (Some(Timestamp::UNIX_EPOCH), 2));
    let failed = PullRecord { state: PullState::Failed, ..held };
    assert!(!failed.is_free(Duration::MAX, RENEWAL, &one));
    assert_eq!(failed.again(), PullRecord { renewal: 2, ..record() });
}

#[test]
fn views_and_debug_output_have_no_secret() {
    let record = record();
    assert_eq!(record.view().host, "h.example");
    let shown = format!("{record:?} {:?}", record.view());
    assert!(!shown.contains("hush") && !shown.contains("a.mp4"), "{shown}");
}

#[test]
fn names_come_from_the_path() {
    let table = [
        ("https://h.example/a/film%20one.mp4?x=/b.mov", Some("film one.mp4")),
        ("https://h.example/%C3%BC.mkv#t=3", Some("ü.mkv")),
        ("https://h.example/a/", None),
        ("https://h.example", None),
        ("https://h.example?x=/a.mp4", None),
    ];
    for (url, name) in table {
        assert_eq!(filename_of(url).as_deref(), name, "{url}");
    }
}

#[test]
fn ports_of_the_system_are_not_asked() {
    let allowed = |port| is_allowed_port(Some(port));
    assert!(is_allowed_port(None) && allowed(80) && allowed(443) && allowed(8080));
    assert!(![22, 25, 53, 445, 1023].into_iter().any(allowed));
}

#[test]
fn ranges_are_read_strictly() {
    let table = [
        ("bytes 0-6/7", Some((0, 7, Some(7)))),
        ("bytes 5-6/*", Some((5, 7, None))),
        ("bytes 0-18446744073709551615/*", None),
        ("bytes 7-6/8", None),
        ("bytes 0-7/7", None),
        ("bytes */7", None),
        ("items 0-6/7", None),
        ("", None),
    ];
    for (value, expected) in table {
        assert_eq!(content_range(value), expected, "{value}");
    }
    assert_eq!(unsatisfied_size("bytes */7"), Some(7));
    for value in ["bytes */*", "bytes 0-6/7", "items */7", ""] {
        assert_eq!(unsatisfied_size(value), None, "{value}");
    }
}

#[test]
fn versions_of_one_file_may_leave_its_size_out() {
    let version = |size_bytes, validator: &str| Version {
        size_bytes,
        validator: Some(validator.to_owned()),
        has_ranges: true,
    };
    assert!(version(Some(7), "a").is_same(&version(None, "a")));
    assert!(!version(Some(7), "a").is_same(&version(Some(8), "a")));
    assert!(!version(None, "a").is_same(&version(None, "b")));
}

#[test]
fn the_beginning_of_a_file_may_end_with_a_short_part() {
    let upload = |size_bytes| PullUpload {
        id: "u".to_owned(),
        part_size_bytes: 5,
        version: Version { size_bytes, ..Version::default() },
    };
    let parts = [(1, 5), (2, 5), (3, 2)];
    assert_eq!(beginning(&upload(Some(12)), &parts), (3, 12));
    assert_eq!(beginning(&upload(None), &parts), (2, 10));
    assert_eq!(beginning(&upload(Some(20)), &parts), (2, 10));
    assert_eq!(beginning(&upload(Some(12)), &[(1, 5), (3, 2)]), (1, 5));
    assert_eq!(beginning(&upload(Some(12)), &[(2, 5)]), (0, 0));
}

#[test]
fn only_what_tells_versions_apart_is_a_validator() {
    let time = Some("Mon, 30 Nov 2026 00:00:00 GMT");
    assert_eq!(validator(Some("\"a\""), time).as_deref(), Some("\"a\""));
    assert_eq!(validator(Some("W/\"a\""), time).as_deref(), time);
    assert_eq!(validator(Some("W/\"a\""), None), None);
    assert_eq!(validator(None, Some("")), None);
}

#[test]
fn a_file_fits_into_the_parts_of_an_upload() {
    let mib = 1 << 20;
    assert_eq!(part_size_bytes(Some(7), 100 << 30, 8 * mib), 8 * mib);
    for size in [80 << 30, 100 << 30, 5 << 40] {
        let part = part_size_bytes(Some(size), u64::MAX, 8 * mib);
        assert!(size.div_ceil(part) <= 10_000 && part.is_multiple_of(mib), "{size}");
    }
    assert_eq!(part_size_bytes(None, 100 << 30, 8 * mib), 11 * mib);
}
