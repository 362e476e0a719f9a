//! Requests of the uploader, and sights of the watcher: the base of the verdict.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// End that a video must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// The latest version is published.
    Alive,
    /// A delete was sent.
    Deleting,
    /// It is gone since this moment.
    Deleted(Instant),
}

/// A video of the run.
#[derive(Clone, Debug)]
pub struct Film {
    pub id: String,
    /// Key of the source where the test chose it: only such a source can be replaced.
    pub key: Option<String>,
    /// Counts the deletes: what was seen of an earlier life does not bind the next.
    pub life: u32,
    /// Entity tag of the latest version.
    pub version: String,
    /// A client works on it now.
    pub is_busy: bool,
    pub expect: Expect,
    /// The latest version was seen, finished.
    pub is_done: bool,
    /// Attempts that were seen as finished, by version.
    pub finished: BTreeMap<String, BTreeSet<String>>,
}

macro_rules! tally {
    ($($(#[doc = $doc:literal])? $name:ident,)+) => {
        /// Numbers of the run.
        #[derive(Default)]
        pub struct Tally { $($(#[doc = $doc])? pub $name: AtomicUsize,)+ }

        impl Tally {
            /// Names and numbers.
            pub fn rows(&self) -> Vec<(String, usize)> {
                vec![$((stringify!($name).replace('_', " "), self.$name.load(Ordering::SeqCst)),)+]
            }
        }
    };
}

tally! {
    uploads,
    reuploads,
    revivals,
    deletes,
    abandoned_uploads,
    kills,
    /// The daemon ended by itself and was started again.
    exits,
    stops_of_60_s,
    clock_steps,
    read_only_disks,
    full_disks,
    storms,
    stops_of_the_servers,
    events_duplicated,
    events_lost,
    events_swapped,
    looks,
    players_reads,
}

/// Counts one.
pub fn count(number: &AtomicUsize) {
    number.fetch_add(1, Ordering::SeqCst);
}

/// Everything that is known of the run.
#[derive(Default)]
pub struct Book {
    films: Mutex<BTreeMap<String, Film>>,
    pub tally: Tally,
    /// Looks of a player that were broken, in words.
    pub broken: Mutex<Vec<String>>,
}

impl Book {
    /// Adds a video, or the next life of one that was deleted.
    pub fn begin(&self, id: &str, key: Option<String>, version: &str) {
        let mut films = self.films.lock().unwrap();
        let earlier = films.get(id);
        let film = Film {
            id: id.to_owned(),
            key,
            life: earlier.map_or(0, |film| film.life + 1),
            version: version.to_owned(),
            is_busy: true,
            expect: Expect::Alive,
            is_done: false,
            finished: earlier.map(|film| film.finished.clone()).unwrap_or_default(),
        };
        films.insert(id.to_owned(), film);
    }

    /// Changes a video.
    pub fn change(&self, id: &str, change: impl FnOnce(&mut Film)) {
        change(self.films.lock().unwrap().get_mut(id).unwrap());
    }

    pub fn get(&self, id: &str) -> Option<Film> {
        self.films.lock().unwrap().get(id).cloned()
    }

    /// Those that fit.
    pub fn films(&self, fits: impl Fn(&Film) -> bool) -> Vec<Film> {
        self.films.lock().unwrap().values().filter(|film| fits(film)).cloned().collect()
    }

    /// Whether the video is still what it was when a look began, so that what was found binds.
    pub fn is_still(&self, film: &Film) -> bool {
        let now = self.get(&film.id);
        now.is_some_and(|now| now.life == film.life && now.expect == Expect::Alive)
    }

    /// Notes a broken look, unless the video was deleted meanwhile.
    pub fn note_broken(&self, film: &Film, why: &str) {
        if self.is_still(film) {
            println!("BROKEN LOOK {} {why}", film.id);
            self.broken.lock().unwrap().push(format!("{}: {why}", film.id));
        }
    }

    /// Attempts beyond the first at one version that finished.
    pub fn duplicates(&self) -> Vec<String> {
        let films = self.films.lock().unwrap();
        let of = |film: &Film| {
            let all = film.finished.iter().filter(|(_, attempts)| attempts.len() > 1);
            all.map(|(version, attempts)| format!("{} {version}: {attempts:?}", film.id)).collect()
        };
        films.values().flat_map(|film| -> Vec<String> { of(film) }).collect()
    }
}
