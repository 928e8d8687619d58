//! What happens to messages: written, edited, deleted, reacted to, pinned.

use serde_json::{Value, json};

use super::dispatch::intent;
use super::draft::{Draft, When};
use super::rest::body::Upload;
use super::rest::error::ApiError;
use super::world::{Channel, Clock, Emoji, File, Message, Reacted, Reference, World, flag};
use crate::ids::{ChannelId, MessageId, UserId};

/// How many versions of the bot's messages are remembered; the demo may run for days.
const SHOWN_LIMIT: usize = 20_000;

/// `null`, absent or a list of objects.
pub(crate) fn objects(body: &Value, key: &str) -> Vec<Value> {
    body.get(key)
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default()
}

fn with_kind(mut embeds: Vec<Value>) -> Vec<Value> {
    for embed in &mut embeds {
        if let Some(fields) = embed.as_object_mut() {
            fields.insert("type".to_owned(), json!("rich"));
        }
    }
    embeds
}

pub(crate) fn snowflake(value: Option<&Value>) -> Option<u64> {
    match value? {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.as_u64(),
        _ => None,
    }
}

impl World {
    pub(crate) fn channel(&self, id: ChannelId) -> Result<&Channel, ApiError> {
        self.channels.get(&id).ok_or_else(ApiError::unknown_channel)
    }

    /// A message that the whole channel can see.
    pub(crate) fn message_in(&self, channel: ChannelId, id: MessageId) -> Result<&Message, ApiError> {
        self.messages
            .get(&id)
            .filter(|message| message.channel == channel && message.visible_to.is_none())
            .ok_or_else(ApiError::unknown_message)
    }

    /// Fills a draft from a body that was checked already.
    pub(crate) fn fill(
        &mut self,
        draft: &mut Draft,
        body: &Value,
        uploads: Vec<Upload>,
    ) -> Result<(), ApiError> {
        let channel = draft.message.channel;
        let message = &mut draft.message;
        let content = body.get("content").and_then(Value::as_str).unwrap_or_default();
        content.trim().clone_into(&mut message.content);
        message.embeds = with_kind(objects(body, "embeds"));
        message.components = objects(body, "components");
        message.flags |= body.get("flags").and_then(Value::as_u64).unwrap_or(0)
            & (flag::SUPPRESS_EMBEDS | flag::SUPPRESS_NOTIFICATIONS | flag::COMPONENTS_V2 | flag::EPHEMERAL);
        message.nonce = body.get("nonce").filter(|nonce| !nonce.is_null()).cloned();
        message.files = self.keep_files(channel, body, uploads);
        if let Some(reference) = body.get("message_reference").filter(|value| !value.is_null()) {
            draft.message.reference = self.reference(channel, reference)?;
            if draft.message.reference.is_some() {
                draft.message.kind = 19;
            }
        }
        draft.message.mentions = self.mentions(&draft.message, body.get("allowed_mentions"));
        Ok(())
    }

    fn reference(&self, channel: ChannelId, body: &Value) -> Result<Option<Reference>, ApiError> {
        let message = snowflake(body.get("message_id")).map(MessageId::from);
        let strict = body
            .get("fail_if_not_exists")
            .and_then(Value::as_bool)
            .unwrap_or(true);
        let known = message.is_some_and(|id| self.message_in(channel, id).is_ok());
        if known {
            return Ok(Some(Reference { channel, message }));
        }
        if strict {
            let what = "Unknown message";
            return Err(ApiError::form(
                "message_reference",
                "REPLIES_UNKNOWN_MESSAGE",
                what,
            ));
        }
        Ok(None)
    }

    pub(crate) fn keep_files(&mut self, channel: ChannelId, body: &Value, uploads: Vec<Upload>) -> Vec<File> {
        let described = objects(body, "attachments");
        uploads
            .into_iter()
            .map(|upload| {
                let of = described
                    .iter()
                    .find(|entry| snowflake(entry.get("id")) == Some(upload.number));
                let text = |key: &str| of.and_then(|entry| entry.get(key)?.as_str().map(str::to_owned));
                File {
                    id: self.clock.next(),
                    channel,
                    description: text("description"),
                    name: upload.name,
                    content_type: upload.content_type,
                    bytes: upload.bytes,
                }
            })
            .collect()
    }

