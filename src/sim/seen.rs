//! What a person in front of Discord would see, and what the bot asked for to get there.

use std::time::Duration;

use axum::body::Bytes;
use serde::Serialize;
use serde_json::Value;

use super::world::{Interaction, InteractionId, Message, World, flag};
use crate::ids::{ChannelId, MessageId, ThreadId, UserId};

/// A request that the bot made.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RestCall {
    /// When it came, in unix milliseconds.
    pub at_ms: i64,
    /// The HTTP method.
    pub method: String,
    /// The route's pattern, such as `/channels/{channel}/messages`; empty where there is none.
    pub route: String,
    /// The path below `/api/v10`.
    pub path: String,
    /// The status, once it was answered.
    pub status: Option<u16>,
    /// How long the answer took.
    pub wait: Duration,
}

/// A file on a message.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeenAttachment {
    /// Its name.
    pub name: String,
    /// Where it can be downloaded.
    pub url: String,
    /// Its content type, where it was given.
    pub content_type: Option<String>,
    /// How many bytes it has.
    pub size: usize,
    /// What is in it.
    #[serde(skip)]
    pub bytes: Bytes,
}

impl SeenAttachment {
    /// The file as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// Who reacted with what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SeenReaction {
    /// The emoji: itself, or `name:id`.
    pub emoji: String,
    /// The names of those who reacted.
    pub users: Vec<String>,
}

/// A button on a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SeenButton {
    /// Its label.
    pub label: String,
    /// What a click sends; empty for a link.
    pub custom_id: String,
    /// 1 primary, 2 secondary, 3 success, 4 danger, 5 link.
    pub style: u64,
    /// Where a link leads.
    pub url: Option<String>,
    /// Whether it can be clicked.
    pub disabled: bool,
}

/// A select menu on a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SeenSelect {
    /// What a choice sends.
    pub custom_id: String,
    /// Label and value of each option.
    pub options: Vec<(String, String)>,
    /// Shown while nothing is chosen.
    pub placeholder: String,
    /// Whether it can be used.
    pub disabled: bool,
}

/// A message as a person sees it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeenMessage {
    /// Its id.
    pub id: MessageId,
    /// Where it is.
    pub channel: ChannelId,
    /// The author's name.
    pub author: String,
    /// The author.
    pub author_id: UserId,
    /// Whether the bot under test wrote it.
    pub by_bot: bool,
    /// Its text.
    pub content: String,
    /// Its embeds as sent.
    pub embeds: Vec<Value>,
    /// Its components as sent.
    pub components: Vec<Value>,
    /// Its buttons, in order.
    pub buttons: Vec<SeenButton>,
    /// Its select menus, in order.
    pub selects: Vec<SeenSelect>,
    /// Its files.
    pub attachments: Vec<SeenAttachment>,
    /// Its reactions.
    pub reactions: Vec<SeenReaction>,
    /// Whether it is pinned.
    pub pinned: bool,
    /// Whether it was edited.
    pub edited: bool,
    /// Whether it was sent without a notification.
    pub silent: bool,
    /// Its flags.
    pub flags: u64,
    /// Its type: 0 ordinary, 19 reply, 20 answer to a command; others are the system's.
    pub kind: u8,
    /// The names of those whom it pings.
    pub notified: Vec<String>,
    /// The message that it replies to.
    pub reply_to: Option<MessageId>,
    /// The only one who sees it.
    pub only_for: Option<String>,
    /// Whether it still says that the bot is thinking.
    pub thinking: bool,
}

impl SeenMessage {
    /// All of its words: text, embeds and text components, one piece a line.
    #[must_use]
    pub fn words(&self) -> String {
        let mut pieces = vec![self.content.clone()];
        for value in self.embeds.iter().chain(&self.components) {
            collect_words(value, &mut pieces);
        }
        pieces.retain(|piece| !piece.is_empty());
        pieces.join("\n")
    }

    /// The button with this label or `custom_id`.
    #[must_use]
    pub fn button(&self, which: &str) -> Option<&SeenButton> {
        let mut buttons = self.buttons.iter();
        buttons.find(|button| button.custom_id == which || button.label == which)
    }
}

fn collect_words(value: &Value, pieces: &mut Vec<String>) {
    const WORDS: [&str; 6] = ["title", "description", "name", "value", "text", "content"];
    match value {
        Value::Array(list) => list.iter().for_each(|item| collect_words(item, pieces)),
        Value::Object(fields) => {
            for key in WORDS {
                if let Some(text) = fields.get(key).and_then(Value::as_str) {
                    pieces.push(text.to_owned());
                }
            }
            for key in ["author", "fields", "footer", "components"] {
                if let Some(inner) = fields.get(key) {
                    collect_words(inner, pieces);
                }
            }
        }
        _ => {}
    }
}

