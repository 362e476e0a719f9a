//! Whether the objects of a video look like one finished stream.

/// The objects of a video, as far as their names tell. Takes the same memory for any number of them.
#[derive(Clone, Debug, Default)]
pub struct StreamShape {
    has_record: bool,
    has_main: bool,
    /// The folder of the first attempt.
    folder: Option<String>,
    has_more_folders: bool,
}

impl StreamShape {
    /// Adds an object with this path below `<id>/`.
    pub fn add(&mut self, path: &str) {
        match (path.split_once('/'), &self.folder) {
            (None, _) => {
                self.has_record |= path == "job.json";
                self.has_main |= path == "main.m3u8";
            }
            (Some((folder, _)), Some(first)) => self.has_more_folders |= folder != first,
            (Some((folder, _)), None) => self.folder = Some(folder.to_owned()),
        }
    }

    /// Whether it is one whole stream, or a failure: the usual case, in which nothing needs to be read.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let is_stream = self.folder.is_some();
        self.has_record && self.has_main == is_stream && !self.has_more_folders
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_or_a_failure_is_whole_and_remains_are_not() {
        let table: [(&[&str], bool); 8] = [
            (&["a1/720p/index.m3u8", "a1/720p/seg.ts", "job.json", "main.m3u8"], true),
            (&["job.json"], true),
            (&["a1/720p/seg.ts", "a2/720p/seg.ts", "job.json", "main.m3u8"], false),
            (&["a1/720p/seg.ts", "job.json"], false),
            (&["a1/720p/seg.ts", "main.m3u8"], false),
            (&["job.json", "main.m3u8"], false),
            (&["a1/720p/seg.ts"], false),
            (&[], false),
        ];
        for (paths, expected) in table {
            let mut shape = StreamShape::default();
            for path in paths {
                shape.add(path);
            }
            assert_eq!(shape.is_whole(), expected, "{paths:?}");
        }
    }
}
