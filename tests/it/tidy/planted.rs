//! The rules find what is planted: small trees of sources with one fault each.

use std::collections::BTreeSet;

use super::import_graph::ImportGraph;
use super::layers;
use super::modules::Modules;

fn graph(files: &[(&str, &str)]) -> ImportGraph {
    let read = |wanted: &str| {
        files.iter().find(|(name, _)| *name == wanted).map(|(_, text)| (*text).to_owned())
    };
    let mut modules = Modules::default();
    modules.add_crate("ladderd", "src/lib.rs", &read);
    if read("src/main.rs").is_some() {
        modules.add_crate("main", "src/main.rs", &read);
    }
    ImportGraph::new(&modules)
}

fn cycles(files: &[(&str, &str)]) -> Vec<String> {
    let graph = graph(files);
    graph.cycles().iter().map(|cycle| graph.describe(cycle)).collect()
}

#[test]
fn a_child_that_imports_from_its_parent_what_that_computes_from_it_is_a_cycle() {
    let found = cycles(&[
        ("src/lib.rs", "pub mod job;"),
        ("src/job.rs", "mod claim; pub struct Job; pub fn run(job: &Job) { claim::take(job) }"),
        ("src/job/claim.rs", "use super::Job; pub(super) fn take(job: &Job) {}"),
    ]);
    assert_eq!(
        found,
        ["src/job.rs imports src/job/claim.rs (claim::take), \
          src/job/claim.rs imports src/job.rs (super::Job)"]
    );
}

#[test]
fn a_cycle_of_three_is_told_once_in_its_order() {
    let found = cycles(&[
        ("src/lib.rs", "mod a; mod b; mod c;"),
        ("src/a.rs", "use crate::{b::{self as other, B}, c::nothing_of_it as _x}; fn f(b: B) {}"),
        ("src/b.rs", "pub struct B; fn f() { let c = crate::c::C::<u8>::new(); }"),
        ("src/c.rs", "pub struct C; pub fn nothing_of_it() {} impl C { fn a() { super::a::f() } }"),
    ]);
    // The direct way back is the shortest cycle of a and c; b is on the longer one alone.
    assert_eq!(found.len(), 2, "{found:?}");
    let longer = "src/a.rs imports src/b.rs (crate::b::B), src/b.rs imports src/c.rs \
                  (crate::c::C), src/c.rs imports src/a.rs (super::a::f)";
    assert!(found.iter().any(|cycle| cycle.replace("::new", "") == longer), "{found:?}");
}

#[test]
fn declarations_and_re_exports_are_no_imports() {
    let found = cycles(&[
        ("src/lib.rs", "pub mod publish;"),
        ("src/publish.rs", "mod target; mod upload; pub use target::Target; pub use upload::*;"),
        ("src/publish/target.rs", "pub struct Target;"),
        // By the name that the parent gives it: what is imported is the file that defines it.
        ("src/publish/upload.rs", "use super::Target; pub fn upload(to: &Target) {}"),
    ]);
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn a_re_export_that_the_file_itself_uses_is_an_import() {
    let found = cycles(&[
        ("src/lib.rs", "pub mod publish;"),
        (
            "src/publish.rs",
            "mod target; pub use target::Target; pub struct Key; fn f(target: &Target) {}",
        ),
        ("src/publish/target.rs", "use crate::publish::Key; pub struct Target(Key);"),
    ]);
    assert_eq!(found.len(), 1, "{found:?}");
}

#[test]
fn tests_comments_and_text_import_nothing() {
    let found = cycles(&[
        ("src/lib.rs", "mod a; mod b;"),
        ("src/a.rs", "use crate::b::B; fn f(b: B) {} pub struct A;"),
        (
            "src/b.rs",
            "pub struct B; // crate::a::A\n const X: &str = \"crate::a::A\";\n\
             #[cfg(test)] mod tests { use crate::a::A; }",
        ),
    ]);
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn modules_within_a_file_and_files_called_mod_are_resolved() {
    let found = cycles(&[
        ("src/lib.rs", "mod elements;"),
        ("src/elements.rs", "mod scaler; pub(crate) fn register() { scaler::register() }"),
        ("src/elements/scaler/mod.rs", "mod imp; pub struct Scaler; pub fn register() {}"),
        ("src/elements/scaler/imp.rs", "mod inner { use super::super::super::register; }"),
    ]);
    assert_eq!(found, Vec::<String>::new(), "imp imports elements, which does not import imp");
    let found = cycles(&[
        ("src/lib.rs", "mod elements;"),
        ("src/elements.rs", "mod scaler; pub(crate) fn register() { scaler::imp::register() }"),
        ("src/elements/scaler/mod.rs", "pub mod imp;"),
        ("src/elements/scaler/imp.rs", "mod inner { use super::super::super::register; }"),
    ]);
    assert_eq!(found.len(), 1, "{found:?}");
}

#[test]
fn a_gobject_class_and_its_implementation_may_name_each_other() {
    let element = |other: &str| {
        cycles(&[
            ("src/lib.rs", "mod elements;"),
            ("src/elements.rs", "pub mod scaler; pub struct Size; mod filter;"),
            ("src/elements/filter.rs", "pub use super::scaler::imp::Inner; fn f(i: Inner) {}"),
            ("src/elements/scaler/mod.rs", "pub mod imp; pub struct Scaler(imp::Inner);"),
            ("src/elements/scaler/imp.rs", other),
        ])
    };
    assert_eq!(element("use super::Scaler; pub struct Inner;"), Vec::<String>::new());
    let other = "use crate::elements::filter::f; pub struct Inner;";
    assert_eq!(element(other).len(), 1);
}

#[test]
fn an_import_upwards_or_of_a_sibling_is_refused() {
    let graph = graph(&[
        ("src/lib.rs", "pub mod cli; pub mod http; pub mod job; pub mod queue; pub mod store;"),
        ("src/main.rs", "fn main() { ladderd::cli::run() }"),
        ("src/cli.rs", "use crate::job::Job; pub fn run() {}"),
        ("src/http.rs", "pub struct Error;"),
        ("src/job.rs", "use crate::http::Error; pub struct Job;"),
        ("src/queue.rs", "use crate::store::Bucket;"),
        ("src/store.rs", "pub struct Bucket;"),
    ]);
    assert_eq!(
        layers::refused(&graph),
        [
            "src/job.rs imports src/http.rs (crate::http::Error): http is above job",
            "src/queue.rs imports src/store.rs (crate::store::Bucket): \
             queue and store are of one layer",
        ]
    );
}

#[test]
fn levels_are_those_of_the_longest_chain() {
    let graph = graph(&[
        ("src/lib.rs", "mod a; mod b; mod c; mod d;"),
        ("src/a.rs", "use crate::b::B;"),
        ("src/b.rs", "use crate::c::C; pub struct B;"),
        ("src/c.rs", "use crate::b::B; use crate::d::D; pub struct C;"),
        ("src/d.rs", "pub struct D;"),
    ]);
    let files: BTreeSet<_> = graph.imports.keys().filter(|file| *file != "src/lib.rs").collect();
    // a, then b and c together, then d.
    assert_eq!(graph.levels(&files), 3);
}
