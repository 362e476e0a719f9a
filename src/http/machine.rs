//! This box, as the overview for operators shows it.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::RwLock;

use crate::domain::setting_view::SettingView;
use crate::history::Recorder;

/// Facts of this process and the machine that it runs on.
pub struct Machine {
    /// Name by which claims know this box.
    pub box_id: String,
    /// Host name; `None` if Linux does not tell.
    pub host: Option<String>,
    /// Start of the process.
    pub started: Instant,
    /// Load of the last hour.
    pub history: Recorder,
    /// All settings as the process uses them.
    pub settings: Arc<RwLock<Vec<SettingView>>>,
}
