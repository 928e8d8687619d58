//! What a session tells programs: its own entries in the event log, and what came of each prompt.
//!
//! People read the thread; without these a program that waits for an answer would have to read Discord.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use super::Deps;
use super::actor::{Actor, TurnClock};
use super::state::{Input, Outcome};
use crate::ids::{PromptId, ThreadId};
use crate::render::notice;
use crate::render::redact::Redactor;
use crate::status::PromptResult;
use crate::store::events::NewEvent;
use crate::store::prompts::PromptState;
use crate::store::sessions::Session;

/// The session's thread is there.
pub(super) fn note_opened(deps: &Deps, session: &Session, thread: ThreadId) {
    let data = json!({ "thread_id": thread, "workspace": session.workspace });
    let event = NewEvent::noted(&session.id, "session_opened", &session.thread_name, &data);
    deps.events.note(event);
}

impl TurnClock {
    /// Remembers what the agent said last: that is the turn's answer.
    pub(super) fn heard(&mut self, texts: &[(u32, String)], redactor: &Redactor) {
        let said: Vec<&str> = texts.iter().map(|(_, text)| text.trim()).collect();
        let said = said.join("\n\n");
        if !said.trim().is_empty() {
            self.answer = redactor.redact(said.trim()).into_owned();
        }
    }
}

impl Actor {
    /// Notes something in the event log.
    pub(super) fn note_event(&self, kind: &str, content: String, data: &Value) {
        let event = NewEvent::noted(self.handle.id(), kind, content, data);
        self.deps.events.note(event);
    }

    pub(super) fn note_input(&mut self, input: &Input) {
        self.died_of = match input {
            Input::Exited(exit) => Some(self.deps.redactor.redact(&notice::why(exit)).into_owned()),
            _ => None,
        };
        match input {
            Input::Prompt(prompt) => {
                self.note_event(
                    "prompt_queued",
                    String::new(),
                    &json!({ "prompt_id": prompt.id.to_string() }),
                );
            }
            Input::Steer(prompt) => self.note_event(
                "prompt_queued",
                String::new(),
                &json!({ "prompt_id": prompt.id.to_string(), "steer": true }),
            ),
            Input::TurnFailed { error } => {
                if let Some(turn) = &mut self.turn {
                    turn.error = Some(error.clone());
                }
            }
            Input::TurnRecovered => {
                if let Some(turn) = &mut self.turn {
                    turn.error = None;
                }
            }
            // Its message was deleted, and the store knows.
            Input::Dropped(_) => self.deps.host.metrics().prompt_ended(PromptResult::Dropped),
            _ => {}
        }
    }

    /// Stores where a prompt is, after what came of it.
    pub(super) async fn mark(&mut self, prompt: PromptId, state: PromptState) -> Result<()> {
        let kept = match (state, &self.turn) {
            (PromptState::Done, Some(turn)) => Some((turn.answer.as_str(), turn.error.as_deref())),
            (PromptState::Failed, Some(turn)) => Some((
                turn.answer.as_str(),
                turn.error.as_deref().or(self.died_of.as_deref()),
            )),
            // It never began.
            (PromptState::Failed, None) => self.died_of.as_deref().map(|why| ("", Some(why))),
            _ => None,
        };
        if let Some((answer, error)) = kept {
            let store = &self.deps.store;
            let mut room = self.room();
            room.make(|| Box::pin(store.keep_answer(prompt, answer, error)))
                .await?;
        }
        if matches!(state, PromptState::Done | PromptState::Failed) && self.turn.is_some() {
            // Before it is over for the store: a crash in between must not cost the last words of the answer.
            self.flush_all().await?;
        }
        let store = &self.deps.store;
        let mut room = self.room();
        room.make(|| Box::pin(store.mark_prompt(prompt, state))).await?;
        let kind = match state {
            PromptState::Queued => "prompt_queued",
            PromptState::Held | PromptState::Asking => "prompt_held",
            PromptState::Running => "prompt_started",
            PromptState::Interrupted => "prompt_interrupted",
            PromptState::Done => "prompt_done",
            PromptState::Failed => "prompt_failed",
            PromptState::Dropped => "prompt_dropped",
        };
        self.note_prompt(kind, prompt);
        let result = match state {
            PromptState::Done => PromptResult::Done,
            PromptState::Failed => PromptResult::Failed,
            PromptState::Dropped => PromptResult::Dropped,
            PromptState::Interrupted => PromptResult::Interrupted,
            PromptState::Queued | PromptState::Held | PromptState::Asking | PromptState::Running => {
                return Ok(());
            }
        };
        self.deps.host.metrics().prompt_ended(result);
        Ok(())
    }

    /// Something became of a prompt.
    pub(super) fn note_prompt(&self, kind: &str, prompt: PromptId) {
        self.note_event(kind, String::new(), &json!({ "prompt_id": prompt.to_string() }));
    }

    pub(super) async fn store_stopped(&mut self) -> Result<()> {
        let id = self.handle.id();
        self.deps.store.stop_session(id).await?;
        self.note_event("session_stopped", String::new(), &Value::Null);
        match self.terminal {
            // It is told with its token that the session is over.
            Some(_) => Ok(()),
            None => self.deps.tokens.revoke(id).await,
        }
    }

    pub(super) fn note_turn_end(&mut self, outcome: &Outcome, turn: &TurnClock, took: Duration) {
        let (outcome, error) = match outcome {
            Outcome::Done => ("done", None),
            Outcome::Cancelled => ("cancelled", None),
            Outcome::Failed(error) => ("failed", Some(error.as_str())),
            Outcome::Died(_) => ("died", None),
            Outcome::Shutdown => ("interrupted", None),
            Outcome::Left => ("left", None),
        };
        let metrics = self.deps.host.metrics();
        metrics.turn_ended(outcome, took);
        metrics.spent(turn.cost);
        let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        tracing::info!(outcome, duration_ms, cost = turn.cost, "the turn is over");
        let data = json!({
            "outcome": outcome,
            "error": error,
            "duration_ms": duration_ms,
            "model": turn.model,
            "cost": turn.cost,
        });
        self.note_event("turn_ended", turn.answer.clone(), &data);
        self.spans.end();
    }
}
