//! The steps that findings print: a shell takes them as they are, on a machine that has the package alone.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Stdio};

use ladderd::domain::doctor::Mend;
use ladderd::domain::doctor::mend::{self, Caller, Unwritable};

use crate::support::root;

const SOCKET: &str = "/var/lib/ladderd/api.sock";

/// All functions that make steps, each with what it makes.
fn all() -> Vec<(&'static str, Mend)> {
    let origins = ["https://it's.example".to_owned()];
    let mut all = vec![
        ("advice", Mend::advice("two\nlines")),
        ("allow", mend::allow("s3:PutObject", "arn:aws:s3:::up/*")),
        ("allow_key", mend::allow_key("up")),
        ("allow_queue", mend::allow_queue()),
        ("ask", mend::ask("https://up.example/a b?c=1&d='2'", "see the proxy")),
        ("backends", mend::backends()),
        ("chain", mend::chain("/run/credentials/ladderd.service/tls cert")),
        ("clock", mend::clock()),
        ("conditional_writes", mend::conditional_writes()),
        ("cors", mend::cors("up", &["GET"], &origins, &["ETag"])),
        ("create_bucket", mend::create_bucket("up")),
        ("dead_letter_queue", mend::dead_letter_queue("jobs", "https://x/1/jobs", "arn:dead")),
        ("dead_letters", mend::dead_letters(SOCKET)),
        ("device", mend::device("/dev/dri/renderD128", "render", Caller::Service)),
        ("device", mend::device("/dev/dri/renderD128", "render", Caller::User(1000))),
        ("failing_webhook", mend::failing_webhook(SOCKET, "wh_1")),
        ("firewall", mend::firewall()),
        ("full_disk", mend::full_disk("/srv/my videos")),
        ("gstreamer", mend::gstreamer()),
        ("install", mend::install(&["gstreamer1.0-libav"])),
        ("install_plugins", mend::install_plugins()),
        ("list_queues", mend::list_queues()),
        ("log", mend::log()),
        ("memory_of_machine", mend::memory_of_machine(1 << 30)),
        ("memory_of_unit", mend::memory_of_unit(4 << 30, 1 << 30)),
        ("no_lists", mend::no_lists("up")),
        ("no_service", mend::no_service()),
        ("notification", mend::notification("up", "in/", "", true)),
        ("notification", mend::notification("up", "", "arn:aws:sqs:eu:1:jobs", false)),
        ("nvidia_silent", mend::nvidia_silent()),
        ("nvidia_versions", mend::nvidia_versions()),
        ("old_certificate", mend::old_certificate()),
        ("old_versions", mend::old_versions("up")),
        ("once_more", mend::once_more()),
        ("open_files", mend::open_files(24_000)),
        ("other_certificate", mend::other_certificate("a.example", "/etc/ladderd/cert.pem")),
        ("other_host", mend::other_host()),
        ("paused_webhook", mend::paused_webhook(SOCKET, "wh_1")),
        ("private_folder", mend::private_folder("/srv/my videos")),
        ("public_reads", mend::public_reads("public")),
        ("redrive", mend::redrive("https://x/1/jobs", "arn:dead")),
        ("repair", mend::repair()),
        ("retention", mend::retention("https://x/1/jobs", 1_209_600)),
        ("running_jobs", mend::running_jobs(SOCKET)),
        ("same_release", mend::same_release()),
        ("sandbox", mend::sandbox()),
        ("settings", mend::settings()),
        ("slow_disk", mend::slow_disk()),
        ("standard_queue", mend::standard_queue("jobs", "queue.url")),
        ("taken_port", mend::taken_port("8080")),
        ("tasks", mend::tasks()),
        ("unreadable_certificate", mend::unreadable_certificate("/a b/cert.pem", "/a b/key.pem")),
    ];
    for why in [Unwritable::Absent, Unwritable::ReadOnly, Unwritable::Full, Unwritable::Refused] {
        for dir in ["/var/lib/ladderd", "/var/lib/ladderd/data", "/srv/my videos"] {
            for caller in [Caller::Service, Caller::User(0), Caller::User(1000)] {
                all.push(("data_dir", mend::data_dir(why, dir, caller)));
            }
        }
    }
    all
}

/// Programs of the package and of a plain Debian. The AWS CLI is for the owner of an account, nvidia-smi comes with
/// the driver.
const PROGRAMS: [&str; 30] = [
    "apt-get",
    "aws",
    "cat",
    "certbot",
    "chmod",
    "chown",
    "curl",
    "du",
    "findmnt",
    "getent",
    "grep",
    "id",
    "install",
    "journalctl",
    "ladderd",
    "ls",
    "mkdir",
    "modprobe",
    "mount",
    "nft",
    "nvidia-smi",
    "openssl",
    "printf",
    "sort",
    "ss",
    "systemctl",
    "tail",
    "timedatectl",
    "useradd",
    "usermod",
];

/// Runs a script in a shell where nothing but [`PROGRAMS`] exists, and these do nothing. Returns whether it succeeds,
/// and its complaints.
fn rehearse(script: &str) -> (bool, String) {
    let programs = PROGRAMS.map(|name| format!("{name}() {{ :; }}"));
    // Files are not written.
    let script = script.replace(" >/etc/systemd/system/ladderd.service.d/", " >/dev/null # ");
    let mut shell = Command::new("/bin/bash")
        .args(["-u", "-e", "-o", "pipefail", "-s"])
        .env_clear()
        .env("PATH", "/nonexistent")
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let text = format!("{}\n{script}\n", programs.join("\n"));
    shell.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = shell.wait_with_output().unwrap();
    (output.status.success(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_shell_takes_all_steps_as_they_are_printed() {
    for (name, mend) in all() {
        let script = String::from(mend);
        assert!(!script.is_empty(), "{name}");
        assert_eq!(rehearse(&script), (true, String::new()), "{name}: {script}");
        // Advice that is no comment.
        let commands = script.lines().filter(|line| !line.starts_with("# "));
        let prose = commands.filter(|line| line.contains(", ")).collect::<Vec<_>>();
        assert!(prose.is_empty(), "{name}: {prose:?}");
    }
    let wrong = ["systemctl edit ladderd, with the lines\nx", "echo $TOKEN", "see the log", "id '"];
    for script in wrong {
        assert!(!rehearse(script).0, "{script}");
    }
}

#[test]
fn no_step_relies_on_a_user_that_is_not_there() {
    for (name, mend) in all() {
        let script = String::from(mend);
        let names_user = ["-o ladderd", "ladderd:", "-g ladderd", "aG ladderd"];
        if names_user.iter().any(|text| script.contains(text)) {
            let (before, _) = script.split_once("chown").unwrap();
            assert!(before.contains("useradd --system"), "{name}: {script}");
        }
        assert!(!script.contains("systemctl edit"), "an editor opens: {name}: {script}");
    }
}

#[test]
fn all_functions_are_in_the_table() {
    let listed: BTreeSet<&str> = all().into_iter().map(|(name, _)| name).collect();
    for file in ["mend.rs", "mend/aws.rs"] {
        let path = root().join("src/domain/doctor").join(file);
        let text = std::fs::read_to_string(path).unwrap();
        for line in text.lines() {
            let Some(rest) = line.trim_start().strip_prefix("pub fn ") else { continue };
            let name = rest.split('(').next().unwrap();
            assert!(listed.contains(name), "{file}: {name} is in no table");
        }
    }
}
