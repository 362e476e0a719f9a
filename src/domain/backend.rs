//! Backends: recipes that work on this machine, and the sources that each can take.

mod reasons;

use serde::{Deserialize, Serialize};

use super::encode::EncodeConfig;
use super::plan::VideoPlan;
use super::recipe::{self, Recipe};
use super::sandbox;

pub use reasons::{Driver, Explanation, Facts, explain};

/// A recipe that passed its trial encode on a device of this machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Backend {
    /// The recipe, resolved to installed elements.
    pub recipe: Recipe,
    /// The device; empty for the only or the first one.
    pub device: String,
    /// Frame sizes that its encoder takes.
    pub sizes: Sizes,
    /// Pixels per second that all encoders of the trial encoded together.
    pub pixels_per_sec: f64,
}

/// Sizes that an encoder takes, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sizes {
    /// Smallest width.
    pub min_width: u32,
    /// Largest width.
    pub max_width: u32,
    /// Smallest height.
    pub min_height: u32,
    /// Largest height.
    pub max_height: u32,
}

impl Default for Sizes {
    fn default() -> Self {
        Self { min_width: 1, max_width: u32::MAX, min_height: 1, max_height: u32::MAX }
    }
}

impl Sizes {
    fn take(self, width: u32, height: u32) -> bool {
        (self.min_width..=self.max_width).contains(&width)
            && (self.min_height..=self.max_height).contains(&height)
    }
}

impl Backend {
    /// Name of the recipe, with the device if it is not the first.
    #[must_use]
    pub fn label(&self) -> String {
        label(&self.recipe.name, &self.device)
    }

    /// Why this backend cannot encode the plan; `None` if it can.
    #[must_use]
    pub fn unfit(&self, plan: &VideoPlan, source: recipe::Source) -> Option<String> {
        let lack = self.recipe.cannot.iter().find(|lack| source.is_all(plan, &lack.when));
        if let Some(lack) = lack {
            return Some(format!("it cannot take {lack}"));
        }
        let odd = plan.rungs.iter().find(|rung| !self.sizes.take(rung.width, rung.height));
        odd.map(|rung| {
            let sizes = self.sizes;
            format!(
                "its encoder takes {}x{} to {}x{} pixels, not {}x{}",
                sizes.min_width,
                sizes.min_height,
                sizes.max_width,
                sizes.max_height,
                rung.width,
                rung.height
            )
        })
    }
}

/// Name of a backend for people, with its device.
#[must_use]
pub fn label(name: &str, device: &str) -> String {
    if device.is_empty() { name.to_owned() } else { format!("{name}:{device}") }
}

/// Result of a recipe's checks and trial encode.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BackendStatus {
    /// Name of the recipe.
    pub name: String,
    /// Which device, such as `device1` or `renderD129`; empty for the only or the first one.
    #[serde(default)]
    pub device: String,
    /// The available backend with the highest priority that can take the source is chosen.
    pub priority: i32,
    /// Whether it can be used.
    pub state: BackendState,
    /// Why it is not available.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Step that makes it available, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// Element name of the encoder; absent if none was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoder: Option<String>,
    /// Kinds of sources that it cannot take here, as sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cannot: Vec<String>,
    /// Sentences about a protection that it does without.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Frames per second of the trial; absent if it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial_fps: Option<f64>,
    /// Pixels per second that all encoders of the trial encoded together; absent if it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial_pixels_per_sec: Option<f64>,
}

/// Whether a backend can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BackendState {
    /// Its trial encode worked.
    Available,
    /// It failed in a job, and its trial failed after that: it is tried again later.
    Quarantined,
    /// Something is missing or failed.
    Unavailable,
}

impl BackendState {
    /// The state's name in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::Quarantined => "quarantined",
            Self::Unavailable => "unavailable",
        }
    }
}

impl BackendStatus {
    /// Whether it can be used.
    #[must_use]
    pub fn is_available(&self) -> bool {
        self.state == BackendState::Available
    }

    /// Name of the recipe, with the device if it is not the first.
    #[must_use]
    pub fn label(&self) -> String {
        label(&self.name, &self.device)
    }

    /// Why it is not available, and what to do.
    #[must_use]
    pub fn reason_and_remedy(&self) -> Option<String> {
        let reason = self.reason.as_ref()?;
        let remedy = self.remedy.as_ref().map(|remedy| format!(": {remedy}"));
        Some(format!("{reason}{}", remedy.unwrap_or_default()))
    }
}

/// Sentences on those of the wanted backends, by name, that are not available on any device.
#[must_use]
pub fn missing(wanted: &[String], statuses: &[BackendStatus]) -> Vec<String> {
    let is_there = |name: &&String| statuses.iter().any(|s| s.name == **name && s.is_available());
    let missing = wanted.iter().filter(|name| !is_there(name));
    missing
        .map(|name| {
            let of_it = statuses.iter().filter(|status| status.name == *name);
            let reasons: Vec<String> = of_it.filter_map(BackendStatus::reason_and_remedy).collect();
            let known: Vec<&str> = statuses.iter().map(|status| status.name.as_str()).collect();
            let why = if reasons.is_empty() {
                format!("there is no such backend; there are {}", known.join(", "))
            } else {
                reasons.join("; ")
            };
            format!("jobs.required_backends: {name} is not available: {why}")
        })
        .collect()
}

/// Question to a child process about recipes. `GStreamer` never runs in the daemon.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrialRequest {
    /// Which of their elements are here?
    Survey(Vec<Recipe>),
    /// Does this resolved recipe encode?
    Encode {
        /// The recipe.
        recipe: Box<Recipe>,
        /// The encode settings that jobs use.
        encode: EncodeConfig,
        /// Effect of a sandbox layer that the kernel does not enforce.
        sandbox: sandbox::Mode,
    },
}

/// Answer to [`TrialRequest::Survey`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Survey {
    /// Facts of the machine, without the driver's own report.
    pub facts: Facts,
    /// The recipes on each device, in the order of the request.
    pub found: Vec<Found>,
}

/// A recipe on a device.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Found {
    /// Name of the recipe.
    pub name: String,
    /// Which device.
    pub device: String,
    /// The variants that are installed: one for each encoder, the best first.
    pub recipes: Vec<Recipe>,
    /// The missing elements, if no variant is installed.
    pub faults: Vec<String>,
    /// The sizes that the first of the encoders takes.
    pub sizes: Sizes,
}

/// Answer to [`TrialRequest::Encode`], where it does.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Trial {
    /// The recipe, with what turned out not to work for some sources.
    pub recipe: Recipe,
    /// Frames per second.
    pub fps: f64,
    /// Pixels per second that all encoders together made.
    pub pixels_per_sec: f64,
}
