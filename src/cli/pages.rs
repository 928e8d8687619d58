//! `ompcord completions` and `ompcord man`: made of the command line itself, so that they never lag behind it.

use std::path::PathBuf;

use clap::CommandFactory as _;

use super::{Cli, out};
use crate::error::UserError;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

#[derive(Debug, clap::Args)]
pub(super) struct ManArgs {
    /// Write the pages of all subcommands as well, into this directory
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub(super) fn completions(args: &Args) -> anyhow::Result<()> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "ompcord", &mut text);
    Ok(out::line(String::from_utf8_lossy(&text).trim_end())?)
}

pub(super) fn man(args: &ManArgs) -> anyhow::Result<()> {
    if let Some(dir) = &args.dir {
        std::fs::create_dir_all(dir)
            .and_then(|()| clap_mangen::generate_to(Cli::command(), dir))
            .map_err(|error| UserError::new(format!("cannot write into {}: {error}", dir.display())))?;
        return Ok(());
    }
    let mut text = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut text)?;
    Ok(out::line(String::from_utf8_lossy(&text).trim_end())?)
}
