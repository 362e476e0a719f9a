//! Encoders, drivers and the sandbox.

use std::sync::Arc;

use super::devices;
use super::subject::Subject;
use crate::backend;
use crate::domain::backend::Driver;
use crate::domain::doctor::{Check, Finding, Severity, judge, mend};
use crate::domain::gpu::GpuStatus;
use crate::domain::sandbox::Mode;
use crate::domain::untrusted::{SENTENCE_CHARS, one_line};
use crate::sandbox::{Layer, probe};

pub(super) async fn examine(subject: &Subject) -> Vec<Finding> {
    let driver = Arc::clone(&subject.driver);
    let status = tokio::task::spawn_blocking(move || driver.status()).await;
    let status = status.unwrap_or_else(|error| GpuStatus::absent(error.to_string()));
    let mut found = backends(subject, &status).await;
    let caller = subject.caller();
    let of_gpus = tokio::task::spawn_blocking(move || {
        let (cards, has_nvidia) = devices::cards();
        let module = devices::nvidia_module();
        let mut found = judge::devices(&devices::nodes(), cards, caller);
        found.push(judge::nvidia_driver(&status, module.as_deref(), has_nvidia));
        found
    });
    // A thread that panicked has examined nothing.
    found.extend(of_gpus.await.unwrap_or_default());
    found.extend(sandbox(subject).await);
    found
}

async fn backends(subject: &Subject, status: &GpuStatus) -> Vec<Finding> {
    let names: Vec<String> = status.devices.iter().map(|device| device.name.clone()).collect();
    let driver = if names.is_empty() {
        let why = status.why().unwrap_or("the driver reports no card").to_owned();
        Driver::Absent { why, remedy: status.remedy.clone() }
    } else {
        Driver::Present { version: status.driver_version.clone().unwrap_or_default(), names }
    };
    let required = &subject.config.required_backends;
    let tried = match backend::try_all(&subject.trials, driver).await {
        Ok(tried) => tried,
        Err(error) => {
            let what = format!("the backends cannot be tried: {error}");
            let finding = Finding::new(Check::Backends, Severity::Error, what);
            return vec![finding.mend(mend::gstreamer())];
        }
    };
    let mut found: Vec<Finding> =
        tried.statuses.iter().flat_map(|status| judge::backend(status, required)).collect();
    let known = |name: &&String| tried.statuses.iter().any(|status| status.name == **name);
    found.extend(required.iter().filter(|name| !known(name)).map(|name| {
        let what = "jobs.required_backends names it, and there is no such backend";
        Finding::new(Check::Backends, Severity::Error, what).mend(mend::backends()).of(name)
    }));
    let facts = &tried.facts;
    let short = |text: &String| one_line(text, SENTENCE_CHARS);
    let sets: Vec<(String, String)> =
        facts.sets.iter().map(|(name, version)| (short(name), short(version))).collect();
    found.push(judge::gstreamer(&short(&facts.version), &sets));
    found
}

async fn sandbox(subject: &Subject) -> Vec<Finding> {
    let command = subject.program.command("sandbox-probe");
    let layers = tokio::task::spawn_blocking(move || probe::layers(command)).await;
    let layers = match layers {
        Ok(Ok(layers)) => layers,
        Ok(Err(error)) => return vec![untested(&error.to_string())],
        Err(error) => return vec![untested(&error.to_string())],
    };
    layers.iter().map(|layer| of_layer(layer, subject.config.sandbox)).collect()
}

fn untested(error: &str) -> Finding {
    let what = format!("the sandbox cannot be tested: {error}");
    Finding::new(Check::Sandbox, Severity::Error, what).mend(mend::sandbox())
}

fn of_layer(layer: &Layer, mode: Mode) -> Finding {
    let Layer { name, is_enforced, is_enough, detail } = layer;
    let severity = match (is_enforced, is_enough, mode) {
        (true, ..) => Severity::Ok,
        (false, true, _) => Severity::Note,
        (false, false, Mode::Degrade) => Severity::Warning,
        (false, false, Mode::Require) => Severity::Error,
    };
    let mend = (severity >= Severity::Warning).then(mend::sandbox);
    Finding::new(Check::Sandbox, severity, detail).mend_by(mend).of(name)
}
