//! Playback tokens: the claims of a JWT (RFC 7519), and the reasons why one is refused.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::job::VideoId;

/// Seconds by which the clock of a signer may be ahead.
const LEEWAY_SECS: i64 = 60;

/// The claims of a playback token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Id of the video.
    pub sub: String,
    /// End of the validity, in seconds since 1970.
    pub exp: i64,
    /// When it was signed, in seconds since 1970.
    pub iat: i64,
    /// The viewer, for the signer's own use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub viewer: Option<String>,
}

/// Why a token opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The request has no token.
    #[error("a private video needs a playback token: add ?token= to the URL")]
    Missing,
    /// It is no JWT with the claims of a playback token.
    #[error(
        "the token is not a JWT with the header kid and the claims sub, iat and exp (whole seconds)"
    )]
    Malformed,
    /// It is signed by another algorithm than HS256.
    #[error("the token must be signed with HS256")]
    Algorithm,
    /// No key has the id in its header.
    #[error("the key that the token names in its header (kid) is unknown")]
    UnknownKey,
    /// The signature is not of that key.
    #[error("the signature of the token is wrong")]
    Signature,
    /// Its end is over.
    #[error("the token has expired: ask for a new one")]
    Expired,
    /// It was signed in the future.
    #[error("the token is not valid yet: the clock of its signer is ahead")]
    NotYetValid,
    /// It is for another video.
    #[error("the token is for another video")]
    OtherVideo,
}

impl Refusal {
    /// Code of the problem in the API.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Missing => "token-missing",
            Self::Malformed => "token-malformed",
            Self::Algorithm => "token-algorithm",
            Self::UnknownKey => "token-key-unknown",
            Self::Signature => "token-signature",
            Self::Expired => "token-expired",
            Self::NotYetValid => "token-not-yet-valid",
            Self::OtherVideo => "token-other-video",
        }
    }
}

impl Claims {
    /// Checks whether the claims of a verified token open this video now.
    ///
    /// # Errors
    /// The reason why not.
    pub fn check(&self, id: &VideoId, now: Timestamp) -> Result<(), Refusal> {
        let now = now.as_second();
        if self.exp <= self.iat {
            return Err(Refusal::Malformed);
        }
        if self.exp <= now {
            return Err(Refusal::Expired);
        }
        if self.iat > now.saturating_add(LEEWAY_SECS) {
            return Err(Refusal::NotYetValid);
        }
        if self.sub != id.as_str() {
            return Err(Refusal::OtherVideo);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_opens_its_video_while_it_is_valid() {
        let id = VideoId::of_source("uploads", "k");
        let other = VideoId::of_source("uploads", "l");
        let table = [
            (&id, 1000, 2000, Ok(())),
            (&id, 1500, 1501, Ok(())),
            (&id, 1000, 1500, Err(Refusal::Expired)),
            (&id, 1560, 2000, Ok(())),
            (&id, 1561, 2000, Err(Refusal::NotYetValid)),
            (&id, 2000, 2000, Err(Refusal::Malformed)),
            (&id, i64::MAX, i64::MIN, Err(Refusal::Malformed)),
            (&other, 1000, 2000, Err(Refusal::OtherVideo)),
            // The order of the reasons tells nothing of other videos.
            (&other, 1000, 1200, Err(Refusal::Expired)),
        ];
        let now = Timestamp::from_second(1500).unwrap();
        for (video, iat, exp, expected) in table {
            let claims = Claims { sub: video.to_string(), exp, iat, viewer: None };
            assert_eq!(claims.check(&id, now), expected, "{claims:?}");
        }
    }
}
