//! Parses the command line, starts tracing, runs one subcommand, turns an error into an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.split_first() {
        #[cfg(feature = "demo")]
        Some((name, rest)) if name == "scripted-agent" => {
            ExitCode::from(u8::try_from(ompcord::scripted::run(rest)).unwrap_or(1))
        }
        _ => ExitCode::SUCCESS,
    }
}
