//! The agent's program run once for an answer: a version, a list of plugins.
//!
//! Without it each question would have its own idea of what the program may see, how long it may take, and what its
//! failure is called.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::env;

/// Nobody's version and no reason is longer.
const MOST: usize = 120;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// There is no such program.
    #[error("{0} was not found")]
    NotFound(String),
    /// It could not be started, or ended with an error.
    #[error("{0}")]
    Failed(String),
    /// It did not end in time.
    #[error("it did not answer within {} s", .0.as_secs())]
    TooSlow(Duration),
}

/// Runs the program with these arguments and gives what it wrote to its standard output.
pub(super) async fn run(
    program: &[String],
    arguments: &[&str],
    extra_env: &[(String, String)],
    patience: Duration,
) -> Result<Vec<u8>, RunError> {
    let Some((name, own)) = program.split_first() else {
        return Err(RunError::NotFound("the agent".to_owned()));
    };
    let run = Command::new(name)
        .args(own)
        .args(arguments)
        .env_clear()
        .envs(env::allowed(std::env::vars_os()))
        .envs(extra_env.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .process_group(0)
        .kill_on_drop(true)
        .output();
    let output = match tokio::time::timeout(patience, run).await {
        Err(_) => return Err(RunError::TooSlow(patience)),
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(RunError::NotFound(name.clone()));
        }
        Ok(Err(error)) => return Err(RunError::Failed(error.to_string())),
        Ok(Ok(output)) => output,
    };
    if output.status.success() {
        return Ok(output.stdout);
    }
    let why = line(&output.stderr).unwrap_or_else(|| output.status.to_string());
    Err(RunError::Failed(why))
}

/// The first line that says something.
pub(super) fn line(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty());
    line.map(|line| line.chars().take(MOST).collect())
}
