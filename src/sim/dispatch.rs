//! Gateway sessions and what is sent to them.
//!
//! A session outlives its connection, so that a resume replays what was missed. It lives in the world, under
//! the same lock: sequence numbers follow the order in which things happened.

use std::collections::{BTreeMap, VecDeque};

use serde::Deserialize;
use serde_json::{Value, json};
use serenity::model::event::{Event as Known, GatewayEvent};
use tokio::sync::mpsc::UnboundedSender;

use super::config::permission;
use super::world::World;
use crate::ids::UserId;

/// Intents by Discord's numbers.
pub(crate) mod intent {
    pub(crate) const NONE: u64 = 0;
    pub(crate) const GUILDS: u64 = 1;
    pub(crate) const GUILD_MEMBERS: u64 = 1 << 1;
    pub(crate) const GUILD_MESSAGES: u64 = 1 << 9;
    pub(crate) const GUILD_MESSAGE_REACTIONS: u64 = 1 << 10;
    pub(crate) const GUILD_MESSAGE_TYPING: u64 = 1 << 11;
    pub(crate) const MESSAGE_CONTENT: u64 = 1 << 15;
    /// Every bit that means something; any other closes with 4013.
    pub(crate) const KNOWN: u64 = 0x0331_FFFF;
}

/// How many events a session keeps for a resume.
const REPLAY_LIMIT: usize = 10_000;

/// How many sessions without a connection are kept.
const LOST_SESSIONS: usize = 4;

/// One thing that happened, for whoever listens.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) name: &'static str,
    pub(crate) intents: u64,
    pub(crate) data: Value,
}

/// What a connection is told to do.
#[derive(Debug)]
pub(crate) enum Out {
    Text(String),
    Close(u16, &'static str),
    Cut,
}

#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) intents: u64,
    pub(crate) seq: u64,
    replay: VecDeque<(u64, String)>,
    /// The connection that it is on, if any.
    pub(crate) link: Option<(u64, UnboundedSender<Out>)>,
}

impl Session {
    fn dispatch(&mut self, name: &str, data: &Value) {
        self.seq += 1;
        let text = json!({"op": 0, "s": self.seq, "t": name, "d": data}).to_string();
        self.replay.push_back((self.seq, text.clone()));
        if self.replay.len() > REPLAY_LIMIT {
            self.replay.pop_front();
        }
        self.send(Out::Text(text));
    }

    pub(crate) fn send(&self, out: Out) {
        if let Some((_, link)) = &self.link {
            // A connection that is gone is noticed by its own task, which clears the link.
            let _ = link.send(out);
        }
    }
}

/// Every session, and what the gateway was told to do wrong.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    pub(crate) by_id: BTreeMap<String, Session>,
    pub(crate) connections: u64,
    pub(crate) identifies: u64,
    pub(crate) resumes: u64,
    /// How many of the next resumes are refused.
    pub(crate) refuse_resumes: u64,
    /// Whether connections are refused.
    pub(crate) down: bool,
    /// Whether heartbeats go unanswered.
    pub(crate) silent: bool,
    /// The presence that the bot gave last.
    pub(crate) presence: Option<Value>,
}

impl Sessions {
    pub(crate) fn connected(&self) -> bool {
        self.by_id.values().any(|session| session.link.is_some())
    }

    pub(crate) fn tell_all(&mut self, make: impl Fn() -> Out) {
        for session in self.by_id.values_mut() {
            session.send(make());
            session.link = None;
        }
    }

    /// The connection is gone; the session stays for a resume.
    pub(crate) fn unlink(&mut self, connection: u64) {
        for session in self.by_id.values_mut() {
            if session.link.as_ref().is_some_and(|(id, _)| *id == connection) {
                session.link = None;
            }
        }
    }

    /// Forgets the oldest sessions that no one came back for; their ids grow with time.
    fn prune(&mut self) {
        let lost: Vec<String> = self
            .by_id
            .iter()
            .filter(|(_, session)| session.link.is_none())
            .map(|(id, _)| id.clone())
            .collect();
        for id in lost.iter().rev().skip(LOST_SESSIONS) {
            self.by_id.remove(id);
        }
    }

    /// The client said goodbye: the session cannot be resumed.
    pub(crate) fn forget(&mut self, connection: u64) {
        self.by_id
            .retain(|_, session| session.link.as_ref().is_none_or(|(id, _)| *id != connection));
    }
}

impl World {
    /// Queues an event; it is sent when the change that caused it is complete.
    pub(crate) fn emit(&mut self, name: &'static str, intents: u64, data: Value) {
        self.outgoing.push(Event { name, intents, data });
    }

