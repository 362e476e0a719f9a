//! Rules of this repository that no compiler knows.
//!
//! `LADDERD_PRINT_STRUCTURE=1 cargo nextest run -E 'test(=tidy::no_file_imports_in_a_cycle)'
//! --no-capture` prints files, levels and lengths by module.

mod import_graph;
mod layers;
mod lexer;
mod modules;
mod planted;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use import_graph::ImportGraph;
use modules::Modules;

use super::support::root;

fn files(dir: &Path, extensions: &[&str], found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, extensions, found);
        } else if path.extension().is_some_and(|own| extensions.iter().any(|e| own == *e)) {
            found.push(path);
        }
    }
}

/// The files with these endings below these folders: path within the package, and text.
fn sources_of(folders: &[&str], extensions: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for folder in folders {
        files(&root().join(folder), extensions, &mut found);
    }
    found.sort();
    let name = |path: &Path| path.strip_prefix(root()).unwrap().display().to_string();
    found.iter().map(|path| (name(path), std::fs::read_to_string(path).unwrap())).collect()
}

/// The Rust files below these folders: path within the package, and text.
fn sources(folders: &[&str]) -> Vec<(String, String)> {
    sources_of(folders, &["rs"])
}

/// The imports among the files of the program, its library and `pixels`.
fn import_graph() -> ImportGraph {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).ok();
    let mut modules = Modules::default();
    modules.add_crate("ladderd", "src/lib.rs", &read);
    modules.add_crate("main", "src/main.rs", &read);
    modules.add_crate("ladderd_pixels", "pixels/src/lib.rs", &read);
    ImportGraph::new(&modules)
}

/// Lines before the tests of the file.
fn length(text: &str) -> usize {
    text.lines().take_while(|line| *line != "#[cfg(test)]").count()
}

#[test]
fn the_domain_is_pure() {
    const IMPURE: [&str; 14] = [
        "tokio",
        "aws_",
        "gstreamer::",
        "gstreamer_",
        "use gstreamer",
        "gst::",
        "rusqlite",
        "std::fs",
        "std::env",
        "std::net",
        "std::process",
        "Instant::now",
        "SystemTime::now",
        "tracing::",
    ];
    let mut breaches = Vec::new();
    for (name, text) in sources(&["src/domain"]) {
        for (number, line) in (1..).zip(text.lines()) {
            let code = line.split("//").next().unwrap();
            if IMPURE.iter().any(|word| code.contains(word)) || code.contains("Timestamp::now") {
                breaches.push(format!("{name}:{number}: {}", line.trim()));
            }
        }
    }
    assert!(breaches.is_empty(), "src/domain reaches outside:\n{}", breaches.join("\n"));
}

#[test]
fn no_file_is_longer_than_400_lines_before_its_tests() {
    let rust = sources(&["src", "tests", "pixels/src"]);
    let page = sources_of(&["web/src"], &["ts", "tsx", "css"]);
    let long: Vec<String> = rust
        .iter()
        .chain(&page)
        .map(|(name, text)| (name, length(text)))
        .filter(|(_, lines)| *lines > 400)
        .map(|(name, lines)| format!("{name}: {lines}"))
        .collect();
    assert!(long.is_empty(), "split these files: {long:?}");
}

#[test]
fn nothing_is_left_for_later() {
    let words = ["todo!", "unimplemented!", &["FIX", "ME"].concat(), &["#[ign", "ore"].concat()];
    for (name, text) in sources(&["src", "tests", "pixels/src"]) {
        if name.ends_with("tidy.rs") {
            continue;
        }
        // Long runs have commands of their own.
        let is_long_run = |line: &str| {
            let commands = ["chaos", "corpus", "fixtures", "judge", "load", "upgrade-test"];
            commands.iter().any(|command| line.ends_with(&format!(": make {command}\"]")))
        };
        for line in text.lines().filter(|line| !is_long_run(line)) {
            for word in words {
                assert!(!line.contains(word), "{name} holds {word}");
            }
        }
    }
}

