#![allow(unreachable_pub, reason = "settings! makes public structs")]

use super::*;

#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    Fast,
    VerySlow,
}

settings! {
    /// Settings of the test.
    pub struct Inner {
        /// Seconds between two steps.
        /// A second line.
        step_secs: u64 = 5, 1..=10;
        /// How to step.
        mode: Mode = Mode::Fast, OneOf;
    }
    also |inner: &Inner| {
        let is_wrong = inner.mode == Mode::VerySlow && inner.step_secs < 5;
        is_wrong.then(|| Violation::new("mode", "fast, with short steps"))
    };
}

settings! {
    /// Section around it.
    pub struct Outer {
        /// Steps.
        inner: Inner = Inner::default(), Nested;
        /// Base URL.
        url: String = String::new(), BASE_URL;
    }
}

#[test]
fn declarations_have_doc_and_allowed_values() {
    let Shape::Table(inner) = Outer::settings().remove(0).shape else { panic!("no table") };
    assert_eq!((inner[0].key, inner[0].allowed.as_str()), ("step_secs", "1 to 10"));
    assert_eq!(inner[0].doc, ["Seconds between two steps.", "A second line."]);
    assert_eq!(inner[1].allowed, "\"fast\", \"very-slow\"");
}

#[test]
fn violations_have_the_whole_key() {
    assert!(Outer::default().violations().is_empty());
    let table = [
        (11, Mode::Fast, "", vec!["inner.step_secs"]),
        (4, Mode::VerySlow, "https://a.example", vec!["inner.mode"]),
        (0, Mode::VerySlow, "https://a/", vec!["inner.step_secs", "inner.mode", "url"]),
        (1, Mode::Fast, "ftp://a", vec!["url"]),
    ];
    for (step_secs, mode, url, expected) in table {
        let outer = Outer { inner: Inner { step_secs, mode }, url: url.to_owned() };
        let keys: Vec<_> = outer.violations().into_iter().map(|found| found.key).collect();
        assert_eq!(keys, expected, "{outer:?}");
    }
}

#[test]
fn numbers_follow_their_rule() {
    let (even, zero_or) = (Even(16..=20), ZeroOr(10.0..=40.0));
    let evens = [14, 16, 17, 20, 22].map(|n| even.accepts(&n));
    assert_eq!(evens, [false, true, false, true, false]);
    let floats = [0.0, 1.0, 10.0, 40.0, 41.0, f64::NAN].map(|n| zero_or.accepts(&n));
    assert_eq!(floats, [true, false, true, true, false, false]);
    assert!(AtLeast(4).accepts(&4) && !AtLeast(4).accepts(&3));
    assert_eq!(AtLeast(4).allowed(), "4 or more");
}
