//! `ompcord demo`: the whole daemon against a Discord in the same process. No account, no token, no network.

mod card;
mod cast;
mod history;
mod show;
mod stage;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use self::cast::{AgentKind, Cast};
use self::stage::Stage;
use super::{block_on, logging, out};
use crate::daemon;
use crate::error::UserError;
use crate::sim::{self, RateLimits, Sim, SimConfig, TROUBLE_WORDS, Trouble};

/// How long a visitor has to find their way about the page before something happens on it.
const A_MOMENT: Duration = Duration::from_millis(1500);

#[derive(Debug, clap::Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent flags of a command line"
)]
pub(super) struct Args {
    /// Which agent to use (default: omp where it is installed)
    #[arg(long, value_enum)]
    agent: Option<AgentKind>,
    /// Open the page in a browser
    #[arg(long)]
    open: bool,
    /// The port of the page; 0 takes a free one
    #[arg(long, default_value_t = 8900)]
    port: u16,
    /// The directory that sessions work in (default: a temporary one)
    #[arg(long, value_name = "DIR")]
    workdir: Option<PathBuf>,
    /// What alice asks for in the first thread
    #[arg(long, value_name = "TEXT")]
    prompt: Option<String>,
    /// Start with no thread
    #[arg(long, conflicts_with = "once")]
    no_play: bool,
    /// Show the first thread in the terminal and end with its answer
    #[arg(long)]
    once: bool,
    /// Show every thread in the terminal too
    #[arg(long, short)]
    verbose: bool,
    /// The same guild each time: ids, people, and a little history in #home. What happens then has ids that carry
    /// the time, as on Discord
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// Fill #home with so many messages
    #[arg(long, value_name = "COUNT", default_value_t = 0, hide_default_value = true,
          value_parser = clap::value_parser!(u32).range(..=20_000))]
    messages: u32,
    /// Hold the bot to Discord's real rate limits
    #[arg(long)]
    rate_limits: bool,
    #[arg(
        long = "fault",
        value_name = "FAULT",
        value_parser = str::parse::<Trouble>,
        help = format!("Let something go wrong once the bot is online: {}; may be repeated", fault_names()),
        long_help = format!(
            "Let something go wrong once the bot is online; may be repeated.\n\nBy name:\n{}\n\nOr in words: \
             METHOD ROUTE WHAT [xTIMES] [after COUNT], such as 'POST messages 500' or '* edits slow:2s x10'\n{}",
            fault_list(),
            TROUBLE_WORDS
        )
    )]
    faults: Vec<Trouble>,
}

fn fault_names() -> String {
    let names: Vec<&str> = sim::presets().iter().map(|preset| preset.name).collect();
    names.join(", ")
}

fn fault_list() -> String {
    let lines: Vec<String> = sim::presets()
        .iter()
        .map(|preset| format!("  {:<13} {}", preset.name, preset.about))
        .collect();
    lines.join("\n")
}

pub(super) fn execute(args: Args) -> Result<()> {
    let dir = TempDir::new().context("cannot create a temporary directory")?;
    let cast = cast::choose(&args, dir.path())?;
    logging::start_quiet()?;
    block_on(play(args, cast, dir.path()))
}

async fn play(args: Args, cast: Cast, dir: &Path) -> Result<()> {
    let workdir = workspace(args.workdir.as_deref(), dir)?;
    let (restart, mut restarts) = mpsc::channel(1);
    let sim = discord(&args, card::card(&cast, &workdir), restart).await?;
    introduce(&cast, &workdir, &sim)?;
    if args.open {
        open(&page(&sim)).await?;
    }
    let stage = Stage::new(&sim, &cast, workdir, dir);
    let shutdown = CancellationToken::new();
    let daemon = stage.run(&shutdown, &mut restarts);
    tokio::pin!(daemon);
    let well = tokio::select! {
        ended = &mut daemon => return ended,
        played = scene(&args, &cast, &sim) => played?,
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

/// The guild as it is before the bot comes.
async fn discord(args: &Args, about: serde_json::Value, restart: mpsc::Sender<()>) -> Result<Sim> {
    let seed = args.seed.unwrap_or(0);
    let config = SimConfig {
        port: args.port,
        seed,
        rate_limits: if args.rate_limits {
            RateLimits::On
        } else {
            RateLimits::Off
        },
        ..SimConfig::default()
    };
    let pages = sim::demo_pages(about, restart);
    let sim = Sim::start_with_pages(config, pages).await.map_err(|error| {
        UserError::new(format!("the demo could not start: {error:#}"))
            .hint("choose another port with --port, or --port 0 for a free one")
    })?;
    if args.seed.is_some() {
        history::small_talk(&sim)?;
    }
    history::weeks(&sim, args.messages, seed)?;
    Ok(sim)
}

/// What happens by itself. `false`: the agent failed; without `--once` it never ends.
async fn scene(args: &Args, cast: &Cast, sim: &Sim) -> Result<bool> {
    show::until_ready(sim).await;
    for trouble in &args.faults {
        sim.trouble(trouble);
    }
    if args.once {
        return show::launch(sim, &cast.prompt).await;
    }
    if args.verbose {
        if !args.no_play {
            show::launch(sim, &cast.prompt).await?;
        }
        show::stay(sim).await?;
    } else if !args.no_play {
        // A thread that streamed before anyone looked would show nothing of how it comes to be.
        sim.until_watched().await;
        tokio::time::sleep(A_MOMENT).await;
        show::ask(sim, &cast.prompt)?;
    }
    std::future::pending().await
}

fn page(sim: &Sim) -> String {
    format!("{}/", sim.base_url())
}

/// Says what runs and where.
fn introduce(cast: &Cast, workdir: &Path, sim: &Sim) -> std::io::Result<()> {
    out::line(&format!(
        "The whole bot on a Discord of its own. Nothing leaves this machine.\n\n  \
         Open       {}\n\n  agent      {}\n  workspace  {}\n\nCtrl-C ends it.",
        page(sim),
        cast.label,
        workdir.display(),
    ))
}

/// Opens the page in a browser. Without one the person opens it.
async fn open(page: &str) -> Result<()> {
    let url = page.to_owned();
    let opened = tokio::task::spawn_blocking(move || opener::open_browser(url)).await;
    let failure = match opened {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    };
    out::line(&format!("\nNo browser could be opened: {failure}"))?;
    Ok(())
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
