//! Whole messages: which are the assistant's, and what they say.
//!
//! The deltas are what people watch; the whole message is what counts, also where a stream broke off.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::protocol::{Frame, args, model_name};
use super::state::whole;
use crate::event::{AgentEvent, MessageEnded, Tokens, ToolCall};

/// `message_start` and `message_end`.
#[derive(Deserialize)]
pub(super) struct MessageFrame<'a> {
    #[serde(borrow)]
    message: Message<'a>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(default)]
    role: String,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(default)]
    provider: String,
    model: Option<String>,
    usage: Option<Usage>,
    #[serde(default, rename = "stopReason")]
    stop_reason: String,
    #[serde(rename = "errorMessage")]
    error: Option<String>,
}

#[derive(Deserialize)]
struct Usage {
    cost: Option<Cost>,
    // Whatever number a provider gives, so that a message is never lost for its usage.
    input: Option<f64>,
    output: Option<f64>,
    #[serde(rename = "cacheRead")]
    cache_read: Option<f64>,
    #[serde(rename = "cacheWrite")]
    cache_write: Option<f64>,
}

impl Usage {
    fn tokens(&self) -> Tokens {
        let whole = |tokens: Option<f64>| tokens.map(whole).unwrap_or_default();
        Tokens {
            input: whole(self.input),
            output: whole(self.output),
            cache_read: whole(self.cache_read),
            cache_write: whole(self.cache_write),
        }
    }
}

#[derive(Deserialize)]
struct Cost {
    #[serde(default)]
    total: f64,
}

#[derive(Deserialize)]
struct Block<'a> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
}

impl MessageFrame<'_> {
    pub(super) fn started(&self) -> Frame {
        if self.message.role == "assistant" {
            Frame::Event(AgentEvent::MessageStarted)
        } else {
            Frame::Nothing
        }
    }

    pub(super) fn ended(self) -> Option<Frame> {
        let message = self.message;
        if message.role != "assistant" {
            return Some(Frame::Nothing);
        }
        let blocks: Vec<Block<'_>> = match message.content {
            Some(content) => serde_json::from_str(content.get()).ok()?,
            None => Vec::new(),
        };
        let calls = blocks.iter().filter(|block| block.kind == "toolCall");
        let calls = calls
            .map(|block| ToolCall {
                id: block.id.clone().unwrap_or_default(),
                tool: block.name.clone().unwrap_or_default(),
                args: args(block.arguments),
            })
            .collect();
        let texts = (0..)
            .zip(blocks)
            .filter(|(_, block)| block.kind == "text")
            .filter_map(|(index, block)| Some((index, block.text?)))
            .collect();
        Some(Frame::Event(AgentEvent::MessageEnded(MessageEnded {
            texts,
            model: message.model.map(|model| model_name(&message.provider, &model)),
            tokens: message.usage.as_ref().map(Usage::tokens).unwrap_or_default(),
            cost: message
                .usage
                .and_then(|usage| usage.cost)
                .map_or(0.0, |cost| cost.total),
            stop_reason: message.stop_reason,
            error: message.error,
            calls,
        })))
    }
}
