//! `ompcord demo`: the whole daemon against a Discord in the same process.

use std::path::PathBuf;

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
    /// The port of the web page
    #[arg(long, default_value_t = 8900)]
    port: u16,
    /// Makes everything random repeatable
    #[arg(long)]
    seed: Option<u64>,
    /// The directory that sessions work in (default: a temporary one)
    #[arg(long, value_name = "DIR")]
    workdir: Option<PathBuf>,
    /// Play a short session at the start
    #[arg(long, overrides_with = "no_play")]
    play: bool,
    /// Start with an empty channel
    #[arg(long, overrides_with = "play")]
    no_play: bool,
}

pub(super) fn execute(_args: Args) -> anyhow::Result<()> {
    anyhow::bail!("the demo is not part of this build yet")
}
