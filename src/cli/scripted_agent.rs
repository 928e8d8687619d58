//! `ompcord scripted-agent`: an agent that plays a script, for the demo and the tests.

use std::process::ExitCode;

#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub(super) struct Args {
    /// What the daemon says to every agent; `--help` and `--version` included
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(super) args: Vec<String>,
}

pub(super) fn execute(args: &Args) -> ExitCode {
    ExitCode::from(u8::try_from(crate::scripted::run(&args.args)).unwrap_or(1))
}
