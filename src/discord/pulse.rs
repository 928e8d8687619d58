//! The heartbeats of the gateway: how long the last one took, and how long ago it was.
//!
//! serenity says only the first, so whoever wonders whether the connection is still alive would see a good figure from
//! an hour ago.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serenity::gateway::{ConnectionStage, ShardManager};
use tokio::sync::watch;

/// How often it is looked at; an age is right to this.
const EVERY: Duration = Duration::from_secs(5);

/// The last heartbeat. A cheap clone.
#[derive(Debug, Clone, Default)]
pub struct Pulse(Arc<Mutex<Option<(Duration, Instant)>>>);

impl Pulse {
    /// How long the last heartbeat took, and how long ago it was; `None` before the first one.
    #[must_use]
    pub fn last(&self) -> Option<(Duration, Duration)> {
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.map(|(latency, at)| (latency, at.elapsed()))
    }

    /// Looks at the connection until the task is dropped, and corrects what was announced of it: when the library
    /// cannot restore a connection it begins a new one, and says nothing of the old one's end.
    pub(super) async fn follow(self, shards: Arc<ShardManager>, ready: watch::Sender<bool>) {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let (mut missed, mut seen) = (0, 0);
        loop {
            ticks.tick().await;
            let (latency, there) = {
                let runners = shards.runners.lock().await;
                let there = runners
                    .values()
                    .any(|runner| runner.stage == ConnectionStage::Connected);
                (runners.values().find_map(|runner| runner.latency), there)
            };
            if let Some(latency) = latency {
                self.beat(latency);
            }
            (missed, seen) = if there { (0, seen + 1) } else { (missed + 1, 0) };
            // Its list is written a moment after its announcements: once is no proof.
            if missed >= 2 && ready.send_replace(false) {
                tracing::warn!("the gateway connection is gone; connecting again");
            } else if seen >= 2 && !ready.send_replace(true) {
                // It tells of an end and of a beginning in tasks of their own, which may run in any order.
                tracing::info!("the gateway is connected after all");
            }
        }
    }

    /// A figure that is new is another heartbeat: two never take the same time to the nanosecond.
    fn beat(&self, latency: Duration) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_none_or(|(known, _)| known != latency) {
            *last = Some((latency, Instant::now()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_figure_is_the_same_heartbeat() {
        let pulse = Pulse::default();
        assert_eq!(pulse.last(), None);
        pulse.beat(Duration::from_millis(40));
        let first = *pulse.0.lock().unwrap();
        pulse.beat(Duration::from_millis(40));
        assert_eq!(*pulse.0.lock().unwrap(), first);
        pulse.beat(Duration::from_millis(41));
        assert_ne!(*pulse.0.lock().unwrap(), first);
    }
}
