//! What the rest of the house holds of an agent: a cheap clone that never blocks its caller.
//!
//! Every call queues something and returns. A pipe that nobody reads, an answer that never comes and a
//! process that is gone are ordinary here; a caller that waited on the pipe itself would hang with the agent.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::value::RawValue;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::command::{Command, ImageContent};
use super::state::{AgentModel, AgentStateReport, AgentStats};
use crate::event::DialogAnswer;

/// How long an answer may take. An agent that does not know a question never answers it.
const ANSWER_TIME: Duration = Duration::from_secs(10);
/// A change waits until the agent has time for it; whoever asked was told to wait.
const CHANGE_TIME: Duration = Duration::from_secs(45);
/// Compacting asks the model for a summary first.
const COMPACT_TIME: Duration = Duration::from_mins(10);
/// How many commands may wait for the agent to read them.
const MAX_QUEUED: usize = 64;
/// How many bytes of commands may wait: a few prompts with images.
const MAX_QUEUED_BYTES: usize = 64 << 20;
/// Why a question to the agent has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// It takes longer than anybody waits.
    #[error("the agent did not answer in time")]
    TooSlow,
    /// The process ended, or is ending.
    #[error("the agent is gone")]
    Gone,
    /// Its pipe is full.
    #[error("the agent does not read what it is sent")]
    Deaf,
    /// It understood and said no.
    #[error("the agent refused: {0}")]
    Refused(String),
    /// What it answered makes no sense to us.
    #[error("{0}")]
    Unreadable(String),
}

/// What the ids of prompts on the wire begin with.
pub(super) const PROMPT_ID: &str = "prompt:";

/// An image that goes along with a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Its type, such as `image/png`.
    pub mime: String,
    /// Its bytes in base64.
    pub base64: String,
}

/// How an agent is to be ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop {
    /// Whether a running turn is aborted first, which lets the agent clean up what its tools started.
    pub abort_first: bool,
    /// How long each rung of the ladder may take: abort, closed stdin, SIGTERM.
    pub grace: Duration,
}

impl Default for Stop {
    fn default() -> Self {
        Self {
            abort_first: true,
            grace: Duration::from_secs(3),
        }
    }
}

/// A line for the agent's stdin.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) line: Vec<u8>,
    /// The prompt that fails when the line cannot be written.
    pub(super) prompt: Option<String>,
}

/// What the supervisor of the process is told.
#[derive(Debug)]
pub(super) enum Control {
    Stop(Stop),
    /// A prompt could not even be queued.
    Refused {
        id: String,
        error: &'static str,
    },
}

type Answer = Result<Option<Box<RawValue>>, String>;

/// What both sides of the handle know.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pending: Mutex<HashMap<String, oneshot::Sender<Answer>>>,
    next_id: AtomicU64,
    pub(super) queued_bytes: AtomicUsize,
    /// Somebody wants it to end: nothing waits for a reader any more.
    pub(super) stopping: CancellationToken,
    /// The process is gone and swept.
    pub(super) gone: CancellationToken,
}

impl Shared {
    /// A fresh id and where the answer to it will arrive.
    pub(super) fn question(&self) -> (String, oneshot::Receiver<Answer>) {
        let id = self.fresh("q:");
        let (answer, receiver) = oneshot::channel();
        self.pending().insert(id.clone(), answer);
        (id, receiver)
    }

    /// Gives an answer to whoever waits for it.
    pub(super) fn answer(&self, id: &str, answer: Answer) {
        if let Some(waiting) = self.pending().remove(id) {
            // Whoever asked may have given up.
            drop(waiting.send(answer));
        }
    }

    /// Nobody will answer any more.
    pub(super) fn hang_up(&self) {
        self.pending().clear();
    }

    fn fresh(&self, prefix: &str) -> String {
        format!("{prefix}{}", self.next_id.fetch_add(1, Ordering::Relaxed))
    }

    fn pending(&self) -> MutexGuard<'_, HashMap<String, oneshot::Sender<Answer>>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The process's side of a handle.
#[derive(Debug)]
pub(super) struct Ends {
    pub(super) queue: mpsc::Receiver<Outgoing>,
    pub(super) controls: mpsc::UnboundedReceiver<Control>,
    pub(super) shared: Arc<Shared>,
}

/// An agent process. When the last clone is dropped, the process is ended.
#[derive(Debug, Clone)]
pub struct AgentHandle {
    queue: mpsc::Sender<Outgoing>,
    controls: mpsc::UnboundedSender<Control>,
    shared: Arc<Shared>,
}

/// A handle and the ends that a process is connected to.
pub(super) fn connect() -> (AgentHandle, Ends) {
    let (queue, queued) = mpsc::channel(MAX_QUEUED);
    let (controls, controlled) = mpsc::unbounded_channel();
    let shared = Arc::new(Shared::default());
    let ends = Ends {
        queue: queued,
        controls: controlled,
        shared: Arc::clone(&shared),
    };
    (
        AgentHandle {
            queue,
            controls,
            shared,
        },
        ends,
    )
}

impl AgentHandle {
    /// Sends a prompt. What goes wrong with it arrives as `PromptFailed` with this id. It may be sent before
    /// the agent is up. Where a turn is running after all, it follows that turn.
    pub fn prompt(&self, id: &str, text: &str, images: &[Image]) {
        self.send_prompt(id, text, images, "followUp");
    }

