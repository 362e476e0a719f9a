//! The settings as the API shows them: values with their origins, without secrets.

use serde_json::Value;

use super::Settings;
use super::takes_effect::takes_effect;
use crate::domain::declare::{Section, Setting, Shape};
use crate::domain::secret::Secret;
use crate::domain::setting_view::{Origin, SettingView, TakesEffect};

/// All keys, section by section. `origin_of` tells where the value of a key comes from, with its source.
pub(super) fn all(
    settings: &Settings,
    origin_of: impl Fn(&str) -> (Origin, Option<String>),
) -> Vec<SettingView> {
    let value_of = |settings: &Settings| serde_json::to_value(settings).unwrap_or_default();
    let (values, defaults) = (value_of(settings), value_of(&Settings::default()));
    let mut found = Vec::new();
    collect(
        "",
        &Settings::settings(),
        [&values, &defaults],
        &mut |key, setting, [value, default]| {
            let (origin, source) = origin_of(&key);
            let is_secret = setting.is_secret;
            let [value, default] = [value, default].map(|value| without_secrets(setting, value));
            let doc = doc(setting);
            let takes_effect = takes_effect(&key).unwrap_or(TakesEffect::OnRestart);
            found.push(SettingView {
                key,
                value,
                is_secret,
                default,
                origin,
                source,
                takes_effect,
                doc,
            });
        },
    );
    found
}

/// Calls `add` with each key, its declaration and its values in both trees.
pub(super) fn collect(
    section: &str,
    settings: &[Setting],
    trees: [&Value; 2],
    add: &mut impl FnMut(String, &Setting, [&Value; 2]),
) {
    for setting in settings {
        let key = format!("{section}{}", setting.key);
        let values = trees.map(|tree| tree.get(setting.key).unwrap_or(&Value::Null));
        match &setting.shape {
            Shape::Table(below) => collect(&format!("{key}."), below, values, add),
            Shape::Value | Shape::Tables(_) => add(key, setting, values),
        }
    }
}

/// The value, with `null` in place of each secret.
fn without_secrets(setting: &Setting, value: &Value) -> Value {
    match (&setting.shape, value) {
        _ if setting.is_secret => Value::Null,
        (Shape::Tables(below), Value::Array(entries)) => {
            entries.iter().map(|entry| entry_without_secrets(below, entry)).collect()
        }
        (Shape::Table(below), entry @ Value::Object(_)) => entry_without_secrets(below, entry),
        _ => value.clone(),
    }
}

fn entry_without_secrets(settings: &[Setting], entry: &Value) -> Value {
    let shown = |setting: &Setting| {
        (
            setting.key.to_owned(),
            without_secrets(setting, entry.get(setting.key).unwrap_or(&Value::Null)),
        )
    };
    settings.iter().map(shown).collect()
}

/// Secrets of the settings.
fn secrets(settings: &Settings) -> [&Secret; 4] {
    let encryption = &settings.encryption;
    [
        &settings.playback.keys,
        &encryption.key_hex,
        &encryption.key_endpoint_token,
        &encryption.master_keys,
    ]
}

/// The values of all secrets that are set, those with names also without them.
pub(super) fn secret_values(settings: &Settings) -> Vec<String> {
    let mut found = Vec::new();
    for secret in secrets(settings).into_iter().filter(|secret| !secret.is_empty()) {
        let pairs = secret.pairs().unwrap_or_default();
        found.extend(pairs.into_iter().map(|(_, value)| value.trim().to_owned()));
        found.push(secret.reveal().to_owned());
    }
    found
}

/// Meaning and allowed values.
fn doc(setting: &Setting) -> String {
    let meaning = setting.doc.join(" ");
    match setting.allowed.as_str() {
        "" => meaning,
        allowed => format!("{meaning} Allowed: {allowed}."),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn setting(key: &'static str, is_secret: bool, shape: Shape) -> Setting {
        Setting { key, doc: vec!["A doc."], allowed: String::new(), is_secret, shape }
    }

    #[test]
    fn secrets_within_lists_are_left_out() {
        let below = vec![
            setting("name", false, Shape::Value),
            setting("key", true, Shape::Value),
            setting("more", false, Shape::Table(vec![setting("token", true, Shape::Value)])),
        ];
        let list = setting("list", false, Shape::Tables(below));
        let value = json!([{ "name": "a", "key": "0011", "more": { "token": "0022" } }]);
        let expected = json!([{ "name": "a", "key": null, "more": { "token": null } }]);
        assert_eq!(without_secrets(&list, &value), expected);
    }

    #[test]
    fn the_values_of_all_declared_secrets_are_known() {
        let mut settings = Settings::default();
        let declared = all(&settings, |_| (Origin::Default, None));
        let declared = declared.iter().filter(|view| view.is_secret).count();
        assert_eq!(secrets(&settings).len(), declared);
        assert!(secret_values(&settings).is_empty());
        settings.encryption.key_hex = Secret::new("0123".to_owned());
        settings.playback.keys = Secret::new("a:first, b:second".to_owned());
        assert_eq!(secret_values(&settings), ["first", "second", "a:first, b:second", "0123"]);
    }

    #[test]
    fn every_key_that_is_no_section_is_shown() {
        let all = all(&Settings::default(), |_| (Origin::Default, None));
        let find = |key: &str| all.iter().find(|view| view.key == key).unwrap();
        assert_eq!(find("queue.retry.first_secs").value, find("queue.retry.first_secs").default);
        assert!(find("queue.lease_secs").doc.ends_with(" Allowed: 3 to 43200."));
        assert!(find("ladder").value.as_array().is_some_and(|rungs| rungs.len() > 1));
        let secrets: Vec<_> = all.iter().filter(|view| view.is_secret).collect();
        assert!(secrets.iter().any(|view| view.key == "encryption.key_hex"));
        assert!(secrets.iter().all(|view| view.value.is_null() && view.default.is_null()));
        // No key has lost its value on the way.
        let has_value = |view: &&SettingView| view.is_secret || !view.value.is_null();
        assert_eq!(all.iter().filter(has_value).count(), all.len());
        assert!(all.iter().all(|view| !view.value.is_object()));
    }
}
