//! What happens to channels and threads.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::dispatch::intent;
use super::draft::Draft;
use super::json::thread_of;
use super::rest::error::ApiError;
use super::world::{Channel, Clock, Reference, ThreadState, World, flag};
use crate::ids::{ChannelId, MessageId, RoleId, UserId};

/// How a thread is made.
#[derive(Debug, Clone)]
pub(crate) struct NewThread {
    pub(crate) parent: ChannelId,
    pub(crate) message: Option<MessageId>,
    pub(crate) name: String,
    pub(crate) owner: UserId,
    pub(crate) private: bool,
    pub(crate) archive_after: u64,
}

const RENAMES: usize = 2;
const RENAME_WINDOW: Duration = Duration::from_mins(10);

impl World {
    pub(crate) fn thread_mut(&mut self, id: ChannelId) -> Option<&mut ThreadState> {
        self.channels.get_mut(&id)?.thread.as_mut()
    }

    pub(crate) fn create_thread(&mut self, new: &NewThread) -> Result<ChannelId, ApiError> {
        let guild = self.channel(new.parent)?.guild;
        if let Some(message) = new.message
            && self.channels.contains_key(&thread_of(message))
        {
            let what = "A thread has already been created for this message";
            return Err(ApiError::new(400, 160_004, what));
        }
        let id = match new.message {
            Some(message) => thread_of(message),
            None => ChannelId::from(self.clock.next()),
        };
        let thread = ThreadState {
            parent: new.parent,
            owner: new.owner,
            private: new.private,
            archived: false,
            locked: false,
            archive_after: new.archive_after,
            changed_ms: Clock::now_ms(),
            members: BTreeMap::from([(new.owner, Clock::now_ms())]),
            renames: VecDeque::new(),
        };
        let channel = Channel {
            id,
            guild,
            name: new.name.clone(),
            deny: 0,
            messages: Vec::new(),
            last_pin: None,
            thread: Some(thread),
        };
        let mut data = self.channel_json(&channel);
        if let Some(fields) = data.as_object_mut() {
            fields.insert("newly_created".to_owned(), json!(true));
        }
        self.channels.insert(id, channel);
        self.emit("THREAD_CREATE", intent::GUILDS, data);
        self.announce_members(id, &[new.owner], &[]);
        self.say_thread_began(new, id);
        Ok(id)
    }

    /// The system messages that come with a thread, and the flag of the message that it hangs on.
    fn say_thread_began(&mut self, new: &NewThread, id: ChannelId) {
        if let Some(message) = new.message {
            if let Some(message) = self.messages.get_mut(&message) {
                message.flags |= flag::HAS_THREAD;
            }
            self.announce_edit(message);
            let mut starter = Draft::new(id, new.owner);
            starter.message.kind = 21;
            starter.message.reference = Some(Reference {
                channel: new.parent,
                message: Some(message),
            });
            self.post(starter);
        } else if !new.private {
            let mut notice = Draft::new(new.parent, new.owner);
            notice.message.kind = 18;
            notice.message.content.clone_from(&new.name);
            notice.message.reference = Some(Reference {
                channel: id,
                message: None,
            });
            self.post(notice);
        }
    }

    pub(crate) fn set_roles(&mut self, id: UserId, roles: Vec<RoleId>) {
        if let Some(user) = self.users.get_mut(&id) {
            user.roles = roles;
            let mut data = self.member_json(id);
            if let Some(fields) = data.as_object_mut() {
                fields.insert("guild_id".to_owned(), json!(self.home_guild));
            }
            self.emit("GUILD_MEMBER_UPDATE", intent::GUILD_MEMBERS, data);
        }
    }

    pub(crate) fn announce_channel(&mut self, id: ChannelId) {
        let Some(channel) = self.channels.get(&id) else {
            return;
        };
        let name = if channel.thread.is_some() {
            "THREAD_UPDATE"
        } else {
            "CHANNEL_UPDATE"
        };
        let data = self.channel_json(channel);
        self.emit(name, intent::GUILDS, data);
    }

