//! Which agent is installed: `omp --version`, with an end however the program behaves.
//!
//! Without it "the agent does not start" could mean a missing program, a broken one or a full disk, and people would
//! have to log in to find out.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::env;
use super::sweep::MARKER;

/// A runtime that has to be loaded from a cold disk takes seconds; a program that hangs takes for ever.
const PATIENCE: Duration = Duration::from_secs(8);
/// Nobody's version is longer.
const MOST: usize = 120;

/// Why there is no version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    /// There is no such program.
    #[error("{0} was not found")]
    NotFound(String),
    /// It could not be started, or ended with an error.
    #[error("{0}")]
    Failed(String),
    /// It did not end in time.
    #[error("it did not answer within {} s", PATIENCE.as_secs())]
    TooSlow,
}

/// Asks the program for its version.
pub async fn version(
    program: &[String],
    extra_env: &[(String, String)],
    marker: &str,
) -> Result<String, VersionError> {
    let Some((name, arguments)) = program.split_first() else {
        return Err(VersionError::NotFound("the agent".to_owned()));
    };
    let run = Command::new(name)
        .args(arguments)
        .arg("--version")
        .env_clear()
        .envs(env::allowed(std::env::vars_os()))
        .envs(extra_env.iter().map(|(name, value)| (name, value)))
        .env(MARKER, marker)
        .stdin(Stdio::null())
        .process_group(0)
        .kill_on_drop(true)
        .output();
    let output = match tokio::time::timeout(PATIENCE, run).await {
        Err(_) => return Err(VersionError::TooSlow),
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(VersionError::NotFound(name.clone()));
        }
        Ok(Err(error)) => return Err(VersionError::Failed(error.to_string())),
        Ok(Ok(output)) => output,
    };
    let said = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        let line = text.lines().map(str::trim).find(|line| !line.is_empty());
        line.map(|line| line.chars().take(MOST).collect::<String>())
    };
    match said(&output.stdout) {
        Some(version) if output.status.success() => Ok(version),
        _ => {
            let why = said(&output.stderr).unwrap_or_else(|| output.status.to_string());
            Err(VersionError::Failed(why))
        }
    }
}

/// Whether the program could be found if it were started now. Touches the disk, and starts nothing.
#[must_use]
pub fn is_installed(program: &[String]) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    let runs = |path: &Path| {
        path.metadata()
            .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    };
    let Some(name) = program.first() else { return false };
    if name.contains('/') {
        return runs(Path::new(name));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = std::env::split_paths(&path).map(|dir: PathBuf| dir.join(name));
    places.any(|place| runs(&place))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[tokio::test]
    async fn a_version_is_the_first_line_and_every_failure_has_its_words() {
        let ask = |program: &[&str]| {
            let program = words(program);
            async move { version(&program, &[], "test").await }
        };
        assert_eq!(ask(&["echo", "omp/18"]).await.unwrap(), "omp/18 --version");
        assert_eq!(
            ask(&["/no/such/agent"]).await.unwrap_err().to_string(),
            "/no/such/agent was not found"
        );
        let broken = ask(&["sh", "-c", "echo no runtime >&2; exit 3"]).await;
        assert_eq!(broken.unwrap_err().to_string(), "no runtime");
        assert_eq!(ask(&["false"]).await.unwrap_err().to_string(), "exit status: 1");
    }

    #[test]
    fn a_program_is_found_on_the_path_or_where_it_says() {
        assert!(is_installed(&words(&["sh", "-c"])) && is_installed(&words(&["/bin/sh"])));
        assert!(!is_installed(&words(&["no-such-agent"])) && !is_installed(&words(&["/etc/passwd"])));
        assert!(!is_installed(&[]));
    }
}
