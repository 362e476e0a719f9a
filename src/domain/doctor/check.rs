//! The table of all checks.

/// A part of the appliance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// The service itself.
    Service,
    /// The machine that it runs on.
    Machine,
    /// Encoders, drivers and their sandbox.
    Encoding,
    /// The buckets.
    Store,
    /// The queue.
    Queue,
    /// The API, its public URL, its certificate.
    Network,
}

impl Group {
    /// All groups, in the order of reports.
    pub const ALL: [Self; 6] =
        [Self::Service, Self::Machine, Self::Encoding, Self::Store, Self::Queue, Self::Network];

    /// Its heading.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Service => "Service",
            Self::Machine => "Machine",
            Self::Encoding => "Encoding",
            Self::Store => "Store",
            Self::Queue => "Queue",
            Self::Network => "Network",
        }
    }
}

/// Declares the checks: variant, id, group, what is examined, why it matters.
macro_rules! checks {
    ($($name:ident $id:literal $group:ident $examines:literal $why:literal;)*) => {
        /// A check of `ladderd doctor`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Check {
            $(#[doc = $examines] $name,)*
        }

        impl Check {
            /// All checks, in the order of reports.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Kebab-case id, which stays the same.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $(Self::$name => $id),* }
            }

            /// The part that it is about.
            #[must_use]
            pub const fn group(self) -> Group {
                match self { $(Self::$name => Group::$group),* }
            }

            /// A sentence that says what is examined.
            #[must_use]
            pub const fn examines(self) -> &'static str {
                match self { $(Self::$name => $examines),* }
            }

            /// A sentence that says why it matters.
            #[must_use]
            pub const fn why(self) -> &'static str {
                match self { $(Self::$name => $why),* }
            }
        }
    };
}

checks! {
    Daemon "daemon" Service
        "Whether a daemon runs on this data directory and executes the checks inside its own restrictions."
        "The rights, limits and credentials of a service differ from those of the person who calls a command.";
    Settings "settings" Service
        "Settings that are allowed and risky."
        "A risk that was taken for a test stays when the test is over.";
    DataDir "data-dir" Machine
        "Whether the data directory can be written, and whether other users can look into it."
        "Store, queue and credentials are in the data directory: without it, the daemon does not start.";
    DiskLatency "disk-latency" Machine
        "Time until a small write is durable (fsync, median of five)."
        "Each upload, message and record waits for the disk: a slow one delays the start of every job.";
    DiskSpace "disk-space" Machine
        "Free space of the data directory, against `embedded.min_free_bytes`."
        "A full disk refuses uploads and jobs.";
    OpenFiles "open-files" Machine
        "The limit of open files, against all connections and jobs that the settings allow."
        "Without file descriptors, connections are refused and jobs fail.";
    Memory "memory" Machine
        "The memory of the machine or the unit (cgroup), against that of one worker (`jobs.worker_memory_bytes`)."
        "Linux kills a worker that the unit has no memory for, and its job starts again.";
    Tasks "tasks" Machine
        "The limit of processes and threads of the unit (cgroup)."
        "A worker has up to some hundred threads: without them, it does not start.";
    Clock "clock" Machine
        "The clock of this machine against the `Date` of the store's answers."
        "S3 refuses requests whose time is off by more than 15 minutes; sessions and signed URLs end too early or late.";
    Backends "backends" Encoding
        "Each recipe on each device: its GStreamer elements, and a trial encode in the sandbox of a worker."
        "A job runs on the best backend that works; without one, no video is processed.";
    Gstreamer "gstreamer" Encoding
        "The versions of GStreamer and its sets of plugins against each other."
        "Plugins of another release than the library load partly or crash.";
    NvidiaDriver "nvidia-driver" Encoding
        "The NVIDIA driver: its library (NVML), its kernel module, and the versions of both."
        "After an update, the old kernel module refuses the new library until it is loaded anew.";
    Devices "devices" Encoding
        "Whether this process can open the device nodes of the GPUs, and which group they belong to."
        "Encoders of a GPU need its device nodes.";
    Sandbox "sandbox" Encoding
        "The layers around the process that decodes: each is entered by a child process."
        "Files of strangers are parsed in this process: the layers keep a taken-over decoder from the machine.";
    Bucket "bucket" Store
        "Whether the bucket exists and the credentials may list it."
        "Without the buckets, no video is taken, published or played.";
    Permissions "bucket-permissions" Store
        "Each operation that ladderd uses, one by one, on an object of its own: which IAM action a refused one needs."
        "A missing right shows late: in the first long upload, the first delete or the first retry.";
    ConditionalWrites "conditional-writes" Store
        "Whether the store obeys `If-None-Match` and `If-Match` on writes, and `If-Match` on deletes."
        "Without them, two boxes that receive one message at the same moment may both publish the video.";
    Versioning "bucket-versioning" Store
        "Whether the bucket keeps old versions of objects."
        "Old versions of deleted videos stay and cost until somebody removes them.";
    BucketEncryption "bucket-encryption" Store
        "Encryption by the store (SSE-S3, SSE-KMS), as its answers show it."
        "With SSE-KMS, reads and writes need rights on the key, and nobody can read without credentials.";
    Ownership "object-ownership" Store
        "Whether access control lists are off (bucket owner enforced)."
        "With lists, an object may belong to another account than the bucket.";
    Playback "playback" Store
        "Whether an object of the public bucket can be read without credentials at the playback URL."
        "Players have no credentials.";
    CorsPlayback "cors-playback" Store
        "CORS of the public bucket, asked as a browser does: a preflight and a GET from the page's origin."
        "Without CORS, players in browsers get no playlist and no segment.";
    CorsUpload "cors-upload" Store
        "CORS of the private bucket, asked as a browser does: the preflight of a presigned PUT from the page's origin."
        "Without CORS, browsers refuse to send uploads, and parts cannot be completed unless `ETag` is exposed.";
    Notification "notification" Store
        "The way of an event: an object without a video is written below `sources.prefix`, and a box acknowledges it."
        "Without events, uploads wait until housekeeping finds them.";
    Queue "queue" Queue
        "Whether the queue answers, its kind, its depth, and the operations that ladderd uses."
        "Without the queue, no job starts.";
    DeadLetterQueue "dead-letter-queue" Queue
        "The dead-letter queue: whether there is one, and the redrive policy that names it."
        "Messages that are given up need a place; a low `maxReceiveCount` takes messages away while ladderd still tries.";
    Retention "message-retention" Queue
        "How long the queues keep messages."
        "A message that ends before its job does is a video that nobody processes.";
    DeadLetters "dead-letters" Queue
        "Number of messages that were given up."
        "Behind each of them is a video that is not processed.";
    Api "api" Network
        "Whether the API answers at its address, or whether that address is free."
        "Uploads and the page go through the API.";
    PublicUrl "public-url" Network
        "Whether `http.public_url` leads to this appliance, as seen from this machine."
        "Links, embed codes and private streams have this URL.";
    Certificate "certificate" Network
        "The certificate of `tls.cert`: its pair, its end, its names, and its chain as clients check it."
        "Clients refuse a certificate that has ended, is for another name, or lacks an authority in between.";
    Webhooks "webhooks" Network
        "Endpoints that are paused or fail."
        "Events wait for a paused endpoint and are lost after a while.";
}

