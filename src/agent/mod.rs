//! The agent process: started, spoken to, ended, and cleaned up after.
//!
//! Everything that knows how the agent is run stays in this room: [`spawn`] gives an [`AgentHandle`] and a
//! stream of [`crate::event::AgentEvent`]; nobody else sees a pipe, a frame or a signal. Without it each
//! caller would grow an own idea of what "stopped" means, and tool processes would outlive their sessions.
//!
//! In reading order: `command` (what we say), `scan`, `chunks`, `frames`, `protocol`,
//! `messages`, `notices` (what we hear), `env`,
//! `state`, `handle`, `host`, `pump`, `process`, `ladder`, `sweep` (how it lives and ends), `once`, `version`, `plugin`
//! (what is asked of the program beside sessions).

pub mod frames;
pub mod protocol;

mod chunks;
mod command;
mod env;
mod handle;
mod host;
mod ladder;
mod messages;
mod notices;
mod once;
mod plugin;
mod process;
mod pump;
mod scan;
mod state;
mod sweep;
mod version;

pub use handle::{AgentHandle, AskError, Image, Stop};
pub use host::{HostScheme, HostTool};
pub use once::RunError;
pub use plugin::{Plugin, link_plugin, plugins};
pub use process::{AgentSpec, spawn};
pub use state::{AgentModel, AgentStateReport, AgentStats};
pub use sweep::{MARKER, become_subreaper, lives, reap_adopted, sweep, sweep_all};
pub use version::{is_installed, version};
