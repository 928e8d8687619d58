//! This machine and its programs, as findings.

use super::Finding;
use crate::agent::RunError;
use crate::config::Holder;
use crate::doctor::{AgentSeen, ApiToken, Database, ExtensionSeen, OLDEST, Port, Rest, State};
use crate::error::STATE_HINT;
use crate::event::ExitHow;
use crate::render::footer::duration;
use crate::render::health::{LITTLE, bytes};
use crate::render::notice::ended;
use crate::render::text::clip;
use crate::service::UnitSeen;
use crate::store::examine::Schema;

/// A log that was folded into the database the last time it was closed is never this large.
const LONG_LOG: u64 = 256 << 20;

pub(super) fn files(seen: &Rest, all: &mut Vec<Finding>) {
    const STATE: &str = "State directory";
    all.push(match &seen.state {
        State::Usable(dir) => Finding::good(STATE, dir.display().to_string()),
        State::NotYet(dir) => Finding::good(
            STATE,
            format!("{} will be made at the first start", dir.display()),
        ),
        State::Unusable(dir, why) => Finding::bad(
            STATE,
            format!("{} cannot be written to: {why}", dir.display()),
            STATE_HINT,
        ),
    });
    for (path, mode) in &seen.exposed {
        let place = path.display();
        all.push(Finding::bad(
            "Private files",
            format!("other users can read {place}"),
            format!("chmod {mode:o} {place}"),
        ));
    }
    if seen.exposed.is_empty() {
        all.push(Finding::good(
            "Private files",
            "nobody else can read secrets or work",
        ));
    }
    all.push(database(&seen.database));
    all.push(match &seen.disk {
        Ok(disk) if disk.free >= LITTLE => Finding::good(
            "Disk",
            format!("{} of {} free", bytes(disk.free), bytes(disk.total)),
        ),
        Ok(disk) => Finding::bad(
            "Disk",
            format!("only {} of {} free", bytes(disk.free), bytes(disk.total)),
            "make room: a full disk loses prompts",
        ),
        Err(why) => Finding::bad("Disk", why.clone(), STATE_HINT),
    });
    all.push(port(&seen.port, seen.holder));
    all.push(api_token(&seen.api_token));
}

fn database(seen: &Database) -> Finding {
    const NAME: &str = "Database";
    let found = match seen {
        Database::NotYet => return Finding::good(NAME, "will be made at the first start"),
        Database::Held => {
            return Finding::bad(
                NAME,
                "it is locked: another program holds it",
                "close whatever else has ompcord.db open",
            );
        }
        Database::Failed(why) => {
            return Finding::bad(NAME, format!("it {why}"), STATE_HINT);
        }
        Database::Seen(found) => found,
    };
    let size = bytes(found.bytes);
    if let Some(damage) = &found.damage {
        return Finding::bad(
            NAME,
            format!("it is damaged: {}", clip(damage, 200)),
            "restore a copy of it (`ompcord backup` makes them), or move it away to begin with an empty one",
        );
    }
    match found.schema {
        Schema::Newer(step) => Finding::bad(
            NAME,
            format!("it was written by a newer ompcord (its schema has step {step})"),
            "update ompcord, or point OMPCORD_STATE_DIR to another directory",
        ),
        Schema::Older => Finding::good(
            NAME,
            format!("{size}, whole; it is brought up to date at the next start"),
        ),
        Schema::Current if found.wal_bytes > LONG_LOG => Finding::odd(
            NAME,
            format!(
                "{size}, whole, but {} wait in its write-ahead log",
                bytes(found.wal_bytes)
            ),
            "restart the daemon: it folds them in when it ends",
        ),
        Schema::Current => Finding::good(NAME, format!("{size}, whole, and free")),
    }
}

fn port(seen: &Port, holder: Holder) -> Finding {
    const NAME: &str = "HTTP API";
    let pid = match holder {
        Holder::Daemon(Some(pid)) => format!(" (pid {pid})"),
        _ => String::new(),
    };
    match seen {
        Port::Free(addr) => Finding::good(NAME, format!("{addr} is free; no daemon runs")),
        Port::Daemon { addr, ready: true } => {
            Finding::good(NAME, format!("the daemon{pid} answers at {addr} and is ready"))
        }
        Port::Daemon { addr, ready: false } => Finding::bad(
            NAME,
            format!("the daemon{pid} answers at {addr}, but is not ready"),
            "see its log: journalctl --user -u ompcord",
        ),
        Port::Taken(addr) => Finding::bad(
            NAME,
            format!("another program has {addr}"),
            "choose another port with OMPCORD_HTTP_ADDR",
        ),
        Port::Silent(addr) => Finding::bad(
            NAME,
            format!("a daemon{pid} has the state directory and does not answer at {addr}"),
            "see its log, and restart it: journalctl --user -u ompcord",
        ),
        Port::Unusable(addr, why) => Finding::bad(
            NAME,
            format!("{addr} cannot be listened on: {why}"),
            "choose another address with OMPCORD_HTTP_ADDR",
        ),
    }
}

