//! Asks child processes (`ladderd trial`) about recipes: which elements are installed, and does an
//! encode succeed? GStreamer never runs in the daemon.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::ChildStdout;

use crate::domain::backend::{Survey, Trial, TrialRequest};
use crate::domain::encode::EncodeConfig;
use crate::domain::recipe::{Lack, Recipe};
use crate::domain::untrusted::{SENTENCE_CHARS, one_line};
use crate::worker::spawn::{self, Process, Program};
use crate::worker::stderr::Tail;

/// Time limit of a survey. A first start scans every plugin of GStreamer.
const SURVEY_TIMEOUT: Duration = Duration::from_mins(2);
/// Time limit of one trial. The trial's own limits are shorter, unless a driver hangs.
const TRIAL_TIMEOUT: Duration = Duration::from_mins(1);
/// Longest answer in bytes. That of a survey has some kilobytes for each recipe and device.
const MAX_ANSWER_BYTES: u64 = 4 << 20;
/// Most kinds of sources that a trial finds its recipe to be unfit for. Trials try two.
const MAX_LACKS: usize = 16;
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
    /// The answer is longer than any that a child gives.
    #[error("its trial answers more than {MAX_ANSWER_BYTES} bytes")]
    TooLong,
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
        let encode = self.encode.clone();
        let request = TrialRequest::Encode { recipe: Box::new(recipe.clone()), encode };
        let answer: Trial = self.ask(&request, TRIAL_TIMEOUT).await?;
        // The child says what the recipe cannot take. The recipe itself stays ours.
        let lacks = answer.recipe.cannot.into_iter().take(MAX_LACKS);
        let short = |lack: Lack| Lack { reason: one_line(&lack.reason, SENTENCE_CHARS), ..lack };
        let recipe = Recipe { cannot: lacks.map(short).collect(), ..recipe.clone() };
        Ok(Trial { recipe, fps: answer.fps, pixels_per_sec: answer.pixels_per_sec })
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
            let refused = |reason: String| TrialError::Refused(one_line(&reason, SENTENCE_CHARS));
            return answer.map_err(refused);
        }
        let stderr = last_lines(&answer.stderr.text());
        Err(TrialError::NoAnswer { status: answer.status, stderr })
    }
}

struct Answer {
    status: ExitStatus,
    stdout: Vec<u8>,
    stderr: Tail,
}

/// Writes the request, then reads both streams until the child ends.
async fn exchange(process: &mut Process, request: &[u8]) -> Result<Answer, TrialError> {
    let child = &mut process.child;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(mut stdin), Some(stdout), Some(stderr)) = (stdin, stdout, stderr) else {
        return Err(std::io::Error::other("a standard stream is missing").into());
    };
    let send = async {
        // A child that dies before it reads says why on its standard error.
        drop(stdin.write_all(request).await);
        drop(stdin);
        Ok(())
    };
    let tail = Tail::default();
    let keep = async {
        tail.clone().keep(stderr).await;
        Ok(())
    };
    // The first error ends all of them: a child that answers too much is not waited for.
    let ((), stdout, ()) = tokio::try_join!(send, answer(stdout), keep)?;
    let status = child.wait().await?;
    Ok(Answer { status, stdout, stderr: tail })
}

/// Reads an answer of limited length.
async fn answer(stdout: ChildStdout) -> Result<Vec<u8>, TrialError> {
    let mut answer = Vec::new();
    stdout.take(MAX_ANSWER_BYTES + 1).read_to_end(&mut answer).await?;
    if answer.len() as u64 > MAX_ANSWER_BYTES {
        return Err(TrialError::TooLong);
    }
    Ok(answer)
}

/// The last lines, the last one first.
fn last_lines(text: &str) -> String {
    let last: Vec<&str> = text.trim().lines().rev().take(SHOWN_LINES).collect();
    last.join(" | ")
}
