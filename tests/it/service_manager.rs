//! What the daemon tells a service manager, heard by a stand-in for its socket.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use sqlx::ConnectOptions as _;
use tokio::net::UnixDatagram;
use tokio::process::{Child, Command};

use crate::harness::Bench;

/// The manager's side of `$NOTIFY_SOCKET`.
struct Ear(UnixDatagram);

impl Ear {
    fn at(path: &Path) -> Self {
        Self(UnixDatagram::bind(path).unwrap())
    }

    /// The next message.
    async fn hears(&self) -> String {
        let mut buffer = [0; 4096];
        let heard = tokio::time::timeout(Duration::from_mins(1), self.0.recv(&mut buffer));
        let length = heard.await.expect("something is said").unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    /// What is said up to a message with this in it, which is the last.
    async fn until(&self, what: &str) -> Vec<String> {
        let mut all = Vec::new();
        while !all.last().is_some_and(|last: &String| last.contains(what)) {
            all.push(self.hears().await);
        }
        all
    }
}

fn start(bench: &Bench, socket: &Path) -> Child {
    let log = std::fs::File::create(bench.dir.path().join("stderr.log")).unwrap();
    Command::new(env!("CARGO_BIN_EXE_ompcord"))
        .arg("run")
        .env_clear()
        .envs(bench.vars())
        .env("PATH", std::env::var("PATH").unwrap())
        .env("HOME", bench.dir.path())
        .env("OMPCORD_HTTP_ADDR", "127.0.0.1:0")
        .env("NOTIFY_SOCKET", socket)
        // A tenth of a second between signs of life.
        .env("WATCHDOG_USEC", "300000")
        .current_dir(bench.dir.path())
        .stdin(Stdio::null())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

#[tokio::test]
async fn it_is_told_ready_alive_hung_and_stopping() {
    let sim = ompcord::sim::Sim::start(ompcord::sim::SimConfig::default())
        .await
        .unwrap();
    let bench = Bench::on(sim, Vec::new(), None);
    let socket = bench.dir.path().join("notify");
    let ear = Ear::at(&socket);
    let mut daemon = start(&bench, &socket);
    let before = ear.until("READY=1").await;
    assert!(before.iter().all(|said| !said.contains("WATCHDOG")), "{before:?}");
    assert!(bench.sim.gateway_connected(), "ready means connected");
    let said = ear.until("WATCHDOG=1").await.pop().unwrap();
    assert!(said.contains("STATUS=connected; 0 working"), "{said}");

    // The database hangs: nobody feeds the watchdog until it answers again.
    let path = bench.config().database_path();
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
    let mut holder = options.connect().await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut holder).await.unwrap();
    ear.until("STATUS=the database").await;
    for _ in 0..3 {
        let said = ear.hears().await;
        assert!(
            said.contains("STATUS=the database") && !said.contains("WATCHDOG"),
            "{said}"
        );
    }
    sqlx::query("ROLLBACK").execute(&mut holder).await.unwrap();
    sqlx::Connection::close(holder).await.unwrap();
    ear.until("WATCHDOG=1").await;

    // The gateway does not come back: it is waited for, and then not fed.
    bench.sim.set_gateway_down(true);
    let away = ear.until("STATUS=the gateway does not come back").await;
    assert!(
        away.iter().any(|said| said.contains("not connected to Discord")),
        "{away:?}"
    );
    let said = ear.hears().await;
    assert!(!said.contains("WATCHDOG"), "{said}");
    bench.sim.set_gateway_down(false);
    ear.until("WATCHDOG=1").await;

    let pid = daemon.id().unwrap().to_string();
    assert!(
        std::process::Command::new("kill")
            .arg(pid)
            .status()
            .unwrap()
            .success()
    );
    let said = ear.until("STOPPING=1").await.pop().unwrap();
    assert!(said.contains("STATUS=ending"), "{said}");
    let last = ear.until("STATUS=ended").await;
    assert!(last.iter().all(|said| !said.contains("WATCHDOG")), "{last:?}");
    let ended = tokio::time::timeout(Duration::from_mins(1), daemon.wait()).await;
    assert_eq!(ended.unwrap().unwrap().code(), Some(0));
    bench.finish().await;
}
