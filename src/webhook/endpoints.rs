//! Endpoints: made, listed, changed, removed.

use std::collections::HashMap;

use futures_util::TryStreamExt;
use jiff::Timestamp;

use super::{Error, Webhooks, signature};
use crate::domain::event::{EventKind, Position};
use crate::domain::webhook::{
    CURSORS_PREFIX, ENDPOINTS_PREFIX, Endpoint, EndpointState, PENDING_PREFIX, REPORTS_PREFIX,
    Replay,
};
use crate::store::{self, Removal};

/// Most endpoints: each is a task, and gets each event.
const MOST_ENDPOINTS: usize = 50;
/// Most replays that wait.
const MOST_REPLAYS: usize = 1000;
/// How often a record is written that others change at the same moment.
const TRIES: u32 = 8;

/// An endpoint to be made.
#[derive(Clone)]
pub struct NewEndpoint {
    /// The URL that gets the requests.
    pub url: String,
    /// A name for people.
    pub description: String,
    /// The kinds of events that it gets; empty for all.
    pub events: Vec<EventKind>,
}

/// A change of an endpoint. An absent field stays as it is.
#[derive(Clone, Default)]
pub struct EndpointChange {
    /// Another URL.
    pub url: Option<String>,
    /// Another name for people.
    pub description: Option<String>,
    /// Other kinds of events.
    pub events: Option<Vec<EventKind>>,
    /// Whether it is paused.
    pub is_paused: Option<bool>,
}

fn key(id: &str) -> String {
    format!("{ENDPOINTS_PREFIX}{id}.json")
}

