//! `/omp status`: how the daemon is doing, as an embed that fits on a phone.

use std::time::Duration;

use serde_json::{Value, json};

use super::footer::duration;
use super::text::{code, plural};
use crate::discord::outbox::Backlog;
use crate::session::view::Status;
use crate::status::{GatewayState, StatusSnapshot};

/// A line of a checklist. What to do is only said where it is not as it should be.
pub(super) fn check(ok: bool, what: &str, detail: &str, todo: &str) -> String {
    let sign = if ok { "✓" } else { "✗" };
    let detail = if detail.is_empty() {
        String::new()
    } else {
        format!(": {detail}")
    };
    let todo = if ok || todo.is_empty() {
        String::new()
    } else {
        format!("\n-# {todo}")
    };
    format!("{sign} **{what}**{detail}{todo}")
}

/// What is known of the connection, in a few words.
pub(super) fn gateway(gateway: &GatewayState) -> String {
    match (gateway.connected, gateway.latency) {
        (false, _) => "not connected; it is being tried again".to_owned(),
        (true, None) => "connected, its latency is not measured yet".to_owned(),
        (true, Some(latency)) => format!("connected, {}", duration(latency)),
    }
}

/// How long an answer took. Less than a millisecond is not nothing.
pub(super) fn took(time: Duration) -> String {
    if time < Duration::from_millis(1) {
        "under 1 ms".to_owned()
    } else {
        duration(time)
    }
}

/// The status as an embed.
#[must_use]
pub fn status(seen: &StatusSnapshot) -> Value {
    let colour = if seen.is_well() {
        Status::Idle.colour()
    } else {
        Status::Failed.colour()
    };
    let field = |name: &str, value: String| json!({"name": name, "value": value, "inline": true});
    let outbox = match seen.outbox {
        None => "unknown".to_owned(),
        Some(Backlog { rows: 0, .. }) => "everything is sent".to_owned(),
        Some(Backlog { rows, .. }) => format!("{} to send", plural(rows, "message")),
    };
    let gateway_latency = seen.gateway.latency.filter(|_| seen.gateway.connected);
    json!({
        "title": "ompcord",
        "color": colour,
        "description": checklist(seen),
        "fields": [
            field("Uptime", duration(seen.uptime)),
            field("Gateway", gateway_latency.map_or_else(|| "not measured yet".to_owned(), duration)),
            field("Database", seen.database.map_or_else(|| "no answer".to_owned(), took)),
            field("Sessions", sessions(seen)),
            field("Agent processes", format!("{} of {}", seen.processes, seen.max_processes)),
            field("Queue", queue(seen)),
            field("Outbox", outbox),
        ],
    })
}

fn sessions(seen: &StatusSnapshot) -> String {
    let Some(counts) = seen.sessions else {
        return "unknown".to_owned();
    };
    let parts: Vec<String> = Status::ALL
        .iter()
        .zip(counts)
        .filter(|(_, count)| *count > 0)
        .map(|(status, count)| format!("{} {count} {}", status.emoji(), status.word().to_lowercase()))
        .collect();
    if parts.is_empty() {
        "none".to_owned()
    } else {
        parts.join("\n")
    }
}

fn queue(seen: &StatusSnapshot) -> String {
    match (seen.queued, seen.held) {
        (0, 0) => "empty".to_owned(),
        (queued, 0) => plural(queued, "prompt"),
        (0, held) => format!("{held} held"),
        (queued, held) => format!("{}, {held} held", plural(queued, "prompt")),
    }
}

