//! The limit of open files, compared with what the daemon may open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::settings::Settings;
use crate::{http, server, store};

/// Jobs at the same time if the settings leave it to the backends: the most that the setting allows.
const MAX_JOBS: u64 = 64;
/// Files of one job: pipes and sockets of its worker, and connections to the store.
const FILES_PER_JOB: u64 = 32;
/// Files of everything else: database, log, listeners, libraries, connections of the daemon's own clients.
const OTHER_FILES: u64 = 512;

/// Raises the soft limit to the hard one, and warns if that is too low.
pub(super) fn raise(settings: &Settings) {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::warn!(%error, "failed to raise the limit of open files");
    }
    let needed = needed(settings);
    if let Some(limit) = limit.maximum.filter(|limit| *limit < needed) {
        tracing::warn!(
            limit,
            needed,
            "the limit of open files is too low for all connections and jobs: raise LimitNOFILE of the unit \
             (or `ulimit -Hn`), or lower embedded.max_connections"
        );
    }
}

/// Files that the daemon may have open with these settings.
pub(super) fn needed(settings: &Settings) -> u64 {
    let sockets = |connections: usize| server::max_sockets(connections) as u64;
    let api = sockets(http::MAX_CONNECTIONS);
    let store = match settings.store.kind {
        store::Kind::Embedded => {
            let connections = settings.embedded.max_connections;
            // Each request reads or writes a file, too.
            sockets(usize::try_from(connections).unwrap_or(usize::MAX)).saturating_add(connections)
        }
        store::Kind::S3 => 0,
    };
    let jobs = if settings.jobs.max_running == 0 { MAX_JOBS } else { settings.jobs.max_running };
    api.saturating_add(store).saturating_add(jobs * FILES_PER_JOB).saturating_add(OTHER_FILES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_connection_and_job_counts() {
        let mut settings = Settings::default();
        let embedded = needed(&settings);
        settings.embedded.max_connections += 1;
        assert_eq!(needed(&settings), embedded + 6, "a socket, four silent ones and a file");
        settings.store.kind = store::Kind::S3;
        let on_s3 = needed(&settings);
        assert!(on_s3 < embedded);
        settings.jobs.max_running = MAX_JOBS - 1;
        assert_eq!(needed(&settings), on_s3 - FILES_PER_JOB);
    }
}
