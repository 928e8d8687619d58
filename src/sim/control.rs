//! The hands of the people in the simulated Discord, and the levers of its operator.
//!
//! Each verb does what a person's client would let them do, and refuses what it would refuse.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::commands::Typed;
use super::interactions::kind;
use super::messages::Draft;
use super::rest::body::{Upload, safe_name};
use super::seen::{SeenButton, SeenMessage, SeenSelect};
use super::world::{Emoji, Interaction, Reference, World};
use super::{InteractionId, Sim};
use crate::ids::{ChannelId, MessageId, ThreadId, UserId};

/// Something that a person's client would not let them do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(String);

impl Refused {
    pub(crate) fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

/// A user, by name or id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// By name.
    Name(String),
    /// By id.
    Id(UserId),
}

impl From<&str> for Who {
    fn from(text: &str) -> Self {
        text.parse()
            .map_or_else(|_| Self::Name(text.trim_start_matches('@').to_owned()), Self::Id)
    }
}

impl From<UserId> for Who {
    fn from(id: UserId) -> Self {
        Self::Id(id)
    }
}

/// A channel or thread, by name or id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Where {
    /// By name.
    Name(String),
    /// By id.
    Id(ChannelId),
}

impl From<&str> for Where {
    fn from(text: &str) -> Self {
        text.parse()
            .map_or_else(|_| Self::Name(text.trim_start_matches('#').to_owned()), Self::Id)
    }
}

impl From<ChannelId> for Where {
    fn from(id: ChannelId) -> Self {
        Self::Id(id)
    }
}

impl From<ThreadId> for Where {
    fn from(id: ThreadId) -> Self {
        Self::Id(id.channel())
    }
}

/// A message that a person sends.
#[derive(Debug, Clone, Default)]
pub(crate) struct Saying<'a> {
    pub(crate) text: &'a str,
    pub(crate) files: &'a [(&'a str, &'a [u8])],
    pub(crate) reply_to: Option<MessageId>,
    pub(crate) ago: Duration,
}

impl World {
    pub(crate) fn find_user(&self, who: &Who) -> Result<UserId, Refused> {
        let found = match who {
            Who::Id(id) => self.users.get(id),
            Who::Name(name) => self.users.values().find(|user| user.name == *name),
        };
        found
            .map(|user| user.id)
            .ok_or_else(|| Refused::new(format!("there is no user {who:?}")))
    }

    pub(crate) fn find_channel(&self, channel: &Where) -> Result<ChannelId, Refused> {
        let found = match channel {
            Where::Id(id) => self.channels.get(id),
            Where::Name(name) => self.channels.values().find(|channel| channel.name == *name),
        };
        found
            .map(|channel| channel.id)
            .ok_or_else(|| Refused::new(format!("there is no channel {channel:?}")))
    }

    fn find_message(&self, id: MessageId) -> Result<&super::world::Message, Refused> {
        self.messages
            .get(&id)
            .ok_or_else(|| Refused::new(format!("there is no message {id}")))
    }

    pub(crate) fn say(
        &mut self,
        who: &Who,
        channel: &Where,
        saying: &Saying<'_>,
    ) -> Result<MessageId, Refused> {
        let (author, channel) = (self.find_user(who)?, self.find_channel(channel)?);
        if saying.text.trim().is_empty() && saying.files.is_empty() {
            return Err(Refused::new("an empty message cannot be sent"));
        }
        if saying.text.chars().count() > 2000 {
            return Err(Refused::new("a message has at most 2,000 characters"));
        }
        if self
            .channels
            .get(&channel)
            .and_then(|c| c.thread.as_ref())
            .is_some_and(|thread| thread.locked)
        {
            return Err(Refused::new("the thread is locked"));
        }
        let uploads = (0..)
            .zip(saying.files)
            .map(|(number, (name, bytes))| Upload {
                number,
                name: safe_name(name),
                content_type: content_type(name),
                bytes: bytes.to_vec().into(),
            })
            .collect();
        let mut draft = Draft::new(channel, author);
        draft.ago_ms = u64::try_from(saying.ago.as_millis()).unwrap_or(0);
        saying.text.trim().clone_into(&mut draft.message.content);
        draft.message.files = self.keep_files(channel, &Value::Null, uploads);
        if let Some(message) = saying.reply_to {
            self.find_message(message)?;
            draft.message.kind = 19;
            draft.message.reference = Some(Reference {
                channel,
                message: Some(message),
            });
        }
        draft.message.mentions = self.mentions(&draft.message, None);
        Ok(self.post(draft))
    }

    /// Starts an interaction and tells the bot.
    fn begin(&mut self, new: Interaction) -> InteractionId {
        let id = new.id;
        let data = self.interaction_json(&new);
        self.interactions.insert(id, new);
        self.emit("INTERACTION_CREATE", super::dispatch::intent::NONE, data);
        id
    }

    fn interaction(
        &mut self,
        user: UserId,
        channel: ChannelId,
        kind: u8,
        data: Value,
    ) -> Result<Interaction, Refused> {
        let guild = self.channels.get(&channel).map(|channel| channel.guild);
        let id = self.clock.next();
        Ok(Interaction {
            id: InteractionId::from(id),
            token: format!("sim-token-{id}"),
            kind,
            user,
            channel,
            guild: guild.ok_or_else(|| Refused::new("the channel is gone"))?,
            data,
            message: None,
            label: String::new(),
            created: Instant::now(),
            answer: None,
            original: None,
            followups: Vec::new(),
            modal: None,
            choices: Vec::new(),
        })
    }

