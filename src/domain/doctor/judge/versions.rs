//! Versions of libraries against each other.

use crate::domain::doctor::{Check, Finding, Severity, mend};

/// The sets of plugins that are released together with the library.
const SETS: [&str; 6] = [
    "gstreamer",
    "gst-plugins-base",
    "gst-plugins-good",
    "gst-plugins-bad",
    "gst-plugins-ugly",
    "gst-libav",
];

/// Finding on the versions of GStreamer. `library` is that of the library, `sets` are name and version of the sets
/// that plugins come from.
#[must_use]
pub fn gstreamer(library: &str, sets: &[(String, String)]) -> Finding {
    let of_release = |name: &str| SETS.contains(&name);
    let others: Vec<String> = sets
        .iter()
        .filter(|(name, version)| of_release(name) && series(version) != series(library))
        .map(|(name, version)| format!("{name} {version}"))
        .collect();
    if !others.is_empty() {
        let what = format!(
            "the library has version {library}, but there are plugins of {}",
            others.join(", ")
        );
        return Finding::new(Check::Gstreamer, Severity::Warning, what).mend(mend::same_release());
    }
    let missing: Vec<&str> =
        SETS.iter().copied().filter(|set| !sets.iter().any(|(name, _)| name == set)).collect();
    if !missing.is_empty() {
        let what = format!("version {library}; no plugin of {} is installed", missing.join(", "));
        let packages: Vec<&str> = missing.iter().map(|set| package(set)).collect();
        return Finding::new(Check::Gstreamer, Severity::Warning, what)
            .mend(mend::install(&packages));
    }
    Finding::ok(Check::Gstreamer, format!("version {library}, library and plugins"))
}

/// Debian's package of a set.
fn package(set: &str) -> &'static str {
    match set {
        "gst-plugins-base" => "gstreamer1.0-plugins-base",
        "gst-plugins-good" => "gstreamer1.0-plugins-good",
        "gst-plugins-bad" => "gstreamer1.0-plugins-bad",
        "gst-plugins-ugly" => "gstreamer1.0-plugins-ugly",
        "gst-libav" => "gstreamer1.0-libav",
        _ => "libgstreamer1.0-0",
    }
}

/// Major and minor number: patches of one series fit each other.
fn series(version: &str) -> Vec<&str> {
    version.split('.').take(2).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_of_another_series_are_found() {
        let sets = |base: &str, libav: bool| {
            let mut sets: Vec<(String, String)> = SETS
                .iter()
                .filter(|set| libav || **set != "gst-libav")
                .map(|set| ((*set).to_owned(), "1.22.0".to_owned()))
                .collect();
            sets[1].1 = base.to_owned();
            sets.push(("gst-plugin-rs".to_owned(), "0.12.1".to_owned()));
            sets
        };
        let table = [
            (sets("1.22.12", true), Severity::Ok, ""),
            (sets("1.26.2", true), Severity::Warning, "--reinstall"),
            (sets("1.22.0", false), Severity::Warning, "apt-get install -y gstreamer1.0-libav"),
        ];
        for (sets, severity, mend) in table {
            let found = gstreamer("1.22.0", &sets);
            assert_eq!(found.severity, severity, "{}", found.what);
            assert!(found.mend.unwrap_or_default().contains(mend));
        }
    }
}
