//! What those need to know who look for what happened while nobody listened.

use anyhow::Result;

use super::messages::{Kind, kind};
use super::{Ingress, Written};
use crate::discord::draft::Draft;
use crate::discord::rest::FetchedEmoji;
use crate::ids::{ChannelId, MessageId, SessionId};
use crate::render::words;
use crate::session::Recheck;

impl Ingress {
    /// The gateway is back, perhaps without what happened meanwhile.
    pub async fn hearing(&self) -> Result<()> {
        let waiting = self.deps.store.sessions_that_wait().await?;
        self.deps.sessions.hearing(&waiting);
        Ok(())
    }

    /// What has to be looked at next.
    pub(crate) async fn next_recheck(&self) -> Recheck {
        self.deps.sessions.next_recheck().await
    }

    /// They do now.
    pub fn rechecked(&self, session: &SessionId) {
        self.deps.sessions.rechecked(session);
    }

    /// The messages of a session's waiting prompts, with where each is. The one that began the session is in the
    /// channel that its thread hangs in.
    pub async fn waiting_messages(&self, id: &SessionId) -> Result<Vec<(ChannelId, MessageId)>> {
        let Some(session) = self.deps.store.session(id).await? else {
            return Ok(Vec::new());
        };
        let messages = self.deps.store.waiting_messages(id).await?;
        let place = |message: MessageId| {
            let in_parent = session.origin == Some(message);
            let thread = session.thread.map(crate::ids::ThreadId::channel);
            let channel = if in_parent { Some(session.parent) } else { thread };
            Some((channel?, message))
        };
        Ok(messages.into_iter().filter_map(place).collect())
    }

    /// Whether a message says something else than the prompt that it is.
    pub async fn says_otherwise(&self, message: MessageId, text: &str) -> Result<bool> {
        let stored = self.deps.store.waiting_text(message).await?;
        Ok(stored.is_some_and(|stored| self.prompt_in(&stored) != self.prompt_in(text)))
    }

    /// Whether a message is for the command framework, which reads no messages that are fetched.
    #[must_use]
    pub fn is_command(&self, written: &Written) -> bool {
        let text = if written.mentions_bot {
            self.without_mention(&written.text)
        } else {
            written.text.clone()
        };
        matches!(kind(&text), Kind::Command)
    }

    /// A command was written while nobody listened. Carried out late it could hit something else than was meant.
    pub async fn command_missed(&self, channel: ChannelId, message: MessageId) {
        let ours = match self.is_ours(channel).await {
            Ok(ours) => ours,
            Err(error) => {
                tracing::error!("cannot answer a command that was missed: {error:#}");
                return;
            }
        };
        let said = Draft::text(words::command_missed());
        if ours && let Err(error) = self.reply_to(channel, message, said).await {
            tracing::error!("cannot answer a command that was missed: {error:#}");
        }
    }

    async fn is_ours(&self, channel: ChannelId) -> Result<bool> {
        let is_home = channel == self.deps.config.home_channel;
        Ok(is_home
            || self
                .deps
                .store
                .session_of_thread(channel.thread())
                .await?
                .is_some())
    }

    /// Where reactions launch.
    #[must_use]
    pub fn launch_channels(&self) -> Vec<ChannelId> {
        self.deps.config.launch.channels.iter().copied().collect()
    }

    /// Whether others than the author may launch a message.
    #[must_use]
    pub fn any_author_launches(&self) -> bool {
        self.deps.config.launch.any_author
    }

    /// Whether a reaction is the one that launches.
    #[must_use]
    pub fn is_launch_emoji(&self, emoji: &FetchedEmoji) -> bool {
        emoji.is(&self.deps.config.launch.emoji)
    }

    /// Whether a message is a launch, a prompt, or the beginning of a session.
    pub async fn is_known_message(&self, message: MessageId) -> Result<bool> {
        self.deps.store.is_known_message(message).await
    }

    /// The channels that were never seen before.
    pub async fn unseen_channels(&self) -> Result<Vec<ChannelId>> {
        let home = self.deps.config.home_channel;
        let mut unseen = Vec::new();
        for channel in self.launch_channels().into_iter().chain([home]) {
            let is_new = self.deps.store.fact(&since(channel)).await?.is_none();
            let is_unread = channel == home && self.deps.store.cursor(home).await?.is_none();
            if (is_new || is_unread) && !unseen.contains(&channel) {
                unseen.push(channel);
            }
        }
        Ok(unseen)
    }

    /// A channel counts from its newest message on, unless it counted before.
    pub async fn channel_seen(&self, channel: ChannelId, newest: Option<MessageId>) -> Result<()> {
        // A channel is older than its messages.
        let newest = newest.unwrap_or_else(|| channel.get().into());
        if channel == self.deps.config.home_channel && self.deps.store.cursor(channel).await?.is_none() {
            self.deps.store.advance_cursor(channel, newest).await?;
        }
        if self.deps.store.fact(&since(channel)).await?.is_none() {
            self.deps
                .store
                .set_fact(&since(channel), &newest.to_string())
                .await?;
        }
        Ok(())
    }

    /// The message after which launches in this channel count, or `None` where the channel was not seen before.
    pub async fn launches_since(
        &self,
        channel: ChannelId,
        newest: Option<MessageId>,
    ) -> Result<Option<MessageId>> {
        if let Some(since) = self.deps.store.fact(&since(channel)).await? {
            return Ok(since.parse().ok());
        }
        self.channel_seen(channel, newest).await?;
        Ok(None)
    }
}

/// The fact that says from where on launches in a channel count.
fn since(channel: ChannelId) -> String {
    format!("launches_since:{channel}")
}
