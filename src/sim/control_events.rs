//! What a person sees, as server-sent events: first everything, then each change.
//!
//! A page that redraws what these events name is always right, however it got behind: they carry whole things,
//! not differences.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::stream::{Stream, unfold};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::Shared;
use super::world::World;

/// Changes within this time are sent together, so that a busy bot costs one look at the world, not hundreds.
const PACE: Duration = Duration::from_millis(40);

/// What can change: kind and id.
type Key = (&'static str, String);

pub(super) async fn stream(
    State(sim): State<Arc<Shared>>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let changes = sim.changed.subscribe();
    let viewer = Viewer {
        sim,
        changes,
        known: BTreeMap::new(),
        waiting: Vec::new(),
        began: false,
    };
    Sse::new(unfold(viewer, Viewer::next)).keep_alive(KeepAlive::default())
}

struct Viewer {
    sim: Arc<Shared>,
    changes: watch::Receiver<u64>,
    known: BTreeMap<Key, Value>,
    waiting: Vec<Event>,
    began: bool,
}

impl Viewer {
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        loop {
            if let Some(event) = self.waiting.pop() {
                return Some((Ok(event), self));
            }
            if self.began {
                let shutdown = self.sim.shutdown.clone();
                tokio::select! {
                    () = shutdown.cancelled() => return None,
                    changed = self.changes.changed() => changed.ok()?,
                }
                tokio::time::sleep(PACE).await;
            }
            self.began = true;
            self.changes.mark_unchanged();
            self.look();
        }
    }

    /// Compares the world with what was sent and queues what is new, in order.
    fn look(&mut self) {
        let now = self.sim.look(things);
        let mut events = Vec::new();
        for key in self.known.keys().filter(|key| !now.contains_key(key)) {
            let (kind, id) = key;
            events.push(
                Event::default()
                    .event("gone")
                    .data(json!({"kind": kind, "id": id}).to_string()),
            );
        }
        for (key, value) in &now {
            if self.known.get(key) != Some(value) {
                events.push(Event::default().event(key.0).data(value.to_string()));
            }
        }
        self.known = now;
        events.reverse();
        self.waiting = events;
    }
}

/// Everything that is to be seen, by kind and id. The kinds sort so that a place comes before what is in it.
fn things(world: &World) -> BTreeMap<Key, Value> {
    let mut things = BTreeMap::new();
    let gateway = json!({"connected": world.sessions.connected(), "bot": world.bot, "name": "ompcord"});
    things.insert(("bot", String::new()), gateway);
    for channel in world.channels.values() {
        let typing = world
            .typing
            .get(&channel.id)
            .is_some_and(|since| since.elapsed() < super::rest::channels::TYPING);
        let thread = channel.thread.as_ref();
        let members: Vec<String> = thread.map_or(Vec::new(), |thread| {
            thread.members.keys().map(|user| world.name_of(*user)).collect()
        });
        let place = json!({
            "id": channel.id, "name": channel.name, "guild": channel.guild,
            "parent": thread.map(|thread| thread.parent), "archived": thread.map(|thread| thread.archived),
            "locked": thread.map(|thread| thread.locked), "members": members, "typing": typing,
        });
        things.insert(("channel", channel.id.to_string()), place);
    }
    for interaction in world.interactions.values() {
        let mut reply = json!(world.seen_reply(interaction));
        if let Some(fields) = reply.as_object_mut() {
            fields.insert("user".to_owned(), json!(world.name_of(interaction.user)));
            fields.insert("channel".to_owned(), json!(interaction.channel));
        }
        things.insert(("interaction", interaction.id.to_string()), reply);
    }
    for message in world.messages.values() {
        things.insert(("message", message.id.to_string()), json!(world.seen(message)));
    }
    things
}
