//! The actor's side of a terminal: it listens to what the terminal posts, and gives it what is written in the thread.
//!
//! For the state and for the thread an attached session is like any other. What differs is here: there is no process
//! to start or to end, what is said to the agent waits in the store until the terminal takes it, and what was shown
//! of its events is remembered, so that a restart goes on where it was.

use anyhow::Result;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::actor::Actor;
use super::deliver::Parcel;
use super::link::Link;
use super::mirror::{Mirror, Mirrored};
use super::publish::{Publisher, Told};
use super::running::is_of_a_turn;
use super::secrets;
use super::state::{Input, Outcome, Place, Reply};
use crate::discord::draft::Draft;
use crate::event::{AgentEvent, TurnReport};
use crate::failpoint;
use crate::ids::{OutboxId, PromptId};
use crate::render::terminal;
use crate::store::terminal_commands::{CommandKind, NewCommand};
use crate::store::terminals::{Gone, NewTerminal, Terminal};

/// What may wait for the actor; more, and the log is read later.
const EVENTS: usize = 256;

/// A terminal that wants its session to be shared.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) terminal: NewTerminal,
    pub(super) reply: oneshot::Sender<Arrived>,
}

/// What becomes of a terminal that arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrived {
    /// It is attached.
    Attached,
    /// The daemon's own agent is at work in the session.
    Occupied,
    /// The session, or the daemon, ends.
    Over,
}

impl Actor {
    /// What the store knows of the session's terminal, when the actor starts.
    pub(super) async fn recall_terminal(&mut self) -> Result<Option<Terminal>> {
        let known = self.deps.store.terminal(self.handle.id()).await?;
        match &known {
            Some(terminal) if terminal.gone.is_none() => self.state.set_place(Place::Terminal),
            Some(terminal) => self.remember_pid(terminal.pid, terminal.gone),
            None => {}
        }
        Ok(known.filter(|terminal| terminal.gone.is_none()))
    }

    /// A terminal that was closed may go on with another conversation; from one that went otherwise this one may
    /// still be written to.
    fn remember_pid(&mut self, pid: i64, gone: Option<Gone>) {
        let may_write = matches!(gone, Some(Gone::Off | Gone::Lost));
        self.left_pid = i32::try_from(pid).ok().filter(|_| may_write);
    }

    /// Whether the terminal that went still has the conversation, before something is begun here.
    pub(super) fn look_elsewhere(&mut self) {
        let Some(pid) = self.left_pid.filter(|_| self.state.place() != Place::Terminal) else {
            return;
        };
        let lives = crate::agent::lives(pid);
        self.left_pid = lives.then_some(pid);
        self.state
            .set_place(if lives { Place::Elsewhere } else { Place::Here });
    }

    /// A person has decided that it runs here whatever the terminal does: they are not asked again.
    pub(super) fn looked_elsewhere(&mut self, before: Place) {
        if (before, self.state.place()) == (Place::Elsewhere, Place::Here) {
            self.left_pid = None;
        }
    }

    /// Begins to listen to the terminal.
    pub(super) fn listen(&mut self, terminal: &Terminal) {
        let (to, inbox) = mpsc::channel(EVENTS);
        let (last, gone) = watch::channel(None);
        let stop = CancellationToken::new();
        let mirror = Mirror {
            store: self.deps.store.clone(),
            session: self.handle.id().clone(),
            after: terminal.shown,
            newest: self.deps.events.newest(),
            last: gone,
            to,
            stop: stop.clone(),
        };
        self.deps.tracker.spawn(mirror.run().in_current_span());
        self.terminal = Some(Link {
            inbox,
            conversation: terminal.agent_session.clone(),
            told: terminal.shown,
            since: terminal.attached_at,
            shown: terminal.shown,
            said: terminal.said,
            leaving: None,
            last,
            report: None,
            asks: Vec::new(),
            _stop: stop.drop_guard(),
        });
    }

    /// A terminal wants its session to be shared.
    pub(super) async fn arrive(&mut self, arrival: Arrival) -> Result<()> {
        let (tell, mut told) = oneshot::channel();
        self.reply = Some(tell);
        let done = self.input(Input::Attach).await;
        self.reply = None;
        let arrived = match told.try_recv() {
            Ok(Reply::Attached) => return self.settle_in(arrival).await.and(done),
            Ok(Reply::Attaching) => {
                self.arriving = Some(arrival);
                return done;
            }
            Ok(Reply::Occupied) => Arrived::Occupied,
            _ => Arrived::Over,
        };
        // Whoever asked may have gone.
        arrival.reply.send(arrived).ok();
        done
    }

