//! The reload: SIGHUP makes the daemon read its settings and certificates again.

use std::sync::Arc;

use parking_lot::RwLock;
use sd_notify::NotifyState;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::listen::Front;
use super::systemd::notify;
use super::{backends, compose};
use crate::domain::setting_view::SettingView;
use crate::job::Context;
use crate::settings::{Loaded, Reloaded, Sources};
use crate::telemetry::LogLevel;

/// The layers of the settings, and the log whose level is one of them.
pub struct Source {
    /// The layers. Flags and environment are those of the start.
    pub sources: Sources,
    /// The level of the log.
    pub log: LogLevel,
}

/// The requests to reload.
pub(super) struct Requests(Signal);

impl Requests {
    /// Listens for SIGHUP. That of a closed terminal ends nothing from then on.
    pub(super) fn listen() -> std::io::Result<Self> {
        Ok(Self(signal(SignalKind::hangup())?))
    }
}

/// The parts of the daemon that take new settings.
pub(super) struct Reloader {
    pub(super) source: Source,
    /// The settings in use.
    pub(super) loaded: Loaded,
    /// The same as the API shows them.
    pub(super) shown: Arc<RwLock<Vec<SettingView>>>,
    pub(super) front: Front,
    pub(super) context: Context,
}

impl Reloader {
    /// Reloads at each request, once the daemon has started.
    pub(super) async fn run(mut self, mut requests: Requests) {
        self.context.backends.clone().tried().await;
        while requests.0.recv().await.is_some() {
            let begin = NotifyState::monotonic_usec_now().ok();
            let begin: Vec<_> = [NotifyState::Reloading].into_iter().chain(begin).collect();
            notify(&begin);
            let status = match self.reload().await {
                Ok(()) => String::new(),
                Err(error) => {
                    let error = error.to_string();
                    tracing::error!(error, "failed to reload the settings, the old ones stay");
                    format!("The last reload failed, the old settings stay: {error}")
                }
            };
            notify(&[NotifyState::Ready, NotifyState::Status(&status.replace('\n', "; "))]);
        }
    }

    /// Reads all and checks all, then takes it.
    async fn reload(&mut self) -> anyhow::Result<()> {
        let (sources, old, front) =
            (self.source.sources.clone(), self.loaded.clone(), self.front.clone());
        let read = tokio::task::spawn_blocking(move || {
            let reloaded = old.reloaded(&Loaded::load(&sources)?)?;
            front.replace_certificate(&reloaded.loaded.settings.tls)?;
            anyhow::Ok(reloaded)
        });
        let Reloaded { loaded, taken, waiting } = read.await??;
        let settings = &loaded.settings;
        *self.context.latest.write() = compose::job_settings(settings);
        self.context.backends.set_limits(backends::limits(settings));
        self.source.log.set(&settings.log)?;
        self.shown.write().clone_from(&loaded.shown);
        self.loaded = loaded;
        tracing::info!(changed = taken.join(", "), "reloaded the settings");
        if !waiting.is_empty() {
            let settings = waiting.join(", ");
            tracing::warn!(settings, "changed settings need a restart");
        }
        Ok(())
    }
}
