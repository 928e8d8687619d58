//! One daemon per state directory.
//!
//! Two would both connect with the same token, both answer every message and both run every queued prompt.

use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use super::paths::{create_private_dir, create_private_file};

/// Held for as long as the daemon runs; the system takes it back however the process ends.
#[derive(Debug)]
pub struct InstanceLock {
    _file: File,
}

/// The state directory could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another instance has it.
    #[error("another ompcord{} already runs on {}", pid.map_or_else(String::new, |pid| format!(" (pid {pid})")), state_dir.display())]
    Held {
        /// Its process id, where it could be read.
        pid: Option<u32>,
        /// The directory.
        state_dir: PathBuf,
    },
    /// The lock file could not be made.
    #[error("cannot use the state directory {}", state_dir.display())]
    Io {
        /// The directory.
        state_dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Whether a daemon has a state directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// None has.
    Nobody,
    /// One that runs, with its process id where it could be read.
    Daemon(Option<u32>),
}

impl Holder {
    /// Looks without taking anything: nothing is made, and a lock that is free stays free.
    #[must_use]
    pub fn of(state_dir: &Path) -> Self {
        let Ok(mut file) = File::open(state_dir.join("lock")) else {
            return Self::Nobody;
        };
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Self::Daemon(read_pid(&mut file)),
            _ => Self::Nobody,
        }
    }
}

impl InstanceLock {
    /// Takes the state directory, making it if needed, or says who has it.
    pub fn acquire(state_dir: &Path) -> Result<Self, LockError> {
        let failed = |source| LockError::Io {
            state_dir: state_dir.to_owned(),
            source,
        };
        create_private_dir(state_dir).map_err(failed)?;
        let mut file = create_private_file(&state_dir.join("lock")).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LockError::Held {
                    pid: read_pid(&mut file),
                    state_dir: state_dir.to_owned(),
                });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        file.set_len(0)
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .and_then(|()| file.flush())
            .map_err(failed)?;
        Ok(Self { _file: file })
    }
}

/// A pid that is missing or half written is no reason to fail: the lock itself is what counts.
fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_instance_is_told_the_pid_of_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        let first = InstanceLock::acquire(&state).unwrap();
        let error = InstanceLock::acquire(&state).unwrap_err();
        assert!(
            matches!(error, LockError::Held { pid: Some(pid), .. } if pid == std::process::id()),
            "{error:?}"
        );
        assert!(
            error
                .to_string()
                .contains(&format!("(pid {})", std::process::id())),
            "{error}"
        );
        assert_eq!(Holder::of(&state), Holder::Daemon(Some(std::process::id())));
        drop(first);
        assert_eq!(Holder::of(&state), Holder::Nobody);
        InstanceLock::acquire(&state).expect("free again, with the old pid still in the file");
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        let error = InstanceLock::acquire(&file.join("state")).unwrap_err();
        assert!(matches!(error, LockError::Io { .. }), "{error:?}");
        assert!(error.to_string().contains("file/state"), "{error}");
    }
}
