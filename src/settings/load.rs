//! Reading of the layers, and the report of their faults.

use std::path::{Path, PathBuf};

use config::{Config, File, FileFormat, Map, Source, Value, ValueKind};

use super::secrets::{ENVIRONMENT, PREFIX, REDACTED, Secrets, layer_of, variable};
use super::{Settings, default_toml, show};
use crate::domain::declare::Section;
use crate::domain::setting_view::{Origin, SettingView};
use crate::private_file;

/// File that is read if no flag names one.
const SYSTEM_FILE: &str = "/etc/ladderd/ladderd.toml";

/// All faults, one per line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct Faults(pub Vec<String>);

/// Values of the flags.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--data-dir`.
    pub data_dir: Option<PathBuf>,
    /// `--listen`.
    pub listen: Option<String>,
    /// `--s3-listen`.
    pub s3_listen: Option<String>,
}

/// The layers above the defaults.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Path after `--config`. `None`: `/etc/ladderd/ladderd.toml`, if it exists.
    pub file: Option<PathBuf>,
    /// Environment variables: names and values.
    pub environment: Vec<(String, String)>,
    /// The flags.
    pub overrides: Overrides,
}

/// Values of one layer, by key.
type Tree = Map<String, Value>;

/// Settings, and what the API shows of them.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// All keys with their values and origins.
    pub shown: Vec<SettingView>,
}

impl Settings {
    /// Reads and checks all layers.
    ///
    /// # Errors
    /// Every fault, each with its origin, the key, the value and the allowed values. Unknown keys
    /// and wrong types are reported first; values are checked once there are none.
    pub fn load(sources: &Sources) -> Result<Self, Faults> {
        Loaded::load(sources).map(|loaded| loaded.settings)
    }
}

impl Loaded {
    /// Reads and checks all layers, as [`Settings::load`], and says where each value comes from.
    ///
    /// # Errors
    /// As [`Settings::load`].
    pub fn load(sources: &Sources) -> Result<Self, Faults> {
        let default = default_toml();
        let known = tree(File::from_str(&default, FileFormat::Toml))?;
        let secrets = Secrets::declared();
        let file = file_layer(sources, &secrets)?;
        let given = secrets.given(&sources.environment).map_err(Faults)?;
        let plain = plain_layer(sources, &secrets, &known);
        // In rising order of precedence: the last layer with a key is the origin of its value.
        let mut layers = Vec::new();
        if let (Some(file), Some(path)) = (&file, &sources.path()) {
            layers.push((path.display().to_string(), tree(file.clone())?));
        }
        layers.push((ENVIRONMENT.to_owned(), tree(plain.clone())?));
        for given in &given {
            layers.push((given.origin.clone(), tree(given.layer())?));
        }
        let mut faults = Vec::new();
        if let (Some((_, layer)), Some(path)) = (layers.first(), &sources.path()) {
            faults.extend(open_secret(path, layer, &secrets));
        }
        for (origin, layer) in &layers {
            let place = Place { origin, path: "", secrets: &secrets };
            unknown_or_mistyped(&place, &known, layer, &mut faults);
        }
        if !faults.is_empty() {
            return Err(Faults(faults));
        }
        let environment = [plain, layer_of(&given)];
        let merged = merge(&default, file, environment, &sources.overrides).map_err(one)?;
        let settings: Settings = merged.clone().try_deserialize().map_err(one)?;
        let place = |key: &str| {
            let flag = sources.overrides.flag(key).map(str::to_owned);
            let in_layer =
                || layers.iter().rev().find(|(_, layer)| has(layer, key)).map(|l| l.0.clone());
            flag.or_else(in_layer).unwrap_or_else(|| "the default".to_owned())
        };
        let describe = |key: &str, allowed: &str| {
            let value = merged.get::<Value>(key).ok();
            let value = value.map(|value| format!(" = {}", shown(&secrets, key, &value)));
            format!("{}: {key}{}: allowed: {allowed}", place(key), value.unwrap_or_default())
        };
        let violations = settings.violations();
        if violations.is_empty() {
            let shown = show::all(&settings, |key| origin(key, &layers, sources));
            return Ok(Self { settings, shown });
        }
        Err(Faults(violations.iter().map(|found| describe(&found.key, &found.allowed)).collect()))
    }
}

impl Loaded {
    /// The values of all secrets, for texts that must not have them.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        show::secret_values(&self.settings)
    }
}

impl Sources {
    /// Path of the file that is read, if any.
    fn path(&self) -> Option<PathBuf> {
        let system = || Some(PathBuf::from(SYSTEM_FILE)).filter(|path| path.is_file());
        self.file.clone().or_else(system)
    }
}

