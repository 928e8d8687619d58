//! `ompcord doctor`: every check, with what to do.

use std::io::{self, IsTerminal as _};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use serde_json::json;

use super::{block_on, out};
use crate::config::{AgentPlace, Config, config_home, process_env};
use crate::doctor::{self, Home};
use crate::render::doctor::{Grade, findings, text};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn execute(args: &Args, env_file: Option<&Path>) -> Result<ExitCode> {
    let config = Config::load(env_file, process_env);
    if !args.json && io::stderr().is_terminal() {
        out::error("Looking at everything, which takes a few seconds …");
    }
    let mut found = Vec::new();
    block_on(async {
        found = findings(&doctor::examine(config, &home(env_file)).await?);
        Ok(())
    })?;
    let well = found.iter().all(|finding| finding.grade != Grade::Bad);
    let shown = if args.json {
        let checks: Vec<_> = found
            .iter()
            .map(|finding| {
                json!({
                    "name": finding.name,
                    "grade": finding.grade.word(),
                    "detail": finding.detail,
                    "todo": finding.todo,
                })
            })
            .collect();
        json!({ "ok": well, "checks": checks }).to_string()
    } else {
        text(&found)
    };
    out::line(&shown)?;
    Ok(if well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Where this user's other programs keep their things.
pub(super) fn home(env_file: Option<&Path>) -> Home {
    let user = process_env("USER").or_else(|| process_env("LOGNAME"));
    let place = AgentPlace::load(env_file, process_env).ok();
    let data = place.as_ref().and_then(|place| place.data_dir.parent());
    let packages = [
        "/etc",
        "/usr/local/share",
        "/usr/local/lib",
        "/usr/share",
        "/usr/lib",
    ];
    let packages = data.into_iter().chain(packages.map(Path::new));
    Home {
        packaged_units: packages.map(|dir| dir.join("systemd/user")).collect(),
        units: config_home(&process_env).map(|config| config.join("systemd/user")),
        linger: user.map(|user| Path::new("/var/lib/systemd/linger").join(user)),
        extension: place.map(|place| place.data_dir.join("extension")),
    }
}
