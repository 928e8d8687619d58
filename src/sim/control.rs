//! The hands of the people in the simulated Discord, and the levers of its operator.
//!
//! Each verb does what a person's client would let them do, and refuses what it would refuse.

use std::time::Duration;

use serde_json::json;

use super::commands::Typed;
use super::draft::When;
use super::hands::Saying;
use super::interactions::kind;
use super::names::{Refused, Where, Who};
use super::threads::NewThread;
use super::world::Emoji;
use super::{InteractionId, Sim};
use crate::ids::{MessageId, ThreadId};

/// What people do.
impl Sim {
    /// Writes a message.
    pub fn say(
        &self,
        user: impl Into<Who>,
        channel: impl Into<Where>,
        text: &str,
    ) -> Result<MessageId, Refused> {
        self.say_more(
            &user.into(),
            &channel.into(),
            &Saying {
                text,
                ..Saying::default()
            },
        )
    }

    /// Writes a message with files, given as name and content.
    pub fn say_with_files(
        &self,
        user: impl Into<Who>,
        channel: impl Into<Where>,
        text: &str,
        files: &[(&str, &[u8])],
    ) -> Result<MessageId, Refused> {
        self.say_more(
            &user.into(),
            &channel.into(),
            &Saying {
                text,
                files,
                ..Saying::default()
            },
        )
    }

    /// Writes a message that carries a time in the past.
    pub fn say_ago(
        &self,
        user: impl Into<Who>,
        channel: impl Into<Where>,
        text: &str,
        ago: Duration,
    ) -> Result<MessageId, Refused> {
        self.say_more(
            &user.into(),
            &channel.into(),
            &Saying {
                text,
                when: When::Ago(u64::try_from(ago.as_millis()).unwrap_or(u64::MAX)),
                ..Saying::default()
            },
        )
    }

    /// Writes a message at a time in the past, in unix milliseconds. The same time gives the same id.
    pub fn say_at(
        &self,
        user: impl Into<Who>,
        channel: impl Into<Where>,
        text: &str,
        at_ms: i64,
    ) -> Result<MessageId, Refused> {
        self.say_more(
            &user.into(),
            &channel.into(),
            &Saying {
                text,
                when: When::At(at_ms),
                ..Saying::default()
            },
        )
    }

    /// Replies to a message, which pings its author.
    pub fn say_in_reply(
        &self,
        user: impl Into<Who>,
        to: MessageId,
        text: &str,
    ) -> Result<MessageId, Refused> {
        let channel = self
            .shared
            .look(|world| world.find_message(to).map(|message| message.channel))?;
        let reply_to = Some(to);
        self.say_more(
            &user.into(),
            &channel.into(),
            &Saying {
                text,
                reply_to,
                ..Saying::default()
            },
        )
    }

    pub(crate) fn say_more(
        &self,
        who: &Who,
        channel: &Where,
        saying: &Saying<'_>,
    ) -> Result<MessageId, Refused> {
        self.shared.change(|world| world.say(who, channel, saying))
    }

    /// Begins to write, which bots are told too.
    pub fn type_in(&self, user: impl Into<Who>, channel: impl Into<Where>) -> Result<(), Refused> {
        let (user, channel) = (user.into(), channel.into());
        self.shared.change(|world| {
            let (user, channel) = (world.find_user(&user)?, world.find_channel(&channel)?);
            world.announce_typing(user, channel);
            Ok(())
        })
    }

    /// Edits one's own message.
    pub fn edit(&self, user: impl Into<Who>, message: MessageId, text: &str) -> Result<(), Refused> {
        let user = user.into();
        self.shared.change(|world| {
            let user = world.find_user(&user)?;
            if world.find_message(message)?.author != user {
                return Err(Refused::new("only its author can edit a message"));
            }
            world.edit(message, &json!({"content": text}), Vec::new());
            Ok(())
        })
    }

    /// Sends the update that a link preview causes: nothing was edited.
    pub fn unfurl(&self, message: MessageId) -> Result<(), Refused> {
        self.shared.change(|world| {
            world.find_message(message)?;
            world.announce_edit(message);
            Ok(())
        })
    }

    /// Deletes a message, as its author or as a moderator.
    pub fn delete(&self, message: MessageId) -> Result<(), Refused> {
        self.shared.change(|world| {
            world.find_message(message)?;
            world.delete_message(message);
            Ok(())
        })
    }

    /// Adds a reaction.
    pub fn react(&self, user: impl Into<Who>, message: MessageId, emoji: &str) -> Result<(), Refused> {
        let user = user.into();
        self.shared.change(|world| {
            let user = world.find_user(&user)?;
            world.find_message(message)?;
            world.react(message, user, &Emoji::parse(emoji));
            Ok(())
        })
    }

