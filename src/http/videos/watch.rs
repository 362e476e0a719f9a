//! Shows a watched video to its event streams. A job on this box shows its changes itself; everything else is
//! looked for in the store, within a budget of requests that all videos share.

use super::watches::{Sight, Watched};
use crate::domain::job::VideoId;
use crate::domain::video::VideoState;
use crate::domain::view::{Known, view};
use crate::domain::watching::{Look, Looks, is_final, needs_all};
use crate::http::error::Error;
use crate::http::state::AppState;

/// Shows a video to its watchers until nothing more happens to it, nobody watches or the daemon stops.
pub(super) async fn follow(state: AppState, watched: Watched) {
    let mut stopping = state.stopping.clone();
    let stopped = async {
        // An error means that the daemon is gone.
        drop(stopping.wait_for(|stopping| *stopping).await);
    };
    tokio::select! {
        () = show_changes(&state, &watched) => {}
        () = watched.is_left() => {}
        () = stopped => {}
    }
}

async fn show_changes(state: &AppState, watched: &Watched) {
    let (board, watches, id) = (&state.board, &watched.watches, &watched.id);
    let mut seen = Seen::default();
    let (mut looks, mut is_first) = (Looks::default(), true);
    loop {
        let mut look = Look::All;
        if let Some(mut changes) = board.subscribe(id.as_str()) {
            // The job runs on this box: its changes arrive until it leaves the board.
            loop {
                let view = changes.borrow_and_update().clone();
                watched.show(Sight::Video(Box::new(view)));
                if changes.changed().await.is_err() {
                    break;
                }
            }
            is_first = false;
        } else if !is_first {
            look = looks.next(seen.state());
            let turn = async {
                tokio::time::sleep(looks.pause()).await;
                watches.turn(look.requests()).await;
            };
            tokio::select! {
                () = board.begun(id.as_str()) => continue,
                () = turn => {}
            }
        }
        let looked = async {
            let _place = if is_first { watches.first_look().await } else { None };
            seen.look(state, id, look).await
        };
        match looked.await {
            Ok(()) => {}
            Err(error) if is_first => {
                watched.show(Sight::Failed(error.to_string()));
                return;
            }
            Err(error) => {
                watches.warn(id, &error);
                looks.note(false);
                continue;
            }
        }
        is_first = false;
        let Some(view) = view(id, &state.urls, seen.known.clone()) else {
            watched.show(Sight::Unknown);
            return;
        };
        let is_last = is_final(view.state);
        looks.note(watched.show(Sight::Video(Box::new(view))));
        if is_last {
            return;
        }
    }
}

/// Findings of the looks at a video.
#[derive(Default)]
struct Seen {
    known: Known,
    claim_version: Option<String>,
}

impl Seen {
    /// The state of the video, as far as the next look depends on it.
    fn state(&self) -> VideoState {
        let is_there = self.known.source_etag.is_some();
        if is_there { VideoState::Queued } else { VideoState::Uploading }
    }

    /// Looks at a part of the store, and at all of it if that part calls for it.
    async fn look(&mut self, state: &AppState, id: &VideoId, look: Look) -> Result<(), Error> {
        let facts = state.catalog.facts();
        match (look, &self.known.upload) {
            (Look::Claim, _) => {
                let claim = facts.claim(id).await?;
                let version = claim.as_ref().map(|claim| claim.version.clone());
                let running = claim.and_then(|claim| Some((claim.running?, claim.source_etag)));
                let (before, now) = (self.claim_version.as_deref(), version.as_deref());
                if !needs_all(&self.known, before, now, running.as_ref()) {
                    (self.known.elsewhere, self.claim_version) = (running, version);
                    return Ok(());
                }
                // Something has happened, which is rare: it is shown without waiting for a turn.
                state.watches.charge(Look::All.requests());
            }
            (Look::Source, Some(upload)) => {
                self.known.source_etag = facts.source_etag(&upload.key).await?;
                return Ok(());
            }
            (Look::Source | Look::All, _) => {}
        }
        (self.known, self.claim_version) = Box::pin(facts.of(id)).await?;
        Ok(())
    }
}
