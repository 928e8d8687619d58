//! What the daemon knows about itself from the moment it starts.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::discord::pulse::Pulse;

/// The daemon as it sees itself. A cheap clone.
#[derive(Debug, Clone)]
pub struct Host {
    started: Instant,
    ready: watch::Receiver<bool>,
    pulse: Pulse,
    http: SocketAddr,
}

/// The connection to Discord.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GatewayState {
    /// Whether it stands.
    pub connected: bool,
    /// How long the last heartbeat took; `None` before the first one.
    pub latency: Option<Duration>,
    /// How long ago that was.
    pub beat_age: Option<Duration>,
}

impl Host {
    /// A daemon that starts now, with what tells whether the gateway stands and where the HTTP API listens.
    #[must_use]
    pub fn new(ready: watch::Receiver<bool>, http: SocketAddr) -> Self {
        Self {
            started: Instant::now(),
            ready,
            pulse: Pulse::default(),
            http,
        }
    }

    /// Since when it runs.
    #[must_use]
    pub fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// The connection to Discord.
    #[must_use]
    pub fn gateway(&self) -> GatewayState {
        let beat = self.pulse.last();
        GatewayState {
            connected: *self.ready.borrow(),
            latency: beat.map(|(latency, _)| latency),
            beat_age: beat.map(|(_, age)| age),
        }
    }

    /// The heartbeats of the gateway.
    #[must_use]
    pub fn pulse(&self) -> &Pulse {
        &self.pulse
    }

    /// Where the HTTP API listens.
    #[must_use]
    pub fn http(&self) -> SocketAddr {
        self.http
    }
}
