//! Makes what a person sees out of the world.

use serde_json::Value;

use super::seen::{
    Reply, SeenAttachment, SeenButton, SeenCommand, SeenInput, SeenMessage, SeenModal, SeenOption,
    SeenReaction, SeenSelect, SeenThread,
};
use super::world::{Interaction, Message, World, flag};
use crate::ids::{ChannelId, UserId};

fn text(value: &Value, key: &str) -> String {
    match value.get(key) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    }
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value
        .get(key)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// Every component of a kind, wherever it is nested.
pub(crate) fn find_components(components: &[Value], fits: &dyn Fn(u64) -> bool) -> Vec<Value> {
    let mut found = Vec::new();
    for component in components {
        let kind = component.get("type").and_then(Value::as_u64).unwrap_or(0);
        if fits(kind) {
            found.push(component.clone());
        }
        found.extend(find_components(list(component, "components"), fits));
        if let Some(accessory) = component.get("accessory") {
            found.extend(find_components(std::slice::from_ref(accessory), fits));
        }
    }
    found
}

fn button(value: &Value) -> SeenButton {
    SeenButton {
        label: text(value, "label"),
        emoji: value
            .get("emoji")
            .map(|emoji| text(emoji, "name"))
            .unwrap_or_default(),
        custom_id: text(value, "custom_id"),
        style: value.get("style").and_then(Value::as_u64).unwrap_or(0),
        url: value.get("url").and_then(Value::as_str).map(str::to_owned),
        disabled: value.get("disabled") == Some(&Value::Bool(true)),
    }
}

fn option(value: &Value) -> SeenOption {
    SeenOption {
        label: text(value, "label"),
        value: text(value, "value"),
        description: text(value, "description"),
        chosen: value.get("default") == Some(&Value::Bool(true)),
    }
}

fn select(value: &Value) -> SeenSelect {
    let bound = |key: &str| {
        value
            .get(key)
            .and_then(Value::as_u64)
            .and_then(|count| usize::try_from(count).ok())
            .unwrap_or(1)
    };
    let options = list(value, "options").iter();
    SeenSelect {
        custom_id: text(value, "custom_id"),
        options: options.map(option).collect(),
        least: bound("min_values"),
        most: bound("max_values"),
        placeholder: text(value, "placeholder"),
        disabled: value.get("disabled") == Some(&Value::Bool(true)),
    }
}

impl World {
    pub(crate) fn name_of(&self, user: UserId) -> String {
        self.users
            .get(&user)
            .map_or_else(|| user.to_string(), |user| user.name.clone())
    }

    fn names_of(&self, users: &[UserId]) -> Vec<String> {
        users.iter().map(|user| self.name_of(*user)).collect()
    }

    pub(crate) fn seen(&self, message: &Message) -> SeenMessage {
        let url = |id: u64, name: &str| format!("{}/attachments/{}/{id}/{name}", self.base, message.channel);
        let files = message.files.iter().map(|file| SeenAttachment {
            name: file.name.clone(),
            url: url(file.id, &file.name),
            content_type: file.content_type.clone(),
            size: file.bytes.len(),
            bytes: file.bytes.clone(),
        });
        let reactions = message.reactions.iter().map(|reacted| SeenReaction {
            emoji: reacted.emoji.to_string(),
            users: self.names_of(&reacted.users),
        });
        let author = match &message.webhook {
            Some((_, name)) => name.clone(),
            None => self.name_of(message.author),
        };
        SeenMessage {
            id: message.id,
            channel: message.channel,
            at_ms: message.id.created_at_ms(),
            author,
            author_id: message.author,
            by_bot: message.author == self.bot,
            content: message.content.clone(),
            embeds: message.embeds.clone(),
            components: message.components.clone(),
            buttons: find_components(&message.components, &|kind| kind == 2)
                .iter()
                .map(button)
                .collect(),
            selects: find_components(&message.components, &|kind| matches!(kind, 3 | 5..=8))
                .iter()
                .map(select)
                .collect(),
            attachments: files.collect(),
            reactions: reactions.collect(),
            pinned: message.pinned,
            edited: message.edited.is_some(),
            silent: message.flags & flag::SUPPRESS_NOTIFICATIONS != 0,
            flags: message.flags,
            kind: message.kind,
            notified: self.names_of(&message.mentions.notified),
            reply_to: message
                .reference
                .as_ref()
                .filter(|_| matches!(message.kind, 6 | 19 | 21))
                .and_then(|to| to.message),
            thread: message
                .reference
                .as_ref()
                .filter(|_| message.kind == 18)
                .map(|to| to.channel),
            answers: self.command_of(message),
            only_for: message.visible_to.map(|user| self.name_of(user)),
            thinking: message.flags & flag::LOADING != 0,
        }
    }