/// The reference of all checks, in Markdown.
#[must_use]
pub fn reference() -> String {
    let head = String::from(
        "# Checks of `ladderd doctor`\n\n\
         <!-- Generated from src/domain/doctor/check.rs by `make generate`. -->\n\n\
         Each finding has the id of its check, a severity, a sentence that says what was found, why it matters, and, \
         where there is one, the command that mends it. [How to use it](../how-to/find-out-what-is-wrong.md).\n\n\
         | Severity | Meaning | Exit code |\n|---|---|---|\n\
         | `ok` | as it should be | 0 |\n\
         | `skipped` | could not be examined here, or there is nothing to examine | 0 |\n\
         | `note` | good to know; nothing has to be done | 0 |\n\
         | `warning` | it works, and will fail or surprise some day | 3 |\n\
         | `error` | something does not work | 1 |\n\n\
         The worst finding decides the exit code. It is 64 for wrong settings, and 69 if the appliance at `--url` does \
         not answer.\n",
    );
    let section = |group: Group| {
        let rows = Check::ALL.iter().filter(|check| check.group() == group).map(|check| {
            let (id, examines, why) = (check.id(), check.examines(), check.why());
            format!("| `{id}` | {examines} | {why} |\n")
        });
        let title = group.title();
        format!(
            "\n## {title}\n\n| Id | Examines | Why |\n|---|---|---|\n{}",
            rows.collect::<Vec<String>>().concat()
        )
    };
    std::iter::once(head).chain(Group::ALL.into_iter().map(section)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_are_unique_and_sentences_fit_a_row() {
        let ids: BTreeSet<&str> = Check::ALL.iter().map(|check| check.id()).collect();
        assert_eq!(ids.len(), Check::ALL.len());
        let text = reference();
        for check in Check::ALL {
            let id = check.id();
            assert!(id.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{id}");
            for sentence in [check.examines(), check.why()] {
                assert!(sentence.ends_with('.') && !sentence.contains(['|', '\n']), "{sentence}");
            }
            assert!(text.contains(&format!("| `{id}` |")), "{id}");
        }
        // Reports go group by group.
        let places = Check::ALL
            .iter()
            .map(|check| Group::ALL.iter().position(|group| *group == check.group()));
        assert!(places.is_sorted());
    }
}
