//! Waiting for what a test is about, and what it prints when that does not come.

use std::fmt::Write as _;
use std::future::Future;
use std::panic::Location;
use std::time::Duration;

use super::world::World;
use super::{InteractionId, Reply, Sim};
use crate::ids::ChannelId;

/// Long enough for a loaded machine; nobody waits for it unless the test fails.
const LIMIT: Duration = Duration::from_secs(30);

impl Sim {
    /// Waits until `ready` gives something, looking again after every change.
    ///
    /// # Panics
    /// After 30 seconds, with everything that is to be seen.
    #[track_caller]
    pub fn until<T>(&self, what: &str, ready: impl FnMut(&Sim) -> Option<T>) -> impl Future<Output = T> {
        self.wait(what, LIMIT, ready, Location::caller())
    }

    /// Waits until the bot has answered an interaction for good: not "thinking" any more, or failed.
    ///
    /// # Panics
    /// After 30 seconds, with everything that is to be seen.
    #[track_caller]
    pub fn reply(&self, interaction: InteractionId) -> impl Future<Output = Reply> {
        let settled = move |sim: &Sim| sim.reply_to(interaction).filter(Reply::settled);
        self.wait("the answer to an interaction", LIMIT, settled, Location::caller())
    }

    /// Waits for as long as it takes: for whoever shows the world to a person.
    pub(crate) async fn until_ever<T>(&self, mut ready: impl FnMut(&Sim) -> Option<T>) -> T {
        let mut changes = self.shared.changed.subscribe();
        loop {
            changes.mark_unchanged();
            if let Some(found) = ready(self) {
                return found;
            }
            // The sender lives as long as this handle does.
            let _ = changes.changed().await;
        }
    }

    /// Waits until someone looks at what happens here.
    pub(crate) async fn until_watched(&self) {
        self.until_ever(|sim| sim.shared.look(|world| world.watched).then_some(()))
            .await;
    }

    async fn wait<T>(
        &self,
        what: &str,
        limit: Duration,
        mut ready: impl FnMut(&Sim) -> Option<T>,
        caller: &'static Location<'static>,
    ) -> T {
        let mut changes = self.shared.changed.subscribe();
        let found = tokio::time::timeout(limit, async {
            loop {
                changes.mark_unchanged();
                if let Some(found) = ready(self) {
                    return found;
                }
                // The sender lives as long as this handle does.
                let _ = changes.changed().await;
            }
        });
        let Ok(found) = found.await else {
            panic!("waited {limit:?} for {what} ({caller})\n{}", self.picture());
        };
        found
    }

    /// What the simulator has to complain about: unknown routes, payloads that serenity cannot read,
    /// interactions that were not answered in time.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        self.shared.look(|world| world.complaints.clone())
    }

    /// Takes the complaints that a test expected.
    #[must_use]
    pub fn take_complaints(&self) -> Vec<String> {
        self.shared.change(|world| std::mem::take(&mut world.complaints))
    }

    /// # Panics
    /// When there is a complaint.
    #[track_caller]
    pub fn assert_clean(&self) {
        let complaints = self.complaints();
        assert!(
            complaints.is_empty(),
            "the simulated discord complains:\n{}",
            complaints.join("\n")
        );
    }

    /// Everything that is to be seen, for the message of a failed test.
    #[must_use]
    pub fn picture(&self) -> String {
        self.shared.look(picture)
    }
}

fn short(text: &str) -> String {
    let line = text.replace('\n', "⏎");
    match line.char_indices().nth(160) {
        Some((at, _)) => format!("{}…", line.get(..at).unwrap_or_default()),
        None => line,
    }
}

fn picture(world: &World) -> String {
    let mut out = String::new();
    for channel in world.channels.values() {
        let state = match &channel.thread {
            Some(thread) if thread.archived => "thread, archived",
            Some(_) => "thread",
            None => "channel",
        };
        let _ = writeln!(out, "#{} ({state}, {})", channel.name, channel.id);
        messages(world, channel.id, &mut out);
    }
    for interaction in world.interactions.values() {
        let reply = world.seen_reply(interaction);
        let state = match (reply.failed, reply.answered, reply.deferred) {
            (true, ..) => "did not respond",
            (_, false, _) => "waits",
            (_, _, true) => "thinks",
            _ => "answered",
        };
        let _ = writeln!(
            out,
            "{} by {}: {state}: {}",
            interaction.label,
            world.name_of(interaction.user),
            short(&reply.words())
        );
    }
    let _ = writeln!(out, "gateway connected: {}", world.sessions.connected());
    for call in world.calls.values().rev().take(25).rev() {
        let _ = writeln!(out, "{} {} -> {:?}", call.method, call.path, call.status);
    }
    for complaint in &world.complaints {
        let _ = writeln!(out, "complaint: {complaint}");
    }
    out
}

fn messages(world: &World, channel: ChannelId, out: &mut String) {
    for message in world.seen_messages(channel) {
        let _ = write!(
            out,
            "  {} {}: {}",
            message.id,
            message.author,
            short(&message.words())
        );
        for button in &message.buttons {
            let _ = write!(out, " [{}]", button.label);
        }
        for file in &message.attachments {
            let _ = write!(out, " ({}, {} bytes)", file.name, file.size);
        }
        for reaction in &message.reactions {
            let _ = write!(out, " {}×{}", reaction.emoji, reaction.users.len());
        }
        let _ = writeln!(out, "{}", if message.pinned { " 📌" } else { "" });
    }
}
