//! Answers to the agent's questions: who is first, who is late, and what has long expired.

use std::collections::VecDeque;
use std::sync::{MutexGuard, PoisonError};

use anyhow::Result;

use super::auth::Person;
use super::{Answer, Ask, Ingress};
use crate::discord::outbox::{Deed, OutboxEvent};
use crate::ids::{ChannelId, MessageId, SessionId};
use crate::render::dialog::{
    self, DEAF, EXPIRED, FormText, MISPLACED, NOT_KEPT, UNCLEAR, UNFIT, WITHDRAWN, Whole, give_back, too_late,
};
use crate::session::{By, Form, Took, Unseen, Wish};
use crate::store::dialogs::DialogState;

/// So many deleted messages are remembered; what matters is a second old at most.
const DELETED_LATELY: usize = 64;

impl Ingress {
    /// A person wants something of a question.
    pub(super) async fn wish(&self, ask: Ask, by: Person) -> Result<Answer> {
        let Ask::Dialog {
            channel,
            session,
            key,
            wish,
        } = ask
        else {
            return Ok(Answer::Nothing);
        };
        let written = wish.written().map(str::to_owned);
        let told = match self.deps.sessions.asked(&session, &key) {
            Some(asked) if asked.channel != channel => MISPLACED.to_owned(),
            None => self.gone(channel, &session, &key).await,
            Some(_) => {
                let by = By {
                    id: by.id,
                    name: by.name,
                };
                let took = self.deps.sessions.answer(&session, key.clone(), wish, by).await;
                match took {
                    Some(Took::Yes) => return Ok(Answer::Nothing),
                    Some(Took::Unfit) => UNFIT.to_owned(),
                    Some(Took::NotOpen) | None => self.gone(channel, &session, &key).await,
                    // What was written is given back, and a person can press again.
                    Some(Took::Failed) => NOT_KEPT.to_owned(),
                    Some(Took::Deaf) => DEAF.to_owned(),
                }
            }
        };
        Ok(Answer::Privately(match written {
            Some(text) if !text.trim().is_empty() => give_back(&told, &self.deps.redactor.redact(&text)),
            _ => told,
        }))
    }

    /// What became of a question that is not open. It is told also where that cannot be looked up: a text that somebody
    /// wrote comes back with it.
    async fn gone(&self, channel: ChannelId, session: &SessionId, key: &str) -> String {
        match self.became(channel, session, key).await {
            Ok(told) => told,
            Err(error) => {
                tracing::warn!(%session, "cannot say what became of a question: {error:#}");
                UNCLEAR.to_owned()
            }
        }
    }

    /// A message of ours cannot be seen: whoever asked something with it has to know.
    pub(crate) fn unseen(&self, event: &OutboxEvent) {
        match event {
            // It was deleted before Discord's answer said which message it is.
            OutboxEvent::Sent {
                row,
                channel,
                message,
            } if self.deleted_lately().contains(message) => {
                self.deps.sessions.unseen(*channel, *row, Unseen::Deleted);
            }
            OutboxEvent::MessageGone { row, channel, .. } => {
                self.deps.sessions.unseen(*channel, *row, Unseen::Deleted);
            }
            OutboxEvent::Refused {
                row,
                channel,
                deed: Deed::Create,
                ..
            } => self.deps.sessions.unseen(*channel, *row, Unseen::Refused),
            _ => {}
        }
    }

    fn remember_deleted(&self, message: MessageId) {
        let mut lately = self.deleted_lately();
        lately.push_back(message);
        if lately.len() > DELETED_LATELY {
            lately.pop_front();
        }
    }

    fn deleted_lately(&self) -> MutexGuard<'_, VecDeque<MessageId>> {
        self.deleted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody deleted a message, perhaps a question.
    pub(super) async fn question_deleted(&self, message: MessageId) -> Result<()> {
        self.remember_deleted(message);
        for channel in self.deps.sessions.asking_in() {
            if let Some(row) = self.deps.store.outbox_row_of(channel, message).await? {
                self.deps.sessions.unseen(channel, row, Unseen::Deleted);
            }
        }
        Ok(())
    }

    async fn became(&self, channel: ChannelId, session: &SessionId, key: &str) -> Result<String> {
        let row = self.deps.store.dialog(key).await?;
        let row = row.filter(|row| row.session == *session);
        Ok(match row {
            Some(row) if row.channel != Some(channel) => MISPLACED.to_owned(),
            Some(row) => match (row.state, row.by, row.answer) {
                (DialogState::Answered, Some(by), Some(answer)) => too_late(&by, &answer),
                (DialogState::Withdrawn, ..) => WITHDRAWN.to_owned(),
                _ => EXPIRED.to_owned(),
            },
            // Its row is long gone, unless the button is of another session than it says.
            None => match self.deps.store.session_of_thread(channel.thread()).await? {
                Some(here) if here.id == *session => EXPIRED.to_owned(),
                _ => MISPLACED.to_owned(),
            },
        })
    }

    /// The words of a form, at once: a form cannot be promised for later. `None`: the question is not open here.
    #[must_use]
    pub(crate) fn form(&self, ask: &Ask) -> Option<(Form, FormText)> {
        let Ask::Dialog {
            channel,
            session,
            key,
            wish: Wish::Form(form),
        } = ask
        else {
            return None;
        };
        let asked = self.deps.sessions.asked(session, key)?;
        let here = asked.channel == *channel;
        let text = here.then(|| dialog::form(&asked.question, *form)).flatten()?;
        Some((*form, text))
    }

    /// Everything of a question. `None`: it is not open here.
    #[must_use]
    pub(crate) fn whole(&self, ask: &Ask) -> Option<Whole> {
        let Ask::Dialog {
            channel,
            session,
            key,
            ..
        } = ask
        else {
            return None;
        };
        let asked = self.deps.sessions.asked(session, key)?;
        (asked.channel == *channel).then(|| dialog::whole(&asked.question))
    }
}
