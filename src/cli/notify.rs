//! `ompcord notify`: a message to people from a shell, a build, a cron job.

use std::path::Path;

use anyhow::Result;
use serde_json::json;

use super::block_on;
use super::client::Daemon;
use crate::ids::ChannelId;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What to say, up to 2,000 characters
    text: String,
    /// Where (default: the home channel, or the session's own thread inside an agent)
    #[arg(long, value_name = "ID")]
    channel: Option<ChannelId>,
}

pub(super) fn execute(args: &Args, env_file: Option<&Path>) -> Result<()> {
    let daemon = Daemon::find(env_file)?;
    let mut body = json!({ "content": args.text });
    if let Some(channel) = args.channel {
        body["channel_id"] = json!(channel);
    }
    block_on(async move { daemon.post("/notify", &body).await.map(drop) })
}
