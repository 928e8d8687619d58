//! The agent's plugins: which it loads, and how a folder becomes one of them.
//!
//! Where the agent keeps them is its own affair (it differs with XDG, profiles and settings), so the agent is asked and
//! told. A link that we made ourselves would be in the wrong place for somebody, and nothing would say so.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::once::{self, RunError};

/// The agent loads all that it has before it answers.
const PATIENCE: Duration = Duration::from_mins(1);

/// A plugin as the agent lists it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Plugin {
    /// The name in its `package.json`.
    pub name: String,
    /// The version there.
    #[serde(default)]
    pub version: String,
    /// Where the agent finds it: for one that was linked, the link.
    #[serde(default)]
    pub path: PathBuf,
    /// Whether it is loaded.
    #[serde(default)]
    pub enabled: bool,
}

#[derive(Debug, Deserialize)]
struct Listed {
    npm: Vec<Plugin>,
}

/// What the agent lists.
pub async fn plugins(program: &[String]) -> Result<Vec<Plugin>, RunError> {
    let said = once::run(program, &["plugin", "list", "--json"], &[], PATIENCE).await?;
    // What a wrapper or an update notice writes first is not part of it.
    let from = said.iter().position(|byte| *byte == b'{').unwrap_or_default();
    let listed: Result<Listed, _> = serde_json::from_slice(said.get(from..).unwrap_or_default());
    listed
        .map(|listed| listed.npm)
        .map_err(|_| RunError::Failed("its list of plugins cannot be read".to_owned()))
}

/// Makes the agent load this folder as a plugin, in place of one that has the same name.
pub async fn link_plugin(program: &[String], folder: &Path) -> Result<(), RunError> {
    let folder = folder
        .to_str()
        .ok_or_else(|| RunError::Failed(format!("{} is not Unicode", folder.display())))?;
    once::run(program, &["plugin", "link", folder], &[], PATIENCE)
        .await
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_list_is_read_whatever_stands_before_it() {
        let says = |text: &str| {
            let script = format!("printf '%s' '{text}'");
            ["sh", "-c", &script].map(str::to_owned).to_vec()
        };
        let wordy = says(
            r#"update available
            {"npm":[{"name":"a","version":"1.0.0","path":"/p","enabled":true,"x":1},{"name":"b"}],"marketplace":[]}"#,
        );
        let listed = plugins(&wordy).await.unwrap();
        assert_eq!(
            (listed.len(), listed[0].path.as_path(), listed[1].enabled),
            (2, Path::new("/p"), false)
        );
        for odd in ["", "[]", r#"{"npm":3}"#] {
            assert_eq!(
                plugins(&says(odd)).await.unwrap_err().to_string(),
                "its list of plugins cannot be read"
            );
        }
        let refuses = ["sh", "-c", "echo no such folder >&2; exit 1"].map(str::to_owned);
        assert_eq!(
            link_plugin(&refuses, Path::new("/x"))
                .await
                .unwrap_err()
                .to_string(),
            "no such folder"
        );
    }
}
