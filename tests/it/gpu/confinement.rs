//! Drivers of GPUs that make system calls which the sandbox's list has, or lacks.

use serde_json::json;

use crate::support::doubles::Doubles;
use crate::support::media;
use crate::support::stream::Transcode;

/// The warning of a backend that works with the deny list only.
const WEAKER: &str = "the list refused inotify_init1";

#[test]
fn a_driver_may_make_the_calls_on_the_list_of_gpus() {
    let doubles = Doubles::new("va 1.26.11+");
    for fault in ["needs memfd_create", "tries inotify_init1"] {
        doubles.fault(fault);
        let backend = doubles.backend("vaapi");
        assert_eq!(backend["state"], "available", "{fault}: {backend:#}");
        assert_eq!(backend["warnings"], json!(null), "{fault}: {backend:#}");
    }
}

#[test]
fn a_driver_that_needs_another_call_works_with_the_deny_list_and_a_warning() {
    let doubles = Doubles::new("va 1.26.11+");
    doubles.fault("needs inotify_init1");
    let backend = doubles.backend("vaapi");
    assert_eq!(backend["state"], "available", "{backend:#}");
    let warning = backend["warnings"][0].as_str().unwrap();
    assert!(warning.ends_with(WEAKER), "{warning}");
    let table = doubles.program().arg("backends").output().unwrap();
    let table = String::from_utf8_lossy(&table.stdout);
    assert!(table.contains(&format!("warning: {warning}")), "{table}");
    // Its jobs run with the deny list, too.
    let Some(clip) = media::clip(360, "30", 2) else { return };
    let stream = Transcode::new(&clip).on(&doubles).run();
    assert_eq!(stream.plan()["backend"], "vaapi");
}

#[test]
fn a_harmful_call_is_refused_to_every_driver_and_named() {
    let doubles = Doubles::new("va 1.26.11+");
    doubles.fault("needs shmget");
    let backend = doubles.backend("vaapi");
    assert_eq!(backend["state"], "unavailable", "{backend:#}");
    let reason = backend["reason"].as_str().unwrap();
    assert!(reason.contains("the sandbox refused it the system calls shmget"), "{reason}");
}