    /// Puts a message into its channel and tells everyone who may see it.
    pub(crate) fn post(&mut self, draft: Draft) -> MessageId {
        let id = match draft.when {
            When::Now => self.clock.next(),
            When::Ago(ms) => self.clock.past(ms),
            When::At(ms) => self.free_id(Clock::at(ms)),
        };
        let message = Message {
            id: MessageId::from(id),
            ..draft.message
        };
        let (id, channel, author) = (message.id, message.channel, message.author);
        self.remember(&message);
        if message.visible_to.is_some() {
            self.messages.insert(id, message);
            return id;
        }
        if author == self.bot {
            self.typing.remove(&channel);
        }
        if matches!(message.kind, 0 | 19 | 20) {
            self.wake_thread(channel);
            self.join_writer(channel, &message);
        }
        if let Some(channel) = self.channels.get_mut(&channel) {
            let at = channel.messages.partition_point(|other| *other < id);
            channel.messages.insert(at, id);
        }
        let data = self.gateway_message_json(&message);
        self.messages.insert(id, message);
        self.emit("MESSAGE_CREATE", intent::GUILD_MESSAGES, data);
        id
    }

    /// The first id from here on that no message has.
    fn free_id(&self, mut id: u64) -> u64 {
        while self.messages.contains_key(&MessageId::from(id)) {
            id += 1;
        }
        id
    }

    /// Keeps what the bot showed, so that a test can ask whether a secret was ever to be seen.
    fn remember(&mut self, message: &Message) {
        if message.author != self.bot {
            return;
        }
        let mut shown = self.seen(message).words();
        for file in &message.files {
            shown.push('\n');
            shown.push_str(&file.name);
            shown.push('\n');
            shown.push_str(&String::from_utf8_lossy(&file.bytes));
        }
        if self.shown.len() >= SHOWN_LIMIT {
            self.shown.pop_front();
        }
        self.shown.push_back(shown);
    }

    /// Who writes or is mentioned in a thread becomes its member.
    fn join_writer(&mut self, channel: ChannelId, message: &Message) {
        if message.webhook.is_some() || self.channels.get(&channel).is_none_or(|c| c.thread.is_none()) {
            return;
        }
        self.join(channel, message.author);
        for user in &message.mentions.users {
            self.join(channel, *user);
        }
    }

    pub(crate) fn announce_edit(&mut self, id: MessageId) {
        let Some(message) = self.messages.get(&id) else {
            return;
        };
        if message.visible_to.is_none() {
            let data = self.gateway_message_json(message);
            self.emit("MESSAGE_UPDATE", intent::GUILD_MESSAGES, data);
        }
    }

    /// Applies the body of an edit: what it leaves out stays.
    pub(crate) fn edit(&mut self, id: MessageId, body: &Value, uploads: Vec<Upload>) {
        let Some(mut message) = self.messages.get(&id).cloned() else {
            return;
        };
        if let Some(content) = body.get("content") {
            content
                .as_str()
                .unwrap_or_default()
                .trim()
                .clone_into(&mut message.content);
        }
        if body.get("embeds").is_some() {
            message.embeds = with_kind(objects(body, "embeds"));
        }
        if body.get("components").is_some() {
            message.components = objects(body, "components");
        }
        if let Some(flags) = body.get("flags").and_then(Value::as_u64) {
            let settable = flag::SUPPRESS_EMBEDS | flag::COMPONENTS_V2;
            message.flags = (message.flags & !flag::SUPPRESS_EMBEDS) | (flags & settable);
        }
        if body.get("attachments").is_some_and(Value::is_array) {
            let kept = objects(body, "attachments");
            message.files.retain(|file| {
                kept.iter()
                    .any(|entry| snowflake(entry.get("id")) == Some(file.id))
            });
        }
        // Filling in "… is thinking" is no edit to a person.
        let thinking = message.flags & flag::LOADING != 0;
        message.flags &= !flag::LOADING;
        let channel = message.channel;
        message.files.extend(self.keep_files(channel, body, uploads));
        // An edit changes whom the text names but pings no one.
        let notified = std::mem::take(&mut message.mentions.notified);
        message.mentions = self.mentions(&message, body.get("allowed_mentions"));
        message.mentions.notified = notified;
        if !thinking {
            message.edited = Some(Clock::now_ms());
        }
        self.remember(&message);
        self.messages.insert(id, message);
        self.announce_edit(id);
    }

