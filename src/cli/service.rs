//! `ompcord service`: the systemd user unit, written, started, removed.
//!
//! Together with `agent/` this is the only place that starts programs: `systemctl` and `loginctl`, by name.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, Result};

use super::doctor::home;
use super::out;
use crate::config::process_env;
use crate::error::UserError;
use crate::render::setup as words;
use crate::service::{Installation, UNIT, unit};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Write the unit for this program and start it
    Install {
        /// Only write it
        #[arg(long)]
        no_start: bool,
    },
    /// Stop the service and remove its unit
    Uninstall,
    /// Say how the service does
    Status,
    /// Print the unit
    Print,
}

pub(super) fn execute(args: &Args, env_file: Option<&Path>) -> Result<ExitCode> {
    match args.action {
        Action::Install { no_start } => install(env_file, !no_start)?,
        Action::Uninstall => uninstall()?,
        Action::Print => out::line(unit(&installation(env_file)?).trim_end())?,
        Action::Status => {
            if !available() {
                return Err(words::no_manager().into());
            }
            let status = systemctl(&["status", "--no-pager", UNIT]).status();
            let code = status.map_err(|error| no_systemd(&error))?.code();
            // systemd's own codes say whether it runs.
            return Ok(ExitCode::from(
                code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1),
            ));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether there is a service manager to be asked.
pub(super) fn available() -> bool {
    systemctl(&["is-system-running"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .output()
        // A manager that answers says a word, whatever its state; one that cannot be reached says none.
        .is_ok_and(|output| !output.stdout.is_empty() && !output.stdout.starts_with(b"offline"))
}

/// Writes the unit, and starts it.
pub(super) fn install(env_file: Option<&Path>, start: bool) -> Result<()> {
    let path = place()?;
    let text = unit(&installation(env_file)?);
    let dir = path.parent().context("the unit has no directory")?;
    std::fs::create_dir_all(dir)
        .and_then(|()| std::fs::write(&path, text))
        .map_err(|error| UserError::new(format!("cannot write {}: {error}", path.display())))?;
    if start {
        // A service that runs already takes the new unit, and the new program.
        for arguments in [&["daemon-reload"][..], &["enable", UNIT], &["restart", UNIT]] {
            run(&mut systemctl(arguments)).map_err(|why| words::not_started(&path, &why))?;
        }
    }
    let lingers = start && stays_on();
    Ok(out::line(&words::service_installed(&path, start, lingers))?)
}

/// Whether it runs while nobody is logged in, if need be from now on. Where an administrator saw to it already, asking
/// for it may be refused.
fn stays_on() -> bool {
    home(None).linger.is_some_and(|flag| flag.exists())
        || run(Command::new("loginctl").arg("enable-linger")).is_ok()
}

fn uninstall() -> Result<()> {
    let path = place()?;
    if !path.exists() {
        return Err(UserError::new(format!("there is no unit at {}", path.display())).into());
    }
    // One that cannot be stopped because no manager runs is not running.
    let stopped = run(&mut systemctl(&["disable", "--now", UNIT]));
    std::fs::remove_file(&path)
        .map_err(|error| UserError::new(format!("cannot remove {}: {error}", path.display())))?;
    let reloaded = run(&mut systemctl(&["daemon-reload"]));
    if let Err(why) = stopped.and(reloaded) {
        out::error(&format!("systemd did not hear of it: {why}"));
    }
    Ok(out::line(&words::service_removed(&path))?)
}

fn place() -> Result<PathBuf> {
    let units = home(None)
        .units
        .ok_or_else(|| UserError::new("this user has no home directory"))?;
    Ok(units.join(UNIT))
}

fn installation(env_file: Option<&Path>) -> Result<Installation> {
    let program = std::env::current_exe().context("cannot tell where this program is")?;
    let env_file = env_file
        .map(|file| std::path::absolute(file).with_context(|| format!("cannot use {}", file.display())))
        .transpose()?;
    Ok(Installation {
        program,
        env_file,
        path: process_env("PATH").filter(|path| !path.contains(['"', '\n'])),
    })
}

fn systemctl(arguments: &[&str]) -> Command {
    let mut command = Command::new("systemctl");
    command.arg("--user").args(arguments).stdin(Stdio::null());
    command
}

/// Runs it to its end; what it complains of is why it failed.
fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let line = said.lines().map(str::trim).find(|line| !line.is_empty());
    Err(line.map_or_else(|| output.status.to_string(), str::to_owned))
}

fn no_systemd(error: &std::io::Error) -> UserError {
    UserError::new(format!("systemctl could not be run: {error}"))
        .hint("without systemd, keep `ompcord run` running in your own way")
}
