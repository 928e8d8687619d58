//! What the owner's programs ask over the HTTP API: the same wishes, the same decision, the same durability.

use anyhow::Result;

use super::auth::{self, Decision, Person, Source};
use super::start::Founded;
use super::{Answer, Ask, Ingress, refusal};
use crate::discord::draft::Draft;
use crate::error::UserError;
use crate::ids::{ChannelId, PromptId};
use crate::render::text::{clip, escape, quiet};
use crate::session::state::Input;
use crate::store::prompts::PromptState;
use crate::store::sessions::Session;

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A session was made.
    Founded(Founded),
    /// A prompt waits, or runs.
    Queued {
        /// The prompt.
        prompt: PromptId,
        /// How many run before it.
        ahead: usize,
    },
    /// This is to be said.
    Said(String),
}

impl Ingress {
    /// Takes something in that was asked with the owner's token.
    pub async fn take_from_owner(&self, ask: Ask) -> Result<Outcome> {
        match auth::decide_from(&self.deps.config, Source::Owner, &ask) {
            Decision::Allow => {}
            Decision::Ignore => return Err(UserError::new("Only Discord can say that.").into()),
            Decision::Refuse(why) => return Err(UserError::new(refusal(why)).into()),
        }
        let by = self.owner();
        match ask {
            ask @ Ask::New { channel, .. } => self.found_for_owner(ask, channel, &by).await,
            Ask::Say {
                channel,
                session,
                text,
                steer,
            } => {
                let session = self.named_or_here(session.as_deref(), channel).await?;
                self.say_for_owner(&session, text, steer, &by).await
            }
            Ask::Cancel { channel } => said(self.control(channel, Input::Cancel).await?),
            Ask::Stop { channel } => said(self.control(channel, Input::Stop).await?),
            Ask::ContinueQueue { channel } => said(self.control(channel, Input::ContinueQueue).await?),
            Ask::Decide {
                channel,
                prompt,
                choice,
            } => said(self.control(channel, Input::Decide(prompt, choice)).await?),
            Ask::Launch { .. }
            | Ask::Write(_)
            | Ask::Edited { .. }
            | Ask::Deleted { .. }
            | Ask::Command { .. }
            | Ask::Complete
            | Ask::Attach
            | Ask::Dialog { .. } => Err(UserError::new("Only Discord can say that.").into()),
        }
    }

    /// The owner as a person: where only one person may use the bot, it is that one, and new threads show in their
    /// sidebar; otherwise the bot stands for them.
    pub(super) fn owner(&self) -> Person {
        let users = &self.deps.config.access.users;
        let only = users.first().filter(|_| users.len() == 1);
        Person {
            id: only.copied().unwrap_or(self.bot),
            // A program has no name.
            name: String::new(),
            roles: Vec::new(),
            is_bot: false,
            guild: Some(self.deps.config.guild),
        }
    }

    async fn found_for_owner(&self, ask: Ask, parent: ChannelId, by: &Person) -> Result<Outcome> {
        let founded = self.found_session(ask, parent, by).await?;
        let founded = founded.ok_or_else(|| anyhow::anyhow!("no session was made"))?;
        if let Some(prompt) = founded.prompt
            && let Some(prompt) = self.deps.store.prompt(prompt.id).await?
        {
            let session = self.session_here(founded.thread.channel()).await?;
            self.show(&session, &prompt.text).await?;
        }
        Ok(Outcome::Founded(founded))
    }

    async fn say_for_owner(
        &self,
        session: &Session,
        text: String,
        steer: bool,
        by: &Person,
    ) -> Result<Outcome> {
        let before = self.deps.store.open_prompts(&session.id).await?;
        let ahead = before
            .iter()
            .filter(|prompt| matches!(prompt.state, PromptState::Queued | PromptState::Running));
        let ahead = if steer { 0 } else { ahead.count() };
        self.show(session, &text).await?;
        let queued = self.add(session, text, steer, by).await?;
        let queued = queued.ok_or_else(|| anyhow::anyhow!("the prompt was not stored"))?;
        Ok(Outcome::Queued {
            prompt: queued.id,
            ahead,
        })
    }

    /// Whoever reads the thread sees what the answer that follows is about.
    async fn show(&self, session: &Session, text: &str) -> Result<()> {
        let Some(thread) = session.thread else {
            return Ok(());
        };
        let text = self.deps.redactor.redact(text).replace('\n', " ");
        let excerpt = escape(&clip(&text, 300));
        let draft = Draft::text(quiet(&format!("💬 By a program: {excerpt}"))).silently();
        let row = self.deps.outbox.post(thread.channel(), draft).await?;
        self.deps.outbox.seal(row).await
    }
}

#[expect(clippy::unnecessary_wraps, reason = "reads as the other ways to an outcome")]
fn said(answer: Answer) -> Result<Outcome> {
    Ok(Outcome::Said(match answer {
        Answer::Nothing => String::new(),
        Answer::Said(text) | Answer::Privately(text) => text,
        Answer::Shown(draft) => draft.content,
    }))
}
