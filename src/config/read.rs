//! Puts the configuration together from all its sources.
//!
//! Without one place that goes on after a problem, people would fix their configuration one start at a time.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;

use super::env_file::EnvFile;
use super::problem::{ConfigError, Mismatch, Problem, shape, show};
use super::{Access, Agent, Config, Launch, LaunchEmoji, Log, Patience, VARIABLES, value};
use crate::ids::{ChannelId, GuildId};

const DEFAULT_PROCESSES: NonZeroUsize = NonZeroUsize::new(8).unwrap();
const DEFAULT_IDLE: Duration = Duration::from_mins(15);
const DEFAULT_RETENTION: Duration = Duration::from_hours(30 * 24);
const DEFAULT_PORT: u16 = 8901;
const TOKEN_HINT: &str = "discord.com/developers/applications, your application, Bot, Reset Token";

pub(super) type Vars<'a> = &'a dyn Fn(&str) -> Option<String>;

pub(super) fn load(env_file: Option<&Path>, vars: Vars<'_>) -> Result<Config, ConfigError> {
    let home = Home::find(vars);
    let mut reader = Reader::new(EnvFile::find(env_file, home.config.as_deref()), vars);
    let token = reader.token(&home);
    let guild = reader.required("DISCORD_GUILD_ID", value::id::<GuildId>);
    let home_channel = reader.required("DISCORD_CHANNEL_ID", value::id::<ChannelId>);
    let access = reader.access();
    let launch = reader.launch(home_channel);
    let tool_channels = reader.optional("DISCORD_TOOL_CHANNELS", value::ids);
    let state_dir = reader.state_dir(&home);
    let agent = state_dir
        .as_deref()
        .map(|state_dir| reader.agent(&home, state_dir));
    let http_addr = reader.http_addr();
    let retention = reader.optional("OMPCORD_RETENTION", value::retention);
    let log = reader.log();
    let webhook_url = reader.webhook_url();
    let api_url = reader.api_url();
    reader.look_over_file();
    let (Some(token), Some(guild), Some(home_channel), Some(state_dir), Some(agent), true) = (
        token,
        guild,
        home_channel,
        state_dir,
        agent,
        reader.problems.is_empty(),
    ) else {
        return Err(ConfigError {
            problems: reader.problems,
        });
    };
    Ok(Config {
        token,
        guild,
        home_channel,
        access,
        launch,
        tool_channels: tool_channels.unwrap_or_default(),
        agent,
        http_addr,
        state_dir,
        retention: retention.unwrap_or(Some(DEFAULT_RETENTION)),
        log,
        webhook_url,
        api_url,
        env_file: reader.file.path,
        patience: Patience::default(),
        warnings: reader.warnings,
        exposed: reader.exposed,
    })
}

fn absolute(vars: Vars<'_>, name: &str) -> Option<PathBuf> {
    vars(name).map(PathBuf::from).filter(|path| path.is_absolute())
}

/// Where this user's things are.
pub(super) struct Home {
    pub(super) dir: Option<PathBuf>,
    pub(super) config: Option<PathBuf>,
    state: Option<PathBuf>,
}

impl Home {
    pub(super) fn find(vars: Vars<'_>) -> Self {
        let dir = absolute(vars, "HOME").or_else(|| etcetera::home_dir().ok());
        let mut home = Self {
            dir,
            config: None,
            state: None,
        };
        home.config = home.below(vars, "XDG_CONFIG_HOME", ".config");
        home.state = home.below(vars, "XDG_STATE_HOME", ".local/state");
        home
    }

    /// The folder that the variable names, or the usual one.
    fn below(&self, vars: Vars<'_>, name: &str, usual: &str) -> Option<PathBuf> {
        absolute(vars, name).or_else(|| self.dir.as_ref().map(|home| home.join(usual)))
    }

    /// For `~/` in a path; without any home such a path is simply not absolute.
    fn dir(&self) -> &Path {
        self.dir.as_deref().unwrap_or(Path::new(""))
    }
}

