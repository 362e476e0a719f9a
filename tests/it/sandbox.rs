//! The sandbox of a worker.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

use ladderd::domain::failure_code::FailureCode;
use ladderd::domain::outcome::Fault as _;
use ladderd::domain::sandbox::Mode;
use ladderd::source::file::LocalFile;
use ladderd::worker::parent::{Error, Worker};
use ladderd::worker::protocol::WorkerRequest;
use ladderd::worker::spawn::Program;
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch};
use serde_json::Value;

use super::support::{self, media};

/// Runs `sandbox-test --json` with these arguments too.
fn outcome(arguments: &[&str]) -> (Value, bool) {
    let mut program = support::program();
    let output = program.args(["sandbox-test", "--json"]).args(arguments).output().unwrap();
    let outcome: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    (outcome, output.status.success())
}

/// The attempts that got out.
fn wrong(outcome: &Value) -> Vec<&Value> {
    let attempts = outcome["attempts"].as_array().unwrap();
    attempts.iter().filter(|attempt| attempt["is_ok"] != true).collect()
}

#[test]
fn the_sandbox_refuses_every_attempt_to_get_out() {
    let (outcome, is_success) = outcome(&[]);
    assert!(is_success, "{outcome:#}");
    assert_eq!(wrong(&outcome), [&Value::Null; 0]);
    let attempts = outcome["attempts"].as_array().unwrap();
    for what in ["open a TCP connection", "become a shell", "start a process", "write a file"] {
        assert!(attempts.iter().any(|attempt| attempt["what"] == what), "{what}: {outcome:#}");
    }
}

/// Debian 12 has the second.
#[test]
fn every_abi_of_landlock_is_enough() {
    for abi in ["1", "2", "3", "4", "5", "6", "7"] {
        let (outcome, is_success) = outcome(&["--landlock-abi", abi]);
        assert!(is_success, "ABI {abi}: {outcome:#}");
        assert_eq!(wrong(&outcome), [&Value::Null; 0], "ABI {abi}");
        let landlock = &outcome["layers"][2];
        assert_eq!((&landlock["name"], &landlock["is_enough"]), (&"landlock".into(), &true.into()));
        assert!(landlock["detail"].as_str().unwrap().contains(&format!("ABI {abi}")), "{landlock}");
    }
}

/// The other lists let drivers share memory; what hurts others is refused by all of them.
#[test]
fn the_lists_for_gpus_refuse_the_same_attacks_except_shared_memory() {
    let shared = ["map shared memory", "make a file in memory"];
    let more = ["map a growing stack", "watch files (inotify)"];
    for (list, expected) in [("device", &shared[..]), ("deny-list", &[shared, more].concat())] {
        let (outcome, is_success) = outcome(&["--calls", list]);
        assert!(!is_success, "{outcome:#}");
        let mut found: Vec<_> =
            wrong(&outcome).iter().map(|attempt| attempt["what"].as_str().unwrap()).collect();
        let mut expected = expected.to_vec();
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected, "{list}: {outcome:#}");
    }
}

/// Runs `run` as on a kernel without this call: in a thread that may not make it, as all processes that it
/// starts.
fn without<T: Send + 'static>(call: i64, run: impl FnOnce() -> T + Send + 'static) -> T {
    let confined = move || {
        let arch = TargetArch::try_from(std::env::consts::ARCH).unwrap();
        let lacks = SeccompAction::Errno(libc::ENOSYS.cast_unsigned());
        let rules = BTreeMap::from([(call, Vec::new())]);
        let filter = SeccompFilter::new(rules, SeccompAction::Allow, lacks, arch).unwrap();
        seccompiler::apply_filter(&BpfProgram::try_from(filter).unwrap()).unwrap();
        run()
    };
    std::thread::spawn(confined).join().unwrap()
}

