//! `ompcord demo`: the whole daemon against a Discord in the same process. No account, no token, no network.

mod show;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{block_on, logging, out};
use crate::config::{Config, process_env};
use crate::daemon::{self, Ports};
use crate::discord::Endpoint;
use crate::error::UserError;
use crate::sim::{Sim, SimConfig};

/// Which agent plays in the demo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum AgentKind {
    /// The real agent
    Omp,
    /// The built-in one that plays a script
    Scripted,
}

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Which agent to use (default: omp where it is installed)
    #[arg(long, value_enum)]
    agent: Option<AgentKind>,
    /// The port of the simulated Discord; 0 takes a free one
    #[arg(long, default_value_t = 8900)]
    port: u16,
    /// Moves every id of the simulated Discord, the same way for the same number
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The directory that sessions work in (default: a temporary one)
    #[arg(long, value_name = "DIR")]
    workdir: Option<PathBuf>,
    /// What alice asks for in the first thread
    #[arg(long, value_name = "TEXT")]
    prompt: Option<String>,
    /// Start with an empty channel
    #[arg(long, conflicts_with = "once")]
    no_play: bool,
    /// End after the first answer instead of staying until Ctrl-C
    #[arg(long)]
    once: bool,
}

/// Who plays, and with what.
struct Cast {
    command: Vec<String>,
    label: &'static str,
    prompt: String,
}

pub(super) fn execute(args: Args) -> Result<()> {
    let dir = TempDir::new().context("cannot create a temporary directory")?;
    let cast = cast(&args, dir.path())?;
    logging::start_quiet()?;
    block_on(play(args, cast, dir.path()))
}

async fn play(args: Args, cast: Cast, dir: &Path) -> Result<()> {
    let config = SimConfig {
        port: args.port,
        seed: args.seed,
        ..SimConfig::default()
    };
    let sim = Sim::start(config).await.map_err(|error| {
        UserError::new(format!("the simulated Discord could not start: {error:#}"))
            .hint("choose another port with --port, or --port 0 for a free one")
    })?;
    let workdir = workspace(args.workdir.as_deref(), dir)?;
    let config = configuration(&sim, &cast, &workdir, dir)?;
    config
        .create_directories()
        .context("cannot create the demo's directories")?;
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .context("cannot listen on 127.0.0.1")?;
    let http = listener.local_addr().context("cannot read the address")?;
    let shutdown = CancellationToken::new();
    let ports = Ports {
        listener,
        endpoint: Endpoint::new()?,
        shutdown: shutdown.clone(),
        patience: daemon::CONNECT_TIMEOUT,
    };
    introduce(&cast, &workdir, &sim.base_url(), &http.to_string())?;
    let daemon = daemon::serve(config, ports);
    let scene = async {
        let well = if args.no_play {
            out::line("The channel is empty and waits for you.")?;
            true
        } else {
            show::launch(&sim, &cast.prompt).await?
        };
        if !args.once {
            show::stay(&sim).await?;
        }
        Ok::<_, anyhow::Error>(well)
    };
    tokio::pin!(daemon);
    let well = tokio::select! {
        ended = &mut daemon => return ended,
        played = scene => played?,
        signal = daemon::signalled() => {
            signal?;
            out::line("\nEnding the agents …")?;
            true
        }
    };
    shutdown.cancel();
    daemon.await?;
    if well {
        return Ok(());
    }
    Err(UserError::new("the agent did not answer")
        .hint("the thread above says why")
        .into())
}

/// Says what runs and where.
fn introduce(cast: &Cast, workdir: &Path, discord: &str, http: &str) -> std::io::Result<()> {
    out::line(&format!(
        "A whole Discord in this process, with the daemon on it. Nothing leaves this machine.\n\n  \
         agent        {}\n  workspace    {}\n  control API  {discord}/sim/\n  daemon       http://{http}/readyz\n",
        cast.label,
        workdir.display(),
    ))
}

