//! `ompcord setup`: asks for what is missing, tries each answer with Discord at once, writes the `.env`.
//!
//! A configuration that is only read at the first start makes people mend one thing per start, each in another place.

mod desk;
mod discord;
mod local;

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::config::{ConfigError, Draft, Item, Problem};
use crate::render::setup as words;
use desk::Desk;

#[derive(Debug, clap::Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Args {
    /// Ask nothing: take what the flags, the environment and the file say, and fail where something is missing
    #[arg(long)]
    non_interactive: bool,
    /// A file with the bot token alone (or set the variable `DISCORD_BOT_TOKEN`)
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// The server
    #[arg(long, value_name = "ID")]
    guild: Option<String>,
    /// The home channel
    #[arg(long, value_name = "ID")]
    channel: Option<String>,
    /// Who may use the bot: user ids with commas between them
    #[arg(long, value_name = "IDS")]
    allow: Option<String>,
    /// The directory that agents work in
    #[arg(long, value_name = "DIR")]
    workdir: Option<String>,
    /// The agent's program, with its arguments
    #[arg(long, value_name = "COMMAND")]
    agent: Option<String>,
    /// Install the systemd service and start it
    #[arg(long, overrides_with = "no_service")]
    service: bool,
    /// Do not offer the service
    #[arg(long)]
    no_service: bool,
}

/// What has to be known, with the flag that says it.
const REQUIRED: [(Item, &str); 4] = [
    (Item::Token, "--token-file FILE, or the variable itself"),
    (Item::Guild, "--guild ID"),
    (Item::Channel, "--channel ID"),
    (Item::Users, "--allow ID[,ID]"),
];

pub(super) fn execute(args: &Args, env_file: Option<&Path>) -> Result<()> {
    let mut draft = Draft::open(env_file, crate::config::process_env)?;
    take_flags(args, &mut draft)?;
    if args.non_interactive {
        complete(&draft)?;
    }
    let mut desk = Desk::new(draft, !args.non_interactive)?;
    Desk::say(&words::welcome(desk.draft.path(), !args.non_interactive))?;
    discord::set_up(&mut desk)?;
    local::set_up(&mut desk)?;
    let written = desk.draft.save();
    let written = written.map_err(|error| local::not_written(desk.draft.path(), &error))?;
    Desk::say(&words::saved(desk.draft.path(), written))?;
    let wanted = match (args.service, args.no_service) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    };
    let running = local::offer_service(&mut desk, wanted)?;
    Desk::say(&words::farewell(running))
}

/// What the flags say counts most.
fn take_flags(args: &Args, draft: &mut Draft) -> Result<()> {
    let token = args.token_file.as_ref().map(|file| {
        std::fs::read_to_string(file)
            .map(|text| text.trim().to_owned())
            .map_err(|error| local::no_token_file(file, &error))
    });
    let given = [
        (Item::Token, token.transpose()?),
        (Item::Guild, args.guild.clone()),
        (Item::Channel, args.channel.clone()),
        (Item::Users, args.allow.clone()),
        (Item::Workdir, args.workdir.clone()),
        (Item::Command, args.agent.clone()),
        // What is only in this shell's environment, the daemon will not have.
        (Item::ApiUrl, draft.get(Item::ApiUrl)),
    ];
    let mut problems = Vec::new();
    for (item, value) in given {
        if let Some(Err(problem)) = value.map(|value| draft.set(item, &value)) {
            problems.push(problem);
        }
    }
    for name in ["DISCORD_BOT_TOKEN_FILE", "DISCORD_ALLOWED_ROLES"] {
        draft.adopt(name);
    }
    refuse(problems)
}

/// Everything that is missing, at once.
fn complete(draft: &Draft) -> Result<()> {
    let missing = REQUIRED.iter().filter(|(item, _)| match item {
        Item::Token => desk::known_token(draft).is_none(),
        Item::Users => draft.get(Item::Users).is_none() && draft.lookup("DISCORD_ALLOWED_ROLES").is_none(),
        item => draft.get(*item).is_none(),
    });
    let problems = missing.map(|(item, flag)| Problem {
        variable: item.variable().to_owned(),
        found: "nothing, and nobody is asked".to_owned(),
        expected: (*flag).to_owned(),
        hint: None,
    });
    refuse(problems.collect())
}

fn refuse(problems: Vec<Problem>) -> Result<()> {
    if problems.is_empty() {
        Ok(())
    } else {
        Err(ConfigError { problems }.into())
    }
}
