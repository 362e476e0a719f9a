//! The pages of the documentation, and what is in them.

use std::path::{Path, PathBuf};

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use crate::support::root;

/// A page in Markdown.
pub(super) struct Page {
    /// Path within the repository.
    pub path: PathBuf,
    /// Names of its headings, as links name them.
    pub anchors: Vec<String>,
    /// Destinations of its links and images.
    pub links: Vec<String>,
    /// Texts in backticks, and of fenced blocks: info string and text.
    pub spans: Vec<String>,
    pub blocks: Vec<(String, String)>,
    pub text: String,
}

/// All pages that readers find: those of the folder `docs/`, of the examples, and beside them.
pub(super) fn pages() -> Vec<Page> {
    let mut paths = Vec::new();
    collect(&root(), false, &mut paths);
    collect(&root().join("docs"), true, &mut paths);
    collect(&root().join("examples"), true, &mut paths);
    paths.sort();
    assert!(paths.len() > 30, "{paths:?}");
    paths.iter().map(|path| Page::read(path)).collect()
}

fn collect(folder: &Path, with_folders: bool, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && with_folders && !path.ends_with("node_modules") {
            collect(&path, true, found);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
}

impl Page {
    /// Reads the page at a path within the repository.
    pub(super) fn at(path: &str) -> Self {
        Self::read(&root().join(path))
    }

    fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let path = path.strip_prefix(root()).unwrap().to_owned();
        Self::parse(path, text)
    }

    pub(super) fn parse(path: PathBuf, text: String) -> Self {
        let [mut anchors, mut links, mut spans] = [const { Vec::new() }; 3];
        let (mut blocks, mut heading) = (Vec::new(), None);
        for event in Parser::new_ext(&text, Options::ENABLE_TABLES) {
            match event {
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => {
                    anchors.push(anchor(&heading.take().unwrap(), &anchors));
                }
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                    blocks.push((info.to_string(), String::new()));
                }
                Event::End(TagEnd::CodeBlock) => {
                    // Text between blocks is not of the last one.
                    blocks.push((String::new(), String::new()));
                }
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    links.push(dest_url.to_string());
                }
                Event::Text(part) => match (&mut heading, blocks.last_mut()) {
                    (Some(heading), _) => heading.push_str(&part),
                    (None, Some((_, block))) => block.push_str(&part),
                    (None, None) => {}
                },
                Event::Code(part) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&part);
                    }
                    spans.push(part.to_string());
                }
                Event::Start(_)
                | Event::End(_)
                | Event::InlineMath(_)
                | Event::DisplayMath(_)
                | Event::Html(_)
                | Event::InlineHtml(_)
                | Event::FootnoteReference(_)
                | Event::SoftBreak
                | Event::HardBreak
                | Event::Rule
                | Event::TaskListMarker(_) => {}
            }
        }
        blocks.retain(|(info, _)| !info.is_empty());
        Self { path, anchors, links, spans, blocks, text }
    }
}

/// The name that GitHub and mdBook give to a heading.
fn anchor(heading: &str, earlier: &[String]) -> String {
    let kept = heading.trim().to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || ['-', '_', ' '].contains(c));
    let name: String = kept.map(|c| if c == ' ' { '-' } else { c }).collect();
    let same = earlier.iter().filter(|other| {
        let number = other.strip_prefix(&name).map(|rest| rest.strip_prefix('-').unwrap_or(rest));
        number.is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()))
    });
    match same.count() {
        0 => name,
        count => format!("{name}-{count}"),
    }
}

#[test]
fn pages_are_read_as_readers_see_them() {
    let text = "# A `page`: of 2\n\n[link](other.md#there) and `ladderd check`\n\n## A page of 2\n\n\
                ```sh run\necho 1\n```\n\nbetween\n\n| a |\n|---|\n| [b](c.md) |\n";
    let page = Page::parse("page.md".into(), text.to_owned());
    assert_eq!(page.anchors, ["a-page-of-2", "a-page-of-2-1"]);
    assert_eq!(page.links, ["other.md#there", "c.md"]);
    assert_eq!(page.spans, ["page", "ladderd check"]);
    assert_eq!(page.blocks, [("sh run".to_owned(), "echo 1\n".to_owned())]);
}
