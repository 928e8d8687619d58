//! Moves what the agent says to whoever listens, and what it is told into its stdin.
//!
//! Reading goes only as fast as the listener takes it, so a flood stays in the agent's pipe and not in our
//! memory. Once the agent is to end this turns around: the pipes are drained whatever the listener does,
//! because an agent that cannot write cannot exit.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::frames::{FrameReader, Item, MAX_LINE_BYTES};
use super::handle::{Outgoing, PROMPT_ID, Shared};
use super::protocol::{self, Frame, Ready, Response};
use super::scan;
use super::state::AgentStateReport;
use crate::event::{AgentEvent, NoticeLevel};

/// How many lines of stderr are kept for the exit's report.
const LAST_LINES: usize = 20;
/// How much of each of them is kept.
const LAST_LINE_BYTES: usize = 1000;
/// How long a listener that does not take events is waited for while the agent is to end.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long a pipe may be silent once the process is gone. It stays open when something got away with it.
const LINGER: Duration = Duration::from_secs(1);

/// How long the end of a turn waits for what was written to stderr before it.
const STRAGGLERS: Duration = Duration::from_secs(1);

/// Where the events go.
#[derive(Debug)]
pub(super) struct Outlet {
    events: mpsc::Sender<AgentEvent>,
    stopping: CancellationToken,
    stuck: AtomicBool,
    dropped: AtomicU64,
}

impl Outlet {
    pub(super) fn new(events: mpsc::Sender<AgentEvent>, stopping: CancellationToken) -> Self {
        Self {
            events,
            stopping,
            stuck: AtomicBool::new(false),
            dropped: AtomicU64::new(0),
        }
    }