    /// The message that a person may click on.
    fn clickable(&self, user: UserId, id: MessageId) -> Result<(ChannelId, SeenMessage), Refused> {
        let message = self.find_message(id)?;
        if message.visible_to.is_some_and(|viewer| viewer != user) {
            return Err(Refused::new(format!(
                "{} cannot see message {id}",
                self.name_of(user)
            )));
        }
        Ok((message.channel, self.seen(message)))
    }

    fn click(&mut self, who: &Who, id: MessageId, which: &str) -> Result<InteractionId, Refused> {
        let user = self.find_user(who)?;
        let (channel, message) = self.clickable(user, id)?;
        let button = message.button(which).ok_or_else(|| {
            let labels: Vec<&str> = message
                .buttons
                .iter()
                .map(|button| button.label.as_str())
                .collect();
            Refused::new(format!("message {id} has no button {which:?}, only {labels:?}"))
        })?;
        let SeenButton {
            label,
            custom_id,
            disabled,
            ..
        } = button;
        if *disabled || custom_id.is_empty() {
            return Err(Refused::new(format!("button {which:?} cannot be clicked")));
        }
        let data = json!({"custom_id": custom_id, "component_type": 2});
        let mut new = self.interaction(user, channel, kind::COMPONENT, data)?;
        new.message = Some(id);
        new.label = format!("click on [{label}]");
        Ok(self.begin(new))
    }

    fn select(
        &mut self,
        who: &Who,
        id: MessageId,
        which: &str,
        chosen: &[&str],
    ) -> Result<InteractionId, Refused> {
        let user = self.find_user(who)?;
        let (channel, message) = self.clickable(user, id)?;
        let select: &SeenSelect = message
            .selects
            .iter()
            .find(|select| select.custom_id == which || which.is_empty())
            .ok_or_else(|| Refused::new(format!("message {id} has no select {which:?}")))?;
        if select.disabled {
            return Err(Refused::new(format!("select {which:?} is disabled")));
        }
        let mut values = Vec::new();
        for choice in chosen {
            let option = select
                .options
                .iter()
                .find(|(label, value)| label == choice || value == choice);
            let (_, value) = option.ok_or_else(|| {
                Refused::new(format!(
                    "select {which:?} has no option {choice:?}: {:?}",
                    select.options
                ))
            })?;
            values.push(value.clone());
        }
        let data = json!({"custom_id": select.custom_id, "component_type": 3, "values": values});
        let mut new = self.interaction(user, channel, kind::COMPONENT, data)?;
        new.message = Some(id);
        new.label = format!("choice of {chosen:?}");
        Ok(self.begin(new))
    }

    fn submit(
        &mut self,
        who: &Who,
        of: InteractionId,
        given: &[(&str, &str)],
    ) -> Result<InteractionId, Refused> {
        let user = self.find_user(who)?;
        let opened = self.interactions.get(&of).filter(|opened| opened.user == user);
        let (modal, channel, message) = opened
            .and_then(|opened| Some((opened.modal.clone()?, opened.channel, opened.message)))
            .ok_or_else(|| Refused::new("no modal is open"))?;
        let mut rows = Vec::new();
        let mut known = Vec::new();
        for row in modal
            .get("components")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            for input in row
                .get("components")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
            {
                let id = input.get("custom_id").and_then(Value::as_str).unwrap_or_default();
                let value = filled(
                    input,
                    given.iter().find(|(key, _)| *key == id).map(|(_, value)| *value),
                )?;
                known.push(id);
                rows.push(json!({"type": 1, "components": [{"type": 4, "custom_id": id, "value": value}]}));
            }
        }
        if let Some((key, _)) = given.iter().find(|(key, _)| !known.contains(key)) {
            return Err(Refused::new(format!(
                "the modal has no input {key:?}, only {known:?}"
            )));
        }
        let data = json!({"custom_id": modal.get("custom_id"), "components": rows});
        let mut new = self.interaction(user, channel, kind::MODAL, data)?;
        new.message = message;
        new.label = "a modal".to_owned();
        Ok(self.begin(new))
    }
}

/// What stands in an input of a modal when it is sent.
fn filled(input: &Value, given: Option<&str>) -> Result<String, Refused> {
    let bound = |key: &str| input.get(key).and_then(Value::as_u64);
    let prefilled = input.get("value").and_then(Value::as_str).unwrap_or_default();
    let value = given.unwrap_or(prefilled);
    let count = value.chars().count() as u64;
    let required = input.get("required").and_then(Value::as_bool).unwrap_or(true);
    if required && count == 0 {
        return Err(Refused::new(format!(
            "an input of the modal is required: {input}"
        )));
    }
    if count > bound("max_length").unwrap_or(4000) || (count > 0 && count < bound("min_length").unwrap_or(0))
    {
        return Err(Refused::new(format!(
            "an input of the modal has {count} characters: {input}"
        )));
    }
    Ok(value.to_owned())
}

fn content_type(name: &str) -> Option<String> {
    let kind = match name.rsplit_once('.')?.1 {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "txt" | "log" | "md" | "rs" => "text/plain; charset=utf-8",
        "json" => "application/json; charset=utf-8",
        "pdf" => "application/pdf",
        _ => return None,
    };
    Some(kind.to_owned())
}

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
                ago,
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
    fn watched(&self, begun: Result<InteractionId, Refused>) -> Result<InteractionId, Refused> {
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
                }
            });
        });
        Ok(id)
    }
}
