//! Every file of the corpus. Expectations come from its manifests, from ffprobe and from ffmpeg's
//! decoding of the source, never from our own output.
//!
//! A fixed part of the rows runs in `make test`; `make corpus` runs all of them, and prints how long
//! each took.

mod dev;
mod dev2;
mod expected;
mod judged;
mod made;
mod times;

use super::support::{Need, corpus_folder, skip};

/// Rows of a table: test name, file, what is right. Those of `corpus` run in `make corpus` only.
macro_rules! corpus_files {
    (
        $find:expr;
        test { $($name:ident $file:literal => $expected:expr,)* }
        corpus { $($long:ident $large:literal => $of_large:expr,)* }
    ) => {
        /// The files of this table.
        pub const FILES: &[&str] = &[$($file,)* $($large,)*];
        $(#[test] fn $name() {
            super::judged::assert_file($find, $file, &$expected);
        })*
        $(
            #[test]
            #[ignore = "runs with the whole corpus: make corpus"]
            fn $long() {
                super::judged::assert_file($find, $large, &$of_large);
            }
        )*
    };
}
use corpus_files;

#[test]
fn every_file_is_in_a_table() {
    let Ok(_) = std::fs::read_dir(corpus_folder()) else {
        return skip(Need::Corpus, "the corpus is not there");
    };
    for (folder, files) in [("dev", dev::FILES), ("dev2", dev2::FILES), ("dev2", made::FILES)] {
        let manifest = if folder == "dev" { "MANIFEST.tsv" } else { "dev2/MANIFEST.tsv" };
        let rows = std::fs::read_to_string(corpus_folder().join(manifest)).unwrap();
        let names = rows.lines().skip(1).map(|row| row.split('\t').next().unwrap());
        let is_made = std::ptr::eq(files, made::FILES);
        let names = names.filter(|name| name.starts_with("made/") == is_made || folder == "dev");
        let unknown: Vec<&str> = names
            .map(|name| name.trim_start_matches("made/"))
            .filter(|name| !files.contains(name))
            .collect();
        assert!(unknown.is_empty(), "the table of {folder} lacks {unknown:?}");
    }
}
