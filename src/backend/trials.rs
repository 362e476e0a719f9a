//! Asks child processes (`ladderd trial`) about recipes: which elements are installed, and does an
//! encode succeed? GStreamer never runs in the daemon.

use std::collections::BTreeSet;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::ChildStdout;

use crate::domain::backend::{Survey, Trial, TrialRequest};
use crate::domain::encode::EncodeConfig;
use crate::domain::recipe::{DeviceKind, Lack, Recipe};
use crate::domain::sandbox::Mode;
use crate::domain::untrusted::{SENTENCE_CHARS, one_line};
use crate::sandbox::REFUSED_CALL;
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

/// Calls that libraries try and do without: `GLib` shares the scheduling of one thread with others, and Orc
/// makes a file for its code. The deny list would not help: Landlock refuses files, too.
const DISPENSABLE: [&str; 2] = ["sched_setattr", "openat"];

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
    /// The trial failed after the sandbox refused it system calls.
    #[error("{error} (the sandbox refused it the system calls {calls})")]
    Confined {
        /// How it failed.
        error: Box<Self>,
        /// Names of the calls, with commas between them.
        calls: String,
    },
}

/// A trial that succeeded.
#[derive(Debug)]
pub struct Passed {
    /// Report of the child.
    pub trial: Trial,
    /// Calls without which it failed before, so that it runs with the deny list. Empty if it runs with the
    /// allow list.
    pub unlisted_calls: Vec<String>,
}

/// How trials run: the program, and the encode settings of jobs.
#[derive(Clone, Debug)]
pub struct Trials {
    /// The program whose subcommand `trial` is started.
    pub program: Program,
    /// The encode settings that jobs use.
    pub encode: EncodeConfig,
    /// Effect of a sandbox layer that the kernel does not enforce.
    pub sandbox: Mode,
}

impl Trials {
    /// Finds the elements of every recipe on every device.
    ///
    /// # Errors
    /// If the child fails.
    pub async fn survey(&self, recipes: &[Recipe]) -> Result<Survey, TrialError> {
        self.ask(&TrialRequest::Survey(recipes.to_vec()), SURVEY_TIMEOUT).await.0
    }

    /// Encodes a generated clip with a resolved recipe of a GPU or the processor. The sandbox's list of
    /// system calls was not tried on every driver, so a GPU whose trial fails after a call was refused is
    /// tried again with the deny list.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub async fn encode_with_either_list(&self, recipe: &Recipe) -> Result<Passed, TrialError> {
        let (answer, calls) = self.ask_to_encode(recipe).await;
        let error = match answer {
            Ok(trial) => return Ok(Passed { trial, unlisted_calls: Vec::new() }),
            Err(error) => confined(error, &calls),
        };
        if recipe.device == DeviceKind::Cpu || recipe.has_deny_list || calls.is_empty() {
            return Err(error);
        }
        let recipe = Recipe { has_deny_list: true, ..recipe.clone() };
        match self.ask_to_encode(&recipe).await.0 {
            Ok(trial) => Ok(Passed { trial, unlisted_calls: calls }),
            // The calls were not the reason.
            Err(_) => Err(error),
        }
    }

    /// Encodes a generated clip with a resolved recipe, as a job would: in the same sandbox.
    ///
    /// # Errors
    /// If the encode fails, hangs, crashes, or its output is wrong.
    pub async fn encode(&self, recipe: &Recipe) -> Result<Trial, TrialError> {
        let (answer, calls) = self.ask_to_encode(recipe).await;
        answer.map_err(|error| confined(error, &calls))
    }

    /// The answer, and the system calls that the sandbox refused meanwhile.
    async fn ask_to_encode(&self, recipe: &Recipe) -> (Result<Trial, TrialError>, Vec<String>) {
        let (encode, sandbox) = (self.encode.clone(), self.sandbox);
        let request = TrialRequest::Encode { recipe: Box::new(recipe.clone()), encode, sandbox };
        let (answer, calls) = self.ask(&request, TRIAL_TIMEOUT).await;
        (answer.map(|trial| of_ours(recipe, trial)), calls)
    }

    /// The answer to a request, and the system calls that the sandbox refused meanwhile.
    async fn ask<T: DeserializeOwned>(
        &self,
        request: &TrialRequest,
        timeout: Duration,
    ) -> (Result<T, TrialError>, Vec<String>) {
        // Filled while the child runs, because one that hangs gives no answer.
        let tail = Tail::default();
        let answered = self.answer(request, timeout, &tail).await;
        let stderr = tail.text();
        let answer = answered.and_then(|answer| {
            if let Ok(said) = serde_json::from_slice::<Result<T, String>>(&answer.stdout) {
                let refused = |why: String| TrialError::Refused(one_line(&why, SENTENCE_CHARS));
                return said.map_err(refused);
            }
            let stderr = last_lines(&stderr);
            Err(TrialError::NoAnswer { status: answer.status, stderr })
        });
        (answer, refused_calls(&stderr))
    }

    async fn answer(
        &self,
        request: &TrialRequest,
        timeout: Duration,
        tail: &Tail,
    ) -> Result<Answer, TrialError> {
        let mut command = self.program.command("trial");
        if matches!(request, TrialRequest::Encode { .. }) {
            // As a worker: the survey made the plugin registry.
            command.envs([("GST_REGISTRY_FORK", "no"), ("GST_REGISTRY_UPDATE", "no")]);
        }
        let request = serde_json::to_vec(request).map_err(std::io::Error::from)?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = spawn::start(command)?;
        let answered = tokio::time::timeout(timeout, exchange(&mut process, &request, tail)).await;
        answered.map_err(|_| TrialError::Timeout(timeout))?
    }
}

