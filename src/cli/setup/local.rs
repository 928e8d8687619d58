//! What is on this machine: where agents work, the agent itself, the file, the service.

use std::path::Path;

use anyhow::Result;

use super::desk::Desk;
use crate::agent;
use crate::cli::service;
use crate::config::{Item, home_dir, process_env};
use crate::error::UserError;
use crate::render::setup as words;

/// Where people keep what they work on.
const USUAL: [&str; 5] = ["code", "src", "projects", "dev", "work"];

pub(super) fn set_up(desk: &mut Desk) -> Result<()> {
    workdir(desk)?;
    agent(desk)
}

fn workdir(desk: &mut Desk) -> Result<()> {
    if let Some(known) = desk.draft.get(Item::Workdir) {
        if desk.attended {
            if desk.put(Item::Workdir, &known)? {
                return Desk::say(&words::workdir(&known));
            }
        } else {
            desk.draft.set(Item::Workdir, &known).map_err(words::as_error)?;
            return Desk::say(&words::workdir(&known));
        }
    }
    if !desk.attended {
        return Desk::say(words::NO_WORKDIR);
    }
    Desk::say(words::WORKDIR)?;
    let home = home_dir(&process_env);
    let there = |name: &&&str| home.as_ref().is_some_and(|home| home.join(name).is_dir());
    let usual = USUAL.iter().find(there).map(|name| format!("~/{name}"));
    loop {
        match Desk::text("Directory", usual.as_deref())? {
            None => return Desk::say(words::NO_WORKDIR),
            Some(answer) if desk.put(Item::Workdir, &answer)? => return Ok(()),
            Some(_) => {}
        }
    }
}

fn agent(desk: &mut Desk) -> Result<()> {
    let known = desk.draft.get(Item::Command).unwrap_or_else(|| "omp".to_owned());
    if installed(&known) {
        return Desk::say(&words::agent(&known));
    }
    Desk::say(&words::no_agent(&known))?;
    while desk.attended {
        match Desk::text("Its full path (empty: later)", None)? {
            None => return Ok(()),
            Some(answer) if !installed(&answer) => Desk::say(&words::no_agent(&answer))?,
            Some(answer) => {
                if desk.put(Item::Command, &answer)? {
                    return Desk::say(&words::agent(&answer));
                }
            }
        }
    }
    Ok(())
}

fn installed(command: &str) -> bool {
    shell_words::split(command).is_ok_and(|words| agent::is_installed(&words))
}

/// Whether the service runs now.
pub(super) fn offer_service(desk: &mut Desk, wanted: Option<bool>) -> Result<bool> {
    let wanted = match wanted {
        Some(wanted) => wanted,
        None if desk.attended && service::available() => {
            Desk::say(words::SERVICE)?;
            Desk::agree("Install and start it")?
        }
        None => false,
    };
    if !wanted {
        return Ok(false);
    }
    // The service begins elsewhere: the file that was just written is the one that it has to read.
    service::install(Some(desk.draft.path()), true)?;
    Ok(true)
}

pub(super) fn not_written(path: &Path, error: &std::io::Error) -> UserError {
    UserError::new(format!("{} cannot be written: {error}", path.display()))
        .hint("give --env-file a place that this user can write to")
}

pub(super) fn no_token_file(path: &Path, error: &std::io::Error) -> UserError {
    UserError::new(format!("{} cannot be read: {error}", path.display()))
        .hint("--token-file wants a file with the bot token alone")
}
