//! What a viewer is told, as server-sent events: how things are, and then each thing that changes.
//!
//! A page that redraws what these events name is always right, however it got behind: they carry whole things,
//! not differences. Each carries the revision of the world up to which the viewer knows everything, so one that
//! was cut off is told what it missed and no more.

use std::collections::{BTreeSet, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::stream::{Stream, unfold};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::Shared;
use super::world::{Channel, Interaction, World};
use crate::ids::ChannelId;

/// Changes within this time are sent together, so that a busy bot costs one look at the world, not hundreds.
const PACE: Duration = Duration::from_millis(40);

/// Whoever missed more than this is faster with a fresh start.
const MOST_MISSED: usize = 2_000;

/// Kind and content of an event.
pub(super) type Thing = (&'static str, Value);

/// What a stream is about.
#[derive(Clone, Copy)]
pub(super) struct Subject {
    /// What there is to say to a viewer that knows nothing.
    pub(super) all: fn(&World) -> Vec<Thing>,
    /// What changed after a revision; none where that is too much or not known any more.
    pub(super) since: fn(&World, u64) -> Option<Vec<Thing>>,
    /// Whether viewers are told when the bot comes and goes.
    pub(super) bot: bool,
}

pub(super) async fn stream(
    State(sim): State<Arc<Shared>>,
    headers: HeaderMap,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    sim.change(|world| world.watched = true);
    serve(
        sim,
        &headers,
        Subject {
            all: standing,
            since,
            bot: true,
        },
    )
}

pub(super) fn serve(
    sim: Arc<Shared>,
    headers: &HeaderMap,
    subject: Subject,
) -> Sse<impl Stream<Item = Result<Event, Infallible>> + use<>> {
    let asked = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let viewer = Viewer {
        changes: sim.changed.subscribe(),
        sim,
        subject,
        asked: asked.map(str::to_owned),
        since: None,
        connected: false,
        waiting: VecDeque::new(),
    };
    Sse::new(unfold(viewer, Viewer::next)).keep_alive(KeepAlive::new().text("keep-alive"))
}

struct Viewer {
    sim: Arc<Shared>,
    subject: Subject,
    changes: watch::Receiver<u64>,
    /// The last event that it says it had.
    asked: Option<String>,
    /// The revision up to which it was told everything; none before the first look.
    since: Option<u64>,
    connected: bool,
    waiting: VecDeque<Event>,
}

impl Viewer {
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some((Ok(event), self));
            }
            if self.since.is_some() {
                let shutdown = self.sim.shutdown.clone();
                tokio::select! {
                    () = shutdown.cancelled() => return None,
                    changed = self.changes.changed() => changed.ok()?,
                }
                tokio::time::sleep(PACE).await;
            }
            self.changes.mark_unchanged();
            let sim = Arc::clone(&self.sim);
            sim.look(|world| self.look(world));
        }
    }

    /// Queues what this viewer does not know yet.
    fn look(&mut self, world: &World) {
        let first = self.since.is_none();
        let known = self.since.or_else(|| self.resumable(world));
        let missed = known.and_then(|revision| Some((revision, (self.subject.since)(world, revision)?)));
        let resumed = missed.is_some();
        let (from, mut things) = missed.unwrap_or_else(|| (0, (self.subject.all)(world)));
        if first || !resumed {
            things.insert(0, ("hello", hello(world, resumed)));
        } else if self.subject.bot && self.connected != world.sessions.connected() {
            things.insert(0, ("bot", bot(world)));
        }
        self.connected = world.sessions.connected();
        self.queue(world, from, &things);
    }

    fn resumable(&self, world: &World) -> Option<u64> {
        let (of, revision) = self.asked.as_deref()?.rsplit_once('-')?;
        let revision = revision.parse().ok().filter(|revision| *revision > 0)?;
        (of == world.id && revision <= world.revisions.now()).then_some(revision)
    }

    /// Only the last of several events says that everything was told: one that is cut off before is told all again.
    fn queue(&mut self, world: &World, from: u64, things: &[Thing]) {
        let upto = world.revisions.now();
        self.since = Some(upto);
        for (number, (kind, data)) in (1..).zip(things) {
            let revision = if number == things.len() { upto } else { from };
            let event = Event::default()
                .id(format!("{}-{revision}", world.id))
                .event(*kind)
                .data(data.to_string());
            self.waiting.push_back(event);
        }
    }
}

