//! The models that agents have offered. Kept, because a person who types gets three seconds and no agent may be running.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Deps;
use crate::agent::{AgentHandle, AgentModel};

/// What the agent offers changes when somebody logs in to a provider: rarely.
const FRESH: Duration = Duration::from_mins(10);
/// The fact under which the list is stored.
const FACT: &str = "models";
/// Names that are less alike than this are not the same word mistyped.
const ALIKE: f64 = 0.8;

/// Levels that an agent takes where its model says nothing better.
pub const LEVELS: [&str; 7] = ["off", "minimal", "low", "medium", "high", "xhigh", "max"];

/// The known models. A cheap clone.
#[derive(Debug, Clone, Default)]
pub struct Models(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    list: Vec<AgentModel>,
    asked: Option<Instant>,
}

impl Models {
    /// All of them, in the agent's order.
    #[must_use]
    pub fn list(&self) -> Vec<AgentModel> {
        self.lock().list.clone()
    }

    /// The model with this id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<AgentModel> {
        self.lock().list.iter().find(|model| model.id == id).cloned()
    }

    /// The levels that a model can be made to think at.
    #[must_use]
    pub fn levels(&self, model: Option<&str>) -> Vec<String> {
        let known = model.and_then(|id| self.find(id));
        match known {
            Some(model) if !model.efforts.is_empty() => {
                let off = std::iter::once("off".to_owned());
                off.chain(model.efforts).collect()
            }
            _ => LEVELS.map(str::to_owned).to_vec(),
        }
    }

    /// Replaces the list. `true` when it is another one.
    #[expect(
        clippy::must_use_candidate,
        reason = "whether it has changed only matters to who stores it"
    )]
    pub fn learn(&self, list: Vec<AgentModel>) -> bool {
        let mut known = self.lock();
        known.asked = Some(Instant::now());
        let changed = !list.is_empty() && known.list != list;
        if changed {
            known.list = list;
        }
        changed
    }

    /// Whether an agent should be asked; the asker is then expected to.
    fn is_due(&self) -> bool {
        let mut known = self.lock();
        let due = known.asked.is_none_or(|asked| asked.elapsed() > FRESH);
        if due {
            known.asked = Some(Instant::now());
        }
        due
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Deps {
    /// What an earlier run had learnt.
    pub async fn recall_models(&self) {
        let stored = self.store.fact(FACT).await.ok().flatten();
        if let Some(list) = stored.and_then(|text| serde_json::from_str(&text).ok()) {
            self.models.learn(list);
            // It may be old.
            self.models.lock().asked = None;
        }
    }

    /// Asks an agent that has just come up, unless that was done a moment ago.
    pub(super) fn learn_models(&self, agent: &AgentHandle) {
        if !self.models.is_due() {
            return;
        }
        let (agent, models, store) = (agent.clone(), self.models.clone(), self.store.clone());
        self.tracker.spawn(async move {
            let list = match agent.models().await {
                Ok(list) => list,
                Err(error) => {
                    tracing::debug!("the agent does not tell its models: {error}");
                    models.lock().asked = None;
                    return;
                }
            };
            let text = serde_json::to_string(&list);
            if models.learn(list)
                && let Ok(text) = text
                && let Err(error) = store.set_fact(FACT, &text).await
            {
                tracing::warn!("cannot keep the list of models: {error:#}");
            }
        });
    }
}

/// Those of the names that somebody may have meant, the likeliest first.
pub fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>, most: usize) -> Vec<&'a str> {
    let wanted = wanted.trim().to_lowercase();
    let mut scored: Vec<(f64, &str)> = names
        .map(|name| (likeness(&wanted, &name.to_lowercase()), name))
        .filter(|(score, _)| *score >= ALIKE)
        .collect();
    scored.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    scored.into_iter().take(most).map(|(_, name)| name).collect()
}

/// 2 and more where one contains the other, otherwise how alike they are written, from 0 to 1.
fn likeness(wanted: &str, name: &str) -> f64 {
    if wanted.is_empty() {
        return 1.0;
    }
    // A model without its provider, a thread without the word that it begins with.
    let bare = name.split_once('/').or_else(|| name.split_once(": "));
    let bare = bare.map_or(name, |(_, bare)| bare);
    if name == wanted || bare == wanted {
        3.0
    } else if name.contains(wanted) {
        2.0
    } else {
        strsim::jaro_winkler(wanted, bare).max(strsim::jaro_winkler(wanted, name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_first_and_strangers_are_left_out() {
        let names = [
            "anthropic/claude-opus-4",
            "anthropic/claude-sonnet-4",
            "openai/gpt-6",
        ];
        let near = |wanted| nearest(wanted, names.into_iter(), 5);
        assert_eq!(near("sonnet"), ["anthropic/claude-sonnet-4"]);
        assert_eq!(near("claude-opsu-4")[0], "anthropic/claude-opus-4");
        assert_eq!(near("gpt-6"), ["openai/gpt-6"]);
        assert!(near("banana").is_empty());
        let threads = ["Session: The garden", "Run: fix it"];
        assert_eq!(
            nearest("the gardne", threads.into_iter(), 2),
            ["Session: The garden"]
        );
        assert_eq!(nearest("hihg", LEVELS.into_iter(), 1), ["high"]);
    }

    #[test]
    fn levels_are_those_of_the_model_where_it_says_so() {
        let models = Models::default();
        let model = AgentModel {
            id: "p/m".to_owned(),
            name: "M".to_owned(),
            efforts: vec!["low".to_owned(), "high".to_owned()],
        };
        assert!(models.learn(vec![model.clone()]) && !models.learn(vec![model]));
        assert_eq!(models.levels(Some("p/m")), ["off", "low", "high"]);
        assert_eq!(models.levels(Some("p/other")), LEVELS);
        assert_eq!(models.levels(None), LEVELS);
        assert!(
            !models.learn(Vec::new()),
            "an agent without a login says nothing new"
        );
        assert_eq!(models.list().len(), 1);
    }
}