/// The unit of the package has `SystemCallArchitectures=native`, which ends a process that makes a call of the x32 ABI.
#[test]
#[cfg(target_arch = "x86_64")]
fn a_filter_of_the_service_manager_may_end_the_probe() {
    let instruction = |code, jf, k| seccompiler::sock_filter { code, jt: 0, jf, k };
    let filter = vec![
        // The number of the call; the next one is skipped unless it is of the x32 ABI.
        instruction(0x20, 0, 0),
        instruction(0x35, 1, 0x4000_0000),
        instruction(0x06, 0, libc::SECCOMP_RET_KILL_THREAD),
        instruction(0x06, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let confined = move || {
        seccompiler::apply_filter(&filter).unwrap();
        outcome(&[])
    };
    let (outcome, is_success) = std::thread::spawn(confined).join().unwrap();
    assert!(is_success, "{outcome:#}");
    let attempts = outcome["attempts"].as_array().unwrap();
    let ended = attempts.iter().filter(|attempt| {
        attempt["detail"].as_str().unwrap().contains("SIGSYS")
            && attempt["what"].as_str().unwrap().contains("x32")
    });
    assert_eq!(ended.count(), 3, "{outcome:#}");
}

/// A kernel without Landlock.
fn without_landlock<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    without(libc::SYS_landlock_create_ruleset, run)
}

/// Runs the program on a kernel without Landlock.
fn run_without_landlock(mut program: Command) -> Output {
    without_landlock(move || program.output().unwrap())
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Answer of `require` where Landlock is missing.
fn assert_refused(output: &Output) {
    let said = said(output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for part in ["the sandbox is incomplete: landlock: ", "lsm=", "sandbox.mode = \"degrade\""] {
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn without_a_layer_the_daemon_does_not_start() {
    let dir = tempfile::tempdir().unwrap();
    let mut program = support::program();
    program
        .args(["serve", "--listen", "127.0.0.1:0", "--s3-listen", "127.0.0.1:0", "--data-dir"])
        .arg(dir.path());
    assert_refused(&run_without_landlock(program));
}

#[test]
fn without_a_layer_a_file_is_transcoded_only_if_the_settings_say_so() {
    let Some(clip) = media::silent_clip(320, 240, "25", 1) else { return };
    let dir = tempfile::tempdir().unwrap();
    let transcode = |mode: Option<&str>| {
        let mut program = support::program();
        program.arg("transcode").arg(&clip).arg(dir.path());
        let key = support::environment_variable("sandbox.mode");
        program.envs(mode.map(|mode| (key, mode)));
        run_without_landlock(program)
    };
    assert_refused(&transcode(None));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    let degraded = transcode(Some("degrade"));
    assert!(degraded.status.success(), "{}", said(&degraded));
    assert!(said(&degraded).contains("warning: the sandbox is incomplete: landlock: "));
}

/// Starts a worker on a kernel without a call. Returns its failure.
fn worker_without(call: i64) -> Error {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let request = WorkerRequest {
                source_bytes: 4,
                ladder: ladderd::domain::ladder::Ladder::default(),
                encode: ladderd::domain::encode::EncodeConfig::default(),
                backends: Vec::new(),
                plan_only: false,
                still: None,
                remux: None,
                limits: ladderd::domain::limits::Limits::default(),
                memory_bytes: 0,
                sandbox: Mode::Require,
                program: None,
            };
            let program = Program::new(Path::new(env!("CARGO_BIN_EXE_ladderd")).to_owned(), "");
            let source = Arc::new(LocalFile::open(&support::root().join("Cargo.toml")).unwrap());
            let timeout = Duration::from_mins(1);
            let mut worker = Worker::spawn(&program, &request, source, timeout).unwrap();
            worker.next().await.unwrap_err()
        })
    };
    without(call, run)
}

#[test]
fn without_a_layer_a_worker_reads_nothing_and_the_video_keeps_its_attempts() {
    for (call, layer) in
        [(libc::SYS_landlock_create_ruleset, "landlock"), (libc::SYS_seccomp, "seccomp")]
    {
        let error = worker_without(call);
        assert_eq!(error.code(), FailureCode::SandboxIncomplete, "{error}");
        assert!(error.to_string().contains(&format!("incomplete: {layer}: ")), "{error}");
        assert!(!error.counts());
    }
}