#[test]
fn messages_are_acknowledged_in_one_place() {
    let places: Vec<String> = sources(&["src"])
        .into_iter()
        .filter(|(name, _)| !name.starts_with("src/queue"))
        .flat_map(|(name, text)| vec![name; text.matches(".ack(").count()])
        .collect();
    assert_eq!(places, ["src/job/message.rs"]);
}

#[test]
fn the_import_graph_has_every_file() {
    let graph = import_graph();
    let is_of_tests = |name: &str| name.ends_with("/tests.rs") || name.ends_with("/testing.rs");
    for (name, _) in sources(&["src", "pixels/src"]) {
        assert!(graph.imports.contains_key(&name) || is_of_tests(&name), "no mod leads to {name}");
    }
}

#[test]
fn no_file_imports_in_a_cycle() {
    let graph = import_graph();
    if std::env::var_os("LADDERD_PRINT_STRUCTURE").is_some() {
        print_structure(&graph);
    }
    let cycles = graph.cycles();
    let described: Vec<String> = cycles.iter().map(|cycle| graph.describe(cycle)).collect();
    assert!(cycles.is_empty(), "{} import cycles:\n{}", cycles.len(), described.join("\n"));
}

#[test]
fn every_import_leads_to_a_lower_layer() {
    let refused = layers::refused(&import_graph());
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

#[test]
fn every_module_has_a_layer() {
    let graph = import_graph();
    let known: BTreeSet<&str> = layers::LAYERS.iter().copied().flatten().copied().collect();
    let modules = graph.imports.keys().filter(|file| *file != "src/lib.rs");
    let unknown: BTreeSet<&str> =
        modules.map(|file| layers::module_of(file)).filter(|name| !known.contains(name)).collect();
    assert!(unknown.is_empty(), "tests/it/tidy/layers.rs does not name {unknown:?}");
}

/// Prints tangles of imports, and files, levels and lengths by module.
fn print_structure(graph: &ImportGraph) {
    let tangles = graph.tangles();
    let (cycles, count) = (graph.cycles(), tangles.len());
    println!("import cycles: {} in {count} groups of files that reach each other", cycles.len());
    for tangle in tangles {
        println!("  {} files: {tangle:?}", tangle.len());
    }
    let mut modules: BTreeMap<&str, BTreeSet<&String>> = BTreeMap::new();
    for file in graph.imports.keys().filter(|file| *file != "src/lib.rs") {
        modules.entry(layers::module_of(file)).or_default().insert(file);
    }
    println!("{:12} {:>5} {:>6} {:>6} {:>6}", "module", "files", "levels", "median", "90 %");
    let mut all = Vec::new();
    for (module, files) in modules {
        let read = |file: &&String| length(&std::fs::read_to_string(root().join(file)).unwrap());
        let lengths: Vec<usize> = files.iter().map(read).collect();
        print_row(module, graph.levels(&files), &lengths);
        all.extend(lengths);
    }
    let every: BTreeSet<&String> = graph.imports.keys().collect();
    print_row("all", graph.levels(&every), &all);
}

fn print_row(module: &str, levels: usize, lengths: &[usize]) {
    let mut sorted = lengths.to_vec();
    sorted.sort_unstable();
    let of = |percent: usize| sorted[(sorted.len() - 1) * percent / 100];
    println!("{module:12} {:>5} {levels:>6} {:>6} {:>6}", sorted.len(), of(50), of(90));
}

#[test]
fn the_map_names_every_module() {
    let map = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let library = std::fs::read_to_string(root().join("src/lib.rs")).unwrap();
    for line in library.lines() {
        if let Some(module) = line.strip_prefix("pub mod ").and_then(|l| l.strip_suffix(';')) {
            assert!(map.contains(&format!("`{module}`")), "ARCHITECTURE.md does not name {module}");
        }
    }
}