/// A channel that is no thread.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SeenChannel {
    /// Its id.
    pub id: ChannelId,
    /// Its name.
    pub name: String,
    /// The name of its guild.
    pub guild: String,
}

/// A thread as a person sees it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeenThread {
    /// Its id.
    pub id: ThreadId,
    /// Its name.
    pub name: String,
    /// The channel that it is in.
    pub parent: ChannelId,
    /// Whether it is archived.
    pub archived: bool,
    /// Whether it is locked.
    pub locked: bool,
    /// The names of its members.
    pub members: Vec<String>,
    /// Its messages, oldest first, without the system's.
    pub messages: Vec<SeenMessage>,
}

/// A modal that is open in front of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SeenModal {
    /// Its title.
    pub title: String,
    /// Its `custom_id`.
    pub custom_id: String,
    /// `custom_id`, label and prefilled text of each input.
    pub inputs: Vec<(String, String, String)>,
}

/// What came of an interaction.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reply {
    /// The interaction.
    pub interaction: InteractionId,
    /// Whether the bot answered at all.
    pub answered: bool,
    /// Whether the person reads "The application did not respond".
    pub failed: bool,
    /// Whether it still says that the bot is thinking.
    pub deferred: bool,
    /// Whether only the person who asked sees the answer.
    pub ephemeral: bool,
    /// The answer: the message that was sent, or the one that was updated.
    pub message: Option<SeenMessage>,
    /// What was sent after it.
    pub followups: Vec<SeenMessage>,
    /// The modal that it opened.
    pub modal: Option<SeenModal>,
    /// Name and value of the choices that it offers.
    pub choices: Vec<(String, String)>,
}

impl Reply {
    /// The text of the answer; empty while there is none.
    #[must_use]
    pub fn content(&self) -> &str {
        self.message.as_ref().map_or("", |message| &message.content)
    }

    /// All words of the answer and of its follow-ups.
    #[must_use]
    pub fn words(&self) -> String {
        let all: Vec<String> = self
            .message
            .iter()
            .chain(&self.followups)
            .map(SeenMessage::words)
            .collect();
        all.join("\n")
    }

    /// Whether there is something to read or to fill in, so that nothing is pending any more.
    #[must_use]
    pub fn settled(&self) -> bool {
        self.failed || (self.answered && !self.deferred)
    }
}

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
fn find_components(components: &[Value], fits: &dyn Fn(u64) -> bool, found: &mut Vec<Value>) {
    for component in components {
        let kind = component.get("type").and_then(Value::as_u64).unwrap_or(0);
        if fits(kind) {
            found.push(component.clone());
        }
        find_components(list(component, "components"), fits, found);
        if let Some(accessory) = component.get("accessory") {
            find_components(std::slice::from_ref(accessory), fits, found);
        }
    }
}

fn components(message: &Message, fits: &dyn Fn(u64) -> bool) -> Vec<Value> {
    let mut found = Vec::new();
    find_components(&message.components, fits, &mut found);
    found
}

fn button(value: &Value) -> SeenButton {
    SeenButton {
        label: text(value, "label"),
        custom_id: text(value, "custom_id"),
        style: value.get("style").and_then(Value::as_u64).unwrap_or(0),
        url: value.get("url").and_then(Value::as_str).map(str::to_owned),
        disabled: value.get("disabled") == Some(&Value::Bool(true)),
    }
}

fn select(value: &Value) -> SeenSelect {
    let options = list(value, "options").iter();
    SeenSelect {
        custom_id: text(value, "custom_id"),
        options: options
            .map(|option| (text(option, "label"), text(option, "value")))
            .collect(),
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
            author,
            author_id: message.author,
            by_bot: message.author == self.bot,
            content: message.content.clone(),
            embeds: message.embeds.clone(),
            components: message.components.clone(),
            buttons: components(message, &|kind| kind == 2)
                .iter()
                .map(button)
                .collect(),
            selects: components(message, &|kind| matches!(kind, 3 | 5..=8))
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
                .filter(|_| message.kind == 19)
                .and_then(|to| to.message),
            only_for: message.visible_to.map(|user| self.name_of(user)),
            thinking: message.flags & flag::LOADING != 0,
        }
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
    let mut inputs = Vec::new();
    find_components(list(data, "components"), &|kind| kind == 4, &mut inputs);
    let input = |value: &Value| {
        (
            text(value, "custom_id"),
            text(value, "label"),
            text(value, "value"),
        )
    };
    SeenModal {
        title: text(data, "title"),
        custom_id: text(data, "custom_id"),
        inputs: inputs.iter().map(input).collect(),
    }
}
