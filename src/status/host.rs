//! What the daemon knows about itself from the moment it starts.

use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

use super::Metrics;
use crate::discord::pulse::Pulse;

/// The daemon as it sees itself. A cheap clone.
#[derive(Debug, Clone)]
pub struct Host {
    started: Instant,
    started_at: SystemTime,
    gateway: watch::Receiver<bool>,
    booted: watch::Receiver<bool>,
    pulse: Pulse,
    http: SocketAddr,
    metrics: Metrics,
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
    /// A daemon that starts now, with what tells whether the gateway stands and everything else was started, and where
    /// the HTTP API listens.
    #[must_use]
    pub fn new(gateway: watch::Receiver<bool>, booted: watch::Receiver<bool>, http: SocketAddr) -> Self {
        Self {
            started: Instant::now(),
            started_at: SystemTime::now(),
            gateway,
            booted,
            pulse: Pulse::default(),
            http,
            metrics: Metrics::default(),
        }
    }

    /// Counts what happens.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// When it began, in seconds since 1970.
    pub(super) fn started_at(&self) -> f64 {
        let since = self.started_at.duration_since(UNIX_EPOCH);
        since.unwrap_or_default().as_secs_f64()
    }

    /// Whether the store is open and everything was started.
    #[must_use]
    pub fn is_booted(&self) -> bool {
        *self.booted.borrow()
    }

    /// Whether it is up and connected.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.gateway().connected && self.is_booted()
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
            connected: *self.gateway.borrow(),
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
