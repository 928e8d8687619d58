//! What a simulated Discord looks like when it starts.
//!
//! Without one place for it every test would build its own guild, and the demo yet another one.

use std::time::Duration;

/// Permission bits by Discord's numbers, as far as the simulator checks them.
pub mod permission {
    /// Add a reaction that a message does not have yet.
    pub const ADD_REACTIONS: u64 = 1 << 6;
    /// See a channel at all.
    pub const VIEW_CHANNEL: u64 = 1 << 10;
    /// Write in a channel.
    pub const SEND_MESSAGES: u64 = 1 << 11;
    /// Delete and pin what others wrote.
    pub const MANAGE_MESSAGES: u64 = 1 << 13;
    /// Send embeds.
    pub const EMBED_LINKS: u64 = 1 << 14;
    /// Send files.
    pub const ATTACH_FILES: u64 = 1 << 15;
    /// Read what was written before.
    pub const READ_MESSAGE_HISTORY: u64 = 1 << 16;
    /// Change and delete channels.
    pub const MANAGE_CHANNELS: u64 = 1 << 4;
    /// Lock and delete threads, write in locked ones.
    pub const MANAGE_THREADS: u64 = 1 << 34;
    /// Start a thread.
    pub const CREATE_PUBLIC_THREADS: u64 = 1 << 35;
    /// Write in a thread.
    pub const SEND_MESSAGES_IN_THREADS: u64 = 1 << 38;
    /// Pin messages.
    pub const PIN_MESSAGES: u64 = 1 << 51;
    /// What a bot that may do all of its work has.
    pub const ALL_OF_A_BOT: u64 = ADD_REACTIONS
        | VIEW_CHANNEL
        | SEND_MESSAGES
        | MANAGE_MESSAGES
        | EMBED_LINKS
        | ATTACH_FILES
        | READ_MESSAGE_HISTORY
        | MANAGE_THREADS
        | CREATE_PUBLIC_THREADS
        | SEND_MESSAGES_IN_THREADS
        | PIN_MESSAGES;
}

/// How the rate limits behave.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RateLimits {
    /// Nothing is limited and no header is sent.
    Off,
    /// As Discord does it.
    On,
    /// As Discord does it, with every window multiplied by this factor: 0.1 makes a test ten times faster.
    Scaled(f64),
}

impl RateLimits {
    pub(crate) fn factor(self) -> Option<f64> {
        match self {
            Self::Off => None,
            Self::On => Some(1.0),
            Self::Scaled(factor) => Some(factor),
        }
    }
}

/// A person (or another bot) in the guild.
#[derive(Debug, Clone)]
pub struct UserSpec {
    /// The user's name, by which the control API finds them.
    pub name: String,
    /// Names of the roles they have; a role that no one named before is made.
    pub roles: Vec<String>,
    /// Whether this is another bot.
    pub bot: bool,
}

impl UserSpec {
    /// A person with these roles.
    #[must_use]
    pub fn person(name: &str, roles: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            roles: roles.iter().map(|&role| role.to_owned()).collect(),
            bot: false,
        }
    }
}

/// A text channel of the guild.
#[derive(Debug, Clone)]
pub struct ChannelSpec {
    /// The channel's name, without `#`.
    pub name: String,
    /// Permissions that the bot does not have here.
    pub deny: u64,
}

impl ChannelSpec {
    /// A channel where the bot has all of its permissions.
    #[must_use]
    pub fn open(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            deny: 0,
        }
    }
}

/// How to start a simulated Discord. The default is a guild with `#home` and `#other`, the people
/// `alice`, `bob` and `mallory`, the bot `beep`, and a second guild with `#far`.
#[derive(Debug, Clone)]
pub struct SimConfig {
    /// The port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// The bot's token.
    pub token: String,
    /// Who is in the guild besides the bot.
    pub users: Vec<UserSpec>,
    /// The guild's channels; the first is the home channel.
    pub channels: Vec<ChannelSpec>,
    /// The bot's permissions ([`permission`]).
    pub permissions: u64,
    /// Whether requests are limited. The demo and most tests leave them off.
    pub rate_limits: RateLimits,
    /// Intents that are not switched on for the bot: identifying with one of them closes with 4014.
    pub disallowed_intents: u64,
    /// How often the bot has to send a heartbeat.
    pub heartbeat_interval: Duration,
    /// How long an interaction waits for its first answer.
    pub ack_window: Duration,
    /// How long an interaction's token is good for.
    pub token_window: Duration,
    /// Whether a third rename of a thread within ten minutes hangs, as it does on Discord.
    pub rename_trap: bool,
    /// The largest file, in bytes.
    pub upload_limit: usize,
    /// How many messages may be pinned in a channel.
    pub max_pins: usize,
    /// Moves every id of the world, so that two simulators do not share them.
    pub seed: u64,
    /// How many seconds its clock is ahead of this machine's.
    pub clock_ahead_s: u64,
}

impl Default for SimConfig {
    fn default() -> Self {
        Self {
            port: 0,
            // Not guessable, so that a page in the same browser cannot be the bot of a running demo.
            token: format!("MTEwMDAw.sim001.{}", uuid::Uuid::new_v4().simple()),
            users: vec![
                UserSpec::person("alice", &["operators"]),
                UserSpec::person("bob", &["reviewers"]),
                UserSpec::person("mallory", &[]),
                UserSpec {
                    bot: true,
                    ..UserSpec::person("beep", &[])
                },
            ],
            channels: vec![ChannelSpec::open("home"), ChannelSpec::open("other")],
            permissions: permission::ALL_OF_A_BOT,
            rate_limits: RateLimits::Off,
            disallowed_intents: 0,
            heartbeat_interval: Duration::from_millis(41_250),
            ack_window: Duration::from_secs(3),
            token_window: Duration::from_mins(15),
            rename_trap: true,
            upload_limit: 10 * 1024 * 1024,
            max_pins: 50,
            seed: 0,
            clock_ahead_s: 0,
        }
    }
}
