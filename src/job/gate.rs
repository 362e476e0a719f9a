//! The conformance gate: the uploaded stream is read back and checked before viewers see it.

use super::adapters::Unflipped;
use crate::check::keys::Keys;
use crate::check::{self, Origin};
use crate::domain::conformance::Report;
use crate::domain::hls::key::StreamKey;
use crate::domain::hls::names;
use crate::domain::job::VideoId;
use crate::publish::Finished;
use crate::store::Home;

/// Checks the uploaded stream against the rules, with the `main.m3u8` that is to show it.
pub(super) async fn check(
    home: &Home,
    id: &VideoId,
    finished: &Finished,
    key: Option<&StreamKey>,
) -> Report {
    let files = Unflipped { home, id, main: finished.main() };
    // The key itself and not the key server of players, which may not know the daemon.
    let keys = key.map_or_else(Keys::none, |key| Keys::known(key.key.0));
    let report = Box::pin(check::check(&files, &keys, names::MAIN, Origin::Own)).await;
    for finding in &report.findings {
        tracing::warn!(
            rule = finding.rule,
            place = finding.place,
            message = finding.message,
            "stream breaks a rule"
        );
    }
    report
}
