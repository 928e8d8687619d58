//! Messages: prompts of a thread's session, steering, edits and deletions, mentions in the home channel.

use anyhow::Result;

use super::auth::Person;
use super::{Answer, Ingress, Written};
use crate::discord::draft::Draft;
use crate::discord::outbox::Act;
use crate::error::UserError;
use crate::ids::{ChannelId, MessageId};
use crate::render::redact::Redactor;
use crate::render::text::{clip, escape, quiet};
use crate::render::words;
use crate::session::state::Input;
use crate::status::PromptSource;
use crate::store::prompts::{NewPrompt, OpenPrompt, PromptState};
use crate::store::sessions::{Session, SessionPhase};

/// What the first word of a message makes of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind<'a> {
    /// `!omp …`: the command framework answers it.
    Command,
    /// `!…`: for the running turn.
    Steer(&'a str),
    /// Anything else.
    Prompt(&'a str),
}

pub(super) fn kind(text: &str) -> Kind<'_> {
    let text = text.trim();
    let bang = text.strip_prefix('!');
    // The command framework allows a space after its sign: what it takes must not be steered as well.
    if bang
        .and_then(|rest| rest.split_whitespace().next())
        .is_some_and(|word| word.eq_ignore_ascii_case("omp"))
    {
        return Kind::Command;
    }
    match bang {
        Some(rest) if !rest.trim().is_empty() => Kind::Steer(rest.trim_start()),
        _ => Kind::Prompt(text),
    }
}

/// How a prompt begins. A secret must be whole to be recognised, so it is taken out before anything is cut.
fn excerpt(redactor: &Redactor, text: &str) -> String {
    escape(&clip(&redactor.redact(text).replace('\n', " "), 200))
}

impl Ingress {
    /// A person wrote a message.
    pub(super) async fn write(&self, written: Written, by: &Person) -> Result<Answer> {
        let (channel, message) = (written.channel, written.message);
        let session = self.deps.store.session_of_thread(channel.thread()).await?;
        let is_home = channel == self.deps.config.home_channel;
        match session {
            Some(session) => self.write_in_thread(&session, written, by).await?,
            None if is_home && written.mentions_bot => {
                self.mention(written, by).await?;
            }
            None => {}
        }
        if is_home {
            self.deps.store.advance_cursor(channel, message).await?;
        }
        Ok(Answer::Nothing)
    }

    async fn write_in_thread(&self, session: &Session, written: Written, by: &Person) -> Result<()> {
        let (channel, message) = (written.channel, written.message);
        self.deps.sessions.wrote(channel);
        let ended = matches!(session.phase, SessionPhase::Stopped | SessionPhase::Failed);
        if ended && !matches!(kind(&written.text), Kind::Command) {
            return self
                .hint(channel, words::over(session.agent_session.is_some()))
                .await;
        }
        let (text, steer) = match kind(&written.text) {
            Kind::Command => return self.deps.store.advance_cursor(channel, message).await,
            Kind::Steer(text) => (text, true),
            Kind::Prompt(text) => (text, false),
        };
        if matches!(text, "" | "!") && written.attachments.is_empty() {
            self.without_content(&written).await?;
            return self.deps.store.advance_cursor(channel, message).await;
        }
        let state = if written.late {
            PromptState::Asking
        } else {
            PromptState::Queued
        };
        let prompt = NewPrompt {
            message: Some(message),
            author: by.id,
            author_name: by.called(),
            text: text.to_owned(),
            attachments: written.attachments,
            state,
        };
        if let Some(added) = self
            .deps
            .store
            .add_prompt(&session.id, Some(channel), &prompt)
            .await?
        {
            self.deps.host.metrics().prompt_received(PromptSource::Message);
            let input = if steer && !written.late {
                Input::Steer(added)
            } else {
                Input::Prompt(added)
            };
            self.deps.sessions.send(&session.id, input);
        }
        Ok(())
    }

    /// A message in which nothing can be read: usually the Message Content intent is off. Said once.
    /// An exclamation mark with nothing after it gets a question mark: there is nothing to steer with.
    async fn without_content(&self, written: &Written) -> Result<()> {
        if written.text.trim() == "!" {
            let (message, emoji) = (written.message, "❓".to_owned());
            return self
                .deps
                .outbox
                .act(written.channel, Act::React { message, emoji })
                .await;
        }
        if !written.has_other && written.text.is_empty() && self.first_without_content() {
            self.hint(
                written.channel,
                "Your message arrived without its text. Switch on **Message Content Intent** at discord.com/developers/applications → Bot, then restart ompcord",
            )
            .await?;
        }
        Ok(())
    }

    async fn hint(&self, channel: ChannelId, text: &str) -> Result<()> {
        let row = self
            .deps
            .outbox
            .post(channel, Draft::text(quiet(text)).silently())
            .await?;
        self.deps.outbox.seal(row).await
    }

