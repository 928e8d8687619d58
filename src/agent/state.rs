//! What the agent answers when it is asked about itself, cut down to what somebody looks at.
//!
//! The answers are large (68 kB with the system prompt and every tool) and grow with each release of the
//! agent, so every field but the session's id is optional.

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::protocol::model_name;

/// How the agent is doing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AgentStateReport {
    /// The agent's own session id, for `--resume`.
    pub agent_session: String,
    /// `provider/model`.
    pub model: Option<String>,
    /// How much the model thinks.
    pub thinking: Option<String>,
    /// What the agent calls the session.
    pub title: Option<String>,
    /// How full the model's context is, in per cent.
    pub context_percent: Option<f64>,
    /// How many tokens are in the context.
    pub context_tokens: Option<u64>,
    /// How many tokens fit into the context.
    pub context_window: Option<u64>,
    /// Whether a turn is running.
    pub streaming: bool,
    /// How many messages wait inside the agent.
    pub queued: u64,
    /// How many messages the conversation has.
    pub messages: u64,
}

/// What the conversation has used so far.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct AgentStats {
    /// What it cost, in US dollars.
    pub cost: f64,
    /// Tokens that went in.
    pub input_tokens: u64,
    /// Tokens that came out.
    pub output_tokens: u64,
    /// All tokens, cached ones included.
    pub total_tokens: u64,
    /// How often tools were called.
    pub tool_calls: u64,
}

/// A model that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentModel {
    /// `provider/model`, as `set_model` takes it.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// How much it can be made to think, besides not at all. Empty where the agent does not say.
    #[serde(default)]
    pub efforts: Vec<String>,
}

#[derive(Deserialize)]
struct Model {
    #[serde(default)]
    provider: String,
    id: String,
    name: Option<String>,
    thinking: Option<Thinking>,
}

#[derive(Deserialize)]
struct Thinking {
    #[serde(default)]
    efforts: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct State {
    session_id: String,
    model: Option<Model>,
    thinking_level: Option<String>,
    session_name: Option<String>,
    context_usage: Option<ContextUsage>,
    #[serde(default)]
    is_streaming: bool,
    #[serde(default)]
    queued_message_count: u64,
    #[serde(default)]
    message_count: u64,
}

/// The agent does not know how full its context is right after compacting: then the numbers are null.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContextUsage {
    tokens: Option<f64>,
    context_window: Option<f64>,
    percent: Option<f64>,
}

impl AgentStateReport {
    pub(super) fn read(data: &RawValue) -> anyhow::Result<Self> {
        let state: State = serde_json::from_str(data.get()).context("cannot read the agent's state")?;
        let usage = state.context_usage;
        let tokens = |pick: fn(&ContextUsage) -> Option<f64>| usage.as_ref().and_then(pick).map(whole);
        Ok(Self {
            agent_session: state.session_id,
            model: state.model.map(|model| model_name(&model.provider, &model.id)),
            thinking: state.thinking_level,
            title: state.session_name.filter(|name| !name.trim().is_empty()),
            context_percent: usage.as_ref().and_then(|usage| usage.percent),
            context_tokens: tokens(|usage| usage.tokens),
            context_window: tokens(|usage| usage.context_window),
            streaming: state.is_streaming,
            queued: state.queued_message_count,
            messages: state.message_count,
        })
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float saturates when it becomes an integer, and token counts are far below 2^53"
)]
pub(super) fn whole(number: f64) -> u64 {
    number as u64
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stats {
    #[serde(default)]
    cost: f64,
    #[serde(default)]
    tool_calls: u64,
    #[serde(default)]
    tokens: Tokens,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Tokens {
    input: u64,
    output: u64,
    total: u64,
}

impl AgentStats {
    pub(super) fn read(data: &RawValue) -> anyhow::Result<Self> {
        let stats: Stats = serde_json::from_str(data.get()).context("cannot read the agent's statistics")?;
        Ok(Self {
            cost: stats.cost,
            input_tokens: stats.tokens.input,
            output_tokens: stats.tokens.output,
            total_tokens: stats.tokens.total,
            tool_calls: stats.tool_calls,
        })
    }
}

/// What compacting says of the conversation before it.
pub(super) fn tokens_before(data: &RawValue) -> Option<u64> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Compacted {
        tokens_before: Option<f64>,
    }
    let compacted: Compacted = serde_json::from_str(data.get()).ok()?;
    compacted.tokens_before.map(whole)
}

#[derive(Deserialize)]
struct Models {
    models: Vec<Model>,
}

impl AgentModel {
    pub(super) fn read_all(data: &RawValue) -> anyhow::Result<Vec<Self>> {
        let list: Models = serde_json::from_str(data.get()).context("cannot read the agent's models")?;
        let named = list.models.into_iter().map(|model| Self {
            name: model.name.unwrap_or_else(|| model.id.clone()),
            id: model_name(&model.provider, &model.id),
            efforts: model
                .thinking
                .map(|thinking| thinking.efforts)
                .unwrap_or_default(),
        });
        Ok(named.collect())
    }
}
