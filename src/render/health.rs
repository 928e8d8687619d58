//! `/omp health`: what was tried, ✓ or ✗, and what to do about each ✗.

use std::time::Duration;

use serde_json::{Value, json};

use super::footer::duration;
use super::status::{check, gateway, took};
use super::text::{clip, code, escape};
use crate::agent::RunError;
use crate::session::view::Status;
use crate::status::HealthReport;

/// Discord wants a heartbeat every 41 s; two that were missed are a connection that is gone.
const SILENT: Duration = Duration::from_secs(100);
/// Transcripts and the database need little, but a full disk loses prompts.
pub(super) const LITTLE: u64 = 512 << 20;

/// A permission that the bot needs.
struct Permission {
    bit: u32,
    name: &'static str,
    /// What people miss without it.
    lost: &'static str,
}

/// Everything that the bot needs, by Discord's names.
const NEEDED: [Permission; 9] = [
    Permission {
        bit: 10,
        name: "View Channel",
        lost: "it sees nothing here",
    },
    Permission {
        bit: 11,
        name: "Send Messages",
        lost: "no board, no notifications",
    },
    Permission {
        bit: 35,
        name: "Create Public Threads",
        lost: "no session can start",
    },
    Permission {
        bit: 38,
        name: "Send Messages in Threads",
        lost: "no answer can be shown",
    },
    Permission {
        bit: 16,
        name: "Read Message History",
        lost: "🚀 does not work, missed messages stay missed",
    },
    Permission {
        bit: 14,
        name: "Embed Links",
        lost: "no cards, no board",
    },
    Permission {
        bit: 15,
        name: "Attach Files",
        lost: "long answers and logs are cut",
    },
    Permission {
        bit: 6,
        name: "Add Reactions",
        lost: "no 📥 on prompts that wait",
    },
    Permission {
        bit: 51,
        name: "Pin Messages",
        lost: "running prompts are not pinned",
    },
];

/// The report as an embed.
#[must_use]
pub fn health(report: &HealthReport) -> Value {
    let checks = [
        gateway_check(report),
        database_check(report),
        agent_check(report),
        disk_check(report),
        permission_check(report),
    ];
    let well = checks.iter().all(|(ok, _)| *ok);
    let lines: Vec<&str> = checks.iter().map(|(_, line)| line.as_str()).collect();
    json!({
        "title": if well { "Everything works" } else { "Something needs a hand" },
        "color": if well { Status::Idle.colour() } else { Status::Failed.colour() },
        "description": clip(&lines.join("\n"), 4096),
    })
}

fn line(ok: bool, what: &str, detail: &str, todo: &str) -> (bool, String) {
    (ok, check(ok, what, detail, todo))
}

fn gateway_check(report: &HealthReport) -> (bool, String) {
    let state = &report.gateway;
    let alive = state.beat_age.is_none_or(|age| age < SILENT);
    let beat = match state.beat_age {
        None => String::new(),
        Some(age) => format!("; the last heartbeat was {} ago", duration(age)),
    };
    line(
        state.connected && alive,
        "Gateway",
        &format!("{}{beat}", gateway(state)),
        "See discordstatus.com and the machine's network; the daemon connects again by itself",
    )
}

fn database_check(report: &HealthReport) -> (bool, String) {
    match &report.database {
        Ok(probe) => line(
            true,
            "Database",
            &format!("written in {}, read in {}", took(probe.write), took(probe.read)),
            "",
        ),
        Err(why) => line(
            false,
            "Database",
            &escape(&clip(why, 300)),
            "Close whatever else has `ompcord.db` open, and see that its disk is neither full nor read-only",
        ),
    }
}

fn agent_check(report: &HealthReport) -> (bool, String) {
    let todo = match &report.agent {
        Ok((version, took)) => {
            let detail = format!("{} in {}", code(version), duration(*took));
            return line(true, "Agent", &detail, "");
        }
        Err(RunError::NotFound(_)) => {
            "Install it (`npm i -g @oh-my-pi/pi-coding-agent`) or set `OMP_COMMAND` to its full path"
        }
        Err(RunError::Failed(_)) => "Run it with `--version` in a terminal as the daemon's user",
        Err(RunError::TooSlow(_)) => "The machine may be overloaded: see how many agents run",
    };
    let why = report.agent.as_ref().err().map(ToString::to_string);
    line(
        false,
        "Agent",
        &escape(&clip(&why.unwrap_or_default(), 300)),
        todo,
    )
}

fn disk_check(report: &HealthReport) -> (bool, String) {
    match &report.disk {
        Ok(disk) => line(
            disk.free >= LITTLE,
            "Disk",
            &format!("{} of {} free", bytes(disk.free), bytes(disk.total)),
            "Make room: a full disk loses prompts. Old transcripts are in the state directory",
        ),
        Err(why) => line(
            false,
            "Disk",
            &escape(&clip(why, 300)),
            "See that `OMPCORD_STATE_DIR` is there",
        ),
    }
}

