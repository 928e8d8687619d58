//! Which agent is installed: `omp --version`, with an end however the program behaves.
//!
//! Without it "the agent does not start" could mean a missing program, a broken one or a full disk, and people would
//! have to log in to find out.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::once::{self, RunError};
use super::sweep::MARKER;

/// A runtime that has to be loaded from a cold disk takes seconds; a program that hangs takes for ever.
const PATIENCE: Duration = Duration::from_secs(8);

/// Asks the program for its version.
pub async fn version(
    program: &[String],
    extra_env: &[(String, String)],
    marker: &str,
) -> Result<String, RunError> {
    let own = [(MARKER.to_owned(), marker.to_owned())];
    let said = once::run(program, &["--version"], &[extra_env, &own].concat(), PATIENCE).await?;
    once::line(&said).ok_or_else(|| RunError::Failed("it says no version".to_owned()))
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
        assert_eq!(
            ask(&["sh", "-c", "true"]).await.unwrap_err().to_string(),
            "it says no version"
        );
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