fn checklist(seen: &StatusSnapshot) -> String {
    let channels: Vec<String> = seen
        .launch_channels
        .iter()
        .take(5)
        .map(|channel| format!("<#{channel}>"))
        .collect();
    let more = seen.launch_channels.len().saturating_sub(channels.len());
    let mut places = channels.join(", ");
    if more > 0 {
        places = format!("{places} and {more} more");
    }
    let allowed = match (seen.allowed_users, seen.allowed_roles) {
        (0, 0) => "nobody".to_owned(),
        (users, 0) => plural(users, "user"),
        (0, roles) => plural(roles, "role"),
        (users, roles) => format!("{} and {}", plural(users, "user"), plural(roles, "role")),
    };
    [
        check(
            seen.gateway.connected,
            "Gateway",
            &gateway(&seen.gateway),
            "Discord or the network is down; nothing is lost meanwhile",
        ),
        check(
            seen.database.is_some(),
            "Database",
            if seen.database.is_some() {
                "answers"
            } else {
                "did not answer in time"
            },
            "`/omp health` says more",
        ),
        check(
            seen.agent_installed,
            "Agent",
            &format!(
                "{}{}",
                code(&seen.agent),
                if seen.agent_installed {
                    ""
                } else {
                    " was not found"
                }
            ),
            "Install it, or set `OMP_COMMAND` to its full path",
        ),
        check(true, "HTTP API", &code(&seen.http.to_string()), ""),
        check(!seen.launch_channels.is_empty(), "Launch channels", &places, ""),
        check(
            seen.allowed_users + seen.allowed_roles > 0,
            "Allowed",
            &allowed,
            "Set `DISCORD_ALLOWED_USERS`",
        ),
    ]
    .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen() -> StatusSnapshot {
        StatusSnapshot {
            uptime: Duration::from_secs(93_784),
            gateway: GatewayState {
                connected: true,
                latency: Some(Duration::from_millis(42)),
                beat_age: Some(Duration::from_secs(12)),
            },
            database: Some(Duration::from_micros(300)),
            sessions: Some([3, 2, 1, 0, 0]),
            processes: 3,
            max_processes: 8,
            queued: 2,
            held: 1,
            dialogs: 0,
            oldest_dialog: None,
            outbox: Some(Backlog::default()),
            agent: "omp".to_owned(),
            agent_installed: true,
            http: ([127, 0, 0, 1], 8901).into(),
            launch_channels: vec![20.into()],
            allowed_users: 1,
            allowed_roles: 2,
        }
    }

    fn shown(embed: &Value) -> String {
        let fields = embed["fields"].as_array().unwrap();
        let fields = fields.iter().map(|f| {
            format!(
                "[{}] {}",
                f["name"].as_str().unwrap(),
                f["value"].as_str().unwrap()
            )
        });
        let fields: Vec<_> = fields.collect();
        format!(
            "{:06X}\n{}\n{}",
            embed["color"].as_u64().unwrap(),
            embed["description"].as_str().unwrap(),
            fields.join("\n")
        )
    }

    #[test]
    fn all_is_well() {
        insta::assert_snapshot!(shown(&status(&seen())));
    }

    #[test]
    fn what_is_wrong_says_what_to_do() {
        let broken = StatusSnapshot {
            gateway: GatewayState {
                connected: false,
                latency: Some(Duration::from_millis(42)),
                beat_age: Some(Duration::from_secs(99)),
            },
            database: None,
            sessions: None,
            queued: 0,
            held: 0,
            outbox: None,
            agent: "/opt/omp`".to_owned(),
            agent_installed: false,
            launch_channels: (1..9).map(Into::into).collect(),
            allowed_users: 0,
            allowed_roles: 0,
            ..seen()
        };
        insta::assert_snapshot!(shown(&status(&broken)));
    }

    #[test]
    fn a_daemon_that_has_just_started_says_so() {
        let new = StatusSnapshot {
            gateway: GatewayState {
                connected: true,
                latency: None,
                beat_age: None,
            },
            sessions: Some([0; 5]),
            queued: 0,
            held: 0,
            outbox: Some(Backlog {
                rows: 4,
                ..Backlog::default()
            }),
            ..seen()
        };
        insta::assert_snapshot!(shown(&status(&new)));
    }
}