    /// Says something to the agent that it hears at its next step. Sent as a prompt that steers, because a bare
    /// `steer` that comes just after the turn's end would lie in the agent's queue until the next prompt.
    pub fn steer(&self, id: &str, text: &str, images: &[Image]) {
        self.send_prompt(id, text, images, "steer");
    }

    fn send_prompt(&self, id: &str, text: &str, images: &[Image], while_streaming: &'static str) {
        let command = Command::Prompt {
            id: &format!("{PROMPT_ID}{id}"),
            message: text,
            images: images.iter().map(ImageContent::from).collect(),
            while_streaming,
        };
        let prompt = Some(id.to_owned());
        if let Err(error) = self.send(Outgoing {
            line: command.line(),
            prompt,
        }) {
            // Without a supervisor there is nobody to tell: `Exited` has said it all.
            drop(self.controls.send(Control::Refused {
                id: id.to_owned(),
                error,
            }));
        }
    }

    /// Ends the running turn; the process stays.
    pub fn abort(&self) {
        let id = self.shared.fresh("abort:");
        self.tell(&Command::Abort { id: &id });
    }

    /// Answers a dialog. `false`: it did not reach the agent.
    #[expect(
        clippy::must_use_candidate,
        reason = "who withdraws a question has nobody to tell"
    )]
    pub fn answer(&self, dialog_id: &str, answer: &DialogAnswer) -> bool {
        self.tell(&Command::ExtensionUiResponse {
            id: dialog_id,
            answer: answer.into(),
        })
    }

    /// Whether an answer, and a word about it, would be taken now.
    #[must_use]
    pub fn takes_answers(&self) -> bool {
        self.queue.capacity() >= 2 && self.shared.queued_bytes.load(Ordering::Relaxed) < MAX_QUEUED_BYTES / 2
    }

    /// How the agent is doing. A title that is new arrives as an event, too.
    pub async fn state(&self) -> Result<AgentStateReport, AskError> {
        let data = self
            .ask(|id| Command::GetState { id }.line(), ANSWER_TIME)
            .await?;
        AgentStateReport::read(&data).map_err(|error| unreadable(&error))
    }

    /// What the conversation has used so far.
    pub async fn stats(&self) -> Result<AgentStats, AskError> {
        let data = self
            .ask(|id| Command::GetSessionStats { id }.line(), ANSWER_TIME)
            .await?;
        AgentStats::read(&data).map_err(|error| unreadable(&error))
    }

    /// The models that the agent has credentials for.
    pub async fn models(&self) -> Result<Vec<AgentModel>, AskError> {
        let data = self
            .ask(|id| Command::GetAvailableModels { id }.line(), CHANGE_TIME)
            .await?;
        AgentModel::read_all(&data).map_err(|error| unreadable(&error))
    }

    /// Changes the model, given as `provider/model`.
    pub async fn set_model(&self, name: &str) -> Result<(), AskError> {
        let Some((provider, model)) = name.split_once('/') else {
            return Err(AskError::Refused("a model is written provider/model".to_owned()));
        };
        self.ask(|id| Command::SetModel { id, provider, model }.line(), CHANGE_TIME)
            .await?;
        Ok(())
    }

    /// Changes how much the model thinks: `off`, `minimal`, `low`, `medium`, `high`, `xhigh` …
    pub async fn set_thinking(&self, level: &str) -> Result<(), AskError> {
        self.ask(|id| Command::SetThinkingLevel { id, level }.line(), CHANGE_TIME)
            .await?;
        Ok(())
    }

    /// Compacts the conversation. It takes as long as the model does. Gives how many tokens there were before, where
    /// the agent says so.
    pub async fn compact(&self, instructions: Option<&str>) -> Result<Option<u64>, AskError> {
        let data = self
            .ask(|id| Command::Compact { id, instructions }.line(), COMPACT_TIME)
            .await?;
        Ok(super::state::tokens_before(&data))
    }

    /// Ends the process by the ladder, starting at once whether or not the result is waited for. It resolves
    /// when the process and all that it had started are gone, also when nobody reads its events; `Exited`
    /// follows as the last event. A second call with a shorter grace hurries the first.
    pub fn stop(&self, stop: Stop) -> impl Future<Output = ()> + Send + use<> {
        self.shared.stopping.cancel();
        drop(self.controls.send(Control::Stop(stop)));
        self.gone()
    }

    /// Whether the process is going or gone: nothing that is sent to it now will be done.
    #[must_use]
    pub fn is_ending(&self) -> bool {
        self.shared.stopping.is_cancelled() || self.shared.gone.is_cancelled() || self.queue.is_closed()
    }

    /// Resolves when the process and all that it had started are gone.
    pub fn gone(&self) -> impl Future<Output = ()> + Send + use<> {
        self.shared.gone.clone().cancelled_owned()
    }

    pub(super) fn tell(&self, command: &Command<'_>) -> bool {
        let sent = self.send(Outgoing {
            line: command.line(),
            prompt: None,
        });
        if let Err(error) = sent {
            tracing::warn!(error, "a command did not reach the agent");
        }
        sent.is_ok()
    }

    fn send(&self, outgoing: Outgoing) -> Result<(), &'static str> {
        let bytes = outgoing.line.len();
        if self.shared.queued_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes > MAX_QUEUED_BYTES {
            self.shared.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
            return Err("the agent does not read what it is sent");
        }
        self.queue.try_send(outgoing).map_err(|error| {
            self.shared.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
            match error {
                mpsc::error::TrySendError::Full(_) => "the agent does not read what it is sent",
                mpsc::error::TrySendError::Closed(_) => "the agent is gone",
            }
        })
    }

    async fn ask(
        &self,
        line: impl FnOnce(&str) -> Vec<u8>,
        patience: Duration,
    ) -> Result<Box<RawValue>, AskError> {
        let (id, answer) = self.shared.question();
        let line = line(&id);
        if self.send(Outgoing { line, prompt: None }).is_err() {
            self.shared.pending().remove(&id);
            let gone = self.queue.is_closed();
            return Err(if gone { AskError::Gone } else { AskError::Deaf });
        }
        let result = tokio::time::timeout(patience, answer).await;
        self.shared.pending().remove(&id);
        let data = result
            .map_err(|_| AskError::TooSlow)?
            .map_err(|_| AskError::Gone)?
            .map_err(AskError::Refused)?;
        Ok(data.unwrap_or_else(|| RawValue::NULL.to_owned()))
    }
}

