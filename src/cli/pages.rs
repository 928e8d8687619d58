//! `ompcord completions` and `ompcord man`: made of the command line itself, so that they never lag behind it.

use clap::CommandFactory as _;

use super::{Cli, out};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

pub(super) fn completions(args: &Args) -> anyhow::Result<()> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "ompcord", &mut text);
    Ok(out::line(String::from_utf8_lossy(&text).trim_end())?)
}

pub(super) fn man() -> anyhow::Result<()> {
    let mut text = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut text)?;
    Ok(out::line(String::from_utf8_lossy(&text).trim_end())?)
}