    /// Sends what was queued to every session that listens.
    pub(crate) fn flush(&mut self) {
        for event in std::mem::take(&mut self.outgoing) {
            if self.hidden(&event) {
                continue;
            }
            self.check_event(event.name, &event.data);
            let bot = self.bot;
            for session in self.by_session() {
                if session.intents & event.intents == event.intents {
                    if session.intents & intent::MESSAGE_CONTENT == 0 && event.name.starts_with("MESSAGE_") {
                        session.dispatch(event.name, &without_content(&event.data, bot));
                    } else {
                        session.dispatch(event.name, &event.data);
                    }
                }
            }
        }
    }

    /// A bot hears nothing from a channel that it cannot see. Interactions reach it from anywhere.
    fn hidden(&self, event: &Event) -> bool {
        let id = event.data.get("channel_id").and_then(Value::as_str);
        let channel = id.and_then(|id| self.channels.get(&id.parse().ok()?));
        event.name != "INTERACTION_CREATE"
            && channel.is_some_and(|channel| self.permissions_in(channel) & permission::VIEW_CHANNEL == 0)
    }

    fn by_session(&mut self) -> impl Iterator<Item = &mut Session> {
        self.sessions.by_id.values_mut()
    }

    /// A payload that serenity cannot read is dropped by it without a word, so it is read here first.
    fn check_event(&mut self, name: &str, data: &Value) {
        let envelope = json!({"op": 0, "s": 1, "t": name, "d": data});
        match GatewayEvent::deserialize(&envelope) {
            Ok(GatewayEvent::Dispatch(_, Known::Unknown(_))) => {
                self.complain(format!("event {name} is unknown to serenity: {data}"));
            }
            Ok(_) => {}
            Err(error) => self.complain(format!(
                "event {name} cannot be read by serenity: {error}: {data}"
            )),
        }
    }

    /// Starts a session on a connection: `READY` and a `GUILD_CREATE` for each guild.
    pub(crate) fn identify(&mut self, connection: u64, intents: u64, link: UnboundedSender<Out>) {
        self.sessions.identifies += 1;
        self.sessions.prune();
        let id = format!("sim-session-{}", self.clock.next());
        let ready = self.ready_json(&id);
        let mut session = Session {
            intents,
            seq: 0,
            replay: VecDeque::new(),
            link: Some((connection, link)),
        };
        self.check_event("READY", &ready);
        session.dispatch("READY", &ready);
        if intents & intent::GUILDS != 0 {
            let guilds: Vec<_> = self.guilds.keys().copied().collect();
            for guild in guilds {
                let data = self.guild_create_json(guild, intents & intent::GUILD_MEMBERS != 0);
                self.check_event("GUILD_CREATE", &data);
                session.dispatch("GUILD_CREATE", &data);
            }
        }
        self.sessions.by_id.insert(id, session);
    }

    /// Puts a session on a new connection and replays what it missed; `false` where it cannot.
    pub(crate) fn resume(&mut self, id: &str, seq: u64, connection: u64, link: UnboundedSender<Out>) -> bool {
        if self.sessions.refuse_resumes > 0 {
            self.sessions.refuse_resumes -= 1;
            self.sessions.by_id.remove(id);
            return false;
        }
        let Some(session) = self.sessions.by_id.get_mut(id) else {
            return false;
        };
        let oldest = session.replay.front().map_or(1, |(first, _)| *first);
        if seq > session.seq || seq + 1 < oldest {
            return false;
        }
        session.link = Some((connection, link));
        for (at, text) in session.replay.clone() {
            if at > seq {
                session.send(Out::Text(text));
            }
        }
        session.dispatch("RESUMED", &json!({"_trace": []}));
        self.sessions.resumes += 1;
        true
    }
}

/// A message as a bot without the Message Content intent sees it: its own and those that mention it are whole.
fn without_content(data: &Value, bot: UserId) -> Value {
    let bot = bot.to_string();
    let is_bot = |user: &Value| user.get("id").and_then(Value::as_str) == Some(bot.as_str());
    let mentioned = data
        .get("mentions")
        .and_then(Value::as_array)
        .is_some_and(|users| users.iter().any(is_bot));
    let mut data = data.clone();
    if mentioned || data.get("author").is_some_and(is_bot) {
        return data;
    }
    if let Some(message) = data.as_object_mut() {
        if message.contains_key("content") {
            message.insert("content".to_owned(), json!(""));
        }
        for list in ["embeds", "attachments", "components"] {
            if message.contains_key(list) {
                message.insert(list.to_owned(), json!([]));
            }
        }
        message.remove("referenced_message");
    }
    data
}