    /// A message made of layout components stays one: an edit is judged by that, whatever flags it gives.
    pub(crate) fn keep_layout_flag(&self, id: MessageId, body: &mut Value) {
        let layout = self
            .messages
            .get(&id)
            .is_some_and(|message| message.flags & flag::COMPONENTS_V2 != 0);
        if let Some(fields) = body.as_object_mut().filter(|_| layout) {
            let flags = fields.get("flags").and_then(Value::as_u64).unwrap_or(0);
            fields.insert("flags".to_owned(), json!(flags | flag::COMPONENTS_V2));
        }
    }

    pub(crate) fn delete_message(&mut self, id: MessageId) {
        let Some(message) = self.messages.remove(&id) else {
            return;
        };
        let Some(channel) = self.channels.get_mut(&message.channel) else {
            return;
        };
        channel.messages.retain(|other| *other != id);
        let guild = channel.guild;
        if message.visible_to.is_none() {
            let data = json!({"id": id, "channel_id": message.channel, "guild_id": guild});
            self.emit("MESSAGE_DELETE", intent::GUILD_MESSAGES, data);
        }
        if let Some(asked) = message.interaction {
            // What came of it has one message less.
            self.interactions.touch(&asked);
        }
    }

    /// Adds a reaction; doing it twice changes nothing.
    pub(crate) fn react(&mut self, id: MessageId, user: UserId, emoji: &Emoji) {
        let Some(message) = self.messages.get_mut(&id) else {
            return;
        };
        match message
            .reactions
            .iter_mut()
            .find(|reacted| reacted.emoji == *emoji)
        {
            Some(reacted) if reacted.users.contains(&user) => return,
            Some(reacted) => reacted.users.push(user),
            None => message.reactions.push(Reacted {
                emoji: emoji.clone(),
                users: vec![user],
            }),
        }
        self.announce_reaction("MESSAGE_REACTION_ADD", id, user, emoji);
    }

    /// Removes a reaction; `false` where it was not there.
    pub(crate) fn unreact(&mut self, id: MessageId, user: UserId, emoji: &Emoji) -> bool {
        let Some(message) = self.messages.get_mut(&id) else {
            return false;
        };
        let Some(reacted) = message
            .reactions
            .iter_mut()
            .find(|reacted| reacted.emoji == *emoji)
        else {
            return false;
        };
        let before = reacted.users.len();
        reacted.users.retain(|other| *other != user);
        let removed = reacted.users.len() < before;
        message.reactions.retain(|reacted| !reacted.users.is_empty());
        if removed {
            self.announce_reaction("MESSAGE_REACTION_REMOVE", id, user, emoji);
        }
        removed
    }

    fn announce_reaction(&mut self, name: &'static str, id: MessageId, user: UserId, emoji: &Emoji) {
        let Some(message) = self.messages.get(&id) else {
            return;
        };
        let guild = self.channels.get(&message.channel).map(|channel| channel.guild);
        let mut data = json!({
            "user_id": user, "channel_id": message.channel, "message_id": id, "guild_id": guild,
            "emoji": {"id": emoji.id.map(|id| id.to_string()), "name": emoji.name},
            "burst": false, "type": 0,
        });
        if name == "MESSAGE_REACTION_ADD"
            && let Some(fields) = data.as_object_mut()
        {
            fields.insert("member".to_owned(), self.member_json(user));
            fields.insert("message_author_id".to_owned(), json!(message.author));
        }
        self.emit(name, intent::GUILD_MESSAGE_REACTIONS, data);
    }

    /// Pins or unpins a message. A pin is also said in the channel.
    pub(crate) fn set_pinned(&mut self, id: MessageId, by: UserId, pinned: bool) {
        let Some(message) = self.messages.get_mut(&id) else {
            return;
        };
        if message.pinned == pinned {
            return;
        }
        message.pinned = pinned;
        let channel = message.channel;
        let Some(state) = self.channels.get_mut(&channel) else {
            return;
        };
        if pinned {
            state.last_pin = Some(Clock::now_ms());
        }
        let at = state.last_pin.map(super::json::timestamp);
        let data = json!({"guild_id": state.guild, "channel_id": channel, "last_pin_timestamp": at});
        self.emit("CHANNEL_PINS_UPDATE", intent::GUILDS, data);
        self.announce_edit(id);
        if pinned {
            let mut notice = Draft::new(channel, by);
            notice.message.kind = 6;
            notice.message.reference = Some(Reference {
                channel,
                message: Some(id),
            });
            self.post(notice);
        }
    }
}
