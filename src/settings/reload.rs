//! New settings while the daemon runs.

use serde_json::Value;

use super::load::{Faults, Loaded};
use super::takes_effect::takes_effect;
use super::{Settings, show};
use crate::domain::declare::Section;
use crate::domain::setting_view::TakesEffect;

/// The settings after a reload.
#[derive(Clone, Debug)]
pub struct Reloaded {
    /// The settings that the daemon uses from now on.
    pub loaded: Loaded,
    /// Keys with a new value.
    pub taken: Vec<String>,
    /// Keys whose new value needs a restart. Their old value stays until then.
    pub waiting: Vec<String>,
}

impl Loaded {
    /// These settings with those values of `new` that a reload takes.
    ///
    /// # Errors
    /// If the old and new values do not go together.
    pub fn reloaded(&self, new: &Self) -> Result<Reloaded, Faults> {
        let old = tree(&self.settings)?;
        let (wanted, mut merged) = (tree(&new.settings)?, old.clone());
        let is_switched = self.settings.tls.is_on() != new.settings.tls.is_on();
        let (mut taken, mut waiting) = (Vec::new(), Vec::new());
        show::collect("", &Settings::settings(), [&old, &wanted], &mut |key, _, [old, wanted]| {
            if old == wanted {
                return;
            }
            let is_taken = takes_effect(&key) == Some(TakesEffect::OnReload)
                && !(is_switched && key.starts_with("tls."));
            let place = merged.pointer_mut(&format!("/{}", key.replace('.', "/")));
            match place.filter(|_| is_taken) {
                Some(place) => {
                    *place = wanted.clone();
                    taken.push(key);
                }
                None => waiting.push(key),
            }
        });
        let settings: Settings = serde_json::from_value(merged).map_err(|error| fault(&error))?;
        let violations = settings.violations();
        if !violations.is_empty() {
            let line = |found: &crate::domain::declare::Violation| {
                format!("{}: allowed: {}", found.key, found.allowed)
            };
            return Err(Faults(violations.iter().map(line).collect()));
        }
        // Those that wait are shown as they are used.
        let shown = self.shown.iter().zip(&new.shown);
        let shown = shown.map(|(old, new)| if waiting.contains(&old.key) { old } else { new });
        let loaded = Self { settings, shown: shown.cloned().collect() };
        Ok(Reloaded { loaded, taken, waiting })
    }
}

fn tree(settings: &Settings) -> Result<Value, Faults> {
    serde_json::to_value(settings).map_err(|error| fault(&error))
}

fn fault(error: &serde_json::Error) -> Faults {
    Faults(vec![error.to_string()])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::load::Sources;
    use super::super::takes_effect::{RELOADED, RESTARTED};
    use super::*;

    fn loaded(settings: &[(&str, &str)]) -> Loaded {
        let variable = |key: &str| format!("LADDERD__{}", key.replace('.', "__").to_uppercase());
        let environment =
            settings.iter().map(|(key, value)| (variable(key), (*value).to_owned())).collect();
        // A file of its own, so that one of this machine is not read.
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("empty.toml");
        std::fs::write(&file, "").unwrap();
        Loaded::load(&Sources { file: Some(file), environment, ..Sources::default() }).unwrap()
    }

    /// All keys that are declared.
    fn declared() -> BTreeSet<String> {
        let (mut keys, none) = (BTreeSet::new(), Value::Null);
        show::collect("", &Settings::settings(), [&none, &none], &mut |key, _, _| {
            keys.insert(key);
        });
        keys
    }

    #[test]
    fn every_setting_says_when_it_takes_effect_and_says_it_once() {
        let keys = declared();
        let missing: Vec<_> = keys.iter().filter(|key| takes_effect(key).is_none()).collect();
        assert!(missing.is_empty(), "src/settings/takes_effect.rs lacks {missing:?}");
        let restarted = RESTARTED.iter().flat_map(|(section, names)| {
            let dot = if section.is_empty() { "" } else { "." };
            names.iter().map(move |name| format!("{section}{dot}{name}"))
        });
        let named: Vec<String> =
            RELOADED.iter().map(|key| (*key).to_owned()).chain(restarted).collect();
        assert_eq!(named.len(), keys.len(), "a key stands twice");
        let unknown: Vec<_> = named.iter().filter(|key| !keys.contains(*key)).collect();
        assert!(unknown.is_empty(), "src/settings/takes_effect.rs names {unknown:?}");
    }

    #[test]
    fn a_reload_takes_what_it_can_and_names_the_rest() {
        let old = loaded(&[("limits.tracks", "5"), ("http.listen", "127.0.0.1:1")]);
        let new = loaded(&[("limits.tracks", "6"), ("http.listen", "127.0.0.1:2")]);
        let Reloaded { loaded: now, taken, waiting } = old.reloaded(&new).unwrap();
        assert_eq!(taken, ["limits.tracks"]);
        assert_eq!(waiting, ["http.listen"]);
        assert_eq!((now.settings.limits.tracks, &*now.settings.http.listen), (6, "127.0.0.1:1"));
        let shown = |key: &str| &now.shown.iter().find(|view| view.key == key).unwrap().value;
        assert_eq!(
            (shown("limits.tracks"), shown("http.listen")),
            (&6.into(), &"127.0.0.1:1".into())
        );
        // They wait until the restart, and nothing is taken twice.
        let again = now.reloaded(&new).unwrap();
        assert_eq!((again.taken, again.waiting), (Vec::new(), vec!["http.listen".to_owned()]));
    }

    #[test]
    fn tls_is_not_switched_on_or_off_by_a_reload() {
        let pair = |name: &str| loaded(&[("tls.cert", name), ("tls.key", name)]);
        let (plain, one, other) = (loaded(&[]), pair("one"), pair("other"));
        let keys = |old: &Loaded, new: &Loaded| {
            let Reloaded { taken, waiting, .. } = old.reloaded(new).unwrap();
            (taken.len(), waiting.len())
        };
        assert_eq!(keys(&plain, &one), (0, 2));
        assert_eq!(keys(&one, &plain), (0, 2));
        assert_eq!(keys(&one, &other), (2, 0));
    }
}
