//! The board of the home channel: how the daemon is doing, and every open session with a link.
//!
//! What needs a person stands first. It is one message whatever happens, so what does not fit is counted.

use serde_json::{Value, json};

use super::card::{ago, at, waiting};
use super::text::{grouped, plural};
use crate::session::view::{SessionView, Status};

/// Discord takes 4,096 characters.
const ROOM: usize = 3_900;
/// How many sessions in a state are named; nobody reads further, least of all on a phone. Those that failed long ago
/// must not crowd out those that work.
const fn most(status: Status) -> usize {
    match status {
        Status::Waiting => 15,
        Status::Busy => 10,
        // These are there to be found again, and the newest are those that are looked for.
        Status::Idle | Status::Failed | Status::Degraded => 8,
    }
}

/// What the daemon is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Daemon {
    /// It works.
    Online,
    /// It finishes what runs.
    Stopping,
    /// It is gone, since this time in unix milliseconds.
    Offline(i64),
}

/// What the board is made of.
#[derive(Debug, Clone, Copy)]
pub struct Board<'a> {
    /// What the daemon is doing.
    pub daemon: Daemon,
    /// When it began, in unix milliseconds.
    pub up_since_ms: i64,
    /// How many processes there may be.
    pub most_processes: usize,
    /// The emoji that launches.
    pub launch: &'a str,
    /// Every open session.
    pub views: &'a [SessionView],
}

/// The order of urgency.
const ORDER: [Status; 5] = [
    Status::Waiting,
    Status::Failed,
    Status::Degraded,
    Status::Busy,
    Status::Idle,
];

/// The board as an embed.
#[must_use]
pub fn board(board: &Board<'_>) -> Value {
    // The sessions' states are in the lines: one that waits or failed does not make the daemon ill.
    let (status, state) = match board.daemon {
        Daemon::Online => (Status::Idle, "online"),
        Daemon::Stopping => (Status::Failed, "shutting down"),
        Daemon::Offline(_) => (Status::Failed, "offline"),
    };
    json!({
        "title": format!("{} ompcord is {state}", status.emoji()),
        "description": description(board),
        "color": status.colour(),
    })
}

fn description(board: &Board<'_>) -> String {
    let mut out = head(board);
    let sessions = board.views;
    if sessions.is_empty() {
        if board.daemon == Daemon::Online {
            out.push_str("\n\nNo session is open. React with ");
            out.push_str(board.launch);
            out.push_str(" to your message, mention me, or use `/omp new`.");
        }
        return out;
    }
    out.push('\n');
    out.push_str(&counts(sessions));
    out.push('\n');
    let mut left = 0;
    let mut used = out.chars().count();
    for status in ORDER {
        for (n, view) in sorted(sessions, status).into_iter().enumerate() {
            let line = line(view);
            let length = line.chars().count() + 1;
            if n >= most(status) || used + length > ROOM {
                left += 1;
                continue;
            }
            used += length;
            out.push('\n');
            out.push_str(&line);
        }
    }
    if left > 0 {
        out.push_str("\n… and ");
        out.push_str(&grouped(u64::try_from(left).unwrap_or(u64::MAX)));
        out.push_str(" more: `/omp sessions`");
    }
    out
}

fn head(board: &Board<'_>) -> String {
    let version = env!("CARGO_PKG_VERSION");
    match board.daemon {
        Daemon::Online | Daemon::Stopping => {
            let running = board.views.iter().filter(|view| view.process).count();
            format!(
                "Up since {} ⋅ version {version} ⋅ {running} of {}",
                at(board.up_since_ms),
                plural(board.most_processes, "process")
            )
        }
        Daemon::Offline(since) => format!(
            "Offline since {} ⋅ version {version}. What you write in a thread is read when it is back.",
            at(since)
        ),
    }
}

fn counts(views: &[SessionView]) -> String {
    let counted = ORDER.iter().filter_map(|status| {
        let count = views.iter().filter(|view| view.status == *status).count();
        (count > 0).then(|| format!("{} {count} {}", status.emoji(), status.word().to_lowercase()))
    });
    counted.collect::<Vec<_>>().join(" ⋅ ")
}

/// The sessions in this state: what is under way with the longest first, what is over with the newest first.
fn sorted(views: &[SessionView], status: Status) -> Vec<&SessionView> {
    let mut some: Vec<&SessionView> = views.iter().filter(|view| view.status == status).collect();
    let since = |view: &&SessionView| view.turn_began_ms.unwrap_or(view.last_active_ms);
    if matches!(status, Status::Waiting | Status::Busy) {
        some.sort_by_key(since);
    } else {
        some.sort_by_key(|view| std::cmp::Reverse(since(view)));
    }
    some
}