    /// Hands an event over, waiting for room. While the agent is to end the wait is short and then none.
    pub(super) async fn send(&self, event: AgentEvent) {
        let permit = tokio::select! {
            biased;
            permit = self.events.reserve() => permit.ok(),
            () = self.stopping.cancelled() => self.hurried().await,
        };
        match permit {
            Some(permit) => permit.send(event),
            None => {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    async fn hurried(&self) -> Option<mpsc::Permit<'_, AgentEvent>> {
        if self.stuck.load(Ordering::Relaxed) {
            let permit = self.events.try_reserve().ok()?;
            self.stuck.store(false, Ordering::Relaxed);
            return Some(permit);
        }
        let permit = tokio::time::timeout(PATIENCE, self.events.reserve()).await;
        self.stuck.store(permit.is_err(), Ordering::Relaxed);
        permit.ok()?.ok()
    }

    /// The last event waits for its listener, however long it takes: the session must learn of the end.
    pub(super) async fn last(&self, event: AgentEvent) {
        let dropped = self.dropped.load(Ordering::Relaxed);
        if dropped > 0 {
            tracing::info!(
                dropped,
                "the agent said more while it was ended than anybody read"
            );
        }
        drop(self.events.send(event).await);
    }
}

/// What is known of a running process.
#[derive(Debug)]
pub(super) struct Life {
    pub(super) outlet: Outlet,
    pub(super) shared: Arc<Shared>,
    pub(super) ready: watch::Sender<Option<Ready>>,
    pub(super) in_turn: watch::Sender<bool>,
    /// `Started` was said, and prompts may be written.
    pub(super) started: CancellationToken,
    /// Stdin is to be closed.
    pub(super) closing: CancellationToken,
    /// The process has exited and what it left was swept.
    pub(super) exited: CancellationToken,
    /// How often it was asked, and up to which question it was answered, whether stderr is read to where it stands.
    asked: watch::Sender<u64>,
    answered: watch::Sender<u64>,
    title: Mutex<Option<String>>,
    last_lines: Mutex<VecDeque<String>>,
}

impl Life {
    pub(super) fn new(outlet: Outlet, shared: Arc<Shared>) -> Self {
        Self {
            outlet,
            shared,
            ready: watch::Sender::new(None),
            in_turn: watch::Sender::new(false),
            started: CancellationToken::new(),
            closing: CancellationToken::new(),
            exited: CancellationToken::new(),
            asked: watch::Sender::new(0),
            answered: watch::Sender::new(0),
            title: Mutex::default(),
            last_lines: Mutex::default(),
        }
    }

    /// The last lines of stderr, oldest first.
    pub(super) fn last_lines(&self) -> Vec<String> {
        let lines = self.last_lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().cloned().collect()
    }

    fn keep(&self, line: &str) {
        let mut lines = self.last_lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == LAST_LINES {
            lines.pop_front();
        }
        lines.push_back(scan::capped_text(line.as_bytes(), LAST_LINE_BYTES, 0));
    }

    /// Tells a title once.
    pub(super) async fn titled(&self, title: String) {
        let known = {
            let mut known = self.title.lock().unwrap_or_else(PoisonError::into_inner);
            known.replace(title.clone())
        };
        if known.as_ref() != Some(&title) {
            self.outlet.send(AgentEvent::Title(title)).await;
        }
    }

    /// Tells of a prompt that could not even be queued.
    pub(super) async fn refuse(&self, id: String, error: &str) {
        let error = error.to_owned();
        self.outlet.send(AgentEvent::PromptFailed { id, error }).await;
    }

    async fn read(&self, frame: Frame) {
        match frame {
            Frame::Ready(ready) => {
                self.ready.send_replace(Some(ready));
            }
            Frame::Response(response) => self.answered(response).await,
            Frame::Event(event) => self.happened(event).await,
            Frame::Pair(first, second) => {
                self.happened(first).await;
                self.happened(second).await;
            }
            Frame::LocalEnd => self.ended_locally().await,
            Frame::Nothing => {}
        }
    }

    /// A slash command that was local ends nothing while a turn of the model runs.
    async fn ended_locally(&self) {
        if !*self.in_turn.borrow() {
            self.happened(AgentEvent::TurnEnded).await;
        }
    }

    async fn happened(&self, event: AgentEvent) {
        match event {
            // A retry begins the same turn again.
            AgentEvent::TurnStarted if self.in_turn.send_replace(true) => return,
            AgentEvent::TurnEnded => {
                self.in_turn.send_replace(false);
                self.stderr_read().await;
            }
            AgentEvent::Title(title) => return self.titled(title).await,
            _ => {}
        }
        self.outlet.send(event).await;
    }

    /// Waits until everything is read that was on stderr by now: it is another pipe, and lines that were printed
    /// before a turn's end would otherwise come after it.
    async fn stderr_read(&self) {
        let mut asked = 0;
        self.asked.send_modify(|count| {
            *count += 1;
            asked = *count;
        });
        let mut answered = self.answered.subscribe();
        let read = answered.wait_for(|answered| *answered >= asked);
        if tokio::time::timeout(STRAGGLERS, read).await.is_err() {
            tracing::debug!("the agent's stderr does not pause");
        }
    }

    async fn answered(&self, response: Response) {
        let local = response.success && response.ended_locally();
        let Response {
            id,
            command,
            success,
            data,
            error,
        } = response;
        let error = error.unwrap_or_default();
        let Some(id) = id else {
            tracing::debug!(
                command,
                error,
                "the agent answered a command that it does not know"
            );
            return;
        };
        if let Some(id) = id.strip_prefix(PROMPT_ID) {
            if local {
                self.ended_locally().await;
            } else if !success {
                let id = id.to_owned();
                self.outlet.send(AgentEvent::PromptFailed { id, error }).await;
            }
        } else {
            let title = data
                .as_ref()
                .filter(|_| command == "get_state" && self.started.is_cancelled())
                .and_then(|data| AgentStateReport::read(data).ok()?.title);
            self.shared
                .answer(&id, if success { Ok(data) } else { Err(error) });
            if let Some(title) = title {
                self.titled(title).await;
            }
        }
    }

    async fn take(&self, item: Item<'_>) {
        let event = match item {
            Item::Frame(bytes) => match protocol::decode(bytes) {
                Some(frame) => return self.read(frame).await,
                None => AgentEvent::Line(scan::capped_text(bytes, MAX_LINE_BYTES, 0)),
            },
            Item::Line(line) => AgentEvent::Line(line),
            Item::TooLarge { bytes } => AgentEvent::FrameTooLarge { bytes },
            Item::Broken(why) => AgentEvent::Notice {
                level: NoticeLevel::Warning,
                text: format!("The agent sent something broken: {why}."),
            },
        };
        self.outlet.send(event).await;
    }

    /// Once the process is gone, a pipe that says nothing more is done with.
    async fn lingered(&self) {
        self.exited.cancelled().await;
        tokio::time::sleep(LINGER).await;
    }
}

/// Reads stdout to its end.
pub(super) async fn stdout(pipe: impl AsyncRead + Unpin, agent: Arc<Life>) {
    let mut reader = FrameReader::new(pipe);
    loop {
        let item = tokio::select! {
            biased;
            item = reader.next() => item,
            () = agent.lingered() => break,
        };
        match item {
            Ok(Some(item)) => agent.take(item).await,
            Ok(None) => return,
            Err(error) => {
                tracing::debug!(%error, "the agent's stdout cannot be read");
                break;
            }
        }
    }
    if let Some(line) = reader.rest() {
        agent.outlet.send(AgentEvent::Line(line)).await;
    }
}

/// Reads stderr to its end.
pub(super) async fn stderr(pipe: impl AsyncRead + Unpin, agent: Arc<Life>) {
    let mut reader = FrameReader::lines(pipe);
    let mut asked = agent.asked.subscribe();
    loop {
        let item = tokio::select! {
            biased;
            item = reader.next() => item,
            // Nothing more is there to be read for now.
            Ok(()) = asked.changed() => {
                agent.answered.send_replace(*asked.borrow_and_update());
                continue;
            }
            () = agent.lingered() => break,
        };
        let Ok(Some(Item::Line(line))) = item else {
            break;
        };
        agent.keep(&line);
        agent.outlet.send(AgentEvent::Line(line)).await;
    }
    agent.answered.send_replace(u64::MAX);
}

/// Writes commands until stdin is to be closed: our own at once, those of the handles once the agent is up.
pub(super) async fn stdin(
    mut pipe: impl AsyncWrite + Unpin,
    agent: Arc<Life>,
    mut ours: mpsc::UnboundedReceiver<Vec<u8>>,
    mut queue: mpsc::Receiver<Outgoing>,
) {
    loop {
        let next = tokio::select! {
            biased;
            () = agent.closing.cancelled() => break,
            Some(line) = ours.recv() => Outgoing { line, prompt: None },
            Some(outgoing) = queued(&mut queue, &agent) => outgoing,
        };
        let written = tokio::select! {
            biased;
            written = write(&mut pipe, &next.line) => written,
            () = agent.closing.cancelled() => Err(std::io::ErrorKind::BrokenPipe.into()),
        };
        if let Err(error) = written {
            tracing::debug!(%error, "the agent's stdin cannot be written");
            fail(next, &agent).await;
            break;
        }
    }
    drop(pipe);
    // Until the process is gone there are prompts that still hope to be written.
    queue.close();
    while let Some(outgoing) = queue.recv().await {
        fail(outgoing, &agent).await;
    }
}

async fn queued(queue: &mut mpsc::Receiver<Outgoing>, agent: &Life) -> Option<Outgoing> {
    agent.started.cancelled().await;
    let outgoing = queue.recv().await?;
    agent
        .shared
        .queued_bytes
        .fetch_sub(outgoing.line.len(), Ordering::Relaxed);
    Some(outgoing)
}

async fn write(pipe: &mut (impl AsyncWrite + Unpin), line: &[u8]) -> std::io::Result<()> {
    pipe.write_all(line).await?;
    pipe.flush().await
}

async fn fail(outgoing: Outgoing, agent: &Life) {
    if let Some(id) = outgoing.prompt {
        agent
            .refuse(id, "the agent ended before it read the prompt")
            .await;
    }
}
