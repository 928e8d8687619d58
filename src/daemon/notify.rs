//! What the service manager is told: ready, how it goes, alive, stopping.
//!
//! A process that exists is not a daemon that works. The watchdog is fed by whoever can tell the difference: only
//! while the database writes and reads, and while the gateway is connected or was so a short while ago. An outage of Discord
//! or of the network is ridden out, because a new start would only end the agents; a client that does not come back though
//! Discord answers is not.

use std::time::{Duration, Instant};

use sd_notify::NotifyState;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::session::Deps;
use crate::status::{GatewayState, StatusSnapshot};

/// How often it is looked at where no watchdog says how often.
const USUAL: Duration = Duration::from_secs(20);
/// A gateway may be away for so many times the watchdog's patience.
const AWAY: u32 = 4;
/// Discord wants a heartbeat every 41 s; two that were missed are a connection that is gone.
const SILENT: Duration = Duration::from_secs(100);

/// The service manager, where there is one.
#[derive(Debug, Clone, Copy, Default)]
pub struct Manager {
    present: bool,
    /// How long it waits for a sign of life before it ends the daemon.
    watchdog: Option<Duration>,
}

impl Manager {
    /// The manager that started this process.
    #[must_use]
    pub fn here() -> Self {
        Self {
            // Without `$NOTIFY_SOCKET` nothing is sent, and that is no error.
            present: true,
            watchdog: sd_notify::watchdog_enabled(),
        }
    }

    fn tell(self, states: &[NotifyState<'_>]) {
        if self.present
            && let Err(error) = sd_notify::notify(states)
        {
            tracing::warn!("the service manager cannot be told: {error}");
        }
    }

    /// It goes down.
    pub(super) fn stopping(self) {
        let how = NotifyState::Status("ending: running turns get 20 seconds");
        self.tell(&[NotifyState::Stopping, how]);
    }

    /// It has gone down.
    pub(super) fn ended(self) {
        self.tell(&[NotifyState::Status("ended")]);
    }

    /// Says that it is up once the gateway is, and from then on that it is alive while it is. Ends at `stop`.
    pub(super) async fn follow(self, deps: &Deps, mut ready: watch::Receiver<bool>, stop: CancellationToken) {
        if !self.present {
            return stop.cancelled().await;
        }
        self.tell(&[NotifyState::Status("connecting to Discord")]);
        let up = stop.run_until_cancelled(ready.wait_for(|ready| *ready)).await;
        if !matches!(up, Some(Ok(_))) {
            return;
        }
        drop(up);
        self.tell(&[NotifyState::Ready]);
        let every = self.watchdog.map_or(USUAL, |limit| limit / 3);
        let mut ticks = tokio::time::interval(every);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut gateway = Presence::new();
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            let Some(trouble) = stop
                .run_until_cancelled(self.trouble(deps, &mut gateway, every))
                .await
            else {
                return;
            };
            if let Some(trouble) = trouble {
                tracing::warn!("the service manager gets no sign of life: {trouble}");
                self.tell(&[NotifyState::Status(trouble)]);
            } else {
                let doing = doing(&StatusSnapshot::take(deps).await);
                self.tell(&[NotifyState::Watchdog, NotifyState::Status(&doing)]);
            }
        }
    }

    /// What does not answer.
    async fn trouble(self, deps: &Deps, gateway: &mut Presence, patience: Duration) -> Option<&'static str> {
        match tokio::time::timeout(patience, deps.store.probe()).await {
            Ok(Ok(_)) => {}
            Ok(Err(_)) => return Some("the database cannot be written"),
            Err(_) => return Some("the database does not answer"),
        }
        let limit = self.watchdog.unwrap_or(USUAL * 3) * AWAY;
        let away = gateway.away(&deps.host.gateway(), Instant::now());
        if away <= limit {
            return None;
        }
        let answers = tokio::time::timeout(patience, deps.rest.gateway()).await;
        matches!(answers, Ok(Ok(_))).then_some("the gateway does not come back, and Discord answers")
    }
}

/// When the gateway was last there.
#[derive(Debug)]
struct Presence(Instant);

impl Presence {
    fn new() -> Self {
        Self(Instant::now())
    }

    /// How long it has been away.
    fn away(&mut self, state: &GatewayState, now: Instant) -> Duration {
        if state.connected && state.beat_age.is_none_or(|age| age < SILENT) {
            self.0 = now;
        }
        now.saturating_duration_since(self.0)
    }
}

/// One line for `systemctl status`.
fn doing(seen: &StatusSnapshot) -> String {
    let gateway = if seen.gateway.connected {
        "connected"
    } else {
        "not connected to Discord"
    };
    let [_, busy, waiting, ..] = seen.sessions.unwrap_or_default();
    format!(
        "{gateway}; {busy} working, {waiting} waiting for somebody, {} queued, {} of {} agents",
        seen.queued, seen.processes, seen.max_processes
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_is_away_since_it_was_last_there() {
        let begin = Instant::now();
        let mut presence = Presence(begin);
        let state = |connected, beat: Option<u64>| GatewayState {
            connected,
            latency: None,
            beat_age: beat.map(Duration::from_secs),
        };
        let mut away = |connected, beat, after| {
            let now = begin + Duration::from_secs(after);
            presence.away(&state(connected, beat), now).as_secs()
        };
        assert_eq!(away(true, None, 10), 0);
        assert_eq!(away(false, None, 15), 5);
        assert_eq!(away(true, Some(120), 20), 10, "nobody answers its heartbeats");
        assert_eq!(away(true, Some(3), 30), 0);
    }
}
