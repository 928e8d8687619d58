//! Environment to configuration: every problem is reported at once, and no secret can be printed.
//!
//! Without it each room would read variables for itself, a typing error would show up hours later in a thread,
//! and one `{:?}` would put the bot token into a log. The rules for people are in `.env.example`.

mod client;
mod draft;
mod env_file;
mod lock;
mod paths;
mod problem;
mod read;
mod secrets;
mod value;

use std::collections::BTreeSet;
use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use secrecy::SecretString;

use crate::ids::{ChannelId, GuildId, RoleId, UserId};

pub use self::client::{AgentPlace, Hook, Reach, database};
pub use self::draft::{Draft, Item};
pub use self::lock::{Holder, InstanceLock, LockError};
pub use self::paths::{create_private_dir, create_private_file, write_private};
pub use self::problem::{ConfigError, Problem};
pub use self::secrets::secrets_in;
pub use self::value::LaunchEmoji;

/// Every variable that the daemon reads, in the order of `.env.example`.
pub const VARIABLES: [&str; 26] = [
    "DISCORD_BOT_TOKEN",
    "DISCORD_BOT_TOKEN_FILE",
    "DISCORD_GUILD_ID",
    "DISCORD_CHANNEL_ID",
    "DISCORD_ALLOWED_USERS",
    "DISCORD_ALLOWED_ROLES",
    "DISCORD_APPROVERS",
    "OMP_LAUNCH_EMOJI",
    "OMP_LAUNCH_CHANNEL_IDS",
    "OMP_LAUNCH_ANY_AUTHOR",
    "DISCORD_TOOL_CHANNELS",
    "OMP_COMMAND",
    "OMP_WORKDIR",
    "OMP_MODEL",
    "OMP_THINKING",
    "OMP_APPROVAL_MODE",
    "OMP_MAX_PROCESSES",
    "OMP_IDLE_TIMEOUT",
    "OMPCORD_AGENT_ENV",
    "OMPCORD_HTTP_ADDR",
    "OMPCORD_STATE_DIR",
    "OMPCORD_RETENTION",
    "OMPCORD_LOG",
    "OMPCORD_LOG_FORMAT",
    "DISCORD_WEBHOOK_URL",
    "DISCORD_API_URL",
];

/// Everything that the daemon can be told from outside.
#[derive(Debug, Clone)]
pub struct Config {
    /// The bot token.
    pub token: SecretString,
    /// The only server that it acts in.
    pub guild: GuildId,
    /// The channel of the board and the notifications, and the default parent of threads.
    pub home_channel: ChannelId,
    /// Who may use it, and who may answer.
    pub access: Access,
    /// What starts a session by a reaction.
    pub launch: Launch,
    /// The channels that agents may use with their tools, besides their session's own thread.
    pub tool_channels: BTreeSet<ChannelId>,
    /// How agents are run.
    pub agent: Agent,
    /// Where the HTTP API listens: always a loopback address.
    pub http_addr: SocketAddr,
    /// Where everything that must survive is kept.
    pub state_dir: PathBuf,
    /// How long what is over is kept; `None` is for ever.
    pub retention: Option<Duration>,
    /// What is logged, and how.
    pub log: Log,
    /// A webhook for notifications. Its path is a secret.
    pub webhook_url: Option<SecretString>,
    /// The base URL of another server than Discord, without a slash at its end.
    pub api_url: Option<String>,
    /// The file that was read besides the environment.
    pub env_file: Option<PathBuf>,
    /// How long things get that do not end by themselves.
    pub patience: Patience,
    /// What is allowed but probably not meant: to be logged once, at the start.
    pub warnings: Vec<String>,
    /// The file with the bot token, where others can read it.
    pub exposed: Option<PathBuf>,
}

/// How long things get that do not end by themselves. Nobody has to set it; tests shorten it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Turns that run when the daemon goes down.
    pub drain: Duration,
    /// An agent that was told to abort a turn, before its process is ended.
    pub abort: Duration,
    /// Each rung of the ladder that ends a process.
    pub rung: Duration,
    /// A terminal that shares its session and is not heard of.
    pub terminal: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            drain: Duration::from_secs(20),
            abort: Duration::from_secs(8),
            rung: Duration::from_secs(3),
            // Its extension tries again after 38 seconds at most.
            terminal: Duration::from_secs(75),
        }
    }
}

/// Who may do what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// Users who may use the bot. With no roles either, that is nobody.
    pub users: BTreeSet<UserId>,
    /// Roles whose members may use the bot.
    pub roles: BTreeSet<RoleId>,
    /// Who may answer dialogs; `None` means everybody who may use the bot.
    pub approvers: Option<BTreeSet<UserId>>,
}