/// The permissions that are needed and not among these bits, with what people miss without each.
pub(super) fn missing(bits: u64) -> Vec<(&'static str, &'static str)> {
    let missing = NEEDED.iter().filter(|p| bits & (1 << p.bit) == 0);
    missing.map(|p| (p.name, p.lost)).collect()
}

fn permission_check(report: &HealthReport) -> (bool, String) {
    let bits = match &report.permissions {
        Ok(bits) => *bits,
        Err(why) => {
            let why = format!("not known, {}", escape(&clip(why, 300)));
            return line(false, "Permissions", &why, "Try again in a moment");
        }
    };
    let missing: Vec<String> = missing(bits)
        .iter()
        .map(|(name, lost)| format!("\n-# ✗ {name}: {lost}"))
        .collect();
    if missing.is_empty() {
        return line(
            true,
            "Permissions",
            "everything that is needed in the home channel",
            "",
        );
    }
    let (ok, text) = line(
        false,
        "Permissions",
        &format!("{} missing in the home channel", missing.len()),
        "Give them to the bot's role in the settings of the channel or the server",
    );
    (ok, format!("{text}{}", missing.join("")))
}

/// A size as people say it.
#[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
pub(super) fn bytes(bytes: u64) -> String {
    let mut size = bytes as f64;
    let mut units = ["B", "KiB", "MiB", "GiB", "TiB"].iter();
    let mut unit = units.next();
    while size >= 1024.0
        && let Some(next) = units.next()
    {
        size /= 1024.0;
        unit = Some(next);
    }
    let unit = unit.copied().unwrap_or_default();
    if unit == "B" {
        format!("{bytes} B")
    } else {
        format!("{size:.1} {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::{Disk, GatewayState};
    use crate::store::Probe;

    fn shown(report: &HealthReport) -> String {
        let embed = health(report);
        format!(
            "{:06X} {}\n{}",
            embed["color"].as_u64().unwrap(),
            embed["title"].as_str().unwrap(),
            embed["description"].as_str().unwrap()
        )
    }

    fn good() -> HealthReport {
        HealthReport {
            gateway: GatewayState {
                connected: true,
                latency: Some(Duration::from_millis(42)),
                beat_age: Some(Duration::from_secs(12)),
            },
            database: Ok(Probe {
                write: Duration::from_millis(3),
                read: Duration::from_micros(400),
            }),
            agent: Ok(("omp/18.2.3".to_owned(), Duration::from_millis(320))),
            disk: Ok(Disk {
                free: 37 << 30,
                total: 64 << 30,
            }),
            permissions: Ok(crate::error::PERMISSIONS),
        }
    }

    #[test]
    fn everything_works() {
        insta::assert_snapshot!(shown(&good()));
    }

    #[test]
    fn everything_is_broken() {
        let broken = HealthReport {
            gateway: GatewayState {
                connected: true,
                latency: Some(Duration::from_millis(42)),
                beat_age: Some(Duration::from_secs(130)),
            },
            database: Err("another program holds it".to_owned()),
            agent: Err(RunError::NotFound("omp".to_owned())),
            disk: Ok(Disk {
                free: 1 << 20,
                total: 64 << 30,
            }),
            permissions: Ok(1 << 10),
        };
        insta::assert_snapshot!(shown(&broken));
        let unknown = HealthReport {
            gateway: GatewayState {
                connected: false,
                latency: None,
                beat_age: None,
            },
            database: Err("disk I/O error".to_owned()),
            agent: Err(RunError::TooSlow(std::time::Duration::from_secs(8))),
            disk: Err("ENOENT: No such file or directory".to_owned()),
            permissions: Err("Discord did not answer in time".to_owned()),
        };
        insta::assert_snapshot!(shown(&unknown));
        let failing = HealthReport {
            agent: Err(RunError::Failed("error: *bun* is too old".to_owned())),
            ..good()
        };
        insta::assert_snapshot!(shown(&failing));
    }

    #[test]
    fn what_is_needed_is_what_the_invitation_asks_for() {
        let needed = NEEDED.iter().fold(0_u64, |all, p| all | 1 << p.bit);
        assert_eq!(needed, crate::error::PERMISSIONS);
    }

    #[test]
    fn sizes_are_short() {
        let said: Vec<_> = [0, 1023, 1536, 10 << 20, 5 << 40].map(bytes).into();
        assert_eq!(said, ["0 B", "1023 B", "1.5 KiB", "10.0 MiB", "5.0 TiB"]);
    }
}
