//! What the other subcommands need of the configuration: only that, so that `ompcord send` works where the daemon's own
//! configuration is not, such as in a project's directory or inside an agent.

use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::ConfigError;
use super::env_file::EnvFile;
use super::read::{Home, Reader};

/// The file in the state directory that holds the owner's token.
pub(super) const TOKEN_FILE: &str = "api-token";

/// The file in the state directory that holds what must survive.
pub(super) const DATABASE_FILE: &str = "ompcord.db";

/// Where the database is, for whoever needs nothing else. Read as [`Reach::load`] does.
pub fn database(
    env_file: Option<&Path>,
    vars: impl Fn(&str) -> Option<String>,
) -> Result<PathBuf, ConfigError> {
    let home = Home::find(&vars);
    let mut reader = Reader::new(EnvFile::find(env_file, home.config.as_deref()), &vars);
    match reader.state_dir(&home) {
        Some(state_dir) if reader.problems.is_empty() => Ok(state_dir.join(DATABASE_FILE)),
        _ => Err(ConfigError {
            problems: reader.problems,
        }),
    }
}

/// Where the daemon is, and what to show it.
#[derive(Debug, Clone)]
pub struct Reach {
    /// Its address, without a slash at the end.
    pub url: String,
    /// The token of the session that this runs in, where it runs in one.
    pub session_token: Option<SecretString>,
    /// The file with the owner's token.
    pub token_file: PathBuf,
}

impl Reach {
    /// Reads it from `vars` and the first `.env` file found, as [`super::Config::load`] does. Inside an agent, the
    /// daemon has said in the environment where it is.
    pub fn load(env_file: Option<&Path>, vars: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let home = Home::find(&vars);
        let mut reader = Reader::new(EnvFile::find(env_file, home.config.as_deref()), &vars);
        let addr = reader.http_addr();
        let state_dir = reader.state_dir(&home);
        let (Some(state_dir), true) = (state_dir, reader.problems.is_empty()) else {
            return Err(ConfigError {
                problems: reader.problems,
            });
        };
        let set = |name| vars(name).filter(|value| !value.trim().is_empty());
        let inside = set("OMPCORD_URL").zip(set("OMPCORD_SESSION_TOKEN"));
        let (url, session_token) = match inside {
            Some((url, token)) => (url.trim_end_matches('/').to_owned(), Some(token.into())),
            None => (format!("http://{addr}"), None),
        };
        Ok(Self {
            url,
            session_token,
            token_file: state_dir.join(TOKEN_FILE),
        })
    }
}

/// How people are told something without a daemon.
#[derive(Debug, Clone)]
pub struct Hook {
    /// The webhook. Its path is a secret.
    pub url: SecretString,
    /// The state directory, for what several programs have to agree on.
    pub state_dir: PathBuf,
}

impl Hook {
    /// The webhook, where one is set.
    pub fn load(
        env_file: Option<&Path>,
        vars: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, ConfigError> {
        let home = Home::find(&vars);
        let mut reader = Reader::new(EnvFile::find(env_file, home.config.as_deref()), &vars);
        let url = reader.webhook_url();
        let state_dir = reader.state_dir(&home);
        if reader.problems.is_empty() {
            Ok(url.zip(state_dir).map(|(url, state_dir)| Self { url, state_dir }))
        } else {
            Err(ConfigError {
                problems: reader.problems,
            })
        }
    }
}

/// Where the agent is, and where what it loads may be put.
#[derive(Debug, Clone)]
pub struct AgentPlace {
    /// Program and arguments.
    pub command: Vec<String>,
    /// The folder for this user's data of ompcord.
    pub data_dir: PathBuf,
}

impl AgentPlace {
    /// Reads it as [`Reach::load`] does.
    pub fn load(env_file: Option<&Path>, vars: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let home = Home::find(&vars);
        let mut reader = Reader::new(EnvFile::find(env_file, home.config.as_deref()), &vars);
        let command = reader.agent_command();
        let data_dir = reader.data_dir(&home);
        match data_dir {
            Some(data_dir) if reader.problems.is_empty() => Ok(Self { command, data_dir }),
            _ => Err(ConfigError {
                problems: reader.problems,
            }),
        }
    }
}
