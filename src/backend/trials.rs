//! Asks child processes (`ladderd trial`) about recipes: which elements are installed, and does an
//! encode succeed? GStreamer never runs in the daemon.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::domain::backend::{Survey, Trial, TrialRequest};
use crate::domain::encode::EncodeConfig;
use crate::domain::recipe::Recipe;
use crate::worker::spawn::{self, Process, Program};

/// Time limit of a survey. A first start scans every plugin of GStreamer.
const SURVEY_TIMEOUT: Duration = Duration::from_mins(2);
/// Time limit of one trial. The trial's own limits are shorter, unless a driver hangs.
const TRIAL_TIMEOUT: Duration = Duration::from_mins(1);
/// Last lines of a child's standard error that an error shows.
const SHOWN_LINES: usize = 3;

/// Why a child gave no positive answer.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// The child says why the recipe does not work.
    #[error("{0}")]
    Refused(String),
    /// No answer came in time.
    #[error("it hangs: no answer came within {} s", .0.as_secs())]
    Timeout(Duration),
    /// The child cannot be started, or its pipes broke.
    #[error("failed to run the trial: {0}")]
    Io(#[from] std::io::Error),
    /// The child ended, or was killed by its driver, before it answered.
    #[error("its trial ended without an answer ({status}): {stderr}")]
    NoAnswer {
        /// How the child ended.
        status: ExitStatus,
        /// The last lines of its standard error.
        stderr: String,
    },
}

/// How trials run: the program, and the encode settings of jobs.
#[derive(Clone, Debug)]
pub struct Trials {
    /// The program whose subcommand `trial` is started.
    pub program: Program,
    /// The encode settings that jobs use.
    pub encode: EncodeConfig,
}

impl Trials {
    /// Finds the elements of every recipe on every device.
    ///
    /// # Errors
    /// If the child fails.
    pub async fn survey(&self, recipes: &[Recipe]) -> Result<Survey, TrialError> {
        self.ask(&TrialRequest::Survey(recipes.to_vec()), SURVEY_TIMEOUT).await
    }

    /// Encodes a generated clip with a resolved recipe, as a job would.
    ///
    /// # Errors
    /// If the encode fails, hangs, crashes, or its output is wrong.
    pub async fn encode(&self, recipe: &Recipe) -> Result<Trial, TrialError> {
        let recipe = Box::new(recipe.clone());
        let encode = self.encode.clone();
        self.ask(&TrialRequest::Encode { recipe, encode }, TRIAL_TIMEOUT).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        request: &TrialRequest,
        timeout: Duration,
    ) -> Result<T, TrialError> {
        let request = serde_json::to_vec(request).map_err(std::io::Error::from)?;
        let mut command = self.program.command("trial");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = spawn::start(command)?;
        let answered = tokio::time::timeout(timeout, exchange(&mut process, &request)).await;
        let answer = answered.map_err(|_| TrialError::Timeout(timeout))??;
        if let Ok(answer) = serde_json::from_slice::<Result<T, String>>(&answer.stdout) {
            return answer.map_err(TrialError::Refused);
        }
        let stderr = last_lines(&String::from_utf8_lossy(&answer.stderr));
        Err(TrialError::NoAnswer { status: answer.status, stderr })
    }
}

struct Answer {
    status: ExitStatus,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

/// Writes the request, then reads both streams until the child ends.
async fn exchange(process: &mut Process, request: &[u8]) -> std::io::Result<Answer> {
    let child = &mut process.child;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(mut stdin), Some(mut stdout), Some(mut stderr)) = (stdin, stdout, stderr) else {
        return Err(std::io::Error::other("a standard stream is missing"));
    };
    let send = async {
        // A child that dies before it reads says why on its standard error.
        drop(stdin.write_all(request).await);
        drop(stdin);
    };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let ((), out_read, err_read) =
        tokio::join!(send, stdout.read_to_end(&mut out), stderr.read_to_end(&mut err));
    out_read?;
    err_read?;
    let status = child.wait().await?;
    Ok(Answer { status, stdout: out, stderr: err })
}

/// The last lines, the last one first.
fn last_lines(text: &str) -> String {
    let last: Vec<&str> = text.trim().lines().rev().take(SHOWN_LINES).collect();
    last.join(" | ")
}
