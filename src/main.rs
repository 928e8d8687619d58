//! Parses the command line, runs one subcommand, turns an error into an exit code.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    ompcord::cli::Cli::parse().execute()
}