    /// Takes a reaction back.
    pub fn unreact(&self, user: impl Into<Who>, message: MessageId, emoji: &str) -> Result<(), Refused> {
        let user = user.into();
        self.shared.change(|world| {
            let user = world.find_user(&user)?;
            if world.unreact(message, user, &Emoji::parse(emoji)) {
                Ok(())
            } else {
                Err(Refused::new("that reaction is not there"))
            }
        })
    }

    /// Pins or unpins a message.
    pub fn pin(&self, user: impl Into<Who>, message: MessageId, pinned: bool) -> Result<(), Refused> {
        let user = user.into();
        self.shared.change(|world| {
            let user = world.find_user(&user)?;
            world.find_message(message)?;
            world.set_pinned(message, user, pinned);
            Ok(())
        })
    }

    /// Starts a thread on a message.
    pub fn start_thread(&self, user: impl Into<Who>, on: MessageId, name: &str) -> Result<ThreadId, Refused> {
        let user = user.into();
        self.shared.change(|world| {
            let new = NewThread {
                parent: world.find_message(on)?.channel,
                message: Some(on),
                name: name.to_owned(),
                owner: world.find_user(&user)?,
                private: false,
                archive_after: 1440,
            };
            let thread = world
                .create_thread(&new)
                .map_err(|error| Refused::new(error.message))?;
            Ok(thread.thread())
        })
    }

    /// Runs a slash command: `slash("alice", "home", "omp new", &[("topic", "x")])`.
    pub fn slash(
        &self,
        user: impl Into<Who>,
        channel: impl Into<Where>,
        command: &str,
        options: &[(&str, &str)],
    ) -> Result<InteractionId, Refused> {
        self.command(&user.into(), &channel.into(), command, options, None)
    }

    /// Types in the last of the options, which asks the bot for choices.
    pub fn autocomplete(
        &self,
        user: impl Into<Who>,
        channel: impl Into<Where>,
        command: &str,
        options: &[(&str, &str)],
    ) -> Result<InteractionId, Refused> {
        let focused = options.last().map(|(name, _)| *name);
        self.command(&user.into(), &channel.into(), command, options, focused)
    }

    fn command(
        &self,
        who: &Who,
        channel: &Where,
        words: &str,
        options: &[(&str, &str)],
        focused: Option<&str>,
    ) -> Result<InteractionId, Refused> {
        let begun = self.shared.change(|world| {
            let (user, channel) = (world.find_user(who)?, world.find_channel(channel)?);
            let guild = world
                .channels
                .get(&channel)
                .map_or(world.home_guild, |channel| channel.guild);
            let typed = Typed {
                guild,
                words,
                options,
                focused,
            };
            let data = typed.data(world)?;
            let kind = if focused.is_some() {
                kind::AUTOCOMPLETE
            } else {
                kind::COMMAND
            };
            let mut new = world.interaction(user, channel, kind, data)?;
            new.label = format!("/{words}");
            Ok(world.begin(new))
        });
        self.watched(begun)
    }

    /// Clicks a button, by its label or `custom_id`.
    pub fn click(
        &self,
        user: impl Into<Who>,
        message: MessageId,
        button: &str,
    ) -> Result<InteractionId, Refused> {
        let user = user.into();
        self.watched(self.shared.change(|world| world.click(&user, message, button)))
    }

    /// Chooses from a select menu, by labels or values. An empty `custom_id` takes the first menu.
    pub fn select(
        &self,
        user: impl Into<Who>,
        message: MessageId,
        custom_id: &str,
        chosen: &[&str],
    ) -> Result<InteractionId, Refused> {
        let user = user.into();
        self.watched(
            self.shared
                .change(|world| world.select(&user, message, custom_id, chosen)),
        )
    }

    /// Fills in and sends the modal that an interaction opened. What is not given keeps its prefill.
    pub fn submit_modal(
        &self,
        user: impl Into<Who>,
        opened_by: InteractionId,
        inputs: &[(&str, &str)],
    ) -> Result<InteractionId, Refused> {
        let user = user.into();
        self.watched(self.shared.change(|world| world.submit(&user, opened_by, inputs)))
    }

    /// Complains when the bot does not answer in time, which also wakes who waits for the answer.
    pub(super) fn watched(&self, begun: Result<InteractionId, Refused>) -> Result<InteractionId, Refused> {
        let id = begun?;
        let shared = std::sync::Arc::clone(&self.shared);
        let window = shared.look(|world| world.config.ack_window);
        self.shared.tracker.spawn(async move {
            tokio::select! {
                () = shared.shutdown.cancelled() => return,
                () = tokio::time::sleep(window + Duration::from_millis(5)) => {}
            }
            shared.change(|world| {
                let unanswered = world.interactions.get(&id).filter(|one| one.answer.is_none());
                if let Some(label) = unanswered.map(|one| one.label.clone()) {
                    world.complain(format!("{label} was not answered within {window:?}"));
                    world.interactions.touch(&id);
                }
            });
        });
        Ok(id)
    }
}
