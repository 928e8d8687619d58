//! What can be looked at, as it is now: made anew for each look from the status that people see.

use std::time::Duration;

use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::super::process::Usage;
use super::{Host, Labels, PREFIX, StatusSnapshot};
use crate::about;
use crate::session::view::Status;

/// The gauges of one look.
pub(super) fn gauges(host: &Host, seen: Option<&StatusSnapshot>) -> Registry {
    let mut all = Registry::default();
    process(&mut all, host);
    let own = all.sub_registry_with_prefix(PREFIX);
    let build = [
        ("version", about::VERSION),
        ("commit", about::commit().unwrap_or("unknown")),
    ];
    own.register("build", "What exactly runs", Info::new(build));
    flag(
        own,
        "ready",
        "Whether it is ready, as /readyz says",
        host.is_ready(),
    );
    let gateway = host.gateway();
    flag(
        own,
        "gateway_connected",
        "Whether the gateway is connected",
        gateway.connected,
    );
    if let Some(latency) = gateway.latency {
        seconds(
            own,
            "gateway_latency_seconds",
            "How long the last heartbeat took",
            latency,
        );
    }
    if let Some(age) = gateway.beat_age {
        let help = "How long ago the last heartbeat was, to five seconds";
        seconds(own, "gateway_heartbeat_age_seconds", help, age);
    }
    if let Some(seen) = seen {
        work(own, seen);
        storage(own, seen);
    }
    all
}

fn work(own: &mut Registry, seen: &StatusSnapshot) {
    if let Some(sessions) = seen.sessions {
        let counts = Status::ALL.map(Status::label).into_iter().zip(sessions);
        by_state(own, "sessions", "Open sessions by state", counts);
    }
    by_state(
        own,
        "queue_prompts",
        "Prompts that wait for their turn, or for somebody to continue the queue",
        [("queued", seen.queued), ("held", seen.held)],
    );
    count(
        own,
        "agent_processes",
        "Agent processes, those that are being started included",
        seen.processes,
    );
    count(
        own,
        "agent_processes_limit",
        "Agent processes that there may be",
        seen.max_processes,
    );
    count(
        own,
        "dialogs_open",
        "Questions that wait for a person",
        seen.dialogs,
    );
    seconds(
        own,
        "dialog_oldest_seconds",
        "How long the oldest open question has been waiting; 0 where there is none",
        seen.oldest_dialog.unwrap_or_default(),
    );
}

fn storage(own: &mut Registry, seen: &StatusSnapshot) {
    flag(
        own,
        "database_up",
        "Whether the database answered within two seconds",
        seen.database.is_some(),
    );
    if let Some(latency) = seen.database {
        seconds(
            own,
            "database_latency_seconds",
            "How long the database took to answer",
            latency,
        );
    }
    if let Some(outbox) = &seen.outbox {
        count(
            own,
            "outbox_rows",
            "What Discord has not been told yet",
            outbox.rows,
        );
        seconds(
            own,
            "outbox_lag_seconds",
            "For how long the oldest of it has been wanted; 0 where there is none",
            outbox.oldest,
        );
    }
}

/// Under the names that every Prometheus client gives them, so that dashboards for any process fit.
fn process(all: &mut Registry, host: &Host) {
    let Usage {
        resident,
        open_fds,
        max_fds,
        cpu,
    } = Usage::take();
    let mut add = |name: &str, help: &str, value: Option<u64>| {
        if let Some(value) = value {
            all.register(name, help, ConstGauge::new(value));
        }
    };
    add(
        "process_resident_memory_bytes",
        "Memory of the daemon itself, without its agents",
        resident,
    );
    add("process_open_fds", "Open file descriptors", open_fds);
    add("process_max_fds", "File descriptors that there may be", max_fds);
    if let Some(cpu) = cpu {
        let spent = prometheus_client::metrics::counter::ConstCounter::new(cpu.as_secs_f64());
        all.register(
            "process_cpu_seconds",
            "Time that the daemon itself has computed",
            spent,
        );
    }
    let started = ConstGauge::new(host.started_at());
    all.register(
        "process_start_time_seconds",
        "When it started, in seconds since 1970",
        started,
    );
}

fn flag(own: &mut Registry, name: &str, help: &str, value: bool) {
    own.register(name, help, ConstGauge::new(i64::from(value)));
}

fn count(own: &mut Registry, name: &str, help: &str, value: usize) {
    own.register(name, help, ConstGauge::new(value as u64));
}

fn seconds(own: &mut Registry, name: &str, help: &str, value: Duration) {
    own.register(name, help, ConstGauge::new(value.as_secs_f64()));
}

fn by_state(
    own: &mut Registry,
    name: &str,
    help: &str,
    counts: impl IntoIterator<Item = (&'static str, usize)>,
) {
    let family = Family::<Labels<1>, Gauge>::default();
    for (state, count) in counts {
        let value = i64::try_from(count).unwrap_or(i64::MAX);
        family.get_or_create(&[("state", state)]).set(value);
    }
    own.register(name, help, family);
}
