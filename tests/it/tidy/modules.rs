//! The modules of a crate as its files declare them: what each defines, imports and names.

use std::collections::{BTreeMap, BTreeSet};

use super::lexer;

/// A source file by its path within the package, such as `src/job/claim.rs`.
pub(crate) type File = String;

/// A path in source text: `["crate", "job", "claim", "Claim"]`.
pub(crate) type Segments = Vec<String>;

/// One name that a `use` brings into a module.
#[derive(Debug)]
pub(crate) struct Import {
    /// The path behind `use`, without the alias.
    pub(crate) path: Segments,
    /// The name in this module; `*` is that of a glob, `_` is none.
    pub(crate) name: String,
    pub(crate) is_public: bool,
}

/// A module: a file, or a `mod x { … }` within one.
#[derive(Debug, Default)]
pub(crate) struct Module {
    pub(crate) file: File,
    /// Names of the modules that it declares.
    pub(crate) children: BTreeSet<String>,
    /// Names of the functions, types, constants, traits and macros that it defines.
    pub(crate) items: BTreeSet<String>,
    pub(crate) imports: Vec<Import>,
    /// Paths of two and more segments in its code.
    pub(crate) paths: BTreeSet<Segments>,
    /// Words in its code that do not stand behind `::` or `.`.
    pub(crate) words: BTreeSet<String>,
}

/// All modules of some crates, by their path: `ladderd::job::claim`. The code of tests is left out.
#[derive(Debug, Default)]
pub(crate) struct Modules(pub(crate) BTreeMap<String, Module>);

impl Modules {
    /// Reads a crate from its root file on. `read` gives the text of a file, or nothing where there
    /// is no such file.
    pub(crate) fn add_crate(
        &mut self,
        name: &str,
        root: &str,
        read: &impl Fn(&str) -> Option<String>,
    ) {
        let folder = root.rsplit_once('/').map_or("", |(folder, _)| folder);
        self.add_file(name, root, folder, read);
    }

    /// Reads a file and those of the modules that it declares, which lie in `folder`.
    fn add_file(
        &mut self,
        path: &str,
        file: &str,
        folder: &str,
        read: &impl Fn(&str) -> Option<String>,
    ) {
        let text = read(file).unwrap_or_else(|| panic!("{path} has no file {file}"));
        let tokens = lexer::without_tests(&lexer::tokens(&text));
        let mut parser = Parser { tokens: &tokens, at: 0, file, found: BTreeMap::new() };
        parser.module(path);
        let found = parser.found;
        let inline: BTreeSet<String> = found.keys().cloned().collect();
        for (of, module) in found {
            let below = of[path.len()..].replace("::", "/");
            for child in &module.children {
                let child_path = format!("{of}::{child}");
                if inline.contains(&child_path) {
                    continue;
                }
                let place = format!("{folder}{below}/{child}");
                let flat = format!("{place}.rs");
                let file = if read(&flat).is_some() { flat } else { format!("{place}/mod.rs") };
                self.add_file(&child_path, &file, &place, read);
            }
            self.0.insert(of, module);
        }
    }
}

struct Parser<'a> {
    tokens: &'a [String],
    at: usize,
    file: &'a str,
    found: BTreeMap<String, Module>,
}

impl Parser<'_> {
    fn token(&self, offset: usize) -> &str {
        self.tokens.get(self.at + offset).map_or("", String::as_str)
    }

    fn before(&self, offset: usize) -> &str {
        self.at.checked_sub(offset).map_or("", |at| self.tokens[at].as_str())
    }

    /// Reads up to the `}` that ends this module, or to the end of the file.
    fn module(&mut self, path: &str) {
        let mut module = Module { file: self.file.to_owned(), ..Module::default() };
        let mut depth = 0_u32;
        while self.at < self.tokens.len() {
            match self.token(0) {
                "{" => depth += 1,
                "}" if depth == 0 => break,
                "}" => depth -= 1,
                "use" if self.token(1) != "<" => {
                    let is_public = self.is_public();
                    self.at += 1;
                    self.use_tree(&mut Vec::new(), is_public, &mut module.imports);
                    continue;
                }
                "mod" if matches!(self.token(2), ";" | "{") => {
                    let child = self.token(1).to_owned();
                    let is_inline = self.token(2) == "{";
                    self.at += 3;
                    if is_inline {
                        self.module(&format!("{path}::{child}"));
                        self.at += 1;
                    }
                    module.children.insert(child);
                    continue;
                }
                "fn" | "struct" | "enum" | "trait" | "type" | "const" | "static" | "union"
                    if depth == 0 =>
                {
                    module.items.insert(self.token(1).to_owned());
                }
                "macro_rules" => {
                    module.items.insert(self.token(2).to_owned());
                }
                word if is_name(word) && !matches!(self.before(1), "::" | ".") => {
                    module.words.insert(word.to_owned());
                    let path = self.path();
                    // The path of `pub(in crate::job)` is none of code.
                    if path.len() > 1 && self.before(1) != "in" {
                        module.paths.insert(path);
                    }
                }
                _ => {}
            }
            self.at += 1;
        }
        self.found.insert(path.to_owned(), module);
    }

    /// Whether `pub`, `pub(crate)` or the like stands before this word.
    fn is_public(&self) -> bool {
        if self.before(1) != ")" {
            return self.before(1) == "pub";
        }
        let before = self.tokens[..self.at].iter().rev();
        before.take_while(|token| !matches!(token.as_str(), ";" | "}" | "{")).any(|t| t == "pub")
    }

    /// The names with `::` between them that begin here.
    fn path(&self) -> Segments {
        let mut path = vec![self.token(0).to_owned()];
        while self.token(2 * path.len() - 1) == "::" && is_name(self.token(2 * path.len())) {
            path.push(self.token(2 * path.len()).to_owned());
        }
        path
    }

    /// Reads a tree of a `use` up to the sign that ends it.
    fn use_tree(&mut self, prefix: &mut Segments, is_public: bool, imports: &mut Vec<Import>) {
        let len = prefix.len();
        loop {
            match self.token(0) {
                "{" => {
                    self.at += 1;
                    while self.token(0) != "}" {
                        self.use_tree(prefix, is_public, imports);
                        if self.token(0) == "," {
                            self.at += 1;
                        }
                    }
                    self.at += 1;
                    break;
                }
                "::" => self.at += 1,
                "self" if !prefix.is_empty() => {
                    self.at += 1;
                    self.import(prefix, is_public, imports);
                    break;
                }
                segment if is_name(segment) || segment == "*" => {
                    prefix.push(segment.to_owned());
                    self.at += 1;
                    if self.token(0) != "::" {
                        self.import(prefix, is_public, imports);
                        break;
                    }
                }
                _ => break,
            }
        }
        prefix.truncate(len);
    }

    /// Notes the path that ends here, with its alias.
    fn import(&mut self, path: &Segments, is_public: bool, imports: &mut Vec<Import>) {
        let mut name = path.last().cloned().unwrap_or_default();
        let mut path = path.clone();
        if self.token(0) == "as" {
            self.token(1).clone_into(&mut name);
            self.at += 2;
        }
        if name == "*" {
            path.pop();
        }
        imports.push(Import { path, name, is_public });
    }
}

fn is_name(token: &str) -> bool {
    token.starts_with(|first: char| first.is_alphabetic() || first == '_')
}
