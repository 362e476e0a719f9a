//! More settings of an appliance to be started.

use super::ApplianceBuilder;

impl ApplianceBuilder {
    /// Logs at the level of its settings, instead of `info`.
    pub fn logs_as_set(mut self) -> Self {
        self.logs_as_set = true;
        self
    }

    /// Calls it by this client.
    pub fn client(mut self, http: reqwest::Client) -> Self {
        self.http = Some(http);
        self
    }

    /// Is started when API and store serve, while the backends are still tried.
    pub fn before_trials(mut self) -> Self {
        self.before_trials = true;
        self
    }
}
