//! The command line: one file per subcommand, and what an error looks like to the shell.
//!
//! Without it, exit codes and the wording of errors would differ from subcommand to subcommand, and systemd could
//! not tell a wrong token from a crash.

mod backup;
mod client;
#[cfg(feature = "demo")]
mod demo;
mod doctor;
mod extension;
mod logging;
mod mcp;
mod notify;
mod out;
mod pages;
mod run;
mod said;
#[cfg(feature = "demo")]
mod scripted_agent;
mod send;
mod service;
mod sessions;
mod setup;
mod version;

use std::future::Future;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Parser, Subcommand};

use crate::config::{ConfigError, LockError};
use crate::error::{EXIT_STATE, Fatal, STATE_HINT, UserError};

/// The daemon waits for Discord and for pipes: two threads are plenty, and leave the machine to the agents.
const WORKERS: usize = 2;
/// How long blocking work may go on after everything else has ended.
const LAST_MOMENT: Duration = Duration::from_secs(5);

/// Puts the OMP coding agent on Discord: one thread per agent session.
#[derive(Debug, Parser)]
#[command(name = "ompcord", version, about)]
pub struct Cli {
    // Spelt as an attribute: in a comment, rustdoc wants backticks that a terminal would show.
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        help = "Read variables from this file instead of ./.env or $XDG_CONFIG_HOME/ompcord/.env"
    )]
    env_file: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the daemon (the default)
    Run(run::Args),
    /// Try it out: the whole daemon on a simulated Discord, without account, token or network
    #[cfg(feature = "demo")]
    Demo(demo::Args),
    /// The built-in agent that plays a script
    #[cfg(feature = "demo")]
    #[command(hide = true)]
    ScriptedAgent(scripted_agent::Args),
    /// Set it up: asks for what is missing and tries each answer with Discord
    Setup(setup::Args),
    /// Keep it running: the systemd user service
    Service(service::Args),
    /// Check everything that ompcord stands on, and say what to do
    Doctor(doctor::Args),
    /// Copy the database into a file, also while the daemon runs
    Backup(backup::Args),
    /// Give an agent a prompt, through the running daemon
    Send(send::Args),
    /// Send a message to Discord, through the running daemon or else a webhook
    Notify(notify::Args),
    /// List the sessions of the running daemon
    Sessions(sessions::Args),
    /// Put terminal sessions of omp on Discord: the extension for omp
    Extension(extension::Args),
    /// Offer the Discord tools to an MCP client on standard input and output, through the running daemon
    Mcp(mcp::Args),
    /// Print the version and the commit
    Version(version::Args),
    /// Print completions for a shell
    Completions(pages::Args),
    /// Print the man page
    Man(pages::ManArgs),
}

impl Cli {
    /// Runs the subcommand and says on standard error what went wrong.
    #[must_use]
    pub fn execute(self) -> ExitCode {
        let env_file = self.env_file.as_deref();
        let command = self.command.unwrap_or(Command::Run(run::Args::default()));
        let result = match command {
            Command::Run(args) => run::execute(&args, env_file),
            #[cfg(feature = "demo")]
            Command::Demo(args) => demo::execute(args),
            #[cfg(feature = "demo")]
            Command::ScriptedAgent(args) => return scripted_agent::execute(&args),
            Command::Setup(args) => setup::execute(&args, env_file),
            Command::Service(args) => return coded(service::execute(&args, env_file)),
            Command::Doctor(args) => return coded(doctor::execute(&args, env_file)),
            Command::Backup(args) => backup::execute(&args, env_file),
            Command::Send(args) => send::execute(args, env_file),
            Command::Notify(args) => notify::execute(&args, env_file),
            Command::Sessions(args) => sessions::execute(&args, env_file),
            Command::Extension(args) => extension::execute(&args, env_file),
            Command::Mcp(args) => mcp::execute(&args, env_file),
            Command::Version(args) => version::execute(&args),
            Command::Completions(args) => pages::completions(&args),
            Command::Man(args) => pages::man(&args),
        };
        match result {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => report(&error),
        }
    }
}

/// Runs a future on a runtime of its own, and gives blocking work a moment to end.
fn block_on(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .thread_name("ompcord")
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let result = runtime.block_on(work);
    runtime.shutdown_timeout(LAST_MOMENT);
    result
}

/// For a subcommand whose answer is a code of its own.
fn coded(result: anyhow::Result<ExitCode>) -> ExitCode {
    result.unwrap_or_else(|error| report(&error))
}

/// One sentence and a hint for the person, one code for the service manager.
fn report(error: &anyhow::Error) -> ExitCode {
    let (code, hint) = verdict(error);
    let text = format!("error: {error:#}");
    // After a list of problems, the hint is about all of them.
    let gap = if text.contains('\n') { "\n" } else { "" };
    out::error(&text);
    if let Some(hint) = hint {
        out::error(&format!("{gap}hint: {hint}"));
    }
    ExitCode::from(code)
}

fn verdict(error: &anyhow::Error) -> (u8, Option<String>) {
    if let Some(fatal) = error.downcast_ref::<Fatal>() {
        return (fatal.exit_code(), fatal.hint());
    }
    if error.downcast_ref::<ConfigError>().is_some() {
        return (2, Some("`ompcord setup` asks for what is missing and writes .env; .env.example explains every variable".to_owned()));
    }
    match error.downcast_ref::<LockError>() {
        Some(LockError::Held { .. }) => {
            let hint = "stop it first, or give this one another OMPCORD_STATE_DIR";
            return (1, Some(hint.to_owned()));
        }
        Some(LockError::Io { .. }) => return (EXIT_STATE, Some(STATE_HINT.to_owned())),
        None => {}
    }
    (
        1,
        error
            .downcast_ref::<UserError>()
            .and_then(|error| error.hint.clone()),
    )
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_demo_is_there_or_left_out_with_its_agent() {
        let command = Cli::command();
        let names: Vec<_> = command.get_subcommands().map(clap::Command::get_name).collect();
        for name in ["demo", "scripted-agent"] {
            assert_eq!(
                names.contains(&name),
                cfg!(feature = "demo"),
                "{name} in {names:?}"
            );
        }
        assert!(names.contains(&"run"));
    }

    #[test]
    fn every_kind_of_error_has_its_exit_code() {
        let fatal = anyhow::Error::from(Fatal::TokenRejected).context("cannot connect");
        assert_eq!(verdict(&fatal).0, 77);
        assert!(verdict(&fatal).1.unwrap().contains("DISCORD_BOT_TOKEN"));
        let store = anyhow::Error::from(Fatal::Store(anyhow::anyhow!("disk full")));
        assert_eq!(verdict(&store).0, 74);
        assert_eq!(format!("{store:#}"), "disk full");
        assert_eq!(verdict(&ConfigError { problems: Vec::new() }.into()).0, 2);
        let user = UserError::new("no such session").hint("look again");
        assert_eq!(verdict(&user.into()), (1, Some("look again".to_owned())));
        assert_eq!(verdict(&anyhow::anyhow!("whatever")), (1, None));
    }

    #[cfg(feature = "demo")]
    #[test]
    fn whatever_is_said_to_the_scripted_agent_reaches_it() {
        let cli = Cli::try_parse_from([
            "ompcord",
            "scripted-agent",
            "--version",
            "--mode",
            "rpc-ui",
            "--help",
        ]);
        assert!(
            matches!(&cli.unwrap().command, Some(Command::ScriptedAgent(args)) if args.args == ["--version", "--mode", "rpc-ui", "--help"])
        );
    }
}
