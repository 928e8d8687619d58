//! The HTTP API on loopback: what programs may ask of the daemon, and whether it lives.
//!
//! It is the first thing that answers after a start and the last that stops, so a supervisor can always tell "still
//! starting" from "gone". One file per resource; `routes` is the list of all, and the document is made of it.

mod caller;
mod commands;
mod control;
mod door;
mod error;
mod events;
mod feed;
mod guild;
mod health;
mod mcp;
mod metrics;
mod notify;
mod prompts;
mod routes;
mod sessions;
mod terminals;
mod tools;

pub use events::holds_events;

use std::collections::HashSet;
use std::future::IntoFuture as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use anyhow::{Context as _, Result};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::ids::SessionId;
use crate::ingress::Ingress;
use crate::mcp::HttpServers;
use crate::session::Deps;
use crate::status::Host;

/// What the server can say, and with what.
#[derive(Debug, Clone)]
pub struct Health {
    /// How the daemon itself is doing.
    pub host: Host,
    /// What the API works with; nothing while the daemon starts or stops.
    pub api: watch::Receiver<Option<Arc<Api>>>,
}

/// What the API works with.
#[derive(Debug)]
pub struct Api {
    deps: Arc<Deps>,
    ingress: Ingress,
    /// Ends what waits: long polls and streams.
    stop: CancellationToken,
    began: Instant,
    names: guild::Names,
    /// Sessions that were seen to exist: they are never deleted.
    known: Mutex<HashSet<SessionId>>,
    mcp: HttpServers,
}

impl Api {
    /// The API of a daemon that is up. What waits in it ends at `stop`.
    #[must_use]
    pub fn new(deps: Arc<Deps>, ingress: Ingress, stop: CancellationToken) -> Self {
        Self {
            deps,
            ingress,
            stop,
            began: Instant::now(),
            names: guild::Names::default(),
            known: Mutex::default(),
            mcp: HttpServers::default(),
        }
    }
}

/// Listens where the configuration says.
pub async fn listen(addr: SocketAddr) -> Result<TcpListener, crate::error::Fatal> {
    TcpListener::bind(addr)
        .await
        .map_err(|source| crate::error::Fatal::ListenerLost { addr, source })
}

/// Serves until `stop`.
pub async fn run(listener: TcpListener, health: Health, stop: CancellationToken) -> Result<()> {
    let (router, _) = routes::routes();
    let router = router.with_state(Arc::new(health));
    axum::serve(listener, router)
        .with_graceful_shutdown(stop.cancelled_owned())
        .into_future()
        .await
        .context("the HTTP server ended")
}

/// The OpenAPI document, as `GET /openapi.json` answers it.
#[must_use]
pub fn document() -> serde_json::Value {
    serde_json::to_value(routes::routes().1).unwrap_or_default()
}
