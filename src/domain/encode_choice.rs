//! Encode settings that a user has chosen for one video.

use serde::{Deserialize, Serialize};

use super::declare::Rule;
use super::encode::{EncodeConfig, Level};
use super::ladder::{Ladder, Rising};

/// Settings for one video in place of the configured ones. It is kept in the private bucket, so that each later
/// stream of the video is encoded with it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EncodeChoice {
    /// Encoder effort.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
    /// The ladder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ladder: Option<Ladder>,
}

impl EncodeChoice {
    /// The encode settings and the ladder with this choice, in place of the configured ones.
    #[must_use]
    pub fn applied(&self, encode: &EncodeConfig, ladder: &Ladder) -> (EncodeConfig, Ladder) {
        let mut encode = encode.clone();
        if let Some(level) = self.level {
            // The quality of the settings is for their own level.
            (encode.level, encode.quality) = (level, 0.0);
        }
        (encode, self.ladder.clone().unwrap_or_else(|| ladder.clone()))
    }

    /// Verifies the choice.
    ///
    /// # Errors
    /// The field at fault, and its allowed values.
    pub fn check(&self) -> Result<(), String> {
        let Some(ladder) = &self.ladder else { return Ok(()) };
        let found = Rising.violations("ladder", ladder);
        match found.first() {
            Some(violation) => Err(format!("{}: must be {}", violation.key, violation.allowed)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ladder::Rung;

    #[test]
    fn a_choice_replaces_what_it_names() {
        let (encode, ladder) =
            (EncodeConfig { quality: 20.0, ..EncodeConfig::default() }, Ladder::default());
        let nothing = EncodeChoice::default();
        assert_eq!(nothing.applied(&encode, &ladder), (encode.clone(), ladder.clone()));
        let one = Ladder(vec![Rung { height: 240, max_bitrate_kbps: 400 }]);
        let choice = EncodeChoice { level: Some(Level::Best), ladder: Some(one.clone()) };
        let best = EncodeConfig { level: Level::Best, quality: 0.0, ..encode.clone() };
        assert_eq!(choice.applied(&encode, &ladder), (best, one));
        assert_eq!(choice.check(), Ok(()));
        let wrong = Ladder(vec![Rung { height: 241, max_bitrate_kbps: 400 }]);
        let wrong = EncodeChoice { ladder: Some(wrong), ..nothing };
        assert!(wrong.check().unwrap_err().starts_with("ladder[0].height: must be "));
    }
}
