//! Reacting to a message.

use anyhow::Result;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Access, Caller, Tool};
use crate::discord::rest::RestError;
use crate::error::UserError;
use crate::ids::{ChannelId, MessageId};

/// Discord's codes.
const UNKNOWN_MESSAGE: u32 = 10_008;
const UNKNOWN_EMOJI: u32 = 10_014;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct React {
    /// The id of the message, as it was read or sent.
    #[schemars(with = "String")]
    message_id: MessageId,
    /// One emoji, such as ✅, or name:id of a custom one.
    emoji: String,
    /// The id of the channel or thread that the message is in; without it, this session's own thread.
    #[serde(default)]
    #[schemars(with = "String")]
    channel_id: Option<ChannelId>,
}

impl Tool for React {
    const NAME: &'static str = "discord_react";
    const TITLE: &'static str = "React to a message";
    const DESCRIPTION: &'static str =
        "Put an emoji on a Discord message, as a quiet sign that it was seen or done.";
    const ACCESS: Access = Access::Write;

    async fn run(self, caller: &Caller) -> Result<Value> {
        let emoji = self.emoji.trim();
        if emoji.is_empty() {
            return Err(UserError::new("`emoji` is wrong: it is empty").into());
        }
        let channel = caller.place(self.channel_id).await?.id();
        let reacted = caller.deps.outbox.react(channel, self.message_id, emoji).await;
        match reacted {
            Ok(()) => Ok(json!({ "reacted": true })),
            Err(RestError::Refused { code, .. }) if code == UNKNOWN_MESSAGE => {
                let told = format!("there is no message {} in channel {channel}", self.message_id);
                Err(UserError::new(told).into())
            }
            Err(RestError::Refused { code, .. }) if code == UNKNOWN_EMOJI => {
                Err(UserError::new(format!("`emoji` is wrong: Discord does not know {emoji:?}")).into())
            }
            Err(error) => Err(error.into()),
        }
    }
}
