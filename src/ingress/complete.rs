//! Choices while a person types: from memory, or one question to the database under a limit.

use std::time::Duration;

use super::auth::{Decision, Person};
use super::{Ask, Inbound, Ingress};
use crate::ids::ChannelId;
use crate::render::sessions::{open_choice, past_choice};
use crate::render::text::{clip, plain};
use crate::session::models::nearest;
use crate::session::view::{SessionView, all_views};
use crate::store::now_ms;
use crate::store::sessions::Session;

/// Discord takes no more.
const MOST: usize = 25;
const LONGEST: usize = 100;
/// The choices must be there within three seconds; without them a person can still type.
const PATIENCE: Duration = Duration::from_millis(1_500);
/// As many past sessions are looked through.
const LOOKED_AT: u32 = 200;

/// What is being typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// An open session.
    Open,
    /// A past session.
    Past,
    /// A model.
    Model,
    /// A thinking level, for the session of this thread.
    Thinking,
    /// A directory.
    Workspace,
}

/// A choice: what is shown, and what it stands for.
pub type Choice = (String, String);

impl Ingress {
    /// What can be chosen. Nothing for somebody who may not, and nothing that does not come in time.
    pub async fn complete(&self, by: Person, channel: ChannelId, field: Field, typed: &str) -> Vec<Choice> {
        let inbound = Inbound {
            by: Some(by),
            ask: Ask::Complete,
        };
        if self.decide(&inbound) != Decision::Allow {
            return Vec::new();
        }
        let choices = tokio::time::timeout(PATIENCE, self.choices(channel, field, typed));
        let mut choices = choices.await.unwrap_or_default();
        choices.retain(|(_, value)| value.chars().count() <= LONGEST);
        choices.truncate(MOST);
        choices
    }

    async fn choices(&self, channel: ChannelId, field: Field, typed: &str) -> Vec<Choice> {
        match field {
            Field::Open => {
                let mut views = all_views(&self.deps).await.unwrap_or_default();
                views.sort_by_key(|view| std::cmp::Reverse(view.last_active_ms));
                open(&views, typed, now_ms())
            }
            Field::Past => {
                let sessions = self.deps.store.past_sessions(LOOKED_AT).await;
                past(&sessions.unwrap_or_default(), typed, now_ms())
            }
            Field::Model => {
                let models = self.deps.models.list();
                let names = models.iter().map(|model| model.id.as_str());
                nearest(typed, names, MOST).into_iter().map(same).collect()
            }
            Field::Thinking => {
                let views = all_views(&self.deps).await.unwrap_or_default();
                let here = views
                    .into_iter()
                    .find(|view| view.thread == Some(channel.thread()));
                let levels = self
                    .deps
                    .models
                    .levels(here.and_then(|view| view.model).as_deref());
                let fits = |level: &&String| level.starts_with(&typed.trim().to_lowercase());
                levels.iter().filter(fits).map(|level| same(level)).collect()
            }
            Field::Workspace => {
                let places = self.deps.store.workspaces(200).await.unwrap_or_default();
                let fits = |place: &&String| contains(place, typed);
                places.iter().filter(fits).map(|place| same(place)).collect()
            }
        }
    }
}

fn same(name: &str) -> Choice {
    (clip(&plain(name), LONGEST), name.to_owned())
}

fn contains(text: &str, typed: &str) -> bool {
    text.to_lowercase().contains(&typed.trim().to_lowercase())
}

fn open(views: &[SessionView], typed: &str, now_ms: i64) -> Vec<Choice> {
    let fits = |view: &&SessionView| {
        [view.name.as_str(), view.id.as_str(), &view.workspace]
            .iter()
            .any(|text| contains(text, typed))
    };
    let fitting = views.iter().filter(fits);
    fitting
        .map(|view| (open_choice(view, now_ms), view.id.to_string()))
        .collect()
}

fn past(sessions: &[Session], typed: &str, now_ms: i64) -> Vec<Choice> {
    let fits = |session: &&Session| {
        [
            session.thread_name.as_str(),
            session.id.as_str(),
            &session.workspace,
        ]
        .iter()
        .any(|text| contains(text, typed))
    };
    let fitting = sessions.iter().filter(fits);
    fitting
        .map(|session| (past_choice(session, now_ms), session.id.to_string()))
        .collect()
}