/// The demo's own configuration. Of the environment only what concerns the agent counts.
fn configuration(sim: &Sim, cast: &Cast, workdir: &Path, dir: &Path) -> Result<Config> {
    let alice = sim.user("alice").context("the simulated Discord has no alice")?;
    let vars = HashMap::from([
        ("DISCORD_BOT_TOKEN", sim.bot_token()),
        ("DISCORD_GUILD_ID", sim.guild_id().to_string()),
        ("DISCORD_CHANNEL_ID", sim.home_channel().to_string()),
        ("DISCORD_ALLOWED_USERS", alice.to_string()),
        ("DISCORD_API_URL", sim.base_url()),
        ("OMP_COMMAND", shell_words::join(&cast.command)),
        ("OMP_WORKDIR", workdir.display().to_string()),
        ("OMPCORD_STATE_DIR", dir.join("state").display().to_string()),
    ]);
    // An empty file, so that nobody's own `.env` is read.
    let env_file = dir.join("empty.env");
    std::fs::write(&env_file, "").context("cannot write to the temporary directory")?;
    let lookup = |name: &str| match vars.get(name) {
        Some(value) => Some(value.clone()),
        None if name.starts_with("OMP_") || name.starts_with("XDG_") || name == "HOME" => process_env(name),
        None => None,
    };
    Ok(Config::load(Some(&env_file), lookup)?)
}

fn workspace(asked: Option<&Path>, dir: &Path) -> Result<PathBuf> {
    if let Some(asked) = asked {
        return asked.canonicalize().map_err(|error| {
            UserError::new(format!(
                "the workspace {} cannot be used: {error}",
                asked.display()
            ))
            .hint("give --workdir a directory that exists")
            .into()
        });
    }
    let workdir = dir.join("playground");
    std::fs::create_dir_all(&workdir).context("cannot create the workspace")?;
    std::fs::write(
        workdir.join("README.md"),
        "# Playground\n\nA place for the demo's agent.\n",
    )
    .context("cannot write to the workspace")?;
    Ok(workdir)
}

fn cast(args: &Args, dir: &Path) -> Result<Cast> {
    let omp = process_env("OMP_COMMAND").unwrap_or_else(|| "omp".to_owned());
    let omp = shell_words::split(&omp).map_err(|_| UserError::new("OMP_COMMAND has an unclosed quote"))?;
    let found = omp.first().is_some_and(|program| is_program(program));
    match args.agent {
        Some(AgentKind::Omp) if !found => Err(UserError::new("the agent omp was not found")
            .hint("install it (npm i -g @oh-my-pi/pi-coding-agent), set OMP_COMMAND, or use --agent scripted")
            .into()),
        Some(AgentKind::Omp) | None if found => Ok(Cast {
            command: omp,
            label: "omp, as you have set it up",
            prompt: args
                .prompt
                .clone()
                .unwrap_or_else(|| "Say hello, and tell me in one sentence what you can do here.".to_owned()),
        }),
        _ => {
            let this = std::env::current_exe().context("cannot find this program")?;
            let dir = format!("OMPCORD_SCRIPTED_DIR={}", dir.join("scripted").display());
            Ok(Cast {
                command: vec![
                    "env".to_owned(),
                    dir,
                    this.display().to_string(),
                    "scripted-agent".to_owned(),
                ],
                label: "scripted (plays a recorded-looking session; --agent omp uses the real one)",
                prompt: args.prompt.clone().unwrap_or_else(|| {
                    "Our client hammers a busy server, please fix the retries. DEMO".to_owned()
                }),
            })
        }
    }
}

/// Whether the system would find a program of this name.
fn is_program(name: &str) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    let runs = |path: &Path| {
        std::fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
    };
    if name.contains('/') {
        return runs(Path::new(name));
    }
    let path = process_env("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| runs(&dir.join(name)))
}

/// A directory that goes with the demo.
struct TempDir(PathBuf);

impl TempDir {
    fn new() -> std::io::Result<Self> {
        let path = std::env::temp_dir().join(format!("ompcord-demo-{}", uuid::Uuid::new_v4().simple()));
        crate::config::create_private_dir(&path)?;
        Ok(Self(path))
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        // What cannot be removed is left to the system's own cleaning of its temporary directory.
        std::fs::remove_dir_all(&self.0).ok();
    }
}
