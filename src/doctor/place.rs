//! This machine: files and their modes, the database, the disk, the port, the unit, the extension.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::StatusCode;

use super::{ApiToken, Database, ExtensionSeen, Port, State};
use crate::config::{Config, Holder};
use crate::service::{self, UnitSeen};
use crate::status::{self, Disk};
use crate::store;
use crate::store::examine;

/// A daemon on this machine that takes longer is not well.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where this user's other programs keep their things.
#[derive(Debug, Clone, Default)]
pub struct Home {
    /// The directory of systemd's user units.
    pub units: Option<PathBuf>,
    /// Where packages put such units.
    pub packaged_units: Vec<PathBuf>,
    /// Where systemd notes that this user's services run without a login.
    pub linger: Option<PathBuf>,
    /// Where the extension is installed.
    pub extension: Option<PathBuf>,
}

pub(super) struct Place {
    pub(super) state: State,
    pub(super) exposed: Vec<(PathBuf, u32)>,
    pub(super) database: Database,
    pub(super) disk: Result<Disk, String>,
    pub(super) holder: Holder,
    pub(super) port: Port,
    pub(super) api_token: ApiToken,
    pub(super) extension: ExtensionSeen,
    pub(super) unit: UnitSeen,
}

pub(super) async fn look(config: &Config, home: &Home) -> Place {
    let state = state(&config.state_dir);
    let exposed = exposed(config);
    let database = database(&config.database_path()).await;
    let disk = status::disk(existing(&config.state_dir)).await;
    let holder = Holder::of(&config.state_dir);
    let (port, api_token) = daemon(config, holder).await;
    Place {
        state,
        exposed,
        database,
        disk,
        holder,
        port,
        api_token,
        extension: home
            .extension
            .as_deref()
            .and_then(extension)
            .unwrap_or(ExtensionSeen::No),
        unit: service::look(
            home.units.as_deref(),
            &home.packaged_units,
            home.linger.as_deref(),
        ),
    }
}

/// The nearest directory above that is there.
fn existing(path: &Path) -> &Path {
    let there = path.ancestors().find(|path| path.is_dir());
    there.unwrap_or(Path::new("/"))
}

/// Permissions alone do not say it (a read-only mount, an access list, root), so something is written.
fn state(dir: &Path) -> State {
    let place = existing(dir);
    if dir.exists() && !dir.is_dir() {
        return State::Unusable(dir.to_owned(), "it is no directory".to_owned());
    }
    let probe = place.join(format!(".ompcord-probe-{}", uuid::Uuid::new_v4().simple()));
    let tried = std::fs::write(&probe, "").and_then(|()| std::fs::remove_file(&probe));
    match tried {
        Ok(()) if place == dir => State::Usable(dir.to_owned()),
        Ok(()) => State::NotYet(dir.to_owned()),
        Err(error) => State::Unusable(dir.to_owned(), error.to_string()),
    }
}

fn exposed(config: &Config) -> Vec<(PathBuf, u32)> {
    let ours = [
        (config.state_dir.clone(), 0o700),
        (config.database_path(), 0o600),
        (config.api_token_path(), 0o600),
    ];
    let open = |path: &Path| {
        let mode = std::fs::metadata(path).map_or(0, |meta| meta.permissions().mode());
        mode & 0o077 != 0
    };
    let file = config.exposed.clone().map(|path| (path, 0o600));
    file.into_iter()
        .chain(ours.into_iter().filter(|(path, _)| open(path)))
        .collect()
}

async fn database(path: &Path) -> Database {
    if !path.exists() {
        return Database::NotYet;
    }
    match examine::examine(path).await {
        Ok(seen) => Database::Seen(seen),
        Err(error) if store::is_busy(&error) => Database::Held,
        Err(error) => Database::Failed(format!("{error:#}")),
    }
}

async fn daemon(config: &Config, holder: Holder) -> (Port, ApiToken) {
    let addr = config.http_addr;
    let token = std::fs::read_to_string(config.api_token_path());
    let known = match &token {
        Ok(_) => ApiToken::There,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => ApiToken::NotYet,
        Err(error) => ApiToken::Unreadable(error.to_string()),
    };
    if holder == Holder::Nobody {
        let port = match std::net::TcpListener::bind(addr) {
            Ok(_) => Port::Free(addr),
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => Port::Taken(addr),
            Err(error) => Port::Unusable(addr, error.to_string()),
        };
        return (port, known);
    }
    let Some(ready) = ask(addr, "/readyz", None).await else {
        return (Port::Silent(addr), known);
    };
    let port = Port::Daemon {
        addr,
        ready: ready.is_success(),
    };
    let Ok(token) = token else { return (port, known) };
    let fits = match ask(addr, "/status", Some(token.trim())).await {
        Some(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => ApiToken::Refused,
        Some(status) if status.is_success() => ApiToken::Fits,
        _ => known,
    };
    (port, fits)
}

async fn ask(addr: SocketAddr, path: &str, token: Option<&str>) -> Option<StatusCode> {
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(PATIENCE)
        .build()
        .ok()?;
    let request = client.get(format!("http://{addr}{path}"));
    let request = match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    };
    Some(request.send().await.ok()?.status())
}

/// The extension as it is installed.
fn extension(dir: &Path) -> Option<ExtensionSeen> {
    let manifest = std::fs::read_to_string(dir.join("package.json")).ok()?;
    let manifest: Option<serde_json::Value> = serde_json::from_str(&manifest).ok();
    let version = manifest
        .as_ref()
        .and_then(|manifest| manifest.get("version")?.as_str());
    Some(match version.filter(|_| dir.join("dist/index.js").is_file()) {
        Some(version) => ExtensionSeen::Version(version.to_owned()),
        None => ExtensionSeen::Unknown,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_extension_is_of_this_version() {
        let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("extension");
        let wanted = ExtensionSeen::Version(env!("CARGO_PKG_VERSION").to_owned());
        assert_eq!(extension(&committed), Some(wanted));
        assert_eq!(extension(Path::new("/no/such")), None);
    }

    #[test]
    fn a_state_directory_is_tried_and_left_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let there = dir.path().to_owned();
        assert_eq!(state(&there), State::Usable(there.clone()));
        let later = there.join("a/b");
        assert_eq!(state(&later), State::NotYet(later.clone()));
        assert_eq!(std::fs::read_dir(&there).unwrap().count(), 0);
        let file = there.join("file");
        std::fs::write(&file, "").unwrap();
        assert!(matches!(state(&file), State::Unusable(..)));
        assert!(matches!(state(Path::new("/proc/ompcord")), State::Unusable(..)));
    }
}
