//! Parses the command line, starts tracing, runs one subcommand, turns an error into an exit code.

fn main() {}
