//! Which file imports which, and the cycles among them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::modules::{File, Module, Modules, Segments};

/// Imports between files. A `mod x;` is none, nor is a `pub use` of something below the module that
/// its own code does not name: an import of such a name counts as one of the file that defines it.
#[derive(Debug, Default)]
pub(crate) struct ImportGraph {
    /// From a file to those that it imports, each with one path that does so.
    pub(crate) imports: BTreeMap<File, BTreeMap<File, String>>,
}

/// The meaning of a name or a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    Module(String),
    /// An item that this file defines.
    Item(File),
}

impl ImportGraph {
    pub(crate) fn new(modules: &Modules) -> Self {
        let mut graph = Self::default();
        for (path, module) in &modules.0 {
            graph.imports.entry(module.file.clone()).or_default();
            for import in &module.imports {
                let found = resolve(modules, path, &import.path, &mut BTreeSet::new());
                let is_used = !import.is_public || module.words.contains(&import.name);
                for target in found {
                    match target {
                        Target::Item(file) if is_used || !is_below(modules, path, &file) => {
                            graph.add(module, &file, &import.path);
                        }
                        // The names that a glob imports are unknown.
                        Target::Module(of) if import.name == "*" && !import.is_public => {
                            graph.add(module, &modules.0[&of].file, &import.path);
                        }
                        Target::Item(_) | Target::Module(_) => {}
                    }
                }
            }
            for code in &module.paths {
                for target in resolve(modules, path, code, &mut BTreeSet::new()) {
                    if let Target::Item(file) = target {
                        graph.add(module, &file, code);
                    }
                }
            }
        }
        graph
    }

    fn add(&mut self, from: &Module, to: &str, path: &Segments) {
        if from.file != to && !is_own_wrapper(&from.file, to) {
            let imports = self.imports.entry(from.file.clone()).or_default();
            imports.entry(to.to_owned()).or_insert_with(|| path.join("::"));
        }
    }

    fn next<'a>(&'a self, file: &str) -> impl Iterator<Item = &'a File> {
        self.imports.get(file).into_iter().flat_map(BTreeMap::keys)
    }

    /// Files that this one imports, itself or through others.
    fn reached(&self, from: &str) -> BTreeSet<&File> {
        let mut found = BTreeSet::new();
        let mut open: Vec<&File> = self.next(from).collect();
        while let Some(file) = open.pop() {
            if found.insert(file) {
                open.extend(self.next(file));
            }
        }
        found
    }

    /// The groups of files that all reach each other, each with more than one file.
    pub(crate) fn tangles(&self) -> Vec<BTreeSet<&File>> {
        let reached: BTreeMap<&File, BTreeSet<&File>> =
            self.imports.keys().map(|file| (file, self.reached(file))).collect();
        let mut tangles = BTreeSet::new();
        for (file, others) in &reached {
            let back = others.iter().filter(|other| reached[**other].contains(file));
            let group: BTreeSet<&File> = back.copied().collect();
            if group.len() > 1 {
                tangles.insert(group);
            }
        }
        tangles.into_iter().collect()
    }

    /// For each file that is on a cycle its shortest one, each cycle once: the files in order, from
    /// the first by name.
    pub(crate) fn cycles(&self) -> BTreeSet<Vec<&File>> {
        self.imports.keys().filter_map(|file| self.shortest_cycle(file)).collect()
    }

    fn shortest_cycle<'a>(&'a self, start: &'a File) -> Option<Vec<&'a File>> {
        let mut came_from: BTreeMap<&File, &File> = BTreeMap::new();
        let mut open = VecDeque::from([start]);
        while let Some(file) = open.pop_front() {
            for next in self.next(file) {
                if next == start {
                    let mut cycle = vec![file];
                    while let Some(before) = came_from.get(cycle[cycle.len() - 1]) {
                        cycle.push(before);
                    }
                    cycle.reverse();
                    let first = (0..cycle.len()).min_by_key(|at| cycle[*at]).unwrap_or(0);
                    cycle.rotate_left(first);
                    return Some(cycle);
                }
                if !came_from.contains_key(next) {
                    came_from.insert(next, file);
                    open.push_back(next);
                }
            }
        }
        None
    }

    /// A cycle as people read it, each step with the path that makes it.
    pub(crate) fn describe(&self, cycle: &[&File]) -> String {
        let step = |at: usize| {
            let (from, to) = (cycle[at], cycle[(at + 1) % cycle.len()]);
            format!("{from} imports {to} ({})", self.imports[from][to])
        };
        (0..cycle.len()).map(step).collect::<Vec<_>>().join(", ")
    }

    /// Number of levels of these files: of the longest chain of imports among them. A tangle is one
    /// level.
    pub(crate) fn levels<'a>(&'a self, files: &BTreeSet<&'a File>) -> usize {
        let tangles = self.tangles();
        let tangle_of = |file: &File| tangles.iter().position(|tangle| tangle.contains(file));
        let mut known = BTreeMap::new();
        files.iter().map(|file| self.level(file, files, &tangle_of, &mut known)).max().unwrap_or(0)
    }

    fn level<'a>(
        &'a self,
        file: &'a File,
        among: &BTreeSet<&File>,
        tangle_of: &impl Fn(&File) -> Option<usize>,
        known: &mut BTreeMap<&'a File, usize>,
    ) -> usize {
        if let Some(level) = known.get(file) {
            return *level;
        }
        let own = tangle_of(file);
        let is_same = |other: &File| own.is_some() && tangle_of(other) == own;
        let mut members = BTreeSet::from([file]);
        members.extend(self.imports.keys().filter(|other| is_same(other)));
        let mut below = 0;
        for member in members.iter().filter(|member| among.contains(*member)) {
            for next in self.next(member) {
                if among.contains(next) && !members.contains(next) {
                    below = below.max(self.level(next, among, tangle_of, known));
                }
            }
        }
        known.insert(file, below + 1);
        below + 1
    }
}

