//! Workers that were taken over: whatever one says or does, it ends, the daemon keeps little of it, and the
//! video fails with a code that says so.

mod standstill;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use ladderd::backend::{TrialError, Trials};
use ladderd::domain::backend::{Backend, Sizes};
use ladderd::domain::colour::Stated;
use ladderd::domain::encode::EncodeConfig;
use ladderd::domain::failure_code::FailureCode;
use ladderd::domain::ladder::Ladder;
use ladderd::domain::limits::Limits;
use ladderd::domain::media::{Fraction, MediaInfo, Orientation, VideoStream};
use ladderd::domain::outcome::Fault;
use ladderd::domain::plan::{self, Plan};
use ladderd::source::{self, Source};
use ladderd::worker::parent::{Error, Misbehaviour, Output, Report, Worker};
use ladderd::worker::protocol::{DATA, Event, Failure, MAX_WARNINGS, WorkerRequest};
use ladderd::worker::spawn::Program;

use super::support::appliance::{Appliance, TIMEOUT};
use super::support::hostile::{self, Hostile, event, event_text, frame};
use super::support::media;

/// Stall timeout of the tests that are not about stalls.
const PATIENCE: Duration = Duration::from_mins(1);
/// Memory of the test's process, its libraries included, while it holds what a worker may send.
const MOST_PEAK_BYTES: u64 = 300 << 20;

/// A source of a mebibyte.
struct Zeros;

#[async_trait]
impl Source for Zeros {
    fn size_bytes(&self) -> u64 {
        1 << 20
    }

    async fn read(&self, _offset: u64, len: u32) -> Result<Bytes, source::Error> {
        Ok(Bytes::from(vec![0; len as usize]))
    }
}

fn request() -> WorkerRequest {
    let cpu = ladderd::backend::recipes().unwrap().into_iter().find(|r| r.name == "cpu").unwrap();
    let (device, sizes) = (String::new(), Sizes::default());
    WorkerRequest {
        source_bytes: Zeros.size_bytes(),
        ladder: Ladder::default(),
        encode: EncodeConfig::default(),
        backends: vec![Backend { recipe: cpu, device, sizes, pixels_per_sec: 1e9 }],
        plan_only: false,
        still: None,
        remux: None,
        limits: Limits::default(),
        memory_bytes: 0,
        sandbox: ladderd::domain::sandbox::Mode::default(),
        program: None,
    }
}

fn media_info() -> MediaInfo {
    let video = VideoStream {
        stream_id: "v".to_owned(),
        codec: "video/x-h264".to_owned(),
        caps: String::new(),
        width: 1920,
        height: 1080,
        fps: Fraction::new(25, 1),
        frame_times: None,
        pixel_aspect: Fraction::new(1, 1),
        orientation: Orientation::Upright,
        crop: None,
        interlaced: false,
        is_telecined: false,
        bit_depth: 8,
        replaces_aspect: false,
        container_colour: Stated::default(),
        bitstream_colour: Stated::default(),
        is_image: false,
        is_disabled: false,
        frames: None,
    };
    let duration_ns = Some(60_000_000_000);
    MediaInfo { duration_ns, video: vec![video], ..MediaInfo::default() }
}

fn honest_plan() -> Plan {
    let request = request();
    plan::plan(&media_info(), &request.ladder, &request.encode, "cpu").unwrap()
}

/// The frames of an honest worker up to its plan.
fn prelude() -> Vec<u8> {
    let probed = event(&Event::Probed { media: media_info() });
    [probed, event(&Event::Planned { plan: honest_plan() })].concat()
}

fn data(rendition: u16, number: u32, bytes: &[u8]) -> Vec<u8> {
    frame(DATA, &[&rendition.to_be_bytes()[..], &number.to_be_bytes(), bytes].concat())
}

fn segment(rendition: u16, number: u32) -> Vec<u8> {
    let ended = Event::Segment { rendition, number, start_ns: 0, duration_ns: 6_000_000_000 };
    [data(rendition, number, b"bytes"), event(&ended)].concat()
}

/// A whole job of one segment in each rendition.
fn whole_job() -> Vec<u8> {
    let segments: Vec<u8> = (0..4).flat_map(|rendition| segment(rendition, 0)).collect();
    [prelude(), segments, event(&Event::Done { duration_ns: 6_000_000_000 })].concat()
}

/// End of a hostile worker.
struct Ended {
    outputs: Vec<Output>,
    error: Option<Error>,
}

