//! `ompcord mcp`: the Discord tools for MCP clients that start their servers themselves. A thin client of the running
//! daemon, so however many there are, there is one connection to Discord.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::block_on;
use super::client::Daemon;
use crate::mcp::{self, Backend, Unavailable};
use crate::tools::{Offer, Outcome};

#[derive(Debug, clap::Args)]
pub(super) struct Args {}

/// The tools of the running daemon.
#[derive(Clone)]
struct Remote(Arc<Daemon>);

impl Backend for Remote {
    async fn offers(&self) -> Result<Vec<Offer>, Unavailable> {
        let read = async {
            let offers = self.0.get("/api/tools").await?;
            serde_json::from_value(offers).context("the daemon is of another version")
        };
        read.await.map_err(|error| unavailable(&error))
    }

    async fn call(&self, name: &str, arguments: Value) -> Result<Option<Outcome>, Unavailable> {
        let is_name = !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !is_name || !self.offers().await?.iter().any(|offer| offer.name == name) {
            return Ok(None);
        }
        let arguments = match arguments {
            Value::Null => Value::Object(serde_json::Map::new()),
            arguments => arguments,
        };
        let call = async {
            let outcome = self.0.post(&format!("/api/tools/{name}"), &arguments).await?;
            serde_json::from_value(outcome).context("the daemon is of another version")
        };
        call.await.map(Some).map_err(|error| unavailable(&error))
    }
}

fn unavailable(error: &anyhow::Error) -> Unavailable {
    let hint = super::verdict(error).1;
    Unavailable(match hint {
        Some(hint) => format!("{error:#} ({hint})"),
        None => format!("{error:#}"),
    })
}

pub(super) fn execute(_: &Args, env_file: Option<&Path>) -> Result<()> {
    let daemon = Remote(Arc::new(Daemon::find(env_file)?));
    block_on(async move {
        // A client shows what a server says before it ends; later, it would only see a tool fail.
        daemon.0.get("/api/tools").await?;
        mcp::serve_stdio(daemon).await
    })
}
