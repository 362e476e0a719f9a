//! The layers, and what is wrong with them.

use std::path::PathBuf;

use config::{Config, File, FileFormat, Map, Source, Value, ValueKind};

use super::Settings;

/// The commented default: also the list of all keys.
const DEFAULT: &str = include_str!("../../config/ladderd.toml");
/// The file that is read where none is named.
const SYSTEM_FILE: &str = "/etc/ladderd/ladderd.toml";
/// Prefix of the variables.
const PREFIX: &str = "LADDERD";

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
        let mut faults = Vec::new();
        if let Some(file) = &file {
            unknown_or_mistyped("", &known, &tree(file.clone())?, &mut faults);
        }
        unknown_or_mistyped("", &known, &tree(environment.clone())?, &mut faults);
        if !faults.is_empty() {
            return Err(Faults(faults));
        }
        let merged = merge(file, environment, &sources.overrides).map_err(one)?;
        let settings: Self = merged.clone().try_deserialize().map_err(one)?;
        let faults: Vec<String> = settings
            .check()
            .into_iter()
            .map(|fault| {
                let value = merged.get::<Value>(&fault.key).ok();
                let origin = value.as_ref().map_or_else(|| "default".to_owned(), origin);
                let shown = value.map(|value| format!(" = {}", show(&value))).unwrap_or_default();
                format!("{origin}: {}{shown}: {}", fault.key, fault.allowed)
            })
            .collect();
        if faults.is_empty() { Ok(settings) } else { Err(Faults(faults)) }
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

type FileLayer = File<config::FileSourceFile, FileFormat>;

fn file_layer(sources: &Sources) -> Result<Option<FileLayer>, Faults> {
    let path = match &sources.file {
        Some(path) => path.clone(),
        None => PathBuf::from(SYSTEM_FILE),
    };
    if !path.is_file() {
        // Only a file that was named must be there.
        let missing = format!("{}: there is no such file", path.display());
        return if sources.file.is_some() { Err(Faults(vec![missing])) } else { Ok(None) };
    }
    let name = path.to_string_lossy().into_owned();
    Ok(Some(File::new(&name, FileFormat::Toml)))
}

fn environment_layer(sources: &Sources) -> config::Environment {
    let variables = sources.environment.iter().cloned().collect();
    config::Environment::with_prefix(PREFIX)
        .prefix_separator("__")
        .separator("__")
        .try_parsing(true)
        .list_separator(",")
        .with_list_parse_key("embedded.cors_origins")
        .source(Some(variables))
}

fn merge(
    file: Option<FileLayer>,
    environment: config::Environment,
    flags: &Overrides,
) -> Result<Config, config::ConfigError> {
    let mut builder = Config::builder().add_source(File::from_str(DEFAULT, FileFormat::Toml));
    if let Some(file) = file {
        builder = builder.add_source(file);
    }
    let data_dir = flags.data_dir.as_ref().map(|path| path.to_string_lossy().into_owned());
    builder
        .add_source(environment)
        .set_override_option("data_dir", flagged("--data-dir", data_dir))?
        .set_override_option("http.listen", flagged("--listen", flags.listen.clone()))?
        .set_override_option("embedded.s3_listen", flagged("--s3-listen", flags.s3_listen.clone()))?
        .build()
}

fn flagged(flag: &str, value: Option<String>) -> Option<Value> {
    value.map(|value| Value::new(Some(&flag.to_owned()), value))
}

/// Compares a layer with the default, which holds every key with a value of its type.
fn unknown_or_mistyped(prefix: &str, known: &Tree, layer: &Tree, faults: &mut Vec<String>) {
    let mut keys: Vec<_> = layer.keys().collect();
    keys.sort();
    for key in keys {
        let value = &layer[key];
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        let Some(default) = known.get(key) else {
            let mut allowed: Vec<_> = known.keys().map(String::as_str).collect();
            allowed.sort_unstable();
            let (origin, allowed) = (origin(value), allowed.join(", "));
            faults.push(format!("{origin}: {path}: unknown key; allowed: {allowed}"));
            continue;
        };
        match (&default.kind, &value.kind) {
            (ValueKind::Table(known), ValueKind::Table(layer)) => {
                unknown_or_mistyped(&path, known, layer, faults);
            }
            (ValueKind::Array(known), ValueKind::Array(items)) => {
                for (n, item) in items.iter().enumerate() {
                    array_item(&format!("{path}[{n}]"), known.first(), item, faults);
                }
            }
            (default, _) => type_fault(&path, default, value, faults),
        }
    }
}

fn array_item(path: &str, known: Option<&Value>, item: &Value, faults: &mut Vec<String>) {
    match (known.map(|known| &known.kind), &item.kind) {
        (Some(ValueKind::Table(known)), ValueKind::Table(layer)) => {
            unknown_or_mistyped(path, known, layer, faults);
        }
        (Some(known), _) => type_fault(path, known, item, faults),
        (None, _) => {}
    }
}

fn type_fault(path: &str, default: &ValueKind, value: &Value, faults: &mut Vec<String>) {
    let wanted = match default {
        ValueKind::Boolean(_) => "true or false",
        ValueKind::I64(_) | ValueKind::U64(_) | ValueKind::I128(_) | ValueKind::U128(_) => {
            "a whole number, 0 or greater"
        }
        ValueKind::Float(_) => "a number",
        ValueKind::String(_) => "text in quotes",
        ValueKind::Table(_) => "a section",
        ValueKind::Array(_) => "a list",
        ValueKind::Nil => "nothing",
    };
    let is_right = match default {
        ValueKind::Boolean(_) => matches!(value.kind, ValueKind::Boolean(_)),
        ValueKind::Float(_) => value.clone().into_float().is_ok() && !is_text(value),
        ValueKind::String(_) => is_text(value) || is_from_environment(value),
        ValueKind::I64(_) | ValueKind::U64(_) | ValueKind::I128(_) | ValueKind::U128(_) => {
            value.clone().into_uint().is_ok() && is_whole(value)
        }
        ValueKind::Table(_) | ValueKind::Array(_) | ValueKind::Nil => false,
    };
    if !is_right {
        let (origin, shown) = (origin(value), show(value));
        faults.push(format!("{origin}: {path} = {shown}: allowed: {wanted}"));
    }
}

fn is_text(value: &Value) -> bool {
    matches!(value.kind, ValueKind::String(_))
}

/// A variable has no quotes: `LADDERD__LOG__LEVEL=1` is a text that looks like a number.
fn is_from_environment(value: &Value) -> bool {
    value.origin() == Some(ENVIRONMENT_ORIGIN) && !matches!(value.kind, ValueKind::Table(_))
}

/// What `config` calls the environment.
const ENVIRONMENT_ORIGIN: &str = "the environment";

fn is_whole(value: &Value) -> bool {
    matches!(
        value.kind,
        ValueKind::I64(_) | ValueKind::U64(_) | ValueKind::I128(_) | ValueKind::U128(_)
    )
}

fn origin(value: &Value) -> String {
    value.origin().unwrap_or("default").to_owned()
}

fn show(value: &Value) -> String {
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