impl Ended {
    fn code(&self) -> Option<FailureCode> {
        self.error.as_ref().map(Fault::code)
    }

    fn assert_misbehaved(&self) -> &Misbehaviour {
        let Some(Error::Misbehaved(misbehaviour)) = &self.error else {
            panic!("{:?} after {} outputs", self.error, self.outputs.len())
        };
        assert_eq!(self.code(), Some(FailureCode::WorkerMisbehaved));
        assert!(self.error.as_ref().is_some_and(Error::counts), "it counts against the video");
        let peak_bytes = peak_of_this_process();
        assert!(peak_bytes < MOST_PEAK_BYTES, "{} MiB were held", peak_bytes >> 20);
        misbehaviour
    }
}

fn peak_of_this_process() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1024
}

/// Follows a hostile worker to its end, as jobs do.
async fn attack_with(hostile: Hostile, request: &WorkerRequest, stall_timeout: Duration) -> Ended {
    let program = Program::new(hostile.install(), "");
    let mut worker = Worker::spawn(&program, request, Arc::new(Zeros), stall_timeout).unwrap();
    let pid = worker.pid().unwrap();
    let mut outputs = Vec::new();
    let error = tokio::time::timeout(TIMEOUT, async {
        loop {
            match worker.next().await {
                Ok(Some(output)) => outputs.push(output),
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        }
    });
    let error = error.await.expect("the worker goes on");
    let is_gone = !Path::new(&format!("/proc/{pid}")).is_dir();
    assert!(is_gone, "the process runs on after {error:?}");
    Ended { outputs, error }
}

async fn attack(build: impl FnOnce(Hostile) -> Hostile) -> Ended {
    let dir = tempfile::tempdir().unwrap();
    attack_with(build(Hostile::new(dir.path())), &request(), PATIENCE).await
}

#[tokio::test]
async fn a_job_that_is_played_back_passes() {
    let ended = attack(|worker| worker.sends(&whole_job(), 1)).await;
    assert!(ended.error.is_none(), "{:?}", ended.error);
    let Some(Output::Report(Report::Done { .. })) = ended.outputs.last() else {
        panic!("{:?}", ended.outputs.last())
    };
    let segments = ended.outputs.iter().filter(|output| matches!(output, Output::Segment(_)));
    assert_eq!(segments.count(), 4);
}

#[tokio::test]
async fn unfinished_segments_are_not_collected() {
    let piece = data(0, 0, &vec![0; 1 << 20]);
    let ended = attack(|worker| worker.sends(&prelude(), 1).sends(&piece, 600)).await;
    assert_eq!(*ended.assert_misbehaved(), Misbehaviour::TooMuch("bytes of a segment"));
    // A segment for each number, and none of them ends.
    let many: Vec<u8> = (0..600).flat_map(|number| data(0, number, &vec![0; 1 << 16])).collect();
    let ended = attack(|worker| worker.sends(&prelude(), 1).sends(&many, 16)).await;
    ended.assert_misbehaved();
}

#[tokio::test]
async fn segments_of_unknown_renditions_end_the_worker() {
    for rendition in [4, u16::MAX] {
        let ended = attack(|worker| {
            worker.sends(&prelude(), 1).sends(&data(rendition, 0, &vec![0; 1 << 20]), 600)
        });
        let unknown = Misbehaviour::UnknownRendition { what: "bytes", index: rendition };
        assert_eq!(*ended.await.assert_misbehaved(), unknown);
    }
}

#[tokio::test]
async fn a_flood_of_warnings_ends_after_a_hundred() {
    let message = format!("2026-01-01 ERROR forged\n{}", "x".repeat(8_000));
    let ended = attack(|worker| worker.sends(&event(&Event::warning(None, message)), 0)).await;
    assert_eq!(*ended.assert_misbehaved(), Misbehaviour::TooMuch("warnings"));
    assert_eq!(ended.outputs.len(), MAX_WARNINGS as usize);
    for output in &ended.outputs {
        let Output::Report(Report::Warning { message, .. }) = output else { panic!("{output:?}") };
        assert!(message.len() < 2_000 && !message.contains('\n'), "{message}");
    }
}

#[tokio::test]
async fn a_flood_of_progress_ends() {
    let progress = event(&Event::Progress { position_ns: 1 });
    let ended = attack(|worker| worker.sends(&prelude(), 1).sends(&progress, 0)).await;
    assert_eq!(*ended.assert_misbehaved(), Misbehaviour::TooMuch("reports of progress"));
}

#[tokio::test]
async fn a_flood_of_standard_error_keeps_a_few_kilobytes() {
    let dir = tempfile::tempdir().unwrap();
    let line = b"2026-01-01 ERROR forged\x1b[2J\n";
    let worker = Hostile::new(dir.path()).prints(line, 0);
    let ended = attack_with(worker, &request(), Duration::from_secs(2)).await;
    assert_eq!(ended.code(), Some(FailureCode::WorkerStalled));
    let stderr = ended.error.as_ref().and_then(Error::stderr).unwrap();
    assert!(stderr.len() <= 8 << 10 && !stderr.contains('\u{1b}'), "{} bytes", stderr.len());
    assert!(peak_of_this_process() < MOST_PEAK_BYTES);
}

#[tokio::test]
async fn rungs_that_are_named_as_paths_are_no_plan() {
    for name in ["../../evil", "/etc/cron.d", "1080p/../..", ""] {
        let mut plan = honest_plan();
        plan.video.rungs[0].name = name.to_owned();
        let probed = event(&Event::Probed { media: media_info() });
        let frames = [probed, event(&Event::Planned { plan }), segment(0, 0)].concat();
        let ended = attack(|worker| worker.sends(&frames, 1).does("stay")).await;
        let misbehaviour = ended.assert_misbehaved();
        assert!(matches!(misbehaviour, Misbehaviour::Plan(_)), "{name}: {misbehaviour:?}");
        let planned = |output: &Output| matches!(output, Output::Report(Report::Planned { .. }));
        assert!(!ended.outputs.iter().any(planned), "{name}");
    }
}

#[tokio::test]
async fn a_worker_that_closes_its_output_and_stays_is_killed() {
    let ended =
        attack(|worker| worker.sends(&prelude(), 1).does("close-stdout").does("stay")).await;
    assert_eq!(*ended.assert_misbehaved(), Misbehaviour::Stays);
}

#[tokio::test]
async fn nothing_follows_the_end() {
    let done = event(&Event::Done { duration_ns: 1 });
    let late: [&[u8]; 4] = [&done, &segment(0, 1), &whole_job(), b"x no frame"];
    for frames in late {
        let frames = [&whole_job(), frames].concat();
        let ended = attack(|worker| worker.sends(&frames, 1).does("stay")).await;
        ended.assert_misbehaved();
        let done = |output: &Output| matches!(output, Output::Report(Report::Done { .. }));
        assert!(!ended.outputs.iter().any(done), "the end counts only if nothing follows it");
    }
}

#[tokio::test]
async fn bytes_that_are_no_frames_end_the_worker() {
    let huge = [&[DATA], &u32::MAX.to_be_bytes()[..]].concat();
    let unknown = event_text(r#"{"event":"root","password":"x"}"#);
    let nested = event_text(&"[".repeat(1 << 19));
    let bytes: [&[u8]; 5] = [&huge, &unknown, &nested, &[0; 64], b"HTTP/1.1 200 OK\r\n\r\n"];
    for bytes in bytes {
        let ended = attack(|worker| worker.sends(bytes, 0)).await;
        assert!(matches!(ended.assert_misbehaved(), Misbehaviour::NoFrame(_)), "{bytes:.20?}");
    }
}

#[tokio::test]
async fn a_worker_cannot_blame_the_store() {
    for code in [FailureCode::StoreDenied, FailureCode::Cancelled, FailureCode::DaemonDied] {
        let failed = event(&Event::Failed(Failure::new(code, "no")));
        let ended = attack(|worker| worker.sends(&failed, 1)).await;
        assert_eq!(*ended.assert_misbehaved(), Misbehaviour::Reason(code));
    }
}

#[tokio::test]
async fn reads_that_lead_to_nothing_end() {
    let ended = attack(|worker| worker.sends(&prelude(), 1).does("read 0 65536 0")).await;
    assert_eq!(*ended.assert_misbehaved(), Misbehaviour::EndlessReads);
    for range in ["read 1048576 1 1", "read 18446744073709551615 8 1", "read 0 16777216 1"] {
        let ended = attack(|worker| worker.does(range).does("stay")).await;
        assert_eq!(*ended.assert_misbehaved(), Misbehaviour::ReadOutside, "{range}");
    }
}

#[tokio::test]
async fn an_assertion_during_the_probe_is_the_fault_of_the_source() {
    let assertion: &[u8] =
        b"**\nERROR:../gst/mxf/mxfdemux.c:123:f: assertion failed: (track)\nBail out!\n";
    let table: [(&[u8], &[u8], FailureCode); 3] = [
        (assertion, b"", FailureCode::SourceDamaged),
        (assertion, &prelude(), FailureCode::WorkerDied),
        (b"thread 'main' panicked at src/worker.rs\n", b"", FailureCode::WorkerDied),
    ];
    for (stderr, sent, code) in table {
        let ended = attack(|worker| worker.sends(sent, 1).prints(stderr, 1).does("abort")).await;
        assert_eq!(ended.code(), Some(code), "{}", String::from_utf8_lossy(stderr));
    }
}

#[tokio::test]
async fn a_worker_that_never_reads_its_socket_stalls() {
    let dir = tempfile::tempdir().unwrap();
    let worker = Hostile::deaf(dir.path()).does("stay");
    let ended = attack_with(worker, &request(), Duration::from_secs(1)).await;
    assert_eq!(ended.code(), Some(FailureCode::WorkerStalled));
}

#[tokio::test]
async fn shared_memory_counts_as_memory() {
    const MEBIBYTE: u64 = 1 << 20;
    let within = WorkerRequest { memory_bytes: 512 * MEBIBYTE, ..request() };
    let share = format!("share {}", 256 * MEBIBYTE);
    let dir = tempfile::tempdir().unwrap();
    let worker = Hostile::new(dir.path()).does(&share).sends(&whole_job(), 1);
    let ended = attack_with(worker, &within, PATIENCE).await;
    assert!(ended.error.is_none(), "{:?}", ended.error);
    let beyond = WorkerRequest { memory_bytes: 128 * MEBIBYTE, ..request() };
    for hide in ["hide", ""] {
        let dir = tempfile::tempdir().unwrap();
        let worker = Hostile::new(dir.path()).sends(&prelude(), 1);
        let worker = if hide.is_empty() { worker } else { worker.does(hide) };
        let ended = attack_with(worker.does(&share).does("stay"), &beyond, PATIENCE).await;
        assert_eq!(ended.code(), Some(FailureCode::MemoryLimit), "{:?}", ended.error);
    }
}

#[tokio::test]
async fn a_trial_that_answers_without_end_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let worker = Hostile::deaf(dir.path()).sends(b"[[[[[[[[", 0).install();
    let trials = Trials {
        program: Program::new(worker, ""),
        encode: EncodeConfig::default(),
        sandbox: ladderd::domain::sandbox::Mode::default(),
    };
    let recipe = request().backends.remove(0).recipe;
    let error = trials.encode(&recipe).await.unwrap_err();
    assert!(matches!(error, TrialError::TooLong), "{error}");
    assert!(peak_of_this_process() < MOST_PEAK_BYTES);
}

/// The daemon runs from a link of its own, so that the program that it starts as a worker can be replaced.
#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_goes_on_with_the_next_job() {
    let Some(clip) = media::clip(144, "25", 1) else { return };
    let clip = std::fs::read(clip).unwrap();
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let program = dir.path().join("ladderd");
    let install = |path: &Path| {
        let next = dir.path().join("next");
        std::fs::hard_link(path, &next).unwrap();
        std::fs::rename(&next, &program).unwrap();
        // A rename onto a link of the same file does nothing.
        drop(std::fs::remove_file(&next));
    };
    let real = Path::new(env!("CARGO_BIN_EXE_ladderd"));
    install(real);
    let appliance = Appliance::builder()
        .program(&program)
        .setting("queue.max_attempts", 1)
        .setting("jobs.worker_memory_bytes", 640 << 20)
        .start();

    let message = format!("forged\n{}", "x".repeat(8_000));
    let flood = Hostile::new(dir.path()).sends(&event(&Event::warning(None, message)), 0);
    let greedy = Hostile::new(dir.path()).does("share 838860800").does("stay");
    for (worker, code) in [(flood, "worker-misbehaved"), (greedy, "memory-limit")] {
        worker.write_script("ladderd");
        install(&hostile::program());
        let id = appliance.upload(&format!("{code}.mp4"), clip.clone()).await;
        let video = appliance.wait_for_end(&id).await;
        assert_eq!(video["state"], "failed", "{video:#}");
        assert_eq!(video["error"]["code"], code, "{video:#}");
        assert!(!video["error"]["message"].as_str().unwrap().contains('\n'), "{video:#}");
    }
    install(real);
    let id = appliance.upload("next.mp4", clip).await;
    assert_eq!(appliance.wait_for_end(&id).await["state"], "ready");
    assert!(appliance.workers().is_empty());
}
