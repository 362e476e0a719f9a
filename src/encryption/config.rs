//! The section `[encryption]`.

use serde::{Deserialize, Serialize};

use crate::domain::declare::{Any, OneOf, Violation, settings};
use crate::domain::hls::key::{Key, Template};
use crate::domain::secret::{Concealed, NamedSecrets, Secret};

/// Shortest master key in bytes: the strength of SHA-256.
const MIN_MASTER_BYTES: usize = 32;

settings! {
    /// Encryption of segments, and its keys.
    #[derive(Eq)]
    pub struct Config {
        /// Encryption of segments: "aes-128" (only clients with the key can play) or "none".
        kind: Kind = Kind::None, OneOf;
        /// URL in the playlists from which players load the 16 bytes of the key. The server there
        /// decides who gets them. `{video_id}` stands for the video:
        /// `https://keys.example.com/{video_id}`.
        key_url: String = String::new(), Any;
        /// One key for all videos, as 32 hex digits. Set this or `key_endpoint`.
        key_hex: Secret = Secret::default(), Concealed;
        /// URL from which the daemon loads the key of a video (GET, 16 bytes) at each attempt, such as
        /// `https://keys.internal.example.com/{video_id}`. That server decides whether videos share a
        /// key.
        key_endpoint: String = String::new(), Any;
        /// Token that the daemon sends to `key_endpoint` as `Authorization: Bearer`. Keep secrets out of
        /// files that others can read: set `LADDERD__ENCRYPTION__KEY_ENDPOINT_TOKEN` or
        /// `LADDERD__ENCRYPTION__KEY_HEX`.
        key_endpoint_token: Secret = Secret::default(), Concealed;
        /// Master keys of private videos, from which the daemon derives a key for each attempt at one. Players
        /// load it with their token from the daemon. The last pair encrypts; keep the others as long as there
        /// are videos of them. Every box needs the same. Set `LADDERD__ENCRYPTION__MASTER_KEYS` rather than a
        /// file that others can read.
        master_keys: Secret = Secret::default(), NamedSecrets {
            allowed: "a secret has 32 characters or more",
            accepts: |secret| secret.len() >= MIN_MASTER_BYTES,
        };
    }
    also Config::check;
}

/// Whether segments are encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Segments are in the clear.
    #[default]
    #[serde(rename = "none")]
    None,
    /// Whole segments are encrypted with AES-128 (RFC 8216, 4.3.2.4).
    #[serde(rename = "aes-128")]
    Aes128,
}

impl Config {
    /// Whether anything of an external key server is set.
    pub(super) fn has_external(&self) -> bool {
        !(self.key_url.is_empty() && self.key_hex.is_empty() && self.key_endpoint.is_empty())
    }

    /// Rules between the keys of the section.
    fn check(&self) -> Vec<Violation> {
        match self.kind {
            // Private videos have keys, and public ones are in the clear.
            Kind::Aes128 if !self.master_keys.is_empty() && !self.has_external() => Vec::new(),
            Kind::Aes128 => self.check_aes(),
            // An operator who sets a key does not want streams in the clear. Master keys still open old streams.
            Kind::None if self.has_external() => {
                let allowed = "aes-128, as there is a key; none, if key_url, key_hex and \
                               key_endpoint are empty";
                vec![Violation::new("kind", allowed)]
            }
            Kind::None => Vec::new(),
        }
    }

