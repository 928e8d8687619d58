//! What `ompcord backup` says.

use std::path::Path;

use super::health::bytes;
use crate::error::UserError;

/// What lies beside the database and is in no copy of it.
pub const NOT_IN_IT: [&str; 5] = [
    "the agent's own session files (~/.omp)",
    ".env",
    "the API token (a new one is made at the next start)",
    "transcripts",
    "attachments",
];

/// Behind `ompcord backup --help`: a copy that nobody can put back is none.
pub const RESTORE: &str = "To restore it, in the state directory (~/.local/state/ompcord):

  systemctl --user stop ompcord
  old=$(mktemp -d old.XXXXXX)          # for the database and what SQLite has beside it
  for file in ompcord.db ompcord.db-wal ompcord.db-shm; do [ ! -e $file ] || mv $file $old/; done
  install -m 600 FILE ompcord.db
  systemctl --user start ompcord

What the sessions were doing when the copy was made is done again: prompts that waited then, run. The agent's own session
files (~/.omp) are not in it; copy them as well, or the agents begin anew.";

/// It is done.
#[must_use]
pub fn done(file: &Path, size: u64) -> String {
    format!(
        "✓ Copied the database and checked the copy: {} ({})\n  Not in it: {}",
        file.display(),
        bytes(size),
        NOT_IN_IT.join(", ")
    )
}

/// There is nothing to copy.
#[must_use]
pub fn no_database(place: &Path) -> UserError {
    UserError::new(format!("there is no database at {}", place.display()))
        .hint("it is made at the first start; is OMPCORD_STATE_DIR (or --env-file) the daemon's?")
}

/// Something has the name already.
#[must_use]
pub fn exists(file: &Path) -> UserError {
    UserError::new(format!(
        "{} is there already: it was left as it is",
        file.display()
    ))
    .hint("choose another name, or replace it with --force")
}

/// The name is nothing that a file could have.
#[must_use]
pub fn no_file(file: &Path) -> UserError {
    UserError::new(format!("{} is no file", file.display()))
        .hint("name the file that is to be written, such as ompcord-backup.db")
}

/// The name is the database's own.
#[must_use]
pub fn itself(file: &Path) -> UserError {
    UserError::new(format!("{} is the database itself", file.display()))
        .hint("choose a name elsewhere, best on another disk")
}

/// It cannot be written there.
#[must_use]
pub fn not_written(file: &Path, why: &std::io::Error) -> UserError {
    let error = UserError::new(format!("cannot write {}: {why}", file.display()));
    match file.parent() {
        Some(dir) if why.kind() == std::io::ErrorKind::NotFound => {
            error.hint(format!("make the directory first: mkdir -p {}", dir.display()))
        }
        _ => error,
    }
}

/// Somebody ended it.
#[must_use]
pub fn given_up(signal: &str) -> UserError {
    UserError::new(format!("{signal}: no copy was made"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_the_copy_and_what_is_not_is_said() {
        insta::assert_snapshot!(done(Path::new("/mnt/o.db"), 3 << 20), @r"
        ✓ Copied the database and checked the copy: /mnt/o.db (3.0 MiB)
          Not in it: the agent's own session files (~/.omp), .env, the API token (a new one is made at the next start), transcripts, attachments
        ");
    }
}
