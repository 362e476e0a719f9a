//! The reload: SIGHUP takes new settings, names what needs a restart, and keeps the old ones if any is wrong.

use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::support::appliance::{Appliance, TIMEOUT};
use super::support::certificates::{Authority, Pair};
use super::support::media;
use super::systemd::Notifications;
use super::tls::shown_serial;

/// A settings file with these lines.
fn settings(pair: &Pair, level: &str, rate: u32, lines: &str) -> String {
    let (cert, key) = (pair.cert.display(), pair.key.display());
    format!(
        "{lines}\n[tls]\ncert = \"{cert}\"\nkey = \"{key}\"\n[log]\nlevel = \"{level}\"\n\
         [http]\nrequests_per_sec = {rate}\n"
    )
}

/// Replaces the settings file and asks for a reload.
fn reload(appliance: &Appliance, text: &str) {
    let path = appliance.data_dir().join("ladderd.toml");
    // As editors do: the daemon never sees half a file.
    let new = path.with_extension("new");
    std::fs::write(&new, text).unwrap();
    std::fs::rename(new, path).unwrap();
    let pid = Pid::from_raw(i32::try_from(appliance.pid()).unwrap()).unwrap();
    kill_process(pid, Signal::HUP).unwrap();
}

/// Waits for a line of the log with all these words, and returns it. Lines before `after` do not count.
async fn line(log: &Path, after: usize, words: &[&str]) -> (usize, String) {
    let mut text = String::new();
    let found = tokio::time::timeout(TIMEOUT, async {
        loop {
            text = std::fs::read_to_string(log).unwrap();
            let mut lines = text.lines().enumerate().skip(after);
            if let Some((n, line)) =
                lines.find(|(_, line)| words.iter().all(|word| line.contains(word)))
            {
                return (n + 1, line.to_owned());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    found.await.unwrap_or_else(|_| panic!("no line with {words:?} in\n{text}"))
}

async fn shown(appliance: &Appliance, key: &str) -> Value {
    let (status, all) = appliance.get("/v1/system/settings").await;
    assert_eq!(status, 200);
    let all = all["settings"].as_array().unwrap();
    all.iter().find(|setting| setting["key"] == key).unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_takes_ladder_limits_log_level_and_certificate() {
    let Some(clip) = media::silent_clip(640, 360, "25", 2) else { return };
    let authority = Authority::new();
    let (first, second) = (authority.issue("first", 2), authority.issue("second", 2));
    let folder = tempfile::tempdir().unwrap();
    let (log, systemd) = (folder.path().join("log"), Notifications::new());
    let appliance = Appliance::builder()
        .config(&settings(&first, "warn", 50, ""))
        // Without the watchdog, whose pings nobody would receive.
        .environment(systemd.environment().into_iter().take(1))
        .log(log.clone())
        .logs_as_set()
        .client(authority.client())
        .start();
    systemd.wait_for("READY=1", 1);

    // A reload takes some keys and names the others. The level is taken first, so the line is in the log.
    let ladder = "[[ladder]]\nheight = 180\nmax_bitrate_kbps = 300\n[limits]\ntracks = 9\n";
    reload(&appliance, &settings(&second, "info", 40, ladder));
    systemd.wait_for("RELOADING=1", 1);
    systemd.wait_for("READY=1", 1);
    let (at, said) = line(&log, 0, &["reloaded the settings"]).await;
    for key in ["ladder", "limits.tracks", "log.level", "tls.cert", "tls.key"] {
        assert!(said.contains(key), "{said}");
    }
    assert!(!said.contains("http"), "{said}");
    let (at, said) = line(&log, at, &["changed settings need a restart"]).await;
    assert!(said.contains("WARN") && said.contains("http.requests_per_sec"), "{said}");
    assert_eq!(shown(&appliance, "limits.tracks").await["value"], 9);
    assert_eq!(shown(&appliance, "limits.tracks").await["takes_effect"], "on-reload");
    let rate = shown(&appliance, "http.requests_per_sec").await;
    assert_eq!((&rate["value"], &rate["takes_effect"]), (&50.into(), &"on-restart".into()));
    assert_eq!(shown_serial(&appliance.api, &authority.ca()).await, second.serial());
    let (_, video) = appliance.publish("film.mp4", &clip).await;
    let heights: Vec<_> = video["renditions"].as_array().unwrap().iter().collect();
    assert!(heights.iter().all(|one| one["height"].as_u64() <= Some(180)), "{video:#}");

    // A fault anywhere keeps all of it.
    let wrong = ladder.replace("= 9", "= 0").replace("180", "240");
    reload(&appliance, &settings(&first, "debug", 50, &wrong));
    let (at, said) = line(&log, at, &["failed to reload the settings"]).await;
    assert!(said.contains("ERROR") && said.contains("limits.tracks = 0: allowed: "), "{said}");
    let lost = Pair { cert: first.cert.with_extension("lost"), key: first.key.clone() };
    reload(&appliance, &settings(&lost, "debug", 50, &wrong.replace("= 0", "= 7")));
    let (at, said) = line(&log, at, &["failed to reload the settings"]).await;
    assert!(said.contains("first.lost"), "{said}");
    assert_eq!(shown(&appliance, "limits.tracks").await["value"], 9);
    assert_eq!(shown(&appliance, "log.level").await["value"], "info");
    assert_eq!(shown_serial(&appliance.api, &authority.ca()).await, second.serial());

    // A later reload works.
    reload(&appliance, &settings(&first, "info", 50, ladder));
    let (_, said) = line(&log, at, &["reloaded the settings"]).await;
    assert!(!said.contains("ladder") && said.contains("tls.cert"), "{said}");
    assert_eq!(shown_serial(&appliance.api, &authority.ca()).await, first.serial());
}
