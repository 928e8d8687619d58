//! A disk that is full or read-only: said clearly, nothing is overwritten, and no word is lost.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::signal::Signal;
use ompcord::ids::ThreadId;
use ompcord::sim::{SeenMessage, Sim, SimConfig};

use crate::harness::{Bench, answers, eventually, processes};
use crate::restart::Program;

/// A small file system of its own; `None` where this user may not make one.
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    pub fn mount(dir: &Path, size: &str) -> Option<Self> {
        fs::create_dir_all(dir).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size},mode=700"), "tmpfs"])
            .arg(dir)
            .output()
            .is_ok_and(|done| done.status.success());
        if !mounted {
            println!("SKIPPED: a small disk can only be made by root; this promise was not checked here");
            return None;
        }
        Some(Self(dir.to_owned()))
    }

    /// Fills what is left of it.
    fn fill(&self) {
        let chunk = vec![b'x'; 4096];
        let file = self.0.join("ballast");
        let mut file = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(file)
            .unwrap();
        while std::io::Write::write_all(&mut file, &chunk).is_ok() {}
    }

    fn empty(&self) {
        fs::remove_file(self.0.join("ballast")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a test that failed may still have files open there.
        Command::new("umount").arg("-l").arg(&self.0).output().ok();
    }
}

/// Starts a daemon on a small disk, fills it, and has something written that cannot be stored. Nobody may mount: `None`.
async fn written_on_a_full_disk(bench: &Bench) -> Option<(SmallDisk, Program, ThreadId)> {
    let disk = SmallDisk::mount(&bench.dir.path().join("state"), "8m")?;
    let program = Program::run(bench).await;
    let (_, thread) = bench.launch("SAY:one").await;
    bench.turns(thread, 1).await;
    disk.fill();
    bench
        .sim
        .say("alice", thread, "SAY:through the full disk")
        .unwrap();
    let log = bench.dir.path().join("log.txt");
    let noticed = || fs::read_to_string(&log).unwrap().contains("is fetched again");
    eventually("the daemon to notice", noticed).await;
    disk.empty();
    Some((disk, program, thread))
}

/// What was written came through once, and what is written now comes after it.
async fn came_through(bench: &Bench, program: Program, thread: ThreadId) {
    let messages = bench.turns(thread, 2).await;
    assert!(answers(&messages).contains("through the full disk"));
    let history = bench.history(thread).await;
    assert_eq!(history, "History: SAY:one | SAY:through the full disk | HISTORY");
    program.signal(Signal::SIGTERM);
    assert!(program.ended().await.success());
}

#[tokio::test]
async fn a_message_that_comes_while_the_disk_is_full_runs_when_there_is_room() {
    let bench = Bench::on(Sim::start(SimConfig::default()).await.unwrap(), Vec::new(), None);
    // It is fetched again every ten seconds, and no connection to the database was spoilt.
    if let Some((_disk, program, thread)) = written_on_a_full_disk(&bench).await {
        came_through(&bench, program, thread).await;
    }
    bench.finish().await;
}

#[tokio::test]
async fn a_message_that_came_while_the_disk_was_full_runs_after_the_next_start() {
    let bench = Bench::on(Sim::start(SimConfig::default()).await.unwrap(), Vec::new(), None);
    if let Some((_disk, program, thread)) = written_on_a_full_disk(&bench).await {
        program.signal(Signal::SIGKILL);
        program.ended().await;
        let gone = |sim: &Sim| (!sim.gateway_connected()).then_some(());
        bench.sim.until("the gateway to notice", gone).await;
        let program = Program::run(&bench).await;
        came_through(&bench, program, thread).await;
    }
    bench.finish().await;
}

#[tokio::test]
async fn a_turn_that_ends_while_the_disk_is_full_waits_for_room_and_loses_nothing() {
    let bench = Bench::on(Sim::start(SimConfig::default()).await.unwrap(), Vec::new(), None);
    if let Some(disk) = SmallDisk::mount(&bench.dir.path().join("state"), "8m") {
        let program = Program::run(&bench).await;
        let (_, thread) = bench.launch("SAY:one").await;
        bench.turns(thread, 1).await;
        // The agent is held while the disk fills, so that the whole turn falls into it.
        let agents = processes(&format!("--cwd {}", bench.work().display()));
        let signal = |signal| {
            for pid in &agents {
                nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid.cast_signed()), signal).unwrap();
            }
        };
        signal(Signal::SIGSTOP);
        bench
            .sim
            .say("alice", thread, "LINES:20:0 SAY:the last words")
            .unwrap();
        let typing = move |sim: &Sim| sim.is_typing(thread).then_some(());
        bench.sim.until("the turn to run", typing).await;
        disk.fill();
        signal(Signal::SIGCONT);
        let log = bench.dir.path().join("log.txt");
        let noticed = || fs::read_to_string(&log).unwrap().contains("waits for room");
        eventually("the session to wait", noticed).await;
        disk.empty();
        let messages = bench.turns(thread, 2).await;
        let all = messages
            .iter()
            .map(SeenMessage::words)
            .collect::<Vec<_>>()
            .join("\n");
        for once in ["line 1 of 20", "line 20 of 20", "the last words"] {
            assert_eq!(
                all.matches(once).count(),
                1 + usize::from(once == "the last words"),
                "{once}: {all}"
            );
        }
        let pinned = |sim: &Sim| {
            messages
                .iter()
                .all(|m| !sim.message(m.id).is_some_and(|m| m.pinned))
                .then_some(())
        };
        bench.sim.until("nothing to be pinned", pinned).await;
        let history = bench.history(thread).await;
        assert_eq!(
            history,
            "History: SAY:one | LINES:20:0 SAY:the last words | HISTORY"
        );
        let transcript = bench.transcript();
        assert_eq!(transcript.matches("line 20 of 20").count(), 1, "{transcript}");
        program.signal(Signal::SIGTERM);
        assert!(program.ended().await.success());
    }
    bench.finish().await;
}

#[tokio::test]
async fn a_start_on_a_full_or_read_only_disk_says_so_and_overwrites_nothing() {
    let bench = Bench::on(Sim::start(SimConfig::default()).await.unwrap(), Vec::new(), None);
    let state = bench.dir.path().join("state");
    let Some(disk) = SmallDisk::mount(&state, "8m") else {
        return;
    };
    let program = Program::run(&bench).await;
    let (_, thread) = bench.launch("SAY:kept").await;
    bench.turns(thread, 1).await;
    program.signal(Signal::SIGTERM);
    assert!(program.ended().await.success());
    let database = bench.config().database_path();
    let before = fs::read(&database).unwrap();
    let remount = |mode: &str| {
        let done = Command::new("mount")
            .args(["-o", mode])
            .arg(&state)
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
    };
    remount("remount,ro");
    let status = Program::start(&bench, None).ended().await;
    let log = fs::read_to_string(bench.dir.path().join("log.txt")).unwrap();
    assert_eq!(status.code(), Some(74), "{log}");
    assert!(log.contains("Read-only") || log.contains("readonly"), "{log}");
    remount("remount,rw");
    assert!(fs::read(&database).unwrap() == before, "the database was touched");
    let program = Program::run(&bench).await;
    let history = bench.history(thread).await;
    assert_eq!(history, "History: SAY:kept | HISTORY");
    program.signal(Signal::SIGTERM);
    assert!(program.ended().await.success());
    bench.finish().await;
    drop(disk);
}