impl Overrides {
    /// The flag that sets `key`, if it was given.
    fn flag(&self, key: &str) -> Option<&'static str> {
        match key {
            "data_dir" => self.data_dir.as_ref().map(|_| "--data-dir"),
            "http.listen" => self.listen.as_ref().map(|_| "--listen"),
            "embedded.s3_listen" => self.s3_listen.as_ref().map(|_| "--s3-listen"),
            _ => None,
        }
    }
}

/// Layer and source of the value of `key`. `layers` are in rising order of precedence, each with the place that its
/// faults name.
fn origin(key: &str, layers: &[(String, Tree)], sources: &Sources) -> (Origin, Option<String>) {
    if let Some(flag) = sources.overrides.flag(key) {
        return (Origin::CommandLine, Some(flag.to_owned()));
    }
    match layers.iter().rev().find(|(_, layer)| has(layer, key)) {
        None => (Origin::Default, None),
        Some((place, _)) if place == ENVIRONMENT => {
            let expected = variable(key);
            let names = sources.environment.iter().map(|(name, _)| name);
            let given = names.clone().find(|name| name.eq_ignore_ascii_case(&expected));
            (Origin::Environment, Some(given.cloned().unwrap_or(expected)))
        }
        Some((path, _)) => (Origin::File, Some(path.clone())),
    }
}

/// Whether the tree has `key`, with dots between the sections. An entry of a list counts as the list.
fn has(tree: &Tree, key: &str) -> bool {
    at(tree, key).is_some()
}

/// The value at `key`.
fn at<'a>(tree: &'a Tree, key: &str) -> Option<&'a Value> {
    let key = key.split_once('[').map_or(key, |(list, _)| list);
    let Some((first, rest)) = key.split_once('.') else { return tree.get(key) };
    if let ValueKind::Table(below) = &tree.get(first)?.kind { at(below, rest) } else { None }
}

fn one(error: impl std::fmt::Display) -> Faults {
    Faults(vec![error.to_string()])
}

/// Values of one layer alone, with keys split at their dots.
fn tree<S: Source + Send + Sync + 'static>(layer: S) -> Result<Tree, Faults> {
    let alone = Config::builder().add_source(layer).build().map_err(one)?;
    alone.collect().map_err(one)
}

type FileLayer = File<config::FileSourceString, FileFormat>;

fn file_layer(sources: &Sources, secrets: &Secrets) -> Result<Option<FileLayer>, Faults> {
    let Some(path) = sources.path() else { return Ok(None) };
    let shown = path.display();
    if !path.is_file() {
        return Err(Faults(vec![format!("{shown}: there is no such file")]));
    }
    // Read here rather than by `config`, which names files relative to the working directory.
    let text = std::fs::read_to_string(&path).map_err(|error| one(format!("{shown}: {error}")))?;
    let layer = File::from_str(&text, FileFormat::Toml);
    let describe = |error: config::ConfigError| secrets.redact(&error.to_string());
    layer.collect().map_err(|error| one(format!("{shown}: {}", describe(error))))?;
    Ok(Some(layer))
}

/// The fault of a settings file with a secret to which other users have access.
fn open_secret(path: &Path, layer: &Tree, secrets: &Secrets) -> Option<String> {
    let is_set = |key: &&str| at(layer, key).is_some_and(|value| value.to_string() != "");
    let key = secrets.keys().find(is_set)?;
    let error = private_file::read(path).err()?;
    Some(format!("{error}, or give {key} as a credential (docs/how-to/keep-secrets.md)"))
}

/// The variables that set no secret, parsed as numbers and lists.
fn plain_layer(sources: &Sources, secrets: &Secrets, known: &Tree) -> config::Environment {
    let plain = sources.environment.iter().filter(|(name, _)| !secrets.is_variable(name));
    let variables = plain.cloned().collect();
    let layer = config::Environment::with_prefix(PREFIX)
        .prefix_separator("__")
        .separator("__")
        .try_parsing(true)
        .list_separator(",");
    lists("", known)
        .iter()
        .fold(layer, |layer, key| layer.with_list_parse_key(key))
        .source(Some(variables))
}

/// Keys of the lists of plain values, with dots between the sections.
fn lists(section: &str, known: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (key, value) in known {
        let is_table = |value: &Value| matches!(value.kind, ValueKind::Table(_));
        if let ValueKind::Table(below) = &value.kind {
            found.extend(lists(&format!("{section}{key}."), below));
        } else if let ValueKind::Array(items) = &value.kind
            && !items.iter().any(is_table)
        {
            found.push(format!("{section}{key}"));
        }
    }
    found
}

