//! `ompcord extension`: puts the extension that belongs to this very program where the agent loads it.
//!
//! Without it people would copy a file out of a checkout, and daemon and extension would drift apart until they no longer
//! understand each other.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::{block_on, out};
use crate::about::numbers;
use crate::agent::{self, Plugin, RunError};
use crate::config::{AgentPlace, create_private_dir, process_env, write_private};
use crate::error::UserError;

/// The extension as it was committed with this program.
const BUNDLE: &str = include_str!("../../extension/dist/index.js");
const MANIFEST: &str = include_str!("../../extension/package.json");
/// The oldest agent that it works with.
const MIN_AGENT: [u32; 3] = [18, 2, 0];

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Install the extension into omp, or bring it to the version of this program
    Install {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the folder of the installed extension
    Path {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn execute(args: &Args, env_file: Option<&Path>) -> Result<()> {
    let place = AgentPlace::load(env_file, process_env)?;
    let folder = Folder(place.data_dir.join("extension"));
    match args.what {
        What::Install { json } => block_on(install(folder, place.command, json)),
        What::Path { json } => path(&folder, json),
    }
}

fn path(folder: &Folder, json: bool) -> Result<()> {
    let Some(installed) = folder.version() else {
        return Err(UserError::new("the extension is not installed")
            .hint("`ompcord extension install` does that")
            .into());
    };
    let path = folder.0.display().to_string();
    let said = if json {
        json!({ "path": path, "version": installed }).to_string()
    } else {
        path
    };
    Ok(out::line(&said)?)
}

async fn install(folder: Folder, command: Vec<String>, json: bool) -> Result<()> {
    let change = folder.write()?;
    let loading = load(&command, &folder.0, change != Change::Unchanged).await;
    let agent = agent::version(&command, &[], "").await.ok();
    if json {
        out::line(&report(&folder, &change, &loading, agent.as_deref()).to_string())?;
    } else {
        out::line(&change.said(&folder.0))?;
    }
    let replaced = loading.map_err(|error| not_loaded(&error, &folder.0))?;
    if json {
        return Ok(());
    }
    if let Some(replaced) = replaced {
        out::line(&format!("omp had it from {} before", replaced.display()))?;
    }
    match agent {
        Some(agent) if numbers(&agent) < MIN_AGENT => out::error(&format!(
            "warning: {agent} is too old for it: it needs omp 18.2 or later (`omp update`)"
        )),
        agent => out::line(&format!(
            "{} loads it in every session that starts from now on; /discord in one shows how it stands",
            agent.as_deref().unwrap_or("omp")
        ))?,
    }
    Ok(())
}

/// Why the agent does not load it, although it is on the disk.
#[derive(Debug, thiserror::Error)]
enum LoadError {
    #[error(transparent)]
    Agent(#[from] RunError),
    #[error("it does not list the extension as one that it loads")]
    NotListed,
}

/// Makes the agent load the folder and asks it whether it does. Gives the folder that it loaded before, if that was
/// another one.
async fn load(command: &[String], folder: &Path, changed: bool) -> Result<Option<PathBuf>, LoadError> {
    let find = |all: Vec<Plugin>| all.into_iter().find(|plugin| plugin.name == name());
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let loads = |plugin: &Plugin| plugin.enabled && real(&plugin.path) == real(folder);
    let before = find(agent::plugins(command).await?);
    if !changed && before.as_ref().is_some_and(loads) {
        return Ok(None);
    }
    let elsewhere = before
        .map(|plugin| real(&plugin.path))
        .filter(|path| *path != real(folder));
    agent::link_plugin(command, folder).await?;
    match find(agent::plugins(command).await?) {
        Some(plugin) if loads(&plugin) => Ok(elsewhere),
        _ => Err(LoadError::NotListed),
    }
}

fn not_loaded(error: &LoadError, folder: &Path) -> UserError {
    let error_text = match error {
        LoadError::Agent(RunError::NotFound(program)) => {
            format!("{program} was not found, so nothing loads the extension yet")
        }
        error => format!("omp does not load the extension: {error}"),
    };
    UserError::new(error_text).hint(match error {
        LoadError::Agent(RunError::NotFound(_)) => {
            "install omp, or name it with OMP_COMMAND, and run this again".to_owned()
        }
        _ => format!("see what `omp plugin link {}` says", folder.display()),
    })
}

fn report(
    folder: &Folder,
    change: &Change,
    loading: &Result<Option<PathBuf>, LoadError>,
    agent: Option<&str>,
) -> Value {
    let (what, previous) = match change {
        Change::Installed => ("installed", None),
        Change::Updated { from } => ("updated", Some(from)),
        Change::Downgraded { from } => ("downgraded", Some(from)),
        Change::Repaired => ("repaired", None),
        Change::Unchanged => ("unchanged", None),
    };
    json!({
        "change": what, "version": bundled(), "previous": previous, "path": folder.0,
        "agent": agent, "loaded": loading.is_ok(), "replaced": loading.as_ref().ok().and_then(Option::as_ref),
    })
}

/// What writing it changed.
#[derive(Debug, PartialEq, Eq)]
enum Change {
    Installed,
    Updated {
        from: String,
    },
    Downgraded {
        from: String,
    },
    /// It was this version, but not these bytes.
    Repaired,
    Unchanged,
}

impl Change {
    fn said(&self, folder: &Path) -> String {
        let (version, folder) = (bundled(), folder.display());
        match self {
            Self::Installed => format!("installed the extension {version} in {folder}"),
            Self::Updated { from } => format!("updated the extension from {from} to {version} in {folder}"),
            Self::Downgraded { from } => {
                format!(
                    "downgraded the extension from {from} to {version}, as this ompcord needs it, in {folder}"
                )
            }
            Self::Repaired => format!("repaired the extension {version} in {folder}"),
            Self::Unchanged => format!("the extension {version} is in {folder} already"),
        }
    }
}

/// Where it is installed.
struct Folder(PathBuf);

impl Folder {
    /// The version that is there, if a whole one is.
    fn version(&self) -> Option<String> {
        let manifest = std::fs::read_to_string(self.0.join("package.json")).ok()?;
        let bundle = self.0.join("dist/index.js").is_file();
        field(&manifest, "version").filter(|_| bundle)
    }

    /// Writes what differs. The bundle goes first: the manifest never names something that is not there yet, and a
    /// session that starts in between loads a whole file, the old or the new one.
    fn write(&self) -> Result<Change> {
        let previous = self.version();
        let mut written = false;
        for (name, content) in [("dist/index.js", BUNDLE), ("package.json", MANIFEST)] {
            let path = self.0.join(name);
            if std::fs::read(&path).is_ok_and(|there| there == content.as_bytes()) {
                continue;
            }
            let write = || {
                create_private_dir(path.parent().unwrap_or(&self.0))?;
                write_private(&path, content.as_bytes())
            };
            write().with_context(|| format!("cannot write {}", path.display()))?;
            written = true;
        }
        Ok(match previous {
            None => Change::Installed,
            Some(_) if !written => Change::Unchanged,
            Some(from) if from == bundled() => Change::Repaired,
            Some(from) if numbers(&from) > numbers(&bundled()) => Change::Downgraded { from },
            Some(from) => Change::Updated { from },
        })
    }
}

fn field(manifest: &str, name: &str) -> Option<String> {
    let manifest: Value = serde_json::from_str(manifest).ok()?;
    manifest.get(name)?.as_str().map(str::to_owned)
}

/// The version that this program has in it.
fn bundled() -> String {
    field(MANIFEST, "version").unwrap_or_default()
}

fn name() -> String {
    field(MANIFEST, "name").unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_the_program_is_one_extension_of_this_version() {
        assert_eq!(bundled(), env!("CARGO_PKG_VERSION"), "they are released together");
        assert!(
            BUNDLE.contains(&format!("\"{}\"", bundled())),
            "the bundle knows its version"
        );
        let manifest: Value = serde_json::from_str(MANIFEST).unwrap();
        assert_eq!(manifest["omp"]["extensions"], json!(["./dist/index.js"]));
    }

    #[test]
    fn a_folder_is_brought_to_this_version_and_says_what_that_was() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder(dir.path().join("data/extension"));
        let (bundle, manifest) = (folder.0.join("dist/index.js"), folder.0.join("package.json"));
        assert_eq!(folder.version(), None);
        assert_eq!(folder.write().unwrap(), Change::Installed);
        assert_eq!(folder.write().unwrap(), Change::Unchanged);
        for (there, change) in [
            ("0.0.9", Change::Updated { from: "0.0.9".into() }),
            (
                "99.0.0",
                Change::Downgraded {
                    from: "99.0.0".into(),
                },
            ),
        ] {
            std::fs::write(&manifest, format!(r#"{{"version":"{there}"}}"#)).unwrap();
            std::fs::write(&bundle, "old").unwrap();
            assert_eq!(folder.version().as_deref(), Some(there));
            let done = folder.write().unwrap();
            assert!(done.said(&folder.0).contains(there), "{done:?}");
            assert_eq!(done, change);
        }
        std::fs::write(&bundle, "damaged").unwrap();
        assert_eq!(folder.write().unwrap(), Change::Repaired);
        std::fs::remove_file(&bundle).unwrap();
        assert_eq!(folder.write().unwrap(), Change::Installed, "half of it is none");
        assert_eq!(std::fs::read_to_string(&bundle).unwrap(), BUNDLE);
        assert_eq!(
            std::fs::read_dir(&folder.0).unwrap().count(),
            2,
            "nothing is left behind"
        );
        std::fs::remove_dir_all(&folder.0).unwrap();
        std::fs::write(&folder.0, "in the way").unwrap();
        assert!(format!("{:#}", folder.write().unwrap_err()).contains("cannot write"));
    }
}