    fn announce_members(&mut self, id: ChannelId, added: &[UserId], removed: &[UserId]) {
        let Some(channel) = self.channels.get(&id) else {
            return;
        };
        let count = channel
            .thread
            .as_ref()
            .map_or(0, |thread| thread.members.len().min(50));
        let members: Vec<Value> = added
            .iter()
            .map(|user| self.thread_member_json(id, *user))
            .collect();
        let data = json!({
            "id": id, "guild_id": channel.guild, "member_count": count,
            "added_members": members, "removed_member_ids": removed,
        });
        let own = added.iter().chain(removed).all(|user| *user == self.bot);
        let intents = if own {
            intent::GUILDS
        } else {
            intent::GUILDS | intent::GUILD_MEMBERS
        };
        self.emit("THREAD_MEMBERS_UPDATE", intents, data);
    }

    pub(crate) fn join(&mut self, id: ChannelId, user: UserId) {
        if let Some(thread) = self.thread_mut(id)
            && !thread.members.contains_key(&user)
        {
            thread.members.insert(user, Clock::now_ms());
            self.announce_members(id, &[user], &[]);
        }
    }

    pub(crate) fn leave(&mut self, id: ChannelId, user: UserId) {
        if let Some(thread) = self.thread_mut(id)
            && thread.members.remove(&user).is_some()
        {
            self.announce_members(id, &[], &[user]);
        }
    }

    /// Writing in an archived thread opens it again.
    pub(crate) fn wake_thread(&mut self, id: ChannelId) {
        if let Some(thread) = self.thread_mut(id)
            && thread.archived
        {
            thread.archived = false;
            thread.changed_ms = Clock::now_ms();
            self.announce_channel(id);
        }
    }

    /// How long a rename has to wait: two within ten minutes are free. Counts the rename when it is free.
    pub(crate) fn rename_wait(&mut self, id: ChannelId) -> Option<Duration> {
        if !self.config.rename_trap {
            return None;
        }
        let window = RENAME_WINDOW.mul_f64(self.config.rate_limits.factor().unwrap_or(1.0));
        let renames = &mut self.thread_mut(id)?.renames;
        while renames.front().is_some_and(|first| first.elapsed() >= window) {
            renames.pop_front();
        }
        if renames.len() < RENAMES {
            renames.push_back(Instant::now());
            return None;
        }
        renames
            .front()
            .map(|first| window.saturating_sub(first.elapsed()))
    }

    /// Applies the fields of a channel edit that was checked already.
    pub(crate) fn edit_channel(&mut self, id: ChannelId, body: &Value) {
        let flag = |key: &str| body.get(key).and_then(Value::as_bool);
        let Some(channel) = self.channels.get_mut(&id) else {
            return;
        };
        if let Some(name) = body.get("name").and_then(Value::as_str) {
            name.trim().clone_into(&mut channel.name);
        }
        if let Some(thread) = &mut channel.thread {
            if let Some(archived) = flag("archived") {
                thread.archived = archived;
                thread.changed_ms = Clock::now_ms();
            }
            if let Some(locked) = flag("locked") {
                thread.locked = locked;
            }
            if let Some(minutes) = body.get("auto_archive_duration").and_then(Value::as_u64) {
                thread.archive_after = minutes;
            }
        }
        self.announce_channel(id);
    }

    /// Deletes a channel or a thread with everything in it.
    pub(crate) fn delete_channel(&mut self, id: ChannelId) -> Option<Value> {
        let threads: Vec<ChannelId> = self
            .channels
            .values()
            .filter(|channel| channel.thread.as_ref().is_some_and(|thread| thread.parent == id))
            .map(|channel| channel.id)
            .collect();
        for thread in threads {
            self.delete_channel(thread);
        }
        let channel = self.channels.remove(&id)?;
        let data = self.channel_json(&channel);
        self.messages.retain(|message| message.channel != id);
        self.typing.remove(&id);
        match &channel.thread {
            Some(thread) => {
                let gone = json!({
                    "id": id, "guild_id": channel.guild, "parent_id": thread.parent,
                    "type": if thread.private { 12 } else { 11 },
                });
                self.emit("THREAD_DELETE", intent::GUILDS, gone);
            }
            None => self.emit("CHANNEL_DELETE", intent::GUILDS, data.clone()),
        }
        Some(data)
    }
}