fn unreadable(error: &anyhow::Error) -> AskError {
    AskError::Unreadable(format!("{error:#}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_question_that_is_never_answered_is_given_up() {
        let (handle, mut ends) = connect();
        let asked = tokio::time::Instant::now();
        let error = handle.state().await.unwrap_err();
        assert_eq!(error.to_string(), "the agent did not answer in time");
        assert_eq!(asked.elapsed(), ANSWER_TIME);
        assert!(ends.queue.recv().await.is_some() && ends.shared.pending().is_empty());
    }

    #[tokio::test]
    async fn a_refusal_and_an_end_are_told_apart() {
        let (handle, mut ends) = connect();
        let ask = async { handle.set_thinking("high").await.unwrap_err().to_string() };
        let refuse = async {
            let line: serde_json::Value =
                serde_json::from_slice(&ends.queue.recv().await.unwrap().line).unwrap();
            ends.shared
                .answer(line["id"].as_str().unwrap(), Err("no such level".into()));
        };
        let (refused, ()) = tokio::join!(ask, refuse);
        assert_eq!(refused, "the agent refused: no such level");
        let hang_up = async { ends.shared.hang_up() };
        let (gone, ()) = tokio::join!(handle.state(), hang_up);
        assert_eq!(gone.unwrap_err().to_string(), "the agent is gone");
        drop(ends);
        assert_eq!(handle.state().await.unwrap_err().to_string(), "the agent is gone");
    }

    #[test]
    fn an_answer_that_is_not_taken_is_told_before_and_after() {
        let (handle, ends) = connect();
        for _ in 0..MAX_QUEUED {
            assert!(handle.answer("d", &DialogAnswer::Cancelled));
        }
        assert!(!handle.takes_answers() && !handle.answer("d", &DialogAnswer::Cancelled));
        assert!(!handle.is_ending(), "it may read again");
        drop(ends);
        assert!(handle.is_ending() && !handle.answer("d", &DialogAnswer::Cancelled));
    }

    #[test]
    fn more_than_the_agent_reads_is_refused_and_told() {
        let (handle, mut ends) = connect();
        for number in 0..=MAX_QUEUED {
            handle.prompt(&number.to_string(), "hello", &[]);
        }
        let Ok(Control::Refused { id, .. }) = ends.controls.try_recv() else {
            panic!("a refusal")
        };
        assert_eq!(id, MAX_QUEUED.to_string());
        assert!(ends.controls.try_recv().is_err(), "only that one");
    }
}
