//! `ompcord backup`: a copy that is whole, private and never half there, and that the daemon goes on from.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Output;

use ompcord::sim::{Sim, SimConfig};
use ompcord::store::Store;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::disk::SmallDisk;
use crate::harness::{Bench, answers};

async fn backup(state: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ompcord"));
    command
        .env_clear()
        .env("HOME", state)
        .env("OMPCORD_STATE_DIR", state)
        .arg("backup")
        .args(arguments);
    command.output().await.unwrap()
}

fn said(output: &Output) -> (Option<i32>, String) {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), text)
}

/// What is in a directory.
fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Puts a copy into place as the document says.
fn restore(state: &Path, copy: &Path) {
    let old = state.join("old");
    std::fs::create_dir(&old).unwrap();
    for name in names(state) {
        if name.starts_with("ompcord.db") {
            std::fs::rename(state.join(&name), old.join(&name)).unwrap();
        }
    }
    std::fs::copy(copy, state.join("ompcord.db")).unwrap();
}

#[tokio::test]
async fn a_copy_that_is_made_during_writes_is_what_the_daemon_goes_on_from() {
    let mut bench = Bench::start().await;
    let sim = bench.sim.clone();
    let (_, talked) = bench.launch("SAY:one").await;
    bench.turns(talked, 1).await;
    let (_, busy) = bench.launch("SAY:Begun to work.\nSTEERABLE").await;
    bench.sees(busy, "Begun to").await;
    let waiting = sim.say("alice", busy, "SAY:I waited").unwrap();
    bench.marked(waiting, "📥", true).await;

    // Somebody writes all the time.
    let api = bench.api();
    let (session, _) = api.session().await;
    let stop = tokio_util::sync::CancellationToken::new();
    let (writer_api, stopped) = (api.clone(), stop.clone());
    let writer = tokio::spawn(async move {
        let mut written = 0_u32;
        while !stopped.is_cancelled() {
            let event = json!({"session_id": session, "event_type": "message", "content": "x".repeat(2_000),
                "timestamp": 1, "id": written.to_string()});
            let (status, body) = writer_api.post("/api/webhook/event", &json!([event])).await;
            assert_eq!(status, 202, "{body}");
            written += 1;
        }
        written
    });
    let state = bench.config().state_dir;
    let copies = bench.dir.path().join("copies");
    std::fs::create_dir(&copies).unwrap();
    let copy = copies.join("ompcord copy.db");
    let name = copy.to_str().unwrap();
    let made = backup(&state, &[name, "--json"]).await;
    assert_eq!(said(&made), (Some(0), String::new()));
    let shown: Value = serde_json::from_slice(&made.stdout).unwrap();
    let length = std::fs::metadata(&copy).unwrap().len();
    assert_eq!((&shown["file"], &shown["bytes"]), (&json!(name), &json!(length)));
    assert!(
        shown["schema"].as_i64().unwrap() > 0 && shown["not_in_it"].is_array(),
        "{shown}"
    );
    assert_eq!(
        std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777,
        0o600
    );
    // It takes no name that is taken, and lets go of nothing that it did not replace.
    let before = std::fs::read(&copy).unwrap();
    let (code, text) = said(&backup(&state, &[name]).await);
    assert!(
        code == Some(1) && text.contains("is there already") && text.contains("--force"),
        "{text}"
    );
    assert!(before == std::fs::read(&copy).unwrap());
    let again = backup(&state, &[name, "--force"]).await;
    assert_eq!(said(&again), (Some(0), String::new()));
    let text = String::from_utf8_lossy(&again.stdout).into_owned();
    assert!(
        text.contains("Not in it: ") && text.contains("transcripts"),
        "{text}"
    );
    assert_eq!(names(&copies), ["ompcord copy.db"], "nothing is left beside it");
    stop.cancel();
    assert!(writer.await.unwrap() > 0);

    // All of this is forgotten by going back.
    sim.say("alice", busy, "!go").unwrap();
    bench.turns(busy, 2).await;
    bench.abort().await;
    restore(&state, &copy);
    bench.boot().await;
    let history = bench.history(talked).await;
    assert_eq!(history, "History: SAY:one | HISTORY");
    bench.sees(busy, "ompcord was interrupted").await;
    bench.press("alice", busy, "Discard").await;
    let messages = bench.turns(busy, 3).await;
    assert_eq!(
        answers(&messages).matches("I waited").count(),
        2,
        "it is run again"
    );
    bench.finish().await;
}

