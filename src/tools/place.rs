//! Where somebody may act: the server, and its channels that are open to them.

use anyhow::Result;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Access, Caller, Tool};
use crate::ids::ThreadId;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Guilds {}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Channels {}

impl Tool for Guilds {
    const NAME: &'static str = "discord_guilds";
    const TITLE: &'static str = "Show the server";
    const DESCRIPTION: &'static str =
        "Show the Discord server (guild) that the bot works in; there is only one.";
    const ACCESS: Access = Access::Read;

    async fn run(self, caller: &Caller) -> Result<Value> {
        let guild = caller.deps.rest.guild(caller.deps.config.guild).await?;
        Ok(json!({ "guilds": [{ "id": guild.id, "name": guild.name }] }))
    }
}

impl Tool for Channels {
    const NAME: &'static str = "discord_channels";
    const TITLE: &'static str = "List the channels";
    const DESCRIPTION: &'static str = "List the Discord channels and threads that the other tools may use, by id and \
        name: this session's own thread, and those that the owner has opened.";
    const ACCESS: Access = Access::Read;

    async fn run(self, caller: &Caller) -> Result<Value> {
        let deps = &caller.deps;
        let mut channels = Vec::new();
        let sessions = match caller.own().await? {
            Some(own) => vec![own],
            None => deps.store.open_sessions().await?,
        };
        let own = !caller.is_owner();
        for session in sessions {
            if let Some(thread) = session.thread {
                channels.push(json!({
                    "id": thread,
                    "name": session.thread_name,
                    "session_id": session.id,
                    "own": own,
                }));
            }
        }
        for channel in &deps.config.tool_channels {
            let found = deps.rest.named_channel(*channel).await?;
            let here =
                found.filter(|found| found.guild_id == Some(deps.config.guild) && found.takes_messages());
            let known = |id: &Value| *id == json!(ThreadId::from(channel.get()));
            if let Some(found) = here
                && !channels.iter().any(|listed| known(&listed["id"]))
            {
                channels.push(json!({ "id": found.id, "name": found.name, "own": false }));
            }
        }
        Ok(json!({ "channels": channels }))
    }
}