fn bot(world: &World) -> Value {
    json!({
        "id": world.bot, "name": world.name_of(world.bot), "connected": world.sessions.connected(),
    })
}

/// Who and what is there, which does not change while the simulator runs.
fn hello(world: &World, resumed: bool) -> Value {
    let guild = world.guilds.get(&world.home_guild).map(|guild| &guild.name);
    let users: Vec<Value> = world
        .users
        .values()
        .map(|user| json!({"id": user.id, "name": user.name, "bot": user.bot}))
        .collect();
    json!({
        "world": world.id, "resumed": resumed, "guild": {"id": world.home_guild, "name": guild},
        "bot": bot(world), "users": users, "home": world.home(),
    })
}

/// Places and commands. Messages are asked for where they are looked at.
fn standing(world: &World) -> Vec<Thing> {
    let mut things = vec![("commands", commands(world))];
    let places = world.channels.values();
    things.extend(places.map(|place| ("channel", channel(world, place))));
    things
}

/// What changed, so that a place comes before what is in it.
fn since(world: &World, revision: u64) -> Option<Vec<Thing>> {
    let remembered = world.channels.remembers(revision) && world.messages.remembers(revision);
    let messages: Vec<_> = world.messages.since(revision).take(MOST_MISSED + 1).collect();
    if !remembered || messages.len() > MOST_MISSED {
        return None;
    }
    let mut things = Vec::new();
    let mut gone = Vec::new();
    if world.commands.since(revision).next().is_some() {
        things.push(("commands", commands(world)));
    }
    let changed: BTreeSet<ChannelId> = world.channels.since(revision).collect();
    for id in &changed {
        match world.channels.get(id) {
            Some(place) => things.push(("channel", channel(world, place))),
            None => gone.push(("gone", json!({"kind": "channel", "id": id}))),
        }
    }
    // Who types is kept beside the channel.
    let typing: BTreeSet<ChannelId> = world.typing.since(revision).collect();
    for place in typing
        .difference(&changed)
        .filter_map(|id| world.channels.get(id))
    {
        things.push(("channel", channel(world, place)));
    }
    // An answer is a part of what came of its interaction.
    let mut asked: BTreeSet<_> = world.interactions.since(revision).collect();
    for id in messages {
        if let Some(message) = world.messages.get(&id) {
            things.push(("message", json!(world.seen(message))));
            asked.extend(message.interaction);
        } else {
            gone.push(("gone", json!({"kind": "message", "id": id})));
        }
    }
    for asked in asked.iter().filter_map(|id| world.interactions.get(id)) {
        things.push(("interaction", interaction(world, asked)));
    }
    things.extend(gone);
    Some(things)
}

fn commands(world: &World) -> Value {
    json!(world.commands.values().flatten().collect::<Vec<_>>())
}

fn channel(world: &World, channel: &Channel) -> Value {
    let thread = channel.thread.as_ref();
    let members: Vec<String> = thread.map_or(Vec::new(), |thread| {
        thread.members.keys().map(|user| world.name_of(*user)).collect()
    });
    // The copy of the first message is not one more.
    let copied = channel.messages.first().and_then(|id| world.messages.get(id));
    let copied = copied.is_some_and(|message| message.kind == 21);
    json!({
        "id": channel.id, "name": channel.name, "guild": channel.guild,
        "parent": thread.map(|thread| thread.parent), "archived": thread.is_some_and(|thread| thread.archived),
        "locked": thread.is_some_and(|thread| thread.locked), "members": members,
        "typing": world.typing.contains_key(&channel.id), "last_message": channel.messages.last(),
        "message_count": channel.messages.len() - usize::from(copied),
    })
}

fn interaction(world: &World, interaction: &Interaction) -> Value {
    let mut reply = json!(world.seen_reply(interaction));
    if let Some(fields) = reply.as_object_mut() {
        fields.insert("user".to_owned(), json!(world.name_of(interaction.user)));
        fields.insert("channel".to_owned(), json!(interaction.channel));
    }
    reply
}
