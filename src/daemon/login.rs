//! The first words with Discord: who the bot is, its commands, where the gateway is, and whether that was in time.
//!
//! Whatever goes wrong here is told to the person who starts the daemon, so each failure has its own sentence.

use std::time::Duration;

use anyhow::Result;
use serde_json::Value;
use tokio::sync::watch;

use super::Boot;
use crate::discord::commands;
use crate::discord::gateway::Login;
use crate::discord::rest::{Rest, RestError};
use crate::error::Fatal;
use crate::ids::UserId;
use crate::store::Store;

/// How long to wait before Discord is asked again.
const ASK_AGAIN: Duration = Duration::from_secs(1);

impl Boot {
    /// Asks Discord who the bot is, which checks the token, registers the commands if they changed, and gives
    /// what the gateway needs.
    pub(super) async fn identify(&self, rest: &Rest, store: &Store) -> Result<Login> {
        let bot = self.who_am_i(rest).await?;
        let commands = commands::registration()?;
        let wanted = fingerprint(&commands, self.config.guild.get(), bot);
        let known = store.fact("commands").await?;
        if known.as_deref() != Some(&wanted) || !self.commands_are_there(rest, bot).await {
            let application = match rest.application().await {
                Ok(application) => application.id,
                // A server that is only compatible may not know the question; a bot's two ids are the same anyway.
                Err(RestError::Refused { status: 404, .. }) => bot,
                Err(error) => return Err(self.failed(error).into()),
            };
            rest.put_guild_commands(application, self.config.guild, &commands)
                .await
                .map_err(|error| match error {
                    RestError::Refused { message, .. } => Fatal::NotInvited {
                        guild: self.config.guild,
                        application,
                        reason: message,
                    },
                    other => self.failed(other),
                })?;
            store.set_fact("commands", &wanted).await?;
        }
        let gateway_url = rest.gateway().await.map_err(|error| self.failed(error))?;
        Ok(Login {
            bot,
            http: self.endpoint.http(&self.config),
            gateway_url,
        })
    }

    /// Whether Discord still has what was registered once: somebody may have invited the bot anew, or cleared its
    /// commands. Where it does not say, they are taken to be there.
    async fn commands_are_there(&self, rest: &Rest, application: UserId) -> bool {
        match rest.guild_commands(application, self.config.guild).await {
            Ok(names) => names.iter().any(|name| name == commands::ROOT),
            Err(error) => {
                tracing::warn!("cannot see whether the commands are registered: {error}");
                true
            }
        }
    }

    /// The first question to Discord. A machine that has just started may not have a network yet, so it is asked again.
    async fn who_am_i(&self, rest: &Rest) -> Result<UserId> {
        let mut failure = None;
        let asking = async {
            loop {
                let reason = match rest.me().await {
                    Ok(me) => return Ok(me.id),
                    Err(RestError::Unknown { reason, .. }) => reason,
                    Err(error) => return Err(self.failed(error)),
                };
                if failure.replace(reason.clone()).is_none() {
                    let limit = self.patience.as_secs();
                    tracing::warn!("Discord cannot be reached: {reason}; trying again for {limit} s");
                }
                tokio::time::sleep(ASK_AGAIN).await;
            }
        };
        let asked = tokio::time::timeout(self.patience, asking).await;
        if let Ok(answer) = asked {
            return Ok(answer?);
        }
        let silent = format!("it did not answer within {} s", self.patience.as_secs());
        Err(self.unreachable(failure.unwrap_or(silent)).into())
    }

    /// Resolves only when the gateway was not ready in time.
    pub(super) async fn first_ready(&self, mut seen: watch::Receiver<bool>) -> anyhow::Error {
        let ready = async { seen.wait_for(|ready| *ready).await.is_ok() };
        match tokio::time::timeout(self.patience, ready).await {
            Ok(_) => std::future::pending().await,
            Err(_) => self
                .unreachable(format!(
                    "its gateway did not answer within {} s",
                    self.patience.as_secs()
                ))
                .into(),
        }
    }

    /// What a failure of a request means before anything else was asked.
    fn failed(&self, error: RestError) -> Fatal {
        match error {
            RestError::Unauthorized => Fatal::TokenRejected,
            RestError::Limited { retry_after, .. } => self.unreachable(format!(
                "it wants no requests for another {} s",
                retry_after.as_secs()
            )),
            RestError::Unknown { reason, .. } => self.unreachable(reason),
            RestError::Refused { status, message, .. } => {
                self.unreachable(format!("it answers with {status}, {message}"))
            }
        }
    }

    fn unreachable(&self, reason: String) -> Fatal {
        Fatal::Unreachable {
            at: self.config.api_url.clone(),
            reason,
        }
    }
}

/// Identifies a set of commands. Not for secrecy: a collision would only leave old commands registered.
fn fingerprint(commands: &Value, guild: u64, bot: UserId) -> String {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    commands.to_string().hash(&mut hasher);
    format!("{guild}/{bot}/{:016x}", hasher.finish())
}