/// Whether a text has the form of an id. It becomes a part of keys.
fn is_id(text: &str) -> bool {
    let digits = text.strip_prefix("wh_").unwrap_or_default();
    digits.len() == 16 && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn check(description: &str, events: &[EventKind]) -> Result<(), Error> {
    if description.len() > 200 {
        return Err(Error::Invalid("description: must have at most 200 bytes".to_owned()));
    }
    match events.iter().find(|kind| !EventKind::OF_VIDEOS.contains(kind)) {
        Some(kind) => Err(Error::Invalid(format!("events: {} cannot be chosen", kind.name()))),
        None => Ok(()),
    }
}

impl Webhooks {
    /// Makes an endpoint. Returns it with the text of its secret.
    ///
    /// # Errors
    /// [`Error::Url`], [`Error::Invalid`], [`Error::TooMany`] or [`Error::Store`].
    pub async fn create(&self, new: NewEndpoint) -> Result<(Endpoint, String), Error> {
        self.0.outgoing.check(&new.url)?;
        check(&new.description, &new.events)?;
        if self.list().await?.len() >= MOST_ENDPOINTS {
            return Err(Error::TooMany(format!("there are {MOST_ENDPOINTS} webhooks already")));
        }
        let (now, secret) = (self.0.events.now(), signature::secret(rand::random()));
        let mut endpoint = Endpoint {
            id: format!("wh_{}", hex::encode(rand::random::<[u8; 8]>())),
            url: new.url,
            description: new.description,
            events: new.events,
            state: EndpointState::Active,
            reason: None,
            secrets: Vec::new(),
            created_at: now,
            failing_since: None,
            last_error: None,
            replays: Vec::new(),
        };
        endpoint.rotate(secret.clone(), now);
        self.0.private.replace_json(&key(&endpoint.id), &endpoint, None, None).await?;
        self.0.changed.notify_one();
        Ok((endpoint, secret))
    }

    /// All endpoints, in the order in which they were made.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn list(&self) -> Result<Vec<Endpoint>, store::Error> {
        let mut all = self.all().await?;
        all.retain(|endpoint| endpoint.state != EndpointState::Deleted);
        all.sort_by_key(|endpoint| (endpoint.created_at, endpoint.id.clone()));
        Ok(all)
    }

    /// All endpoints, those that are being removed as well.
    pub(super) async fn all(&self) -> Result<Vec<Endpoint>, store::Error> {
        let mut entries = self.0.private.entries(ENDPOINTS_PREFIX);
        let (mut found, mut read) = (Vec::new(), HashMap::new());
        while let Some(entry) = entries.try_next().await? {
            // Most of them are as they were at the last look.
            let known = self.0.read.lock().get(&entry.key).cloned();
            let known = match known.filter(|(etag, _)| *etag == entry.etag) {
                Some((etag, endpoint)) => Some((endpoint, etag)),
                None => self.0.private.read_json_version::<Endpoint>(&entry.key).await?,
            };
            if let Some((endpoint, etag)) = known {
                read.insert(entry.key, (etag, endpoint.clone()));
                found.push(endpoint);
            }
        }
        *self.0.read.lock() = read;
        Ok(found)
    }

    /// One endpoint.
    ///
    /// # Errors
    /// [`Error::NoSuchEndpoint`] or [`Error::Store`].
    pub async fn get(&self, id: &str) -> Result<Endpoint, Error> {
        Ok(self.version(id).await?.0)
    }

    async fn version(&self, id: &str) -> Result<(Endpoint, String), Error> {
        let unknown = || Error::NoSuchEndpoint(id.to_owned());
        if !is_id(id) {
            return Err(unknown());
        }
        let found = self.0.private.read_json_version::<Endpoint>(&key(id)).await?;
        found.filter(|(found, _)| found.state != EndpointState::Deleted).ok_or_else(unknown)
    }

    /// Changes an endpoint. `change` may run several times, and returns whether it has changed anything.
    pub(super) async fn update(
        &self,
        id: &str,
        mut change: impl FnMut(&mut Endpoint) -> Result<bool, Error>,
    ) -> Result<Endpoint, Error> {
        for _ in 0..TRIES {
            let (mut endpoint, etag) = self.version(id).await?;
            if !change(&mut endpoint)? {
                return Ok(endpoint);
            }
            match self.0.private.replace_json(&key(id), &endpoint, None, Some(&etag)).await {
                Ok(_) => {
                    self.0.changed.notify_one();
                    return Ok(endpoint);
                }
                Err(store::Error::PreconditionFailed { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let reason = "others change the webhook at the same moment".to_owned();
        let (operation, key) = ("write", key(id));
        Err(store::Error::Unavailable { operation, key, reason }.into())
    }

    /// Changes an endpoint as somebody asks for.
    ///
    /// # Errors
    /// As [`Webhooks::create`], and [`Error::NoSuchEndpoint`].
    pub async fn change(&self, id: &str, change: EndpointChange) -> Result<Endpoint, Error> {
        if let Some(url) = &change.url {
            self.0.outgoing.check(url)?;
        }
        let (text, events) = (change.description.as_deref(), change.events.as_deref());
        check(text.unwrap_or_default(), events.unwrap_or_default())?;
        self.update(id, |endpoint| {
            let EndpointChange { url, description, events, is_paused } = change.clone();
            endpoint.url = url.unwrap_or_else(|| endpoint.url.clone());
            endpoint.description = description.unwrap_or_else(|| endpoint.description.clone());
            endpoint.events = events.unwrap_or_else(|| endpoint.events.clone());
            match is_paused {
                Some(true) => endpoint.pause("paused by request".to_owned()),
                Some(false) => endpoint.resume(),
                None => {}
            }
            Ok(true)
        })
        .await
    }

    /// Gives an endpoint a new secret. The old one signs for another day. Returns the text of the new one.
    ///
    /// # Errors
    /// [`Error::NoSuchEndpoint`] or [`Error::Store`].
    pub async fn rotate(&self, id: &str) -> Result<(Endpoint, String), Error> {
        let (now, secret) = (self.0.events.now(), signature::secret(rand::random()));
        let endpoint = self.update(id, |endpoint| {
            endpoint.rotate(secret.clone(), now);
            Ok(true)
        });
        Ok((endpoint.await?, secret))
    }

    /// Sends the events behind a place up to another once more.
    pub(super) async fn replay(
        &self,
        id: &str,
        after: Position,
        until: Position,
    ) -> Result<(), Error> {
        let replay = Replay { id: hex::encode(rand::random::<[u8; 8]>()), after, until };
        let added = self.update(id, |endpoint| {
            if endpoint.replays.len() >= MOST_REPLAYS {
                return Err(Error::TooMany(format!("{MOST_REPLAYS} replays wait already")));
            }
            endpoint.replays.push(replay.clone());
            Ok(true)
        });
        added.await.map(drop)
    }

    /// Sends all events since a time once more.
    ///
    /// # Errors
    /// [`Error::NoSuchEndpoint`], [`Error::TooMany`] or [`Error::Store`].
    pub async fn replay_since(&self, id: &str, since: Timestamp) -> Result<(), Error> {
        let (after, until) = (Position::before(since), Position::before(self.0.events.now()));
        self.replay(id, after, until).await
    }

    /// Removes an endpoint: nothing is sent to it from then on, but for what is on its way.
    ///
    /// # Errors
    /// [`Error::NoSuchEndpoint`] or [`Error::Store`].
    pub async fn delete(&self, id: &str) -> Result<(), Error> {
        let deleted = self.update(id, |endpoint| {
            endpoint.state = EndpointState::Deleted;
            endpoint.secrets.clear();
            Ok(true)
        });
        deleted.await.map(drop)
    }

    /// Removes what an endpoint has left that somebody deleted, and its record.
    pub(super) async fn remove(&self, id: &str) -> Result<(), store::Error> {
        let private = &self.0.private;
        for prefix in [PENDING_PREFIX, REPORTS_PREFIX] {
            let mut pages = private.entries(&format!("{prefix}{id}/")).try_chunks(1000);
            while let Some(page) = pages.try_next().await.map_err(|error| error.1)? {
                let keys: Vec<String> = page.into_iter().map(|entry| entry.key).collect();
                // The id is never used again.
                private.delete_immutable(&keys).await?;
            }
        }
        for key in [format!("{CURSORS_PREFIX}{id}.json"), key(id)] {
            if let Some(head) = private.find(&key).await? {
                let (Removal::Gone | Removal::Changed) =
                    private.delete_version(&key, &head.etag).await?;
            }
        }
        Ok(())
    }
}