fn merge(
    default: &str,
    file: Option<FileLayer>,
    environment: [config::Environment; 2],
    flags: &Overrides,
) -> Result<Config, config::ConfigError> {
    let mut builder = Config::builder().add_source(File::from_str(default, FileFormat::Toml));
    if let Some(file) = file {
        builder = builder.add_source(file);
    }
    let data_dir = flags.data_dir.as_ref().map(|path| path.to_string_lossy().into_owned());
    let [plain, secrets] = environment;
    builder
        .add_source(plain)
        .add_source(secrets)
        .set_override_option("data_dir", data_dir)?
        .set_override_option("http.listen", flags.listen.clone())?
        .set_override_option("embedded.s3_listen", flags.s3_listen.clone())?
        .build()
}

/// Layer and key of a value.
struct Place<'a> {
    origin: &'a str,
    path: &'a str,
    secrets: &'a Secrets,
}

/// Reports unknown keys and wrong types: `known` has every key with a value of its type.
fn unknown_or_mistyped(place: &Place<'_>, known: &Tree, layer: &Tree, faults: &mut Vec<String>) {
    let mut keys: Vec<_> = layer.keys().collect();
    keys.sort();
    for key in keys {
        let path =
            if place.path.is_empty() { key.clone() } else { format!("{}.{key}", place.path) };
        let place = Place { path: &path, ..*place };
        if let Some(default) = known.get(key) {
            compare(&place, default, &layer[key], faults);
        } else {
            let mut allowed: Vec<_> = known.keys().map(String::as_str).collect();
            allowed.sort_unstable();
            let (origin, allowed) = (place.origin, allowed.join(", "));
            faults.push(format!("{origin}: {path}: unknown key; allowed: {allowed}"));
        }
    }
}

fn compare(place: &Place<'_>, default: &Value, value: &Value, faults: &mut Vec<String>) {
    match (&default.kind, &value.kind) {
        (ValueKind::Table(known), ValueKind::Table(layer)) => {
            unknown_or_mistyped(place, known, layer, faults);
        }
        (ValueKind::Array(known), ValueKind::Array(items)) => {
            for (n, item) in items.iter().enumerate() {
                let path = format!("{}[{n}]", place.path);
                let place = Place { path: &path, ..*place };
                if let Some(known) = known.first() {
                    compare(&place, known, item, faults);
                }
            }
        }
        (default, _) => type_fault(place, default, value, faults),
    }
}

fn type_fault(place: &Place<'_>, default: &ValueKind, value: &Value, faults: &mut Vec<String>) {
    let (wanted, is_right) = match default {
        ValueKind::Boolean(_) => ("true or false", matches!(value.kind, ValueKind::Boolean(_))),
        ValueKind::I64(_) | ValueKind::U64(_) | ValueKind::I128(_) | ValueKind::U128(_) => {
            ("a whole number, 0 or greater", is_whole(value) && value.clone().into_uint().is_ok())
        }
        ValueKind::Float(_) => ("a number", is_whole(value) || is_float(value)),
        ValueKind::String(_) => ("text in quotes", is_text(value) || has_no_quotes(place, value)),
        ValueKind::Table(_) => ("a section", false),
        ValueKind::Array(_) => ("a list", false),
        ValueKind::Nil => ("nothing", false),
    };
    if !is_right {
        let (origin, path, value) =
            (place.origin, place.path, shown(place.secrets, place.path, value));
        faults.push(format!("{origin}: {path} = {value}: allowed: {wanted}"));
    }
}

/// Whether `value` is text without quotes: `LADDERD__LOG__LEVEL=1` reads as a number.
fn has_no_quotes(place: &Place<'_>, value: &Value) -> bool {
    place.origin == ENVIRONMENT && !matches!(value.kind, ValueKind::Table(_) | ValueKind::Array(_))
}

fn is_float(value: &Value) -> bool {
    matches!(value.kind, ValueKind::Float(_))
}

fn is_text(value: &Value) -> bool {
    matches!(value.kind, ValueKind::String(_))
}

fn is_whole(value: &Value) -> bool {
    matches!(
        value.kind,
        ValueKind::I64(_) | ValueKind::U64(_) | ValueKind::I128(_) | ValueKind::U128(_)
    )
}

/// The value at `key` for a report, secrets redacted.
fn shown(secrets: &Secrets, key: &str, value: &Value) -> String {
    if secrets.contains(key) {
        return REDACTED.to_owned();
    }
    match &value.kind {
        ValueKind::String(text) => format!("{text:?}"),
        ValueKind::Table(_) => "a section".to_owned(),
        ValueKind::Array(_) => "a list".to_owned(),
        ValueKind::Nil
        | ValueKind::Boolean(_)
        | ValueKind::I64(_)
        | ValueKind::I128(_)
        | ValueKind::U64(_)
        | ValueKind::U128(_)
        | ValueKind::Float(_) => value.to_string(),
    }
}
