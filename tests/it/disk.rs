//! A disk that is full or read-only: said clearly, nothing is overwritten, and no word is lost.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ompcord::sim::{Sim, SimConfig};

use crate::harness::{Bench, answers, eventually};
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

#[tokio::test]
async fn a_message_that_comes_while_the_disk_is_full_runs_when_there_is_room() {
    let bench = Bench::on(Sim::start(SimConfig::default()).await.unwrap(), Vec::new(), None);
    let Some(disk) = SmallDisk::mount(&bench.dir.path().join("state"), "8m") else {
        return;
    };
    let program = Program::run(&bench).await;
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
    // It is tried again every ten seconds, and at every start.
    program.signal(nix::sys::signal::Signal::SIGKILL);
    program.ended().await;
    let gone = |sim: &Sim| (!sim.gateway_connected()).then_some(());
    bench.sim.until("the gateway to notice", gone).await;
    let program = Program::run(&bench).await;
    let messages = bench.turns(thread, 2).await;
    assert!(answers(&messages).contains("through the full disk"));
    // What is written meanwhile does not hide what could not be stored, and nothing runs twice.
    let history = bench.history(thread).await;
    assert_eq!(history, "History: SAY:one | SAY:through the full disk | HISTORY");
    program.signal(nix::sys::signal::Signal::SIGTERM);
    assert!(program.ended().await.success());
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
    program.signal(nix::sys::signal::Signal::SIGTERM);
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
    program.signal(nix::sys::signal::Signal::SIGTERM);
    assert!(program.ended().await.success());
    bench.finish().await;
    drop(disk);
}
