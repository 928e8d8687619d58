//! What programs that use one webhook have to agree on: what waits, whose turn it is, and when the next request may be
//! made. A folder with a file per message and a lock; a program that dies takes its message with it.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;

use super::pace::Pace;
use crate::config::{create_private_dir, create_private_file, write_private};

/// More than this are not worth waiting for: the oldest are left out.
const WAITING_MAX: usize = 50;
const NOTE: &str = "note";
const LEFT_OUT: &str = "left-out";

#[derive(Debug)]
pub(super) struct Spool(PathBuf);

/// The message of this program. It is taken back when this is dropped.
#[derive(Debug)]
pub(super) struct Note(PathBuf);

/// A message that waits, of any program. In the order in which they were said.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Waiting {
    path: PathBuf,
    text: String,
}

/// What became of a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Waiting,
    /// Another program sent it along with its own.
    Sent,
    LeftOut,
}

/// The right to use the webhook. Nobody else has it as long as this lives.
#[derive(Debug)]
pub(super) struct Turn {
    dir: PathBuf,
    pace: Pace,
    _lock: File,
}

impl Spool {
    pub(super) fn new(dir: PathBuf) -> Self {
        Self(dir)
    }

    /// Makes a message known to whoever has the turn.
    pub(super) fn put(&self, text: &str) -> io::Result<Note> {
        create_private_dir(&self.0)?;
        let unique = uuid::Uuid::new_v4().simple();
        // The numbers have the same length for two centuries, so the order of the names is that of time.
        let name = format!("{:014}-{}-{unique}.{NOTE}", now_ms(), std::process::id());
        let path = self.0.join(name);
        write_private(&path, text.as_bytes())?;
        Ok(Note(path))
    }

    /// Waits until nobody else has the turn.
    pub(super) async fn turn(&self) -> io::Result<Turn> {
        let dir = self.0.clone();
        let lock = create_private_file(&dir.join("lock"))?;
        let taken = tokio::task::spawn_blocking(move || lock.lock().map(|()| lock)).await;
        let lock = taken.map_err(io::Error::other)??;
        let pace = match std::fs::read(dir.join("pace")) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Pace::default(),
            Err(error) => return Err(error),
        };
        Ok(Turn {
            dir,
            pace,
            _lock: lock,
        })
    }
}

impl Note {
    pub(super) fn is(&self, one: &Waiting) -> bool {
        one.path == self.0
    }

    /// What became of it; that is certain only while one has the turn.
    pub(super) fn fate(&self) -> Fate {
        if self.0.exists() {
            Fate::Waiting
        } else if self.0.with_extension(LEFT_OUT).exists() {
            Fate::LeftOut
        } else {
            Fate::Sent
        }
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        for path in [&self.0, &self.0.with_extension(LEFT_OUT)] {
            // Mostly it is not there any more; what stays behind in spite of this goes with the next turn.
            std::fs::remove_file(path).ok();
        }
    }
}

impl Waiting {
    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

impl Turn {
    /// What waits, oldest first; too many are made fewer.
    pub(super) fn waiting(&mut self) -> io::Result<Vec<Waiting>> {
        let mut waiting = Vec::new();
        for entry in std::fs::read_dir(&self.dir)? {
            let path = entry?.path();
            let Some(owner) = owner(&path) else { continue };
            if !lives(owner) {
                remove(&path)?;
            } else if path.extension().is_some_and(|extension| extension == NOTE) {
                match std::fs::read_to_string(&path) {
                    Ok(text) => waiting.push(Waiting { path, text }),
                    // Its program has just given up.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
        }
        waiting.sort();
        let too_many = waiting.len().saturating_sub(WAITING_MAX);
        for one in waiting.drain(..too_many) {
            std::fs::rename(&one.path, one.path.with_extension(LEFT_OUT))?;
        }
        self.pace.lost += too_many;
        Ok(waiting)
    }

    /// How many messages were left out since the last one that arrived.
    pub(super) fn lost(&self) -> usize {
        self.pace.lost
    }

    /// How long no request may be made.
    pub(super) fn wait(&self) -> Duration {
        Duration::from_millis(self.pace.wait(now_ms()).unsigned_abs())
    }

    /// These have arrived.
    pub(super) fn sent(&mut self, batch: &[Waiting]) -> io::Result<()> {
        for one in batch {
            remove(&one.path)?;
        }
        self.pace.lost = 0;
        self.save()
    }

    pub(super) fn requested(&mut self) -> io::Result<()> {
        self.pace.requested(now_ms());
        self.save()
    }

    /// The next request, whoever makes it, has to wait.
    pub(super) fn hold(&mut self, wait: Duration) -> io::Result<()> {
        let wait = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX / 2);
        self.pace.hold(now_ms(), wait);
        self.save()
    }

    fn save(&self) -> io::Result<()> {
        let pace = serde_json::to_vec(&self.pace)?;
        write_private(&self.dir.join("pace"), &pace)
    }
}

/// The process that said this; `None` for other files.
fn owner(path: &Path) -> Option<i32> {
    let extension = path.extension()?;
    if extension != NOTE && extension != LEFT_OUT {
        return None;
    }
    path.file_stem()?.to_str()?.split('-').nth(1)?.parse().ok()
}

fn lives(process: i32) -> bool {
    // Without a signal this only asks. Another user's process lives too.
    !matches!(kill(Pid::from_raw(process), None), Err(Errno::ESRCH))
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(waiting: &[Waiting]) -> Vec<&str> {
        waiting.iter().map(Waiting::text).collect()
    }

    #[tokio::test]
    async fn what_waits_is_sent_by_whoever_has_the_turn() {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::new(dir.path().join("a/b"));
        let (first, second) = (spool.put("one").unwrap(), spool.put("two").unwrap());
        let mut turn = spool.turn().await.unwrap();
        let waiting = turn.waiting().unwrap();
        assert_eq!(waiting.len(), 2);
        let own: Vec<_> = waiting.into_iter().filter(|one| first.is(one)).collect();
        assert_eq!(texts(&own), ["one"]);
        turn.requested().unwrap();
        turn.sent(&own).unwrap();
        assert_eq!((first.fate(), second.fate()), (Fate::Sent, Fate::Waiting));
        drop(second);
        assert!(turn.waiting().unwrap().is_empty(), "its program gave up");
        let pace = turn.pace.clone();
        drop(turn);
        assert_eq!(spool.turn().await.unwrap().pace, pace, "the next one knows of it");
    }

    #[tokio::test]
    async fn the_newest_are_kept_and_the_dead_say_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::new(dir.path().to_owned());
        let notes: Vec<_> = (0..WAITING_MAX + 2)
            .map(|n| {
                let path = dir.path().join(format!("{n:014}-{}-x.note", std::process::id()));
                std::fs::write(&path, n.to_string()).unwrap();
                Note(path)
            })
            .collect();
        // No process has this number.
        std::fs::write(
            dir.path().join("00000000000000-2147483646-x.note"),
            "from the dead",
        )
        .unwrap();
        let mut turn = spool.turn().await.unwrap();
        let waiting = turn.waiting().unwrap();
        assert_eq!((waiting.len(), waiting[0].text()), (WAITING_MAX, "2"));
        assert_eq!((notes[0].fate(), notes[2].fate()), (Fate::LeftOut, Fate::Waiting));
        assert_eq!(turn.lost(), 2);
        turn.sent(&waiting).unwrap();
        assert_eq!(turn.lost(), 0);
        drop(notes);
        drop(turn);
        let mut left: Vec<_> = std::fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        left.sort();
        assert_eq!(left, ["lock", "pace"]);
    }
}