    /// A message in the home channel that mentions the bot starts a session.
    async fn mention(&self, written: Written, by: &Person) -> Result<()> {
        let text = self.without_mention(&written.text);
        if matches!(kind(&text), Kind::Command) {
            return Ok(());
        }
        if text.is_empty() && written.attachments.is_empty() {
            return self
                .hint(
                    written.channel,
                    "Mention me with something to do, or use `/omp new`",
                )
                .await;
        }
        self.begin_on_message(Written { text, ..written }, by, PromptSource::Message)
            .await
    }

    /// What was written to the bot, without its own name.
    pub(super) fn without_mention(&self, text: &str) -> String {
        let mention = [format!("<@{}>", self.bot), format!("<@!{}>", self.bot)];
        let text = mention
            .iter()
            .fold(text.to_owned(), |text, m| text.replace(m, " "));
        text.trim().to_owned()
    }

    pub(super) async fn edited(&self, channel: ChannelId, message: MessageId, text: &str) -> Result<Answer> {
        let text = self.prompt_in(text);
        let store = &self.deps.store;
        let is_prompt = match text.as_deref() {
            Some("") => store.waiting_has_files(message).await?,
            Some(_) => true,
            None => false,
        };
        let outbox = &self.deps.outbox;
        if is_prompt {
            let changed = store.edit_waiting(message, &text.unwrap_or_default()).await?;
            if changed.is_none() {
                return Ok(Answer::Nothing);
            }
        } else {
            // A message that became a command, or nothing, is no prompt any more.
            let Some((session, prompt)) = store.drop_waiting(message).await? else {
                return Ok(Answer::Nothing);
            };
            self.deps.sessions.send(&session, Input::Dropped(prompt));
            let emoji = "📥".to_owned();
            outbox.act(channel, Act::Unreact { message, emoji }).await?;
        }
        let emoji = "✏️".to_owned();
        outbox.act(channel, Act::React { message, emoji }).await?;
        Ok(Answer::Nothing)
    }

    /// What a message asks of the agent; `None` where it is a command.
    pub(super) fn prompt_in(&self, text: &str) -> Option<String> {
        let text = self.without_mention(text);
        match kind(&text) {
            Kind::Command => None,
            Kind::Prompt("!") => Some(String::new()),
            Kind::Steer(text) | Kind::Prompt(text) => Some(text.to_owned()),
        }
    }

    pub(super) async fn deleted(&self, message: MessageId) -> Result<Answer> {
        if let Some((session, prompt)) = self.deps.store.drop_waiting(message).await? {
            self.deps.sessions.send(&session, Input::Dropped(prompt));
        }
        self.question_deleted(message).await?;
        Ok(Answer::Nothing)
    }

    /// Makes a prompt that comes in no message durable, and hands it on.
    pub(super) async fn add(
        &self,
        session: &Session,
        text: String,
        steer: bool,
        by: &Person,
    ) -> Result<Option<OpenPrompt>> {
        if text.trim().is_empty() {
            return Err(UserError::new("There is nothing to say in that.").into());
        }
        let prompt = NewPrompt::by_command(by.id, by.called(), text);
        let added = self.deps.store.add_prompt(&session.id, None, &prompt).await?;
        if let Some(added) = added {
            self.deps.host.metrics().prompt_received(by.means());
            let input = if steer {
                Input::Steer(added)
            } else {
                Input::Prompt(added)
            };
            self.deps.sessions.send(&session.id, input);
        }
        Ok(added)
    }

    /// A prompt by command: it comes in no message.
    pub(super) async fn say(
        &self,
        session: &Session,
        text: String,
        steer: bool,
        by: &Person,
    ) -> Result<Answer> {
        let excerpt = excerpt(&self.deps.redactor, &text);
        self.add(session, text, steer, by).await?;
        let to = session
            .thread
            .map(|thread| format!(" to <#{thread}>"))
            .unwrap_or_default();
        Ok(Answer::Said(format!(
            "{}{to}: {excerpt}",
            if steer { "🧭 Steering" } else { "💬 Said" }
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_secret_is_not_published() {
        let secret = "correct-horse-battery-staple-0123456789";
        let redactor = Redactor::new([("PASSWORD", secret.to_owned())]);
        for before in [150, 175, 199] {
            let text = format!("{} {secret} after", "x".repeat(before));
            let said = excerpt(&redactor, &text);
            assert!(!said.contains("corr"), "{said}");
        }
    }

    #[test]
    fn the_first_word_says_what_a_message_is() {
        assert_eq!(kind("fix it"), Kind::Prompt("fix it"));
        assert_eq!(
            kind(" !use the other file\nplease "),
            Kind::Steer("use the other file\nplease")
        );
        assert_eq!(kind("!omp cancel"), Kind::Command);
        assert_eq!(kind("!OMP"), Kind::Command);
        assert_eq!(kind("! omp cancel"), Kind::Command);
        assert_eq!(kind("!ompcord is nice"), Kind::Steer("ompcord is nice"));
        assert_eq!(kind("!"), Kind::Prompt("!"));
        assert_eq!(kind("no !omp here"), Kind::Prompt("no !omp here"));
    }
}
