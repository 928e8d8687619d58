//! `ompcord notify`: a message to people from a shell, a build, a cron job.
//!
//! Through the daemon, which knows the channels and never loses one; where none runs, through the webhook, if there is one.

use std::path::Path;

use anyhow::Result;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use super::client::Daemon;
use super::{block_on, out, said};
use crate::config::{Hook, process_env, secrets_in};
use crate::discord::webhook::{MESSAGE_MAX, Webhook, units};
use crate::error::UserError;
use crate::ids::ChannelId;
use crate::render::redact::Redactor;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What to say, up to 2,000 characters; `-` reads it from standard input
    text: String,
    /// Where (default: the home channel, or the session's own thread inside an agent)
    #[arg(long, value_name = "ID")]
    channel: Option<ChannelId>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn execute(args: &Args, env_file: Option<&Path>) -> Result<()> {
    let text = said::text(&args.text)?;
    if text.trim().is_empty() {
        return Err(UserError::new("there is nothing to say").into());
    }
    let length = units(&text);
    if length > MESSAGE_MAX {
        let error = UserError::new(format!(
            "{length} characters are more than Discord's {MESSAGE_MAX}"
        ));
        return Err(error
            .hint("send the end of it: `… | tail -c 1900 | ompcord notify -`")
            .into());
    }
    block_on(notify(text, args.channel, args.json, env_file))
}

async fn notify(text: String, channel: Option<ChannelId>, json: bool, env_file: Option<&Path>) -> Result<()> {
    let away = Daemon::away(env_file).await?;
    let said = match &away {
        None => {
            let text = redactor(None).redact(&text).into_owned();
            let mut body = json!({ "content": text });
            if let Some(channel) = channel {
                body["channel_id"] = json!(channel);
            }
            Daemon::find(env_file)?.post("/notify", &body).await?;
            "sent through the daemon".to_owned()
        }
        Some(why) => {
            let Some(hook) = Hook::load(env_file, process_env)? else {
                return Err(UserError::new(why).hint(
                    "start it with `ompcord run`, say where it is with OMPCORD_HTTP_ADDR, or set DISCORD_WEBHOOK_URL",
                ).into());
            };
            if channel.is_some() {
                return Err(
                    UserError::new(format!("{why}, and a webhook cannot choose a channel"))
                        .hint("start it with `ompcord run`, or leave --channel away")
                        .into(),
                );
            }
            let text = redactor(Some(&hook.url)).redact(&text).into_owned();
            let webhook = Webhook::new(&hook.url, &hook.state_dir)?;
            let sent = webhook.send(&text).await;
            sent.map_err(|error| {
                UserError::new(format!("not sent: {error}")).hint(format!("{why}, so the webhook was used"))
            })?;
            format!("sent through the webhook: {why}")
        }
    };
    let way = if away.is_none() { "daemon" } else { "webhook" };
    let answer = json!({ "sent": true, "way": way }).to_string();
    Ok(out::line(if json { &answer } else { &said })?)
}

/// What this shell knows and nobody else may. The daemon looks for its own secrets once more.
fn redactor(webhook: Option<&SecretString>) -> Redactor {
    let url = webhook.map(|url| url.expose_secret().trim_end_matches('/'));
    let token = url.and_then(|url| url.rsplit('/').next());
    let webhook = url
        .into_iter()
        .chain(token)
        .map(|secret| ("webhook", secret.to_owned()));
    Redactor::new(
        webhook.chain(secrets_in(std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        }))),
    )
}
