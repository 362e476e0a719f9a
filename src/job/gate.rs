//! The conformance gate: the uploaded stream is read back and checked before viewers see it.

use super::adapters::Unflipped;
use super::additions::Added;
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
    let report = Box::pin(check::check(&files, &keys_of(key), names::MAIN, Origin::Own)).await;
    log(&report);
    report
}

/// Checks the text tracks that were added to a stream which has passed the gate before.
pub(super) async fn check_text_tracks(
    home: &Home,
    id: &VideoId,
    added: &Added,
    key: Option<&StreamKey>,
) -> Report {
    let files = Unflipped { home, id, main: added.main.clone() };
    let keys = keys_of(key);
    let checked = check::check_subtitles(&files, &keys, names::MAIN, &added.uploaded);
    let report = Box::pin(checked).await;
    log(&report);
    report
}

/// The key itself and not the key server of players, which may not know the daemon.
fn keys_of(key: Option<&StreamKey>) -> Keys {
    key.map_or_else(Keys::none, |key| Keys::known(key.key.0))
}

fn log(report: &Report) {
    for finding in &report.findings {
        tracing::warn!(
            rule = finding.rule,
            place = finding.place,
            message = finding.message,
            "stream breaks a rule"
        );
    }
}
