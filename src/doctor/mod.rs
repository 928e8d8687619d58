//! Everything that the daemon stands on, looked at from outside, whether or not it runs.
//!
//! `/omp health` needs a daemon that is up and a Discord that lets it speak; what keeps a daemon from starting is seen
//! here. Nothing is changed, and no connection to the gateway is used up. The words are in `render/doctor`.

mod agent;
mod guild;
mod place;

use std::path::PathBuf;

use crate::config::{Config, ConfigError, Holder, Problem};
use crate::discord::Endpoint;
use crate::service::UnitSeen;
use crate::status::Disk;
use crate::store::examine::Examined;

pub use agent::{AgentSeen, OLDEST};
pub(crate) use guild::look_at;
pub use guild::{ChannelSeen, Discord, Guild};

/// What was found.
#[derive(Debug)]
pub struct Examination {
    /// What the configuration says, or what is wrong with it.
    pub configuration: Result<Configuration, Vec<Problem>>,
    /// The rest, which needs a configuration.
    pub rest: Option<Rest>,
}

/// A configuration that can be used.
#[derive(Debug)]
pub struct Configuration {
    /// The file that was read besides the environment.
    pub file: Option<PathBuf>,
    /// What is allowed but probably not meant.
    pub warnings: Vec<String>,
}

/// What a configuration points to.
#[derive(Debug)]
pub struct Rest {
    /// The state directory.
    pub state: State,
    /// Files that others can read although they are nobody's business, with the mode that they should have.
    pub exposed: Vec<(PathBuf, u32)>,
    /// The database.
    pub database: Database,
    /// The disk of the state directory.
    pub disk: Result<Disk, String>,
    /// Whether a daemon has the state directory.
    pub holder: Holder,
    /// The port of the HTTP API.
    pub port: Port,
    /// The owner's token of the HTTP API.
    pub api_token: ApiToken,
    /// Discord.
    pub discord: Discord,
    /// The agent.
    pub agent: AgentSeen,
    /// The extension for the agent in a terminal.
    pub extension: ExtensionSeen,
    /// The systemd unit.
    pub unit: UnitSeen,
}

/// The state directory.
#[derive(Debug, PartialEq, Eq)]
pub enum State {
    /// It can be written to.
    Usable(PathBuf),
    /// The first start will make it.
    NotYet(PathBuf),
    /// It cannot be used, and why.
    Unusable(PathBuf, String),
}

/// The database.
#[derive(Debug)]
pub enum Database {
    /// The first start will make it.
    NotYet,
    /// It was looked at.
    Seen(Examined),
    /// Somebody else holds it.
    Held,
    /// It cannot be looked at.
    Failed(String),
}

/// The port of the HTTP API.
#[derive(Debug)]
pub enum Port {
    /// Nobody has it, and nobody should.
    Free(std::net::SocketAddr),
    /// The daemon answers there, and says whether it is ready.
    Daemon {
        /// Where.
        addr: std::net::SocketAddr,
        /// Whether gateway and database are there.
        ready: bool,
    },
    /// Another program has it.
    Taken(std::net::SocketAddr),
    /// A daemon runs and does not answer there.
    Silent(std::net::SocketAddr),
    /// It cannot be listened on, and why.
    Unusable(std::net::SocketAddr, String),
}

/// The owner's token of the HTTP API.
#[derive(Debug, PartialEq, Eq)]
pub enum ApiToken {
    /// The first start will make it.
    NotYet,
    /// It is there; no daemon runs that could be asked.
    There,
    /// The daemon takes it.
    Fits,
    /// The daemon does not take it.
    Refused,
    /// It cannot be read, and why.
    Unreadable(String),
}

/// The extension for the agent in a terminal.
#[derive(Debug, PartialEq, Eq)]
pub enum ExtensionSeen {
    /// It is not installed.
    No,
    /// It is, in this version.
    Version(String),
    /// It is, and does not say its version.
    Unknown,
}

/// Looks at everything, as far as the configuration reaches.
pub async fn examine(config: Result<Config, ConfigError>, home: &place::Home) -> anyhow::Result<Examination> {
    let config = match config {
        Ok(config) => config,
        Err(error) => {
            return Ok(Examination {
                configuration: Err(error.problems),
                rest: None,
            });
        }
    };
    let endpoint = Endpoint::new()?;
    let (place, discord, agent) = tokio::join!(
        place::look(&config, home),
        guild::look(&config, &endpoint),
        agent::look(&config)
    );
    Ok(Examination {
        configuration: Ok(Configuration {
            file: config.env_file.clone(),
            warnings: config.warnings.clone(),
        }),
        rest: Some(Rest {
            state: place.state,
            exposed: place.exposed,
            database: place.database,
            disk: place.disk,
            holder: place.holder,
            port: place.port,
            api_token: place.api_token,
            discord,
            agent,
            extension: place.extension,
            unit: place.unit,
        }),
    })
}

pub use place::Home;
