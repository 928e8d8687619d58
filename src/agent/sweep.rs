//! Finds and ends the processes that an agent left behind.
//!
//! Tools run in process groups of their own, so a `cargo test` or a dev server outlives an agent that was
//! killed, and holds the port that the next one needs. Everything an agent starts inherits a mark in its
//! environment, by which it is found here even when the daemon itself was killed in between.

use std::collections::HashSet;
use std::os::unix::fs::MetadataExt as _;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The variable that marks an agent and all that it starts: `<instance>/<session>`.
pub const MARKER: &str = "OMPCORD_AGENT";
/// How long something may take to end after SIGTERM.
const TERM_TIME: Duration = Duration::from_secs(1);
/// How long something may take to be gone after SIGKILL.
const KILL_TIME: Duration = Duration::from_secs(3);
/// How often zombies that nobody else waits for are looked for.
const REAP_EVERY: Duration = Duration::from_secs(20);

/// A process, told from a later one with the same number by when it started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Process {
    pid: i32,
    start: u64,
}

/// A line of the process table.
#[derive(Debug, Clone, Copy)]
struct Entry {
    process: Process,
    parent: i32,
    zombie: bool,
}

/// Whose processes are looked for.
#[derive(Debug, Clone)]
enum Wanted {
    /// Those with exactly this mark.
    Session(String),
    /// Those of any session of this instance.
    Instance(String),
}

/// Whether there is a process of this number.
#[must_use]
pub fn lives(pid: i32) -> bool {
    // What may not be signalled is there as well. Numbers below 1 mean groups.
    pid > 0 && !matches!(kill(Pid::from_raw(pid), None), Err(nix::errno::Errno::ESRCH))
}

/// Ends everything that carries the mark of one agent. Returns how many processes that were.
pub async fn sweep(marker: &str) -> usize {
    sweep_with(marker, Vec::new()).await
}

/// Ends everything that any agent of this daemon left behind: for the boot after a SIGKILL. Marks are
/// `<instance>/<session>`; this takes the instance.
pub async fn sweep_all(instance: &str) -> usize {
    end(Wanted::Instance(instance.to_owned()), Vec::new()).await
}

/// Like [`sweep`], and also ends what is known by other means, such as a child with an emptied environment.
pub(super) async fn sweep_with(marker: &str, known: Vec<Process>) -> usize {
    end(Wanted::Session(marker.to_owned()), known).await
}

/// Orphans of an agent become children of the daemon instead of init's, so they can be seen and waited for.
/// Whoever calls this also runs [`reap_adopted`].
pub fn become_subreaper() -> anyhow::Result<()> {
    use anyhow::Context as _;
    nix::sys::prctl::set_child_subreaper(true).context("cannot adopt orphaned processes")
}

/// Waits for adopted orphans that ended by themselves, which would stay in the process table for ever.
///
/// A child of our own is a zombie only for the moment until its owner waits for it; taking that from the owner
/// would lose its exit status. So only what was a zombie one look earlier is waited for.
pub async fn reap_adopted(shutdown: CancellationToken) {
    let us = std::process::id().cast_signed();
    let mut before = HashSet::new();
    while shutdown
        .run_until_cancelled(tokio::time::sleep(REAP_EVERY))
        .await
        .is_some()
    {
        let zombies = scan(move |table| {
            let ours = table.iter().filter(|entry| entry.zombie && entry.parent == us);
            ours.map(|entry| entry.process).collect::<HashSet<_>>()
        })
        .await;
        for process in zombies.intersection(&before) {
            reap(*process);
        }
        before = zombies;
    }
}

/// What a process has started, and what those have.
pub(super) async fn descendants(pid: i32) -> Vec<Process> {
    scan(move |table| {
        let root = table
            .iter()
            .find(|entry| entry.process.pid == pid)
            .map(|entry| entry.process);
        let family = family(table, root.into_iter().collect());
        family.into_iter().filter(|process| process.pid != pid).collect()
    })
    .await
}

