//! The agent: what version it is of, and whether it comes up the way the daemon starts it.

use std::time::{Duration, Instant};

use secrecy::ExposeSecret as _;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use super::Config;
use crate::agent::{self, AgentSpec, RunError, Stop};
use crate::event::{AgentEvent, AgentExit};
use crate::ids::SessionId;
use crate::render::redact::Redactor;

/// The oldest agent that ompcord was tried with; an older one may lack what it needs.
pub const OLDEST: [u32; 2] = [18, 2];
/// A runtime on a cold disk takes seconds; nobody waits longer for a diagnosis.
const PATIENCE: Duration = Duration::from_secs(30);
const STOP: Stop = Stop {
    abort_first: false,
    grace: Duration::from_secs(2),
};

/// What the agent said.
#[derive(Debug)]
pub struct AgentSeen {
    /// Its program.
    pub program: String,
    /// What it says of its version.
    pub version: Result<String, RunError>,
    /// How long it took to come up, or how it ended instead. `None` where there is no program.
    pub handshake: Option<Result<Duration, AgentExit>>,
}

impl AgentSeen {
    /// Whether its version is known to be older than what ompcord was tried with.
    #[must_use]
    pub fn is_old(&self) -> bool {
        self.version
            .as_deref()
            .ok()
            .and_then(release)
            .is_some_and(|release| release < OLDEST)
    }
}

/// The first two numbers of a version such as `omp/18.2.3`. The scripted agent has none of the kind.
fn release(version: &str) -> Option<[u32; 2]> {
    let (_, numbers) = version.split_once("omp/")?;
    let mut parts = numbers.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    Some([parts.next()?.ok()?, parts.next()?.ok()?])
}

pub(super) async fn look(config: &Config) -> AgentSeen {
    let env: Vec<(String, String)> = config
        .agent
        .extra_env
        .iter()
        .map(|(name, value)| (name.clone(), value.expose_secret().to_owned()))
        .collect();
    let marker = format!("{}/doctor", config.state_dir.display());
    let program = &config.agent.command;
    let version = agent::version(program, &env, &marker).await;
    let handshake = match &version {
        Err(RunError::NotFound(_)) => None,
        _ => Some(handshake(config, env, marker).await),
    };
    AgentSeen {
        program: program.first().cloned().unwrap_or_default(),
        version,
        handshake,
    }
}

/// Brings it up as a session would, and ends it again. Nothing is said to it, so nothing is spent.
async fn handshake(
    config: &Config,
    extra_env: Vec<(String, String)>,
    marker: String,
) -> Result<Duration, AgentExit> {
    let workdir = &config.agent.workdir;
    // The default workspace is made at the first start only.
    let cwd = if workdir.is_dir() {
        workdir.clone()
    } else {
        std::env::temp_dir()
    };
    let own: Vec<_> = extra_env
        .iter()
        .map(|(_, value)| ("variable", value.clone()))
        .collect();
    let spec = AgentSpec {
        program: config.agent.command.clone(),
        cwd,
        session: SessionId::random(),
        model: config.agent.model.clone(),
        thinking: config.agent.thinking.clone(),
        approval_mode: config.agent.approval_mode.to_string(),
        resume: None,
        extra_env,
        marker,
        start_timeout: PATIENCE,
    };
    let redactor = Redactor::new(own);
    let tracker = TaskTracker::new();
    let (sender, mut events) = mpsc::channel(64);
    let began = Instant::now();
    let handle = agent::spawn(spec, &tracker, sender);
    let mut up = None;
    while let Some(event) = events.recv().await {
        match event {
            AgentEvent::Started(_) => {
                up = Some(began.elapsed());
                drop(handle.stop(STOP));
            }
            AgentEvent::Exited(mut exit) => {
                // What is printed is shown to others, and the agent has keys.
                for line in &mut exit.last_lines {
                    *line = redactor.redact(line).into_owned();
                }
                tracker.close();
                tracker.wait().await;
                return up.ok_or(exit);
            }
            _ => {}
        }
    }
    // The supervisor always says how it ended; without it there is only what was seen.
    up.ok_or(AgentExit {
        how: crate::event::ExitHow::NotReady,
        requested: false,
        last_lines: Vec::new(),
        swept: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_old_when_it_is_known_to_be() {
        let seen = |version: &str| AgentSeen {
            program: "omp".to_owned(),
            version: Ok(version.to_owned()),
            handshake: None,
        };
        for old in ["omp/12.0.1", "omp/18.1.9", "omp/1.20.0"] {
            assert!(seen(old).is_old(), "{old}");
        }
        for fine in [
            "omp/18.2.3",
            "omp/19.0.0",
            "omp/18.10.0",
            "scripted agent 0.1.0",
            "omp/next",
        ] {
            assert!(!seen(fine).is_old(), "{fine}");
        }
    }
}