    /// The command that a message answers.
    fn command_of(&self, message: &Message) -> Option<SeenCommand> {
        let asked = self.interactions.get(&message.interaction?)?;
        (message.kind == 20).then(|| SeenCommand {
            user: self.name_of(asked.user),
            name: asked.label.clone(),
        })
    }

    /// What people wrote in a channel, and the bot, oldest first.
    pub(crate) fn seen_messages(&self, channel: ChannelId) -> Vec<SeenMessage> {
        let ids = self
            .channels
            .get(&channel)
            .map_or(&[][..], |channel| channel.messages.as_slice());
        ids.iter()
            .filter_map(|id| self.messages.get(id))
            .filter(|message| matches!(message.kind, 0 | 19 | 20))
            .map(|message| self.seen(message))
            .collect()
    }

    pub(crate) fn seen_thread(&self, id: ChannelId) -> Option<SeenThread> {
        let channel = self.channels.get(&id)?;
        let thread = channel.thread.as_ref()?;
        let members: Vec<UserId> = thread.members.keys().copied().collect();
        Some(SeenThread {
            id: id.thread(),
            name: channel.name.clone(),
            parent: thread.parent,
            archived: thread.archived,
            locked: thread.locked,
            members: self.names_of(&members),
            messages: self.seen_messages(id),
        })
    }

    pub(crate) fn seen_reply(&self, interaction: &Interaction) -> Reply {
        let original = interaction.original.and_then(|id| self.messages.get(&id));
        let followups = interaction
            .followups
            .iter()
            .filter_map(|id| self.messages.get(id));
        let late = interaction.created.elapsed() > self.config.ack_window;
        let choices = interaction
            .choices
            .iter()
            .map(|choice| (text(choice, "name"), text(choice, "value")));
        Reply {
            interaction: interaction.id,
            answered: interaction.answer.is_some(),
            failed: interaction.answer.is_none() && late,
            deferred: original.is_some_and(|message| message.flags & flag::LOADING != 0),
            ephemeral: original.is_some_and(|message| message.visible_to.is_some()),
            message: original.map(|message| self.seen(message)),
            followups: followups.map(|message| self.seen(message)).collect(),
            modal: interaction.modal.as_ref().map(seen_modal),
            choices: choices.collect(),
        }
    }
}

fn seen_modal(data: &Value) -> SeenModal {
    let inputs = find_components(list(data, "components"), &|kind| kind == 4);
    let input = |value: &Value| SeenInput {
        custom_id: text(value, "custom_id"),
        label: text(value, "label"),
        value: text(value, "value"),
        placeholder: text(value, "placeholder"),
        paragraph: value.get("style").and_then(Value::as_u64) == Some(2),
        required: value.get("required") != Some(&Value::Bool(false)),
        most: value.get("max_length").and_then(Value::as_u64).unwrap_or(4000),
    };
    SeenModal {
        title: text(data, "title"),
        custom_id: text(data, "custom_id"),
        inputs: inputs.iter().map(input).collect(),
    }
}
