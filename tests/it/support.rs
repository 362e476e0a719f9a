//! What the tests share.

use std::path::PathBuf;

/// What a test needs and a machine may lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// The real files in `../shared/media/dev`.
    Corpus,
    /// Headless Chromium and Node.
    Chromium,
    /// ffmpeg and ffprobe.
    Ffmpeg,
    /// boto3 (an S3 client that is not ours).
    Boto3,
}

impl Need {
    fn name(self) -> &'static str {
        match self {
            Self::Corpus => "corpus",
            Self::Chromium => "chromium",
            Self::Ffmpeg => "ffmpeg",
            Self::Boto3 => "boto3",
        }
    }
}

/// Says that a test cannot run here and why; a failure where `LADDERD_REQUIRE` names the need.
pub fn skip(need: Need, why: &str) {
    let required = std::env::var("LADDERD_REQUIRE").unwrap_or_default();
    assert!(
        !required.split(',').any(|name| name.trim() == need.name()),
        "LADDERD_REQUIRE names {}, but {why}",
        need.name()
    );
    println!("SKIP: {why}");
}

/// A real file of the corpus, or `None` (said as a skip) where the corpus is not there.
pub fn corpus(file: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/media/dev").join(file);
    if path.is_file() {
        return Some(path);
    }
    skip(Need::Corpus, &format!("{} is not there", path.display()));
    None
}
