//! Questions that a program asks: shown, answered and ended like those of the agent, with another one who waits.
//!
//! It waits for a person and not for the process: the session may have none. When it goes away, its question does too,
//! or people would answer to nobody.

use std::time::Duration;

use anyhow::Result;
use tokio::sync::oneshot;

use super::super::actor::Actor;
use super::super::control::Control;
use super::super::registry::Sessions;
use super::super::secrets;
use super::Verdict;
use crate::event::{Dialog, DialogAnswer, DialogKind};
use crate::ids::SessionId;
use crate::render::dialog::{Question, Why, turned_away};
use crate::store::now_ms;

/// What came of a program's question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ToolAnswer {
    /// Somebody answered.
    Said {
        /// What: one of the choices, or a text of their own.
        text: String,
        /// Who.
        by: String,
    },
    /// Somebody does not want to answer.
    Skipped {
        /// Who.
        by: String,
    },
    /// Nobody did, and nobody will.
    Nobody(Why),
}

impl ToolAnswer {
    /// What a person's answer means to whoever asked.
    pub(super) fn of(verdict: Verdict, by: &str) -> Self {
        let by = by.to_owned();
        match (verdict.owed, verdict.answer) {
            // The choice that leads to a text, and the text.
            (Some(text), _) | (None, DialogAnswer::Value(text)) => Self::Said { text, by },
            (None, DialogAnswer::Confirmed(yes)) => Self::Said {
                text: if yes { "Yes" } else { "No" }.to_owned(),
                by,
            },
            (None, DialogAnswer::Cancelled) => Self::Skipped { by },
        }
    }
}

/// What a program wants of a session's actor.
#[derive(Debug)]
pub(in crate::session) enum ToolWish {
    /// To ask this.
    Ask(Dialog, oneshot::Sender<ToolAnswer>),
    /// To take this question back.
    Withdraw(String),
}

/// Takes the question back when nobody waits for its answer any more.
struct Withdrawal<'a> {
    sessions: &'a Sessions,
    session: &'a SessionId,
    id: String,
    answered: bool,
}

impl Drop for Withdrawal<'_> {
    fn drop(&mut self) {
        if !self.answered {
            let id = std::mem::take(&mut self.id);
            self.sessions
                .deliver_if_running(self.session, Control::ForTool(ToolWish::Withdraw(id)));
        }
    }
}

impl Sessions {
    /// Asks the people in a session's thread: for one of these choices or a text, or for a text alone. Dropping the
    /// future withdraws the question.
    pub(crate) async fn ask_person(
        &self,
        session: &SessionId,
        question: String,
        mut choices: Vec<String>,
        timeout: Option<Duration>,
    ) -> ToolAnswer {
        let kind = if choices.is_empty() {
            let placeholder = String::new();
            DialogKind::Input { placeholder }
        } else {
            choices.push(Question::OTHER.to_owned());
            DialogKind::Select {
                options: choices,
                details: Vec::new(),
            }
        };
        let id = format!("tool:{}", uuid::Uuid::new_v4().simple());
        let dialog = Dialog {
            id: id.clone(),
            title: question,
            kind,
            timeout,
        };
        let mut withdrawal = Withdrawal {
            sessions: self,
            session,
            id,
            answered: false,
        };
        let (answer, answered) = oneshot::channel();
        self.deliver(session, Control::ForTool(ToolWish::Ask(dialog, answer)));
        // The actor is gone, and its thread with it.
        let answer = answered.await.unwrap_or(ToolAnswer::Nobody(Why::Ended));
        withdrawal.answered = true;
        answer
    }
}

impl Actor {
    /// A program wants something.
    pub(in crate::session) async fn wish_of_tool(&mut self, wish: ToolWish) -> Result<()> {
        match wish {
            ToolWish::Ask(dialog, answer) => self.ask_for_tool(dialog, answer).await,
            ToolWish::Withdraw(id) => self.withdraw_dialog(&id).await,
        }
    }

    async fn ask_for_tool(&mut self, dialog: Dialog, answer: oneshot::Sender<ToolAnswer>) -> Result<()> {
        if answer.is_closed() {
            return Ok(());
        }
        let shown = secrets::hush_dialog(&dialog, &self.deps.redactor);
        let mut question = Question::plain(&shown);
        let seconds = dialog
            .timeout
            .map(|timeout| i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX));
        question.before = seconds.map(|seconds| (now_ms() / 1_000).saturating_add(seconds));
        if self.publisher.is_none() {
            answer.send(ToolAnswer::Nobody(Why::Ended)).ok();
            return Ok(());
        }
        if self.deps.sessions.is_closing() {
            answer.send(ToolAnswer::Nobody(Why::Shutdown)).ok();
            self.note(&turned_away(&question));
            return Ok(());
        }
        let id = dialog.id.clone();
        let posted = self.post_question(dialog, question).await;
        match self.dialogs.open.values_mut().find(|open| open.dialog.id == id) {
            Some(open) => open.tool = Some(answer),
            // Nobody can see it, so nobody would ever answer.
            None => drop(answer.send(ToolAnswer::Nobody(Why::Unseen))),
        }
        posted
    }
}