/// Whether an element's `imp.rs` imports its `mod.rs`. A `GObject` class and its implementation name
/// each other (`ObjectSubclass<imp::Scaler>`, `type Type = super::Scaler`), so this direction is no
/// import.
fn is_own_wrapper(from: &str, to: &str) -> bool {
    let folder = |file: &str, name: &str| file.strip_suffix(name).map(str::to_owned);
    folder(from, "/imp.rs").is_some_and(|own| folder(to, "/mod.rs") == Some(own))
}

/// Whether the file is that of a module below this one.
fn is_below(modules: &Modules, path: &str, file: &str) -> bool {
    let below = format!("{path}::");
    modules.0.iter().any(|(other, module)| module.file == file && other.starts_with(&below))
}

/// The meaning of a path in a module. Empty if it leads to another crate.
fn resolve(
    modules: &Modules,
    within: &str,
    path: &[String],
    visited: &mut BTreeSet<(String, String)>,
) -> BTreeSet<Target> {
    let Some((mut module, rest)) = base(modules, within, path) else {
        return match path.split_first() {
            Some((first, rest)) => {
                let found = lookup(modules, within, first, visited);
                found
                    .into_iter()
                    .flat_map(|target| follow(modules, target, rest, visited))
                    .collect()
            }
            None => BTreeSet::new(),
        };
    };
    let mut rest = rest;
    while let [first, tail @ ..] = rest {
        if first != "super" {
            break;
        }
        module = module.rsplit_once("::").map_or_else(String::new, |(parent, _)| parent.to_owned());
        rest = tail;
    }
    follow(modules, Target::Module(module), rest, visited)
}

/// The module that a path starts from, where its first segment is a keyword or a crate.
fn base<'a>(modules: &Modules, within: &str, path: &'a [String]) -> Option<(String, &'a [String])> {
    let (first, rest) = path.split_first()?;
    let root = within.split("::").next().unwrap_or_default();
    match first.as_str() {
        "crate" => Some((root.to_owned(), rest)),
        "self" => Some((within.to_owned(), rest)),
        "super" => Some((within.to_owned(), path)),
        name if modules.0.contains_key(name) && name != root => Some((name.to_owned(), rest)),
        _ => None,
    }
}

/// Follows the rest of a path from the meaning of its beginning.
fn follow(
    modules: &Modules,
    from: Target,
    rest: &[String],
    visited: &mut BTreeSet<(String, String)>,
) -> BTreeSet<Target> {
    let (Target::Module(module), Some((first, tail))) = (&from, rest.split_first()) else {
        return BTreeSet::from([from]);
    };
    let Some(known) = modules.0.get(module) else { return BTreeSet::new() };
    let found = lookup(modules, module, first, visited);
    if found.is_empty() && !known.imports.iter().any(|import| import.name == *first) {
        // A macro defines this name.
        return BTreeSet::from([Target::Item(known.file.clone())]);
    }
    found.into_iter().flat_map(|target| follow(modules, target, tail, visited)).collect()
}

/// The meaning of a name in a module: a child, an item that it defines or an import.
fn lookup(
    modules: &Modules,
    module: &str,
    name: &str,
    visited: &mut BTreeSet<(String, String)>,
) -> BTreeSet<Target> {
    let mut found = BTreeSet::new();
    let Some(known) = modules.0.get(module) else { return found };
    if known.children.contains(name) {
        found.insert(Target::Module(format!("{module}::{name}")));
    }
    if known.items.contains(name) {
        found.insert(Target::Item(known.file.clone()));
    }
    // The path of an import may begin with its own name: `pub use scaler::scaler`.
    if !visited.insert((module.to_owned(), name.to_owned())) {
        return found;
    }
    for import in known.imports.iter().filter(|import| import.name == name) {
        found.extend(resolve(modules, module, &import.path, visited));
    }
    if found.is_empty() {
        for glob in known.imports.iter().filter(|import| import.name == "*") {
            for target in resolve(modules, module, &glob.path, visited) {
                if let Target::Module(of) = target {
                    found.extend(lookup(modules, &of, name, visited));
                }
            }
        }
    }
    visited.remove(&(module.to_owned(), name.to_owned()));
    found
}