fn line(view: &SessionView) -> String {
    let place = match view.thread {
        Some(thread) => format!("<#{thread}>"),
        None => view.id.to_string(),
    };
    let mut parts = vec![format!("{} {place}", view.status.emoji())];
    if view.status != Status::Idle {
        parts.push(view.phase_word.to_owned());
    }
    parts.push(ago(view.turn_began_ms.unwrap_or(view.last_active_ms)));
    parts.extend(waiting(view.queued, view.held));
    parts.join(" ⋅ ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(n: u32, status: Status, phase_word: &'static str) -> SessionView {
        SessionView {
            id: format!("session_{n:08x}").parse().unwrap(),
            thread: Some(u64::from(1_000 + n).into()),
            parent: 1.into(),
            name: format!("Run: task {n}"),
            status,
            phase_word,
            next: crate::session::view::Next::AtOnce,
            tool: None,
            turn_began_ms: None,
            queued: 0,
            held: 0,
            model: Some("stub/stub-1".to_owned()),
            thinking: Some("high".to_owned()),
            tokens: Some(24_100),
            cost: 0.0123,
            context_percent: Some(12.05),
            workspace: "/home/alice/my-project".to_owned(),
            approval_mode: "write".to_owned(),
            dialogs: 0,
            last_active_ms: 1_700_000_100_000,
            created_ms: 1_700_000_000_000,
            process: true,
            terminal: false,
        }
    }

    fn shown(daemon: Daemon, views: &[SessionView]) -> String {
        let embed = board(&Board {
            daemon,
            up_since_ms: 1_700_000_000_000,
            most_processes: 8,
            launch: "🚀",
            views,
        });
        let colour = embed["color"].as_u64().unwrap();
        let text = |key: &str| embed[key].as_str().unwrap().to_owned();
        format!("#{colour:06X} {}\n{}\n", text("title"), text("description"))
            .replace(env!("CARGO_PKG_VERSION"), "VERSION")
    }

    fn some() -> Vec<SessionView> {
        let busy = SessionView {
            turn_began_ms: Some(1_700_000_050_000),
            queued: 2,
            ..view(2, Status::Busy, "working")
        };
        let held = SessionView {
            held: 1,
            process: false,
            terminal: false,
            ..view(3, Status::Degraded, "the last turn failed")
        };
        let opening = SessionView {
            thread: None,
            process: false,
            terminal: false,
            ..view(6, Status::Busy, "opening")
        };
        vec![
            view(1, Status::Idle, "ready"),
            busy,
            held,
            view(4, Status::Waiting, "waiting for an answer"),
            view(5, Status::Failed, "the agent's process died"),
            opening,
        ]
    }

    #[test]
    fn the_board_says_how_everything_is() {
        let views = some();
        let pages = [
            shown(Daemon::Online, &[]),
            shown(Daemon::Online, &views),
            shown(Daemon::Stopping, &views[1..2]),
            shown(Daemon::Offline(1_700_000_200_000), &views[..1]),
        ];
        insta::assert_snapshot!(pages.join("\n"));
    }

    #[test]
    fn the_title_shows_the_daemon_and_not_its_sessions() {
        let title = |daemon, views: &[SessionView]| {
            shown(daemon, views).lines().next().unwrap_or_default().to_owned()
        };
        for view in some() {
            let views = [view];
            assert_eq!(title(Daemon::Online, &views), "#2ECC71 🟢 ompcord is online");
            assert_eq!(
                title(Daemon::Stopping, &views),
                "#E74C3C 🔴 ompcord is shutting down"
            );
            assert_eq!(title(Daemon::Offline(0), &views), "#E74C3C 🔴 ompcord is offline");
        }
    }

    #[test]
    fn a_thousand_sessions_fit() {
        let of = |n: u32| match n % 7 {
            0 => view(n, Status::Waiting, "waiting for an answer"),
            1 => view(n, Status::Failed, "the agent could not be started"),
            2 => view(n, Status::Degraded, "ready; the last turn had a warning"),
            3 => SessionView {
                queued: 200,
                held: 200,
                thread: Some(u64::MAX.into()),
                turn_began_ms: Some(1_700_000_050_000),
                ..view(n, Status::Busy, "waiting for a free agent process")
            },
            _ => view(n, Status::Idle, "ready"),
        };
        for most in [50, 100, 1_000] {
            let views: Vec<SessionView> = (0..most).map(of).collect();
            let page = shown(Daemon::Online, &views);
            assert!(page.chars().count() <= 4_096, "{page}");
            assert!(page.contains(" more: `/omp sessions`"), "{page}");
        }
        let idle: Vec<SessionView> = (0..60).map(|n| view(n, Status::Idle, "ready")).collect();
        insta::assert_snapshot!(shown(Daemon::Online, &idle));
    }
}