/// What starts a session by a reaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// The reaction.
    pub emoji: LaunchEmoji,
    /// The channels in which it counts; never empty.
    pub channels: BTreeSet<ChannelId>,
    /// Whether the messages of other people can be launched.
    pub any_author: bool,
}

/// How agents are run.
#[derive(Debug, Clone)]
pub struct Agent {
    /// Program and arguments; never empty.
    pub command: Vec<String>,
    /// The default workspace.
    pub workdir: PathBuf,
    /// The model of new sessions, where it is not the agent's own choice.
    pub model: Option<String>,
    /// The thinking level of new sessions, where it is not the agent's own choice.
    pub thinking: Option<String>,
    /// What agents have to ask for.
    pub approval_mode: ApprovalMode,
    /// How many agent processes may run at once.
    pub max_processes: NonZeroUsize,
    /// After how long without a turn a process is ended.
    pub idle_timeout: Duration,
    /// More variables that agents are given, with their values, from `OMPCORD_AGENT_ENV`.
    pub extra_env: Vec<(String, SecretString)>,
}

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// A filter in the language of `tracing-subscriber`; known to be valid.
    pub filter: String,
    /// The form of a line.
    pub format: LogFormat,
}

impl Log {
    /// The library's chatter about shards and heartbeats is left out: it would be most of the log, and what matters of
    /// it the daemon says in its own words.
    pub const DEFAULT_FILTER: &str = "info,serenity=off,rmcp=error";
}

impl Default for Log {
    fn default() -> Self {
        Self {
            filter: Self::DEFAULT_FILTER.to_owned(),
            format: LogFormat::Text,
        }
    }
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// What an agent has to ask for before it does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ApprovalMode {
    /// Every tool.
    AlwaysAsk,
    /// Tools that change something.
    #[default]
    Write,
    /// Nothing.
    Yolo,
}

impl ApprovalMode {
    /// The word that the agent, the configuration and the database use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AlwaysAsk => "always-ask",
            Self::Write => "write",
            Self::Yolo => "yolo",
        }
    }
}

impl fmt::Display for ApprovalMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is no approval mode.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an approval mode: expected always-ask, write or yolo")]
pub struct UnknownApprovalMode;

impl FromStr for ApprovalMode {
    type Err = UnknownApprovalMode;

    fn from_str(text: &str) -> Result<Self, UnknownApprovalMode> {
        [Self::AlwaysAsk, Self::Write, Self::Yolo]
            .into_iter()
            .find(|mode| mode.as_str() == text)
            .ok_or(UnknownApprovalMode)
    }
}

impl Config {
    /// Reads the configuration from `vars` and the first `.env` file found.
    ///
    /// `env_file` is the one that was asked for by name and then has to exist; otherwise it is `./.env` or
    /// `$XDG_CONFIG_HOME/ompcord/.env`. What `vars` knows wins over the file. Nothing is created or changed.
    pub fn load(env_file: Option<&Path>, vars: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        read::load(env_file, &vars)
    }

    /// The database.
    #[must_use]
    pub fn database_path(&self) -> PathBuf {
        self.state_dir.join(client::DATABASE_FILE)
    }

    /// The owner's token of the HTTP API.
    #[must_use]
    pub fn api_token_path(&self) -> PathBuf {
        self.state_dir.join(client::TOKEN_FILE)
    }

    /// One file per session with everything its agent said.
    #[must_use]
    pub fn transcripts_dir(&self) -> PathBuf {
        self.state_dir.join("transcripts")
    }

    /// Files that people sent to agents.
    #[must_use]
    pub fn attachments_dir(&self) -> PathBuf {
        self.state_dir.join("attachments")
    }

    /// The workspace that is made when `OMP_WORKDIR` names none.
    #[must_use]
    pub fn default_workdir(state_dir: &Path) -> PathBuf {
        state_dir.join("workspace")
    }

    /// Makes the state directory and the folders in it, readable for their owner only.
    pub fn create_directories(&self) -> std::io::Result<()> {
        create_private_dir(&self.state_dir)?;
        create_private_dir(&self.transcripts_dir())?;
        create_private_dir(&self.attachments_dir())?;
        if self.agent.workdir == Self::default_workdir(&self.state_dir) {
            create_private_dir(&self.agent.workdir)?;
        }
        Ok(())
    }
}

/// This user's directory for configurations.
#[must_use]
pub fn config_home(vars: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    read::Home::find(vars).config
}

/// This user's home directory.
#[must_use]
pub fn home_dir(vars: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    read::Home::find(vars).dir
}

/// A variable of this process, as [`Config::load`] wants it.
///
/// A value that is not UTF-8 comes with replacement characters, so that it is reported as wrong, not as missing.
#[must_use]
pub fn process_env(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}