    /// The idle process is gone: who waited for that may come in.
    pub(super) async fn let_in(&mut self) -> Result<()> {
        match self.arriving.take() {
            Some(arrival) if self.state.place() == Place::Terminal => self.settle_in(arrival).await,
            _ => Ok(()),
        }
    }

    async fn settle_in(&mut self, Arrival { terminal, reply }: Arrival) -> Result<()> {
        let id = self.handle.id().clone();
        let newest = *self.deps.events.newest().borrow();
        let since = self.deps.store.attach_terminal(&id, &terminal, newest).await?;
        self.deps.commands.heard(&id);
        self.left_pid = None;
        if terminal.resumable {
            self.converses(&terminal.agent_session).await?;
        }
        if let Some(link) = &mut self.terminal {
            link.since = since;
            link.leaving = None;
            link.last.send_replace(None);
        } else if let Some(stored) = self.deps.store.terminal(&id).await? {
            self.listen(&stored);
        }
        // Whoever asked may have gone; it will come again.
        reply.send(Arrived::Attached).ok();
        Ok(())
    }

    /// The terminal goes. Its last events are told first.
    pub(super) fn leaves(&mut self, how: Gone) {
        if let Some(link) = &mut self.terminal {
            link.leaving = Some(how);
            link.last.send_replace(Some(*self.deps.events.newest().borrow()));
        }
    }

    /// Something that the terminal posted.
    pub(super) async fn mirrored(&mut self, told: Option<Mirrored>) -> Result<()> {
        match told {
            Some(Mirrored::Event(id, event)) => {
                let said = self.terminal.as_ref().is_some_and(|link| id <= link.said);
                self.tells(Some(Told { id, said }));
                let done = self.said_there(event).await;
                self.tells(None);
                done
            }
            Some(Mirrored::Begun) => self.terminal_begun().await,
            // It has come back since.
            Some(Mirrored::Leaves { at, .. })
                if self.terminal.as_ref().is_some_and(|link| at < link.since) =>
            {
                Ok(())
            }
            Some(Mirrored::Leaves { how, .. }) => self.gone(how).await,
            Some(Mirrored::UpTo(event)) => {
                if let Some(link) = &mut self.terminal {
                    link.told = event;
                }
                Ok(())
            }
            Some(Mirrored::Left) => match self.terminal.as_ref().and_then(|link| link.leaving) {
                Some(how) => self.gone(how).await,
                None => Ok(()),
            },
            // The mirror has failed. It is begun anew, from what was shown.
            None => match self.deps.store.terminal(self.handle.id()).await? {
                Some(terminal) if terminal.gone.is_none() => {
                    self.listen(&terminal);
                    Ok(())
                }
                _ => {
                    self.terminal = None;
                    Ok(())
                }
            },
        }
    }

    fn tells(&mut self, event: Option<Told>) {
        if let Some(publisher) = &mut self.publisher {
            publisher.tells(event);
        }
    }

    async fn said_there(&mut self, event: AgentEvent) -> Result<()> {
        self.stirred = true;
        if !self.state.is_busy() && is_of_a_turn(&event) {
            // Its beginning was told to a daemon that is not there any more.
            self.input(Input::TurnStarted).await?;
        }
        match secrets::hush_event(event, &self.deps.redactor) {
            AgentEvent::TerminalPrompt(text) => match &mut self.publisher {
                Some(publisher) => publisher.typed_in_terminal(&text).await,
                None => Ok(()),
            },
            AgentEvent::TerminalAsks { id, what } => self.terminal_asks(id, &what).await,
            AgentEvent::TerminalAnswered { id } => self.terminal_answered(&id).await,
            AgentEvent::TurnReported(report) => {
                if let Some(link) = &mut self.terminal {
                    link.report = Some(report);
                }
                Ok(())
            }
            AgentEvent::TurnStopped => self.input(Input::TurnStopped).await,
            AgentEvent::ModelChanged(model) => {
                self.vitals.model = Some(model);
                Ok(())
            }
            event => self.event(Some(event)).await,
        }
    }

    /// What it does next is new: a turn that is still shown as running was another process's.
    async fn terminal_begun(&mut self) -> Result<()> {
        let waiting = self.deps.store.waiting_commands(self.handle.id(), 1).await?;
        if !self.state.is_busy() || !waiting.is_empty() {
            return Ok(());
        }
        let error = "the terminal ended in the middle of it".to_owned();
        self.input(Input::TurnFailed { error }).await?;
        self.input(Input::TurnEnded).await
    }