/// Looks variables up and collects what is wrong with them.
pub(super) struct Reader<'a> {
    vars: Vars<'a>,
    file: EnvFile,
    pub(super) problems: Vec<Problem>,
    warnings: Vec<String>,
    exposed: Option<PathBuf>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(mut file: EnvFile, vars: Vars<'a>) -> Self {
        let problems = std::mem::take(&mut file.problems);
        Self {
            vars,
            file,
            problems,
            warnings: Vec::new(),
            exposed: None,
        }
    }

    /// The value as it is written; one that is empty was left open on purpose.
    fn verbatim(&self, name: &str) -> Option<String> {
        let set = |value: &String| !value.trim().is_empty();
        (self.vars)(name)
            .filter(set)
            .or_else(|| self.file.values.get(name).filter(|value| set(value)).cloned())
    }

    fn lookup(&self, name: &str) -> Option<String> {
        self.verbatim(name).map(|value| value.trim().to_owned())
    }

    fn refuse(&mut self, name: &str, found: String, mismatch: Mismatch) {
        self.problems.push(Problem {
            variable: name.to_owned(),
            found: mismatch.found.unwrap_or(found),
            expected: mismatch.expected,
            hint: mismatch.hint,
        });
    }

    fn optional<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, Mismatch>) -> Option<T> {
        let text = self.lookup(name)?;
        parse(&text)
            .map_err(|mismatch| self.refuse(name, show(&text), mismatch))
            .ok()
    }

    fn required<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, Mismatch>) -> Option<T> {
        if self.lookup(name).is_none() {
            // What an empty value would be refused with says best what belongs there.
            if let Err(mismatch) = parse("") {
                self.missing(name, mismatch);
            }
            return None;
        }
        self.optional(name, parse)
    }

    fn missing(&mut self, name: &str, mismatch: Mismatch) {
        if !self.file.broken.contains(name) {
            self.refuse(name, String::new(), mismatch.found("nothing: it is required"));
        }
    }

    fn homeless(&mut self, name: &str) {
        let found = "nothing, and this user has no home directory".to_owned();
        self.refuse(name, found, Mismatch::expected("an absolute path"));
    }

    fn token(&mut self, home: &Home) -> Option<SecretString> {
        let direct = self.verbatim("DISCORD_BOT_TOKEN");
        let file = self.lookup("DISCORD_BOT_TOKEN_FILE");
        // The credentials directory is a fact about the process, never something for the file.
        let credential = (self.vars)("CREDENTIALS_DIRECTORY")
            .map(|dir| Path::new(&dir).join("discord_bot_token"))
            .filter(|path| path.exists());
        if direct.is_some() && file.is_some() {
            self.warnings
                .push("DISCORD_BOT_TOKEN is used; DISCORD_BOT_TOKEN_FILE is set too and ignored".to_owned());
        }
        let (name, text) = match (direct, file, credential) {
            (Some(text), _, _) => ("DISCORD_BOT_TOKEN", text),
            (None, Some(path), _) => {
                let path = value::path(&path, home.dir())
                    .map_err(|mismatch| self.refuse("DISCORD_BOT_TOKEN_FILE", String::new(), mismatch))
                    .ok()?;
                (
                    "DISCORD_BOT_TOKEN_FILE",
                    self.secret_file("DISCORD_BOT_TOKEN_FILE", &path)?,
                )
            }
            (None, None, Some(path)) => {
                let name = "the credential discord_bot_token";
                (name, self.secret_file(name, &path)?)
            }
            (None, None, None) => {
                self.missing(
                    "DISCORD_BOT_TOKEN",
                    Mismatch::expected("the bot token").hint(TOKEN_HINT),
                );
                return None;
            }
        };
        match value::token(&text) {
            Ok(()) => Some(SecretString::from(text)),
            Err(mismatch) => {
                self.refuse(name, shape(&text), mismatch);
                None
            }
        }
    }

    fn secret_file(&mut self, name: &str, path: &Path) -> Option<String> {
        let place = path.display();
        let found = match std::fs::read_to_string(path) {
            Ok(text) if text.trim().is_empty() => format!("{place} is empty"),
            Ok(text) => return Some(text.trim_end_matches(['\r', '\n']).to_owned()),
            Err(error) => format!("{place} cannot be read: {error}"),
        };
        self.refuse(name, found, Mismatch::expected("a file with the bot token alone"));
        None
    }

    fn access(&mut self) -> Access {
        let before = self.problems.len();
        let users = self
            .optional("DISCORD_ALLOWED_USERS", value::ids)
            .unwrap_or_default();
        let roles = self
            .optional("DISCORD_ALLOWED_ROLES", value::ids)
            .unwrap_or_default();
        let approvers = self
            .optional("DISCORD_APPROVERS", value::ids)
            .filter(|ids: &BTreeSet<_>| !ids.is_empty());
        if users.is_empty() && roles.is_empty() && self.problems.len() == before {
            self.warnings.push(
                "nobody may use the bot: DISCORD_ALLOWED_USERS and DISCORD_ALLOWED_ROLES are both empty"
                    .to_owned(),
            );
        }
        Access {
            users,
            roles,
            approvers,
        }
    }

    fn launch(&mut self, home_channel: Option<ChannelId>) -> Launch {
        let emoji = self.optional("OMP_LAUNCH_EMOJI", value::emoji);
        let channels = self
            .optional("OMP_LAUNCH_CHANNEL_IDS", value::ids)
            .filter(|ids: &BTreeSet<_>| !ids.is_empty());
        Launch {
            emoji: emoji.unwrap_or_else(|| LaunchEmoji::Unicode("🚀".to_owned())),
            channels: channels.unwrap_or_else(|| home_channel.into_iter().collect()),
            any_author: self
                .optional("OMP_LAUNCH_ANY_AUTHOR", value::boolean)
                .unwrap_or(false),
        }
    }

    pub(super) fn http_addr(&mut self) -> SocketAddr {
        let addr = self.optional("OMPCORD_HTTP_ADDR", value::loopback);
        addr.unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, DEFAULT_PORT)))
    }

    pub(super) fn state_dir(&mut self, home: &Home) -> Option<PathBuf> {
        const NAME: &str = "OMPCORD_STATE_DIR";
        if self.lookup(NAME).is_some() {
            return self.optional(NAME, |text| value::path(text, home.dir()));
        }
        if home.state.is_none() && !self.file.broken.contains(NAME) {
            self.homeless(NAME);
        }
        home.state.as_ref().map(|state| state.join("ompcord"))
    }

    pub(super) fn data_dir(&mut self, home: &Home) -> Option<PathBuf> {
        let data = home.below(self.vars, "XDG_DATA_HOME", ".local/share");
        if data.is_none() {
            self.homeless("XDG_DATA_HOME");
        }
        data.map(|data| data.join("ompcord"))
    }

    pub(super) fn webhook_url(&mut self) -> Option<SecretString> {
        self.optional("DISCORD_WEBHOOK_URL", value::webhook_url)
            .map(SecretString::from)
    }

    pub(super) fn agent_command(&mut self) -> Vec<String> {
        self.optional("OMP_COMMAND", value::command)
            .unwrap_or_else(|| vec!["omp".to_owned()])
    }

    fn agent(&mut self, home: &Home, state_dir: &Path) -> Agent {
        let command = self.agent_command();
        let workdir = self.optional("OMP_WORKDIR", |text| value::directory(text, home.dir()));
        let model = self.optional("OMP_MODEL", value::word);
        let thinking = self.optional("OMP_THINKING", value::word);
        let approval_mode = self
            .optional("OMP_APPROVAL_MODE", value::approval_mode)
            .unwrap_or_default();
        if approval_mode == super::ApprovalMode::Yolo {
            self.warnings
                .push("OMP_APPROVAL_MODE is yolo: agents run every tool without asking".to_owned());
        }
        let max_processes = self.optional("OMP_MAX_PROCESSES", value::max_processes);
        let idle_timeout = self.optional("OMP_IDLE_TIMEOUT", value::duration);
        Agent {
            command,
            workdir: workdir.unwrap_or_else(|| Config::default_workdir(state_dir)),
            model,
            thinking,
            approval_mode,
            max_processes: max_processes.unwrap_or(DEFAULT_PROCESSES),
            idle_timeout: idle_timeout.unwrap_or(DEFAULT_IDLE),
            extra_env: self.extra_env(),
        }
    }

    /// The values are looked up now, so that an agent can be given what only the `.env` file says.
    fn extra_env(&mut self) -> Vec<(String, SecretString)> {
        let names = self
            .optional("OMPCORD_AGENT_ENV", value::agent_variables)
            .unwrap_or_default();
        let mut found = Vec::new();
        for name in names {
            match (self.vars)(&name).or_else(|| self.file.values.get(&name).cloned()) {
                Some(value) => found.push((name, SecretString::from(value))),
                None => self
                    .warnings
                    .push(format!("OMPCORD_AGENT_ENV names {name}, which is not set")),
            }
        }
        found
    }

    fn log(&mut self) -> Log {
        let filter = self.optional("OMPCORD_LOG", value::log_filter);
        let format = self
            .optional("OMPCORD_LOG_FORMAT", value::log_format)
            .unwrap_or_default();
        Log {
            filter: filter.unwrap_or_else(|| Log::DEFAULT_FILTER.to_owned()),
            format,
        }
    }

    fn api_url(&mut self) -> Option<String> {
        let api_url = self.optional("DISCORD_API_URL", value::api_url)?;
        let url = reqwest::Url::parse(&api_url).ok()?;
        if url.scheme() == "http" && !value::is_loopback(&url) {
            self.warnings.push(
                "DISCORD_API_URL is plain HTTP to another machine: the token can be read on the way"
                    .to_owned(),
            );
        }
        Some(api_url)
    }

    /// What is odd about the file as a whole.
    fn look_over_file(&mut self) {
        let Some(file) = self.file.path.clone() else {
            return;
        };
        let path = file.display();
        if self.file.exposed && self.file.values.contains_key("DISCORD_BOT_TOKEN") {
            self.exposed = Some(file.clone());
        }
        for name in self.file.values.keys() {
            // A slip in the name of a list of users would otherwise go unnoticed.
            let ours = ["DISCORD_", "OMPCORD_", "OMP_LAUNCH_"]
                .iter()
                .any(|prefix| name.starts_with(prefix));
            if ours && !VARIABLES.contains(&name.as_str()) {
                self.warnings
                    .push(format!("{path} sets {name}, which means nothing to ompcord"));
            }
        }
    }
}
