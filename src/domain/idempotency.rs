//! Requests that a client may send twice: the same `Idempotency-Key` makes one video, and gets one answer.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::record::IDEMPOTENCY_PREFIX;

/// How long an answer is kept.
pub const KEPT: Duration = Duration::from_hours(24);
/// Time after which a request without an answer counts as dead: longer than any request may take.
pub const DEAD_AFTER: Duration = Duration::from_mins(2);
/// Longest key in bytes.
pub const MAX_KEY_BYTES: usize = 255;

/// Whether a text may be a key: visible ASCII.
#[must_use]
pub fn is_key(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_KEY_BYTES && text.bytes().all(|b| b.is_ascii_graphic())
}

/// A hash of these parts, none of which can be taken for a part of its neighbour.
fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// Key of the note of a request by this sender, in the private bucket.
#[must_use]
pub fn note_key(sender: &str, key: &str) -> String {
    format!("{IDEMPOTENCY_PREFIX}{}.json", hex::encode(hash(&[sender.as_bytes(), key.as_bytes()])))
}

/// Key of the cipher of the answer, which may have secrets. It follows from the key of the request and from the
/// credentials of its sender, of which the bucket has none.
#[must_use]
pub fn cipher_key(sender: &str, key: &str, credential: &[u8]) -> [u8; 32] {
    hash(&[b"answer", sender.as_bytes(), key.as_bytes(), credential])
}

/// The part of an id that follows from a request.
#[must_use]
pub fn seed(note_key: &str, fingerprint: &str) -> [u8; 8] {
    let hash = hash(&[b"seed", note_key.as_bytes(), fingerprint.as_bytes()]);
    let mut seed = [0; 8];
    seed.copy_from_slice(&hash[..8]);
    seed
}

/// Hash of what a request asks for.
#[must_use]
pub fn fingerprint(method: &str, path: &str, body: &[u8]) -> String {
    hex::encode(hash(&[method.as_bytes(), path.as_bytes(), body]))
}

/// The note of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// [`fingerprint`] of the request.
    pub fingerprint: String,
    /// When it began, by the clock of the store.
    pub began_at: Timestamp,
    /// Random name of the try that works on it.
    pub writer: String,
    /// Its answer, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// `Content-Type`.
    pub content_type: String,
    /// `Location`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// The encrypted body, in base64.
    pub body: String,
}

/// Treatment of a request with a known key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nobody works on it: it goes on.
    Run,
    /// The answer of the first request.
    Answer(Answer),
    /// The first request is not answered yet.
    Running,
    /// The key belongs to another request.
    Other,
}

/// Judges a request by the note of an earlier one.
#[must_use]
pub fn judge(note: Option<&Note>, fingerprint: &str, now: Timestamp) -> Verdict {
    let Some(note) = note else { return Verdict::Run };
    let age = Duration::try_from(now.duration_since(note.began_at)).unwrap_or_default();
    if age >= KEPT {
        return Verdict::Run;
    }
    if note.fingerprint != fingerprint {
        return Verdict::Other;
    }
    match &note.answer {
        Some(answer) => Verdict::Answer(answer.clone()),
        None if age >= DEAD_AFTER => Verdict::Run,
        None => Verdict::Running,
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn a_key_is_of_one_sender_and_one_request() {
        assert_ne!(note_key("a", "bc"), note_key("ab", "c"));
        assert_ne!(cipher_key("a", "b", b""), cipher_key("a", "c", b""));
        assert_ne!(cipher_key("a", "b", b"x"), cipher_key("a", "b", b"y"));
        assert_ne!(seed("a", "b"), seed("a", "c"));
        assert_ne!(fingerprint("POST", "/a", b"b"), fingerprint("POST", "/ab", b""));
        assert!(
            is_key("4f8b-1") && !is_key("") && !is_key("two words") && !is_key(&"x".repeat(256))
        );
    }

    #[test]
    fn a_request_runs_once_unless_it_died() {
        let answer = Answer {
            status: 201,
            content_type: String::new(),
            location: None,
            body: String::new(),
        };
        let began_at: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let note = |answer: Option<&Answer>| Note {
            fingerprint: "f".to_owned(),
            began_at,
            writer: String::new(),
            answer: answer.cloned(),
        };
        let done = Some(&answer);
        let table = [
            (None, "f", 0, Verdict::Run),
            (Some(note(None)), "f", 1, Verdict::Running),
            (Some(note(None)), "f", 120, Verdict::Run),
            (Some(note(None)), "g", 1, Verdict::Other),
            (Some(note(done)), "f", 1, Verdict::Answer(answer.clone())),
            (Some(note(done)), "g", 80_000, Verdict::Other),
            (Some(note(done)), "f", 86_400, Verdict::Run),
            // The clock of the store went back.
            (Some(note(None)), "f", -5, Verdict::Running),
        ];
        for (note, fingerprint, secs, verdict) in table {
            let now = began_at + SignedDuration::from_secs(secs);
            assert_eq!(judge(note.as_ref(), fingerprint, now), verdict, "{note:?} {secs}");
        }
    }
}
