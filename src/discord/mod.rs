//! The only room that talks to Discord.
//!
//! `gateway` and `components` translate what comes in, `commands` are the words of `/omp`, `outbox` is the only way
//! out, `rest` is the transport below it. `webhook` is for programs beside the daemon.

pub mod commands;
mod components;
pub mod draft;
pub mod gateway;
mod intake;
mod missed;
mod missed_launches;
pub mod outbox;
mod overtaken;
pub mod pulse;
mod recheck;
pub mod rest;
mod translate;
pub mod webhook;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use secrecy::{ExposeSecret as _, SecretString};
use serenity::http::{Http, HttpBuilder};

use crate::config::Config;
use rest::Rest;

/// A request without an answer for so long has an unknown outcome.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// Discord wants to know who asks.
const USER_AGENT: &str = concat!(
    "DiscordBot (https://github.com/ompcord/ompcord, ",
    env!("CARGO_PKG_VERSION"),
    ")"
);

/// How Discord is reached: the client for requests, shared by everything.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Speaks HTTP. Tests give one that takes a local server for Discord.
    pub client: reqwest::Client,
}

impl Endpoint {
    /// The usual client.
    pub fn new() -> Result<Self> {
        let client = reqwest::Client::builder()
            .timeout(REQUEST_TIMEOUT)
            .user_agent(USER_AGENT)
            .build()
            .context("cannot make an HTTP client")?;
        Ok(Self { client })
    }

    /// The transport with the token of the configuration.
    #[must_use]
    pub fn rest(&self, config: &Config) -> Rest {
        self.rest_with(&config.token, config.api_url.as_deref())
    }

    /// The same with a token that is still being tried.
    #[must_use]
    pub fn rest_with(&self, token: &SecretString, api_url: Option<&str>) -> Rest {
        Rest::new(
            Arc::new(self.http_with(token, api_url)),
            self.client.clone(),
            api_url.map(str::to_owned),
        )
    }

    /// The library's client: for the gateway and for answers to interactions.
    #[must_use]
    pub(crate) fn http(&self, config: &Config) -> Http {
        self.http_with(&config.token, config.api_url.as_deref())
    }

    fn http_with(&self, token: &SecretString, api_url: Option<&str>) -> Http {
        let builder = HttpBuilder::new(token.expose_secret()).client(self.client.clone());
        // Behind another address the library's limiter would count against the wrong server.
        let builder = match api_url {
            Some(base) => builder.proxy(base).ratelimiter_disabled(true),
            None => builder,
        };
        builder.build()
    }
}