/// SIGTERM, then SIGKILL, until nothing is left to be found.
async fn end(wanted: Wanted, known: Vec<Process>) -> usize {
    let mut ended = HashSet::new();
    for (signal, patience) in [(Signal::SIGTERM, TERM_TIME), (Signal::SIGKILL, KILL_TIME)] {
        let mut signalled = HashSet::new();
        let deadline = Instant::now() + patience;
        let mut pause = Duration::from_millis(5);
        loop {
            let (wanted, known) = (wanted.clone(), known.clone());
            let left = scan(move |table| left_behind(table, &wanted, &known)).await;
            if left.is_empty() {
                ended.iter().copied().for_each(reap);
                return ended.len();
            }
            for process in left {
                if signalled.insert(process) {
                    send(process, signal);
                }
                ended.insert(process);
            }
            if Instant::now() >= deadline {
                break;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(100));
        }
    }
    tracing::error!("processes of an agent survived SIGKILL");
    ended.iter().copied().for_each(reap);
    ended.len()
}

/// Reads the process table off the runtime's threads.
async fn scan<T: Default + Send + 'static>(pick: impl FnOnce(&[Entry]) -> T + Send + 'static) -> T {
    let found = tokio::task::spawn_blocking(move || pick(&table())).await;
    found.unwrap_or_else(|error| {
        tracing::error!(%error, "the process table cannot be read");
        T::default()
    })
}

fn left_behind(table: &[Entry], wanted: &Wanted, known: &[Process]) -> Vec<Process> {
    let us = std::process::id().cast_signed();
    let roots = table
        .iter()
        .filter(|entry| !entry.zombie && entry.process.pid != us)
        .map(|entry| entry.process)
        .filter(|process| known.contains(process) || carries(process.pid, wanted));
    family(table, roots.collect())
        .into_iter()
        .filter(|process| process.pid != us && process.pid != 1)
        .collect()
}

/// The roots and all that are alive below them.
fn family(table: &[Entry], roots: Vec<Process>) -> Vec<Process> {
    let mut family = roots;
    let mut seen: HashSet<i32> = family.iter().map(|process| process.pid).collect();
    let mut at = 0;
    while let Some(parent) = family.get(at).copied() {
        for entry in table {
            if entry.parent == parent.pid && !entry.zombie && seen.insert(entry.process.pid) {
                family.push(entry.process);
            }
        }
        at += 1;
    }
    family
}

fn table() -> Vec<Entry> {
    let Ok(listing) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    listing
        .flatten()
        .filter_map(|item| item.file_name().to_str()?.parse().ok())
        .filter_map(entry)
        .collect()
}

fn entry(pid: i32) -> Option<Entry> {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    // The name in parentheses may hold anything, also parentheses and spaces.
    let (_, fields) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
    Some(Entry {
        process: Process {
            pid,
            start: fields.get(19)?.parse().ok()?,
        },
        parent: fields.get(1)?.parse().ok()?,
        zombie: matches!(*fields.first()?, "Z" | "X"),
    })
}

fn carries(pid: i32, wanted: &Wanted) -> bool {
    let folder = format!("/proc/{pid}");
    let uid = |path: &str| std::fs::metadata(path).map(|meta| meta.uid()).ok();
    if uid(&folder) != uid("/proc/self") {
        return false;
    }
    let Ok(environ) = std::fs::read(format!("{folder}/environ")) else {
        return false;
    };
    environ
        .split(|byte| *byte == 0)
        .filter_map(|variable| variable.strip_prefix(MARKER.as_bytes())?.strip_prefix(b"="))
        .any(|value| match wanted {
            Wanted::Session(mark) => value == mark.as_bytes(),
            Wanted::Instance(instance) => value
                .strip_prefix(instance.as_bytes())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/")),
        })
}

fn send(process: Process, signal: Signal) {
    // The number may be somebody else's by now.
    if entry(process.pid).is_none_or(|entry| entry.process != process) {
        return;
    }
    match kill(Pid::from_raw(process.pid), signal) {
        Ok(()) => tracing::debug!(pid = process.pid, %signal, "a process that an agent left was signalled"),
        Err(error) => tracing::debug!(pid = process.pid, %signal, %error, "a process cannot be signalled"),
    }
}

/// Takes a dead process out of the table, where it is our child. Others answer `ECHILD`, which is fine.
fn reap(process: Process) {
    let is_ours = entry(process.pid).is_some_and(|entry| entry.process == process && entry.zombie);
    if is_ours && let Err(error) = waitpid(Pid::from_raw(process.pid), Some(WaitPidFlag::WNOHANG)) {
        tracing::debug!(pid = process.pid, %error, "a dead process is not ours to wait for");
    }
}
