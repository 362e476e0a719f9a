//! The layers: which module may import which.

use super::import_graph::ImportGraph;
use super::modules::File;

/// From the top. A module may import those of the layers below its own; those of one layer do not
/// import each other. `main` is `src/main.rs`, `pixels` the crate of that name, all others are the
/// modules of `src/lib.rs`.
pub(crate) const LAYERS: &[&[&str]] = &[
    &["main"],
    &["cli"],
    &["app"],
    // The sum of what each module can be set to.
    &["settings"],
    &["http"],
    // It examines the others, and the API shows its report.
    &["doctor"],
    &["catalog", "history", "webhook"],
    &["job", "auth", "play", "pull", "import"],
    &["worker", "backend", "metrics", "changes", "events"],
    &["publish", "check", "queue", "store", "source", "embedded", "gpu", "encryption", "outgoing"],
    // Wrappers of one facility each, without an idea of videos.
    &[
        "cores",
        "db",
        "drain",
        "durable",
        "heartbeat",
        "sandbox",
        "sdk_error",
        "server",
        "telemetry",
        "tls",
        "tracer",
    ],
    &["private_file"],
    // Computes the tables that `pixels` takes, in the form in which it takes them.
    &["domain"],
    &["pixels"],
];

/// Imports of a lower layer that are refused all the same: the worker is a function from bytes to
/// bytes, and gets all that it needs from its parent.
const APART: &[(&str, &str)] =
    &[("worker", "publish"), ("worker", "queue"), ("worker", "store"), ("worker", "encryption")];

/// Imports within one layer, with the reason.
const SIBLINGS: &[(&str, &str, &str)] =
    &[("backend", "worker", "trials are children, and worker::spawn is the one way to start any")];

/// The module of the table that a file belongs to.
pub(crate) fn module_of(file: &str) -> &str {
    if file.starts_with("pixels/") {
        return "pixels";
    }
    let name = file.strip_prefix("src/").unwrap_or(file);
    name.split(['/', '.']).next().unwrap_or(name)
}

fn layer_of(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// The imports that the table refuses.
pub(crate) fn refused(graph: &ImportGraph) -> Vec<String> {
    let mut found = Vec::new();
    for (file, imports) in graph.imports.iter().filter(|(file, _)| *file != "src/lib.rs") {
        for (other, path) in imports {
            if let Some(reason) = refusal(file, other) {
                found.push(format!("{file} imports {other} ({path}): {reason}"));
            }
        }
    }
    found
}

fn refusal(file: &File, imported: &File) -> Option<String> {
    let (from, to) = (module_of(file), module_of(imported));
    if from == to {
        return None;
    }
    let Some(above) = layer_of(from) else {
        return Some(format!("{from} has no layer in tests/it/tidy/layers.rs"));
    };
    let Some(below) = layer_of(to) else {
        return Some(format!("{to} has no layer in tests/it/tidy/layers.rs"));
    };
    if APART.contains(&(from, to)) {
        return Some(format!("{from} and {to} meet in job"));
    }
    if above == below && SIBLINGS.iter().any(|(a, b, _)| (*a, *b) == (from, to)) {
        return None;
    }
    match above.cmp(&below) {
        std::cmp::Ordering::Less => None,
        std::cmp::Ordering::Equal => Some(format!("{from} and {to} are of one layer")),
        std::cmp::Ordering::Greater => Some(format!("{to} is above {from}")),
    }
}