    fn check_aes(&self) -> Vec<Violation> {
        let mut faults = Vec::new();
        let mut fault = |key, allowed: String| faults.push(Violation::new(key, allowed));
        let is_url = |url: &str| {
            let filled = Template::parse(url).map(|template| template.fill("0"));
            let parsed = filled.ok().and_then(|url| reqwest::Url::parse(&url).ok());
            parsed.is_some_and(|url| matches!(url.scheme(), "http" | "https"))
        };
        if let Err(reason) = Template::parse(&self.key_url) {
            fault("key_url", format!("a URL: {reason}"));
        } else if !is_url(&self.key_url) && !self.key_url.starts_with('/') {
            let example = "https://keys.example.com/{video_id}";
            fault("key_url", format!("what players fetch, a URL such as {example}, or its path"));
        }
        match (self.key_hex.is_empty(), self.key_endpoint.is_empty()) {
            (true, true) => fault("key_hex", "32 hex digits, or nothing and key_endpoint".into()),
            (false, false) => fault("key_endpoint", "nothing, as there is key_hex".into()),
            (false, true) if Key::from_hex(self.key_hex.reveal()).is_none() => {
                fault("key_hex", "32 hex digits".into());
            }
            (true, false) => {
                if let Err(reason) = Template::parse(&self.key_endpoint) {
                    fault("key_endpoint", format!("a URL: {reason}"));
                } else if !is_url(&self.key_endpoint) {
                    fault("key_endpoint", "a URL, http:// or https://".into());
                }
            }
            (false, true) => {}
        }
        if !self.key_endpoint_token.reveal().chars().all(|c| c.is_ascii_graphic()) {
            fault("key_endpoint_token", "letters, digits and signs, without spaces".into());
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::declare::Section;

    #[test]
    fn secrets_are_not_printed() {
        let config = Config {
            master_keys: Secret::new("1:hush".to_owned()),
            key_hex: Secret::new("00112233445566778899aabbccddeeff".to_owned()),
            key_endpoint_token: Secret::new("hush".to_owned()),
            ..Config::default()
        };
        let debug = format!("{config:?} {config:#?}");
        let shown = serde_json::to_string(&config).unwrap() + &toml::to_string(&config).unwrap();
        for text in [debug, shown] {
            assert!(text.contains("(redacted)"), "{text}");
            assert!(!text.contains("hush") && !text.contains("0011"), "{text}");
        }
    }

    #[test]
    fn contradictory_settings_are_faults() {
        let config = |url: &str, hex: &str, endpoint: &str| Config {
            kind: Kind::Aes128,
            key_url: url.to_owned(),
            key_hex: Secret::new(hex.to_owned()),
            key_endpoint: endpoint.to_owned(),
            ..Config::default()
        };
        let (url, hex) = ("https://k.example/{video_id}", "00112233445566778899aabbccddeeff");
        let master = Secret::new(format!("1:{}", "m".repeat(32)));
        let table: [(Config, &[&str]); 16] = [
            (Config { master_keys: master.clone(), ..config("", "", "") }, &[]),
            (Config { master_keys: master.clone(), ..config(url, hex, "") }, &[]),
            (Config { master_keys: master.clone(), ..config(url, "", "") }, &["key_hex"]),
            (Config { master_keys: master, ..Config::default() }, &[]),
            (
                Config { master_keys: Secret::new("1:short".to_owned()), ..config("", "", "") },
                &["master_keys"],
            ),
            (Config::default(), &[]),
            (Config { kind: Kind::None, ..config(url, hex, "") }, &["kind"]),
            (config(url, hex, ""), &[]),
            (config("/keys/{video_id}", "", url), &[]),
            (config("", "", ""), &["key_url", "key_hex"]),
            (config(url, hex, url), &["key_endpoint"]),
            (config("https://k.example/{id}", &hex[1..], ""), &["key_url", "key_hex"]),
            (config("keys", "", "/keys"), &["key_url", "key_endpoint"]),
            (config(url, "", "http://k.example/{id}"), &["key_endpoint"]),
            (config("ftp://k.example/", "", "http:// k"), &["key_url", "key_endpoint"]),
            (
                Config {
                    key_endpoint_token: Secret::new("a b".to_owned()),
                    ..config(url, "", url)
                },
                &["key_endpoint_token"],
            ),
        ];
        for (config, keys) in table {
            let faults = config.violations();
            let found: Vec<_> = faults.iter().map(|fault| fault.key.as_str()).collect();
            assert_eq!(found, keys, "{config:?}: {faults:?}");
        }
    }
}
