//! Common part of all event streams: their number is limited, and their callers are looked up again and again.

use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::access::{Access, Actor};
use super::error::Error;
use super::state::AppState;
use super::videos::watches::OwnPlace;
use crate::domain::auth::Means;

/// Interval at which an event stream makes sure that its caller may still follow it.
const RECHECK: Duration = Duration::from_secs(10);

/// Event streams that a caller may have open: those without an account are on this machine.
fn most_streams(actor: &Actor) -> usize {
    match actor.caller.means {
        Means::None | Means::Loopback | Means::Proxy => usize::MAX,
        Means::Token | Means::Session => 512,
        Means::Grant => 4,
    }
}

/// The place of one event stream, and the right of its caller.
pub(super) struct Seat {
    access: Access,
    pub(super) actor: Actor,
    /// When the caller was looked up last.
    checked: Instant,
    _places: (OwnedSemaphorePermit, OwnPlace),
}

impl Seat {
    /// Takes the place of an event stream.
    ///
    /// # Errors
    /// [`Error::NotReady`] or [`Error::TooMany`] if there is none.
    pub(super) fn take(state: &AppState, actor: Actor) -> Result<Self, Error> {
        let place = state.watches.place();
        let place =
            place.ok_or_else(|| Error::NotReady("too many event streams are open".into()))?;
        let own_place = state.watches.place_of(&actor.sender(), most_streams(&actor));
        let own_place = own_place.ok_or(Error::TooMany(RECHECK))?;
        let (access, checked) = (state.access.clone(), Instant::now());
        Ok(Self { access, actor, checked, _places: (place, own_place) })
    }

    /// When the caller is looked up again.
    pub(super) fn due(&self) -> Instant {
        self.checked + RECHECK
    }

    /// Whether the caller may go on following: looks it up if that is due. A revoked token sees no more.
    pub(super) async fn may_go_on(&mut self) -> bool {
        if Instant::now() < self.due() {
            return true;
        }
        self.checked = Instant::now();
        self.access.still_counts(&self.actor).await
    }
}
