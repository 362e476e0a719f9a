//! Links lead to files and headings that exist, and every page is found from the index.

use std::path::{Component, Path, PathBuf};

use super::pages::{Page, pages};
use crate::support::root;

/// The path without `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => assert!(normal.pop(), "{} leads out", path.display()),
            Component::CurDir => {}
            other @ (Component::Prefix(_) | Component::RootDir | Component::Normal(_)) => {
                normal.push(other);
            }
        }
    }
    normal
}

/// The file within the repository and the heading that a link of this page names; none for a URL.
fn target(page: &Page, link: &str) -> Option<(PathBuf, Option<String>)> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (path, anchor) = match link.split_once('#') {
        Some((path, anchor)) => (path, Some(anchor.to_owned())),
        None => (link, None),
    };
    let folder = page.path.parent().unwrap();
    let file = if path.is_empty() { page.path.clone() } else { normal(&folder.join(path)) };
    Some((file, anchor))
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let pages = pages();
    let mut broken = Vec::new();
    let mut count = 0;
    for page in &pages {
        for link in &page.links {
            let Some((file, anchor)) = target(page, link) else { continue };
            count += 1;
            let has_anchor = anchor.is_none_or(|anchor| {
                let there = pages.iter().find(|page| page.path == file);
                there.is_some_and(|page| page.anchors.contains(&anchor))
            });
            if !root().join(&file).try_exists().unwrap() || !has_anchor {
                broken.push(format!("{}: {link}", page.path.display()));
            }
        }
    }
    assert!(count > 100, "only {count} links were found");
    assert!(broken.is_empty(), "{} broken links:\n{}", broken.len(), broken.join("\n"));
}

#[test]
fn the_index_names_every_page() {
    let index = Page::at("docs/README.md");
    let named: Vec<PathBuf> =
        index.links.iter().filter_map(|link| Some(target(&index, link)?.0)).collect();
    let is_missing = |page: &&Page| {
        page.path.starts_with("docs") && page.path != index.path && !named.contains(&page.path)
    };
    let pages = pages();
    let missing: Vec<_> = pages.iter().filter(is_missing).map(|page| page.path.display()).collect();
    let missing: Vec<String> = missing.iter().map(ToString::to_string).collect();
    assert!(missing.is_empty(), "docs/README.md does not name {missing:?}");
}