/// The trial of a recipe. The child says what the recipe cannot take; the recipe itself stays ours.
fn of_ours(recipe: &Recipe, said: Trial) -> Trial {
    let lacks = said.recipe.cannot.into_iter().take(MAX_LACKS);
    let short = |lack: Lack| Lack { reason: one_line(&lack.reason, SENTENCE_CHARS), ..lack };
    let recipe = Recipe { cannot: lacks.map(short).collect(), ..recipe.clone() };
    Trial { recipe, fps: said.fps, pixels_per_sec: said.pixels_per_sec }
}

/// The error, with the calls that were refused before it.
fn confined(error: TrialError, calls: &[String]) -> TrialError {
    if calls.is_empty() {
        return error;
    }
    TrialError::Confined { error: Box::new(error), calls: calls.join(", ") }
}

/// Names of the refused calls that a child reports on its standard error.
fn refused_calls(stderr: &str) -> Vec<String> {
    let named = stderr.lines().filter_map(|line| line.strip_prefix(REFUSED_CALL));
    let named: BTreeSet<&str> = named.filter(|name| !DISPENSABLE.contains(name)).collect();
    named.into_iter().map(str::to_owned).collect()
}

struct Answer {
    status: ExitStatus,
    stdout: Vec<u8>,
}

/// Writes the request, then reads both streams until the child ends.
async fn exchange(
    process: &mut Process,
    request: &[u8],
    tail: &Tail,
) -> Result<Answer, TrialError> {
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
    let keep = async {
        tail.clone().keep(stderr).await;
        Ok(())
    };
    // The first error ends all of them: a child that answers too much is not waited for.
    let ((), stdout, ()) = tokio::try_join!(send, read_answer(stdout), keep)?;
    let status = child.wait().await?;
    Ok(Answer { status, stdout })
}

/// Reads an answer of limited length.
async fn read_answer(stdout: ChildStdout) -> Result<Vec<u8>, TrialError> {
    let mut answer = Vec::new();
    stdout.take(MAX_ANSWER_BYTES + 1).read_to_end(&mut answer).await?;
    if answer.len() as u64 > MAX_ANSWER_BYTES {
        return Err(TrialError::TooLong);
    }
    Ok(answer)
}

/// The last lines, the last one first.
fn last_lines(text: &str) -> String {
    let lines = text.trim().lines().filter(|line| !line.starts_with(REFUSED_CALL));
    let last: Vec<&str> = lines.rev().take(SHOWN_LINES).collect();
    last.join(" | ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_calls_are_read_from_standard_error() {
        let stderr = format!(
            "{REFUSED_CALL}sched_setattr\nlibcuda: no\n{REFUSED_CALL}kcmp\n{REFUSED_CALL}flock\n\
             x {REFUSED_CALL}read\n"
        );
        assert_eq!(refused_calls(&stderr), ["flock", "kcmp"]);
        assert_eq!(last_lines(&stderr), format!("x {REFUSED_CALL}read | libcuda: no"));
        let error = confined(TrialError::Refused("it failed".to_owned()), &refused_calls(&stderr));
        let text = "it failed (the sandbox refused it the system calls flock, kcmp)";
        assert_eq!(error.to_string(), text);
    }
}
