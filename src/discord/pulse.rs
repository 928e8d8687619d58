//! The heartbeats of the gateway: how long the last one took, and how long ago it was.
//!
//! serenity says only the first, so whoever wonders whether the connection is still alive would see a good figure from
//! an hour ago.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serenity::gateway::ShardManager;

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

    /// Looks at the connection until the task is dropped.
    pub(super) async fn follow(self, shards: Arc<ShardManager>) {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let latency = {
                let runners = shards.runners.lock().await;
                runners.values().find_map(|runner| runner.latency)
            };
            if let Some(latency) = latency {
                self.beat(latency);
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
