//! `ompcord backup`: a copy of the database, whether a daemon runs or not.
//!
//! It is made beside its place, looked over, and only then given its name: what has the name is a whole copy, whatever
//! happens on the way.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::json;

use super::{block_on, out};
use crate::config::{database, process_env};
use crate::daemon::signalled;
use crate::render::backup as words;
use crate::store::backup;

#[derive(Debug, clap::Args)]
#[command(after_help = words::RESTORE)]
pub(super) struct Args {
    /// The file to write; only you will be able to read it
    file: PathBuf,
    /// Replace a file that is there
    #[arg(long)]
    force: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn execute(args: &Args, env_file: Option<&Path>) -> Result<()> {
    let database = database(env_file, process_env)?;
    let file = std::path::absolute(&args.file).context("cannot tell where the file is to be")?;
    if !database.exists() {
        return Err(words::no_database(&database).into());
    }
    check(&file, &database, args.force)?;
    let draft = Draft::beside(&file).map_err(|error| words::not_written(&file, &error))?;
    let mut schema = 0;
    block_on(async {
        tokio::select! {
            copied = backup::copy(&database, &draft.copy) => schema = copied?,
            signal = signalled() => return Err(words::given_up(signal?).into()),
            closed = hung_up() => return Err(words::given_up(closed?).into()),
        }
        Ok(())
    })?;
    let size = draft.put(&file, args.force).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => words::exists(&file),
        _ => words::not_written(&file, &error),
    })?;
    let shown = if args.json {
        json!({
            "file": file,
            "bytes": size,
            "schema": schema,
            "not_in_it": words::NOT_IN_IT,
        })
        .to_string()
    } else {
        words::done(&file, size)
    };
    Ok(out::line(&shown)?)
}

/// The terminal was closed: half a copy must not stay behind.
async fn hung_up() -> Result<&'static str> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut hangup = signal(SignalKind::hangup()).context("cannot listen for SIGHUP")?;
    hangup.recv().await;
    Ok("SIGHUP")
}

/// Whether the name may be taken.
fn check(file: &Path, database: &Path, force: bool) -> Result<()> {
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let (Some(wanted), Some(own)) = (name(file), name(database)) else {
        return Err(words::no_file(file).into());
    };
    let dir = |path: &Path| path.parent().and_then(|dir| dir.canonicalize().ok());
    let companions = ["", "-wal", "-shm", "-journal"].map(|end| format!("{own}{end}"));
    if companions.contains(&wanted) && dir(file) == dir(database) {
        return Err(words::itself(file).into());
    }
    if file.is_dir() {
        return Err(words::no_file(file).into());
    }
    match file.symlink_metadata() {
        Ok(there) if force && there.is_file() => Ok(()),
        Ok(_) if !force => Err(words::exists(file).into()),
        Ok(_) => Err(words::no_file(file).into()),
        Err(_) => Ok(()),
    }
}

/// A copy that has no name yet, in a directory of its own beside its place, with whatever SQLite needs on the way. All of
/// it goes away unless the copy is put into its place.
struct Draft {
    dir: PathBuf,
    copy: PathBuf,
}

impl Draft {
    fn beside(file: &Path) -> io::Result<Self> {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let dir = file.with_file_name(format!(".{name}.{}.tmp", uuid::Uuid::new_v4().simple()));
        DirBuilder::new().mode(0o700).create(&dir)?;
        let draft = Self {
            copy: dir.join("copy.db"),
            dir,
        };
        // Closed to others before there is anything to read in it; SQLite takes an empty file as it is.
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&draft.copy)?;
        Ok(draft)
    }

    /// Gives it its name, and says how large it is. It is on the disk then.
    fn put(&self, file: &Path, replace: bool) -> io::Result<u64> {
        let copy = File::open(&self.copy)?;
        copy.sync_all()?;
        // A link is refused where the name is taken, at whatever moment that happened. Some file systems have none.
        match std::fs::hard_link(&self.copy, file) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && !replace => return Err(error),
            Ok(()) => {}
            // A look before it is less than a link, but all that there is where links are none.
            Err(_) if !replace && file.symlink_metadata().is_ok() => {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            Err(_) => std::fs::rename(&self.copy, file)?,
        }
        if let Some(dir) = file.parent() {
            File::open(dir)?.sync_all()?;
        }
        Ok(copy.metadata()?.len())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // The copy has its name, or nobody wants it.
        std::fs::remove_dir_all(&self.dir).unwrap_or_default();
    }
}