    async fn terminal_asks(&mut self, id: String, what: &str) -> Result<()> {
        let Some(publisher) = &mut self.publisher else {
            return Ok(());
        };
        let row = publisher.say(Draft::text(terminal::asks(what))).await?;
        if let Some(link) = &mut self.terminal {
            link.asks.push((id, row));
        }
        Ok(())
    }

    async fn terminal_answered(&mut self, id: &str) -> Result<()> {
        let Some(link) = &mut self.terminal else {
            return Ok(());
        };
        let Some(at) = link.asks.iter().position(|(asked, _)| asked == id) else {
            return Ok(());
        };
        let (_, row) = link.asks.swap_remove(at);
        self.answered_there(row).await
    }

    async fn answered_there(&self, row: OutboxId) -> Result<()> {
        let outbox = &self.deps.outbox;
        outbox.replace(row, Draft::text(terminal::answered())).await?;
        outbox.seal(row).await
    }

    /// Nothing comes from the terminal any more. The thread is told before that is stored: a crash in between tells it
    /// again, and nobody waits for an answer from a terminal that is not there.
    async fn gone(&mut self, how: Gone) -> Result<()> {
        self.stirred = true;
        let id = self.handle.id().clone();
        self.flush_all().await?;
        self.remember_shown().await?;
        let known = self.deps.store.terminal(&id).await?;
        self.deps.commands.close(&id).await;
        let left = self.deps.store.unacknowledged(&id).await?;
        let asks = self.terminal.take().map(|link| link.asks).unwrap_or_default();
        if let Some(terminal) = known {
            self.remember_pid(terminal.pid, Some(how));
        }
        for (_, row) in asks {
            self.answered_there(row).await?;
        }
        // Before anybody is told: from then on it is another terminal that comes.
        self.deps.tokens.revoke(&id).await?;
        let has_it = self.left_pid.is_some_and(crate::agent::lives);
        self.input(Input::TerminalGone { how, left, has_it }).await?;
        failpoint::at("terminal.told");
        self.deps.store.detach_terminal(&id, how, false).await?;
        Ok(())
    }

    /// Remembers that everything was shown, when it was.
    pub(super) async fn remember_shown(&mut self) -> Result<()> {
        let idle = self.publisher.as_ref().is_none_or(Publisher::is_idle);
        if let Some(link) = &mut self.terminal
            && idle
            && link.told > link.shown
        {
            let told = link.told;
            self.deps.store.terminal_shown(self.handle.id(), told).await?;
            link.shown = told;
        }
        Ok(())
    }

    /// Gives a prompt to the terminal.
    pub(super) async fn hand_to_terminal(&mut self, id: PromptId, parcel: Parcel, steer: bool) -> Result<()> {
        let Some(prompt) = self.deps.store.prompt(id).await? else {
            return Ok(());
        };
        let kind = if steer {
            CommandKind::Steer
        } else {
            CommandKind::Prompt
        };
        let command = NewCommand {
            kind,
            text: parcel.text,
            author: prompt.author_name.map(|name| (prompt.author, name)),
            message: prompt.message,
            prompt: Some(id),
        };
        let session = self.handle.id();
        if self.deps.commands.hand(session, id, &command).await? {
            self.note_prompt("prompt_started", id);
        }
        Ok(())
    }

    /// Tells the terminal something that is no prompt.
    pub(super) async fn tell_terminal(&self, kind: CommandKind) -> Result<()> {
        let command = NewCommand::bare(kind);
        self.deps.commands.enqueue(self.handle.id(), &command).await
    }

    /// The session is over here; the terminal keeps its conversation. It is told by its next poll, so its token stays.
    pub(super) async fn let_terminal_go(&mut self) -> Result<()> {
        self.terminal = None;
        self.deps.commands.let_go(self.handle.id()).await
    }

    /// What the terminal said of the turn that ends.
    pub(super) fn take_report(&mut self, outcome: &Outcome) -> Option<TurnReport> {
        let report = self.terminal.as_mut()?.report.take()?;
        let vitals = &mut self.vitals;
        vitals.context_percent = report.context_percent.or(vitals.context_percent);
        vitals.model = report.model.clone().or(vitals.model.take());
        matches!(outcome, Outcome::Done | Outcome::Failed(_) | Outcome::Cancelled).then_some(report)
    }
}