fn api_token(seen: &ApiToken) -> Finding {
    const NAME: &str = "API token";
    match seen {
        ApiToken::NotYet => Finding::good(NAME, "will be made at the first start"),
        ApiToken::There => Finding::good(NAME, "is there"),
        ApiToken::Fits => Finding::good(NAME, "the daemon accepts it"),
        ApiToken::Refused => Finding::bad(
            NAME,
            "the daemon does not accept it: it belongs to another installation",
            "check OMPCORD_STATE_DIR and OMPCORD_HTTP_ADDR",
        ),
        ApiToken::Unreadable(why) => Finding::bad(NAME, format!("cannot be read: {why}"), STATE_HINT),
    }
}

pub(super) fn programs(seen: &Rest, all: &mut Vec<Finding>) {
    all.push(agent(&seen.agent));
    all.push(extension(&seen.extension));
    unit(&seen.unit, all);
}

fn agent(seen: &AgentSeen) -> Finding {
    const NAME: &str = "Agent";
    const INSTALL: &str = "npm i -g @oh-my-pi/pi-coding-agent";
    let AgentSeen {
        program,
        version,
        handshake,
    } = seen;
    let said = match version {
        Ok(version) => version.clone(),
        Err(RunError::NotFound(_)) => {
            return Finding::bad(
                NAME,
                format!("{program} was not found"),
                format!("install it ({INSTALL}), or set OMP_COMMAND to its full path"),
            );
        }
        Err(error) => format!("{program} does not say its version ({error})"),
    };
    let [major, minor] = OLDEST;
    let update = format!("update it: {INSTALL}");
    match handshake {
        Some(Ok(took)) if seen.is_old() => Finding::odd(
            NAME,
            format!(
                "{said} is older than {major}.{minor}, which ompcord was made with; it came up in {}",
                duration(*took)
            ),
            update,
        ),
        Some(Ok(took)) => Finding::good(NAME, format!("{said}, came up in {}", duration(*took))),
        Some(Err(_)) if seen.is_old() => Finding::bad(
            NAME,
            format!("{said} is too old: {major}.{minor} or later is needed"),
            update,
        ),
        Some(Err(exit)) => {
            let why = match &exit.how {
                ExitHow::NotStarted { error, .. } => format!("could not be started: {error}"),
                _ => ended(exit),
            };
            // What it says first is what is wrong; what comes after it is advice or a trace.
            let words: Vec<&str> = exit.last_lines.iter().map(|line| line.trim()).collect();
            let words = words.join(" ");
            let last = (!words.trim().is_empty()).then(|| format!(" ({})", clip(words.trim(), 200)));
            Finding::bad(
                NAME,
                format!("{said}, but it {why}{}", last.unwrap_or_default()),
                format!("see that `{program}` answers in a terminal, as this user"),
            )
        }
        None => Finding::bad(NAME, said, "run it with --version in a terminal, as this user"),
    }
}

fn extension(seen: &ExtensionSeen) -> Finding {
    const NAME: &str = "Extension";
    let own = env!("CARGO_PKG_VERSION");
    let version = match seen {
        ExtensionSeen::No => {
            let detail = "not installed; `ompcord extension install` adds it to omp in your own terminal";
            return Finding::open(NAME, detail);
        }
        ExtensionSeen::Version(version) if version == own => return Finding::good(NAME, version.clone()),
        ExtensionSeen::Version(version) => version,
        ExtensionSeen::Unknown => "an unknown version",
    };
    Finding::odd(
        NAME,
        format!("{version} is installed, and ompcord is {own}"),
        "ompcord extension install",
    )
}

fn unit(seen: &UnitSeen, all: &mut Vec<Finding>) {
    const NAME: &str = "Service";
    let UnitSeen::Installed {
        unit,
        current,
        lost,
        enabled,
        lingers,
    } = seen
    else {
        all.push(Finding::open(
            NAME,
            "not installed; `ompcord service install` keeps ompcord running",
        ));
        return;
    };
    let place = unit.display();
    let again = "ompcord service install";
    all.push(match lost {
        Some(program) => Finding::bad(
            NAME,
            format!("{place} starts {}, which is not there", program.display()),
            again,
        ),
        None if !current => Finding::odd(NAME, format!("{place} is not the one of this version"), again),
        None if !enabled => Finding::odd(
            NAME,
            format!("{place} does not start by itself"),
            "systemctl --user enable --now ompcord",
        ),
        None => Finding::good(NAME, place.to_string()),
    });
    if *lingers == Some(false) {
        all.push(Finding::odd(
            NAME,
            "it ends when you log out",
            "loginctl enable-linger",
        ));
    }
}
