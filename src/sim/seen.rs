//! What a person in front of Discord would see, and what the bot asked for to get there.

use std::time::Duration;

use axum::body::Bytes;
use serde::Serialize;
use serde_json::Value;

use super::faults::Mishap;
use super::world::InteractionId;
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
    /// The mishap that met it.
    pub mishap: Option<Mishap>,
    /// The limit that it exceeded: `user` for its route's, or `global`.
    pub limit: Option<&'static str>,
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
    /// Its emoji, where it has one.
    pub emoji: String,
    /// What a click sends; empty for a link.
    pub custom_id: String,
    /// 1 primary, 2 secondary, 3 success, 4 danger, 5 link.
    pub style: u64,
    /// Where a link leads.
    pub url: Option<String>,
    /// Whether it can be clicked.
    pub disabled: bool,
}

/// An option of a select menu.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SeenOption {
    /// What it says.
    pub label: String,
    /// What choosing it sends.
    pub value: String,
    /// What stands below the label.
    pub description: String,
    /// Whether it is chosen already.
    pub chosen: bool,
}

/// A select menu on a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SeenSelect {
    /// What a choice sends.
    pub custom_id: String,
    /// What can be chosen.
    pub options: Vec<SeenOption>,
    /// How many have to be chosen at least.
    pub least: usize,
    /// How many can be chosen at most.
    pub most: usize,
    /// Shown while nothing is chosen.
    pub placeholder: String,
    /// Whether it can be used.
    pub disabled: bool,
}

/// A command that someone used, as it stands above the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SeenCommand {
    /// Who used it.
    pub user: String,
    /// The command, such as `/omp new`.
    pub name: String,
}

/// A message as a person sees it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts that a test asks for one by one"
)]
pub struct SeenMessage {
    /// Its id.
    pub id: MessageId,
    /// Where it is.
    pub channel: ChannelId,
    /// When it was written, in unix milliseconds.
    pub at_ms: i64,
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
    /// The message that it replies to, or that a note of the system is about.
    pub reply_to: Option<MessageId>,
    /// The thread that a note of the system announces.
    pub thread: Option<ChannelId>,
    /// Whose command it answers, and which.
    pub answers: Option<SeenCommand>,
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

    /// The button with this label, emoji or `custom_id`.
    #[must_use]
    pub fn button(&self, which: &str) -> Option<&SeenButton> {
        let mut buttons = self.buttons.iter();
        buttons.find(|button| button.custom_id == which || button.label == which || button.emoji == which)
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
    /// What is to be filled in.
    pub inputs: Vec<SeenInput>,
}

/// An input of a modal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SeenInput {
    /// By which the bot knows it.
    pub custom_id: String,
    /// What is asked.
    pub label: String,
    /// What stands in it already.
    pub value: String,
    /// Shown while it is empty.
    pub placeholder: String,
    /// Whether it has several lines.
    pub paragraph: bool,
    /// Whether it has to be filled in.
    pub required: bool,
    /// The most characters it takes.
    pub most: u64,
}

/// What came of an interaction.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts that a test asks for one by one"
)]
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