#[tokio::test]
async fn what_cannot_be_copied_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    std::fs::create_dir(&state).unwrap();
    let copies = dir.path().join("copies");
    std::fs::create_dir(&copies).unwrap();
    let copy: PathBuf = copies.join("copy.db");
    let name = copy.to_str().unwrap();
    let refused = async |arguments: &[&str], word: &str| {
        let (code, text) = said(&backup(&state, arguments).await);
        assert!(code == Some(1) && text.contains(word), "{code:?} {text}");
        assert!(names(&copies).is_empty(), "{:?}", names(&copies));
    };
    refused(&[name], "there is no database").await;

    let database = state.join("ompcord.db");
    Store::open(&database).await.unwrap().close().await;
    let own = database.to_str().unwrap();
    refused(&[own, "--force"], "is the database itself").await;
    refused(&[&format!("{own}-wal")], "is the database itself").await;
    refused(&[copies.to_str().unwrap(), "--force"], "is no file").await;
    refused(&["/no/such/directory/copy.db"], "cannot write").await;
    let mut bytes = std::fs::read(&database).unwrap();
    let whole = bytes.clone();
    bytes[8_192..].fill(0x55);
    std::fs::write(&database, bytes).unwrap();
    refused(&[name], "damaged").await;

    // With no daemon it is the same, and the database is left as it was.
    std::fs::write(&database, &whole).unwrap();
    let made = backup(&state, &[name]).await;
    assert_eq!(said(&made), (Some(0), String::new()));
    assert_eq!(names(&state), ["ompcord.db"]);
    assert!(whole == std::fs::read(&database).unwrap());
    let opened = Store::open(&copy).await.unwrap();
    assert_eq!(opened.outbox_left().await.unwrap(), 0);
    opened.close().await;
}

#[tokio::test]
async fn a_disk_without_room_gets_no_part_of_a_copy() {
    let dir = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(&dir.path().join("small"), "64k") else {
        return;
    };
    let small = dir.path().join("small");
    Store::open(&dir.path().join("ompcord.db"))
        .await
        .unwrap()
        .close()
        .await;
    let copy = small.join("copy.db");
    let (code, text) = said(&backup(dir.path(), &[copy.to_str().unwrap()]).await);
    assert!(code == Some(1) && text.contains("no room for the copy"), "{text}");
    assert!(names(&small).is_empty(), "{:?}", names(&small));
    drop(disk);
}

#[tokio::test]
async fn a_database_of_the_future_is_refused_and_left_as_it_is() {
    use sqlx::ConnectOptions as _;
    let bench = Bench::on(Sim::start(SimConfig::default()).await.unwrap(), Vec::new(), None);
    let state = bench.config().state_dir;
    std::fs::create_dir(&state).unwrap();
    let database = state.join("ompcord.db");
    Store::open(&database).await.unwrap().close().await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&database);
    let mut later = options.connect().await.unwrap();
    let step = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                VALUES (99991231, 'later', TRUE, x'00', 0)";
    sqlx::query(step).execute(&mut later).await.unwrap();
    sqlx::Connection::close(later).await.unwrap();
    let before = std::fs::read(&database).unwrap();
    let status = crate::restart::Program::start(&bench, None).ended().await;
    let log = std::fs::read_to_string(bench.dir.path().join("log.txt")).unwrap();
    assert_eq!(status.code(), Some(74), "{log}");
    assert!(
        log.contains("written by a newer ompcord (its schema has step 99991231)"),
        "{log}"
    );
    assert!(log.contains("hint: update ompcord"), "{log}");
    assert!(before == std::fs::read(&database).unwrap(), "it was written to");
    assert!(bench.sim.requests().is_empty(), "Discord was not asked");
    // It can still be copied, by whoever wants to go back.
    let copy = bench.dir.path().join("copy.db");
    let made = backup(&state, &[copy.to_str().unwrap(), "--json"]).await;
    let shown: Value = serde_json::from_slice(&made.stdout).unwrap();
    assert_eq!(shown["schema"], 99_991_231);
}
