//! Changing a session: its model, its thinking, its memory.

use anyhow::Result;

use super::{Answer, Ingress};
use crate::error::UserError;
use crate::ids::ChannelId;
use crate::render::settings::{self, Knob};
use crate::session::live::{Live, Setting};
use crate::session::models::nearest;
use crate::session::view::{SessionView, view_of};
use crate::store::sessions::Session;

/// How many names are offered to somebody who mistyped one.
const OFFERED: usize = 3;

impl Ingress {
    pub(super) async fn model(&self, channel: ChannelId, name: Option<String>) -> Result<Answer> {
        let (session, view) = self.session_and_view(channel).await?;
        let now = view.as_ref().and_then(|view| view.model.as_deref());
        let Some(name) = name else {
            let known = self.model_names();
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            return Ok(Answer::Privately(settings::current(Knob::Model, now, &known)));
        };
        runs_here(view.as_ref())?;
        let id = self.choose_model(&session, name.trim()).await?;
        let changed = self.deps.change(&session.id, &Setting::Model(id.clone())).await?;
        let holds = changed.map_err(|error| settings::not_changed(Knob::Model, &error))?;
        Ok(Answer::Said(settings::changed(Knob::Model, now, &id, holds)))
    }

    async fn session_and_view(&self, channel: ChannelId) -> Result<(Session, Option<SessionView>)> {
        let session = self.session_here(channel).await?;
        let view = view_of(&self.deps, &session.id).await?;
        Ok((session, view))
    }

    fn model_names(&self) -> Vec<String> {
        self.deps
            .models
            .list()
            .into_iter()
            .map(|model| model.id)
            .collect()
    }

    /// The model that is meant: by its id, by its name without the provider, or, where no agent has ever said what
    /// there is, as it was written.
    async fn choose_model(&self, session: &Session, name: &str) -> Result<String, UserError> {
        let mut known = self.model_names();
        let mut found = meant(&known, name);
        if found.is_none()
            && let Live::Up { agent, .. } = self.deps.sessions.live(&session.id).await
            && let Ok(list) = agent.models().await
        {
            // Somebody may have logged in to a provider since it was last asked.
            self.deps.models.learn(list);
            known = self.model_names();
            found = meant(&known, name);
        }
        let is_name = name
            .split_once('/')
            .is_some_and(|(a, b)| !a.is_empty() && !b.is_empty());
        match found {
            Some(id) => Ok(id),
            None if known.is_empty() && is_name => Ok(name.to_owned()),
            None => {
                let names: Vec<&str> = known.iter().map(String::as_str).collect();
                let near = nearest(name, names.iter().copied(), OFFERED);
                Err(settings::unknown(Knob::Model, name, &near, &names))
            }
        }
    }

    pub(super) async fn thinking(&self, channel: ChannelId, level: Option<String>) -> Result<Answer> {
        let (session, view) = self.session_and_view(channel).await?;
        let model = view.as_ref().and_then(|view| view.model.as_deref());
        let now = view.as_ref().and_then(|view| view.thinking.as_deref());
        let levels = self.deps.models.levels(model);
        let levels: Vec<&str> = levels.iter().map(String::as_str).collect();
        let Some(level) = level else {
            return Ok(Answer::Privately(settings::current(Knob::Thinking, now, &levels)));
        };
        runs_here(view.as_ref())?;
        let level = level.trim().to_lowercase();
        if !levels.contains(&level.as_str()) {
            let near = nearest(&level, levels.iter().copied(), OFFERED);
            return Err(settings::unknown(Knob::Thinking, &level, &near, &levels).into());
        }
        let changed = self
            .deps
            .change(&session.id, &Setting::Thinking(level.clone()))
            .await?;
        let holds = changed.map_err(|error| settings::not_changed(Knob::Thinking, &error))?;
        let mut said = settings::changed(Knob::Thinking, now, &level, holds);
        // A model may know fewer levels than the agent, and what counts is what it makes of it.
        if let Live::Up { agent, .. } = self.deps.sessions.live(&session.id).await
            && let Ok(state) = agent.state().await
            && let Some(actual) = state.thinking.filter(|actual| *actual != level)
        {
            said.push_str(&settings::adjusted(&level, &actual));
        }
        Ok(Answer::Said(said))
    }

    pub(super) async fn compact(&self, channel: ChannelId, instructions: Option<String>) -> Result<Answer> {
        let (session, view) = self.session_and_view(channel).await?;
        runs_here(view.as_ref())?;
        let running = matches!(self.deps.sessions.live(&session.id).await, Live::Up { .. });
        if session.agent_session.is_none() && !running {
            return Err(UserError::new("There is nothing to compact yet.")
                .hint("The conversation begins with your first prompt.")
                .into());
        }
        let instructions = instructions.filter(|text| !text.trim().is_empty());
        match self.deps.sessions.compact(&session.id, instructions).await {
            Ok(done) => Ok(Answer::Said(settings::compacted(&done))),
            Err(why) => Err(settings::not_compacted(&why).into()),
        }
    }
}

/// What a terminal runs is set there.
fn runs_here(view: Option<&SessionView>) -> Result<(), UserError> {
    match view {
        Some(view) if view.terminal => Err(settings::in_terminal()),
        _ => Ok(()),
    }
}

/// The id that is meant, if it is only one.
fn meant(known: &[String], name: &str) -> Option<String> {
    let same = |id: &&String| id.eq_ignore_ascii_case(name);
    if let Some(id) = known.iter().find(same) {
        return Some(id.clone());
    }
    let bare = |id: &&String| {
        id.split_once('/')
            .is_some_and(|(_, model)| model.eq_ignore_ascii_case(name))
    };
    let mut found = known.iter().filter(bare);
    let first = found.next()?;
    found.next().is_none().then(|| first.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_known_by_its_name_where_that_is_only_one() {
        let known = ["a/opus", "b/opus", "b/Fast"].map(str::to_owned);
        assert_eq!(meant(&known, "B/OPUS").as_deref(), Some("b/opus"));
        assert_eq!(meant(&known, "fast").as_deref(), Some("b/Fast"));
        assert_eq!(meant(&known, "opus"), None, "two providers have it");
        assert_eq!(meant(&known, "slow"), None);
    }
}
