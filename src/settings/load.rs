//! The layers, and what is wrong with them.

use std::path::PathBuf;

use config::{Config, File, FileFormat, Map, Source, Value, ValueKind};

use super::{Settings, secrets};

/// The commented default: also the list of all keys.
const DEFAULT: &str = include_str!("../../config/ladderd.toml");
/// The file that is read where none is named.
const SYSTEM_FILE: &str = "/etc/ladderd/ladderd.toml";
/// Prefix of the variables.
pub(super) const PREFIX: &str = "LADDERD";
/// Where a variable stands.
const ENVIRONMENT: &str = "the environment";

/// All faults, one a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct Faults(pub Vec<String>);

/// What flags say.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--data-dir`.
    pub data_dir: Option<PathBuf>,
    /// `--listen`.
    pub listen: Option<String>,
    /// `--s3-listen`.
    pub s3_listen: Option<String>,
}

/// Where the settings come from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// `--config`; without it the system's file, where there is one.
    pub file: Option<PathBuf>,
    /// The environment.
    pub environment: Vec<(String, String)>,
    /// The flags.
    pub overrides: Overrides,
}

/// A tree of values, as one layer has it.
type Tree = Map<String, Value>;

impl Settings {
    /// Reads and checks all layers.
    ///
    /// # Errors
    /// Every fault, each with where it is, the key, the value and what is allowed.
    pub fn load(sources: &Sources) -> Result<Self, Faults> {
        let known = tree(File::from_str(DEFAULT, FileFormat::Toml))?;
        let file = file_layer(sources)?;
        let environment = environment_layer(sources);
        let secrets = secrets::of_environment(&sources.environment);
        // From the first to the last: the last one that has a key is where its value comes from.
        let mut layers = Vec::new();
        if let (Some(file), Some(path)) = (&file, &sources.path()) {
            layers.push((path.display().to_string(), tree(file.clone())?));
        }
        layers.push((ENVIRONMENT.to_owned(), tree(environment.clone())?));
        layers.push((ENVIRONMENT.to_owned(), tree(secrets.clone())?));
        let mut faults = Vec::new();
        for (origin, layer) in &layers {
            unknown_or_mistyped(&Place { origin, path: "" }, &known, layer, &mut faults);
        }
        if !faults.is_empty() {
            return Err(Faults(faults));
        }
        let merged = merge(file, [environment, secrets], &sources.overrides).map_err(one)?;
        let settings: Self = merged.clone().try_deserialize().map_err(one)?;
        let origin = |key: &str| {
            let flag = sources.overrides.flag(key).map(str::to_owned);
            let in_layer =
                || layers.iter().rev().find(|(_, layer)| has(layer, key)).map(|l| l.0.clone());
            flag.or_else(in_layer).unwrap_or_else(|| "the default".to_owned())
        };
        let told = settings.check().into_iter().map(|fault| {
            let value = merged.get::<Value>(&fault.key).ok();
            let shown = value.map(|value| format!(" = {}", show(&fault.key, &value)));
            let shown = shown.unwrap_or_default();
            format!("{}: {}{shown}: {}", origin(&fault.key), fault.key, fault.allowed)
        });
        let faults: Vec<String> = told.collect();
        if faults.is_empty() { Ok(settings) } else { Err(Faults(faults)) }
    }
}

impl Sources {
    /// The file that is read, where there is one.
    fn path(&self) -> Option<PathBuf> {
        let system = || Some(PathBuf::from(SYSTEM_FILE)).filter(|path| path.is_file());
        self.file.clone().or_else(system)
    }
}

impl Overrides {
    /// The flag that sets this key, if it was given.
    fn flag(&self, key: &str) -> Option<&'static str> {
        match key {
            "data_dir" => self.data_dir.as_ref().map(|_| "--data-dir"),
            "http.listen" => self.listen.as_ref().map(|_| "--listen"),
            "embedded.s3_listen" => self.s3_listen.as_ref().map(|_| "--s3-listen"),
            _ => None,
        }
    }
}

/// Whether the tree has this key, given with dots.
fn has(tree: &Tree, key: &str) -> bool {
    match key.split_once('.') {
        None => tree.contains_key(key),
        Some((first, rest)) => match tree.get(first).map(|value| &value.kind) {
            Some(ValueKind::Table(below)) => has(below, rest),
            Some(_) | None => false,
        },
    }
}

fn one(error: impl std::fmt::Display) -> Faults {
    Faults(vec![error.to_string()])
}

/// One layer by itself, with its keys taken apart.
fn tree<S: Source + Send + Sync + 'static>(layer: S) -> Result<Tree, Faults> {
    let alone = Config::builder().add_source(layer).build().map_err(one)?;
    alone.collect().map_err(one)
}

type FileLayer = File<config::FileSourceString, FileFormat>;

fn file_layer(sources: &Sources) -> Result<Option<FileLayer>, Faults> {
    let Some(path) = sources.path() else { return Ok(None) };
    let shown = path.display();
    if !path.is_file() {
        return Err(Faults(vec![format!("{shown}: there is no such file")]));
    }
    // Read here rather than by `config`, which names files relative to the working directory.
    let text = std::fs::read_to_string(&path).map_err(|error| one(format!("{shown}: {error}")))?;
    let layer = File::from_str(&text, FileFormat::Toml);
    let told = |error: config::ConfigError| secrets::without_secrets(&error.to_string());
    layer.collect().map_err(|error| one(format!("{shown}: {}", told(error))))?;
    Ok(Some(layer))
}

fn environment_layer(sources: &Sources) -> config::Environment {
    let plain = sources.environment.iter().filter(|(name, _)| !secrets::is_variable(name));
    let variables = plain.cloned().collect();
    config::Environment::with_prefix(PREFIX)
        .prefix_separator("__")
        .separator("__")
        .try_parsing(true)
        .list_separator(",")
        .with_list_parse_key("embedded.cors_origins")
        .with_list_parse_key("sources.suffixes")
        .source(Some(variables))
}

fn merge(
    file: Option<FileLayer>,
    environment: [config::Environment; 2],
    flags: &Overrides,
) -> Result<Config, config::ConfigError> {
    let mut builder = Config::builder().add_source(File::from_str(DEFAULT, FileFormat::Toml));
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

/// Where a value stands.
struct Place<'a> {
    origin: &'a str,
    path: &'a str,
}

/// Compares a layer with the default, which holds every key with a value of its type.
fn unknown_or_mistyped(place: &Place<'_>, known: &Tree, layer: &Tree, faults: &mut Vec<String>) {
    let mut keys: Vec<_> = layer.keys().collect();
    keys.sort();
    for key in keys {
        let path =
            if place.path.is_empty() { key.clone() } else { format!("{}.{key}", place.path) };
        let place = Place { origin: place.origin, path: &path };
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
                let place = Place { origin: place.origin, path: &path };
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
        let (origin, path, shown) = (place.origin, place.path, show(place.path, value));
        faults.push(format!("{origin}: {path} = {shown}: allowed: {wanted}"));
    }
}

/// A variable has no quotes: `LADDERD__LOG__LEVEL=1` is a text that looks like a number.
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

fn show(key: &str, value: &Value) -> String {
    if secrets::is_secret(key) {
        return secrets::REDACTED.to_owned();
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
