//! What is old is forgotten, what anything waits for is not, and nobody is told that it never was.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::json;
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, SqliteConnection};

use crate::harness::{Bench, answers, eventually};
use crate::http::events::Stream;
use crate::restart::Program;
use crate::terminal::Terminal;

/// Forty days.
const AGE: Duration = Duration::from_hours(40 * 24);

async fn open(bench: &Bench) -> SqliteConnection {
    let path = bench.config().database_path();
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
    options.connect().await.unwrap()
}

async fn count(database: &mut SqliteConnection, query: &'static str) -> i64 {
    sqlx::query_scalar(query).fetch_one(database).await.unwrap()
}

/// Everything that is stored happened forty days earlier.
async fn grow_old(database: &mut SqliteConnection) {
    for (table, column) in [
        ("events", "created_at"),
        ("prompts", "created_at"),
        ("prompts", "ended_at"),
        ("dialogs", "created_at"),
        ("dialogs", "ended_at"),
        ("launches", "created_at"),
        ("agent_sessions", "last_active_at"),
    ] {
        let query = format!("UPDATE {table} SET {column} = {column} - {}", AGE.as_millis());
        database.execute(sqlx::AssertSqlSafe(query)).await.unwrap();
    }
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let folders = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let folders = folders.filter(|path| path.is_dir());
    let mut files: Vec<PathBuf> = folders
        .flat_map(|folder| std::fs::read_dir(folder).unwrap())
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

fn age_files(files: &[PathBuf]) {
    for file in files {
        let file = std::fs::File::options().append(true).open(file).unwrap();
        file.set_modified(SystemTime::now() - AGE).unwrap();
    }
}

#[tokio::test]
async fn what_is_old_is_forgotten_and_what_waits_is_not() {
    let mut bench = Bench::start().await;
    let sim = bench.sim.clone();
    let with_file = |place: ompcord::ids::ChannelId, text: &str| {
        let files: [(&str, &[u8]); 1] = [("notes.bin", &[0; 100])];
        sim.say_with_files("alice", place, text, &files).unwrap()
    };
    // A session with all of it: an attachment, a long answer that became a file, an answered question, a queue.
    let (_, thread) = bench.launch("SAY:one").await;
    bench.turns(thread, 1).await;
    with_file(thread.channel(), "SAY:two");
    bench.turns(thread, 2).await;
    sim.say("alice", thread, "LONG:20").unwrap();
    bench.turns(thread, 3).await;
    let (_, busy) = bench.launch("SAY:zero").await;
    bench.turns(busy, 1).await;
    with_file(busy.channel(), "SAY:Begun to work.\nSTEERABLE");
    bench.sees(busy, "Begun to").await;
    let waiting = sim.say("alice", busy, "SAY:I waited").unwrap();
    bench.marked(waiting, "📥", true).await;
    bench.abort().await;

    let (attachments, copies) = (bench.config().attachments_dir(), bench.config().transcripts_dir());
    let stored = files(&attachments);
    assert_eq!(stored.len(), 2, "{stored:?}");
    assert!(!files(&copies).is_empty(), "the long answer is a file");
    age_files(&stored);
    age_files(&files(&copies));
    let mut database = open(&bench).await;
    grow_old(&mut database).await;
    // Enough that the file becomes smaller by it.
    let bulk = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 6000)
         INSERT INTO events (session_id, source, event_type, content, happened_at, created_at)
         SELECT (SELECT session_id FROM agent_sessions LIMIT 1), 'agent', 'bulk', printf('%.*c', 2000, 'x'), 0, i FROM n";
    database.execute(bulk).await.unwrap();
    let newest = count(&mut database, "SELECT max(event_id) FROM events").await;
    sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
        .execute(&mut database)
        .await
        .unwrap();
    database.close().await.unwrap();
    let path = bench.config().database_path();
    let size = || std::fs::metadata(&path).unwrap().len();
    let large = size();
    assert!(large > 12_000_000, "{large}");

    bench.boot().await;
    let left = || files(&attachments);
    eventually("the old attachment to be gone", || left().len() == 1).await;
    eventually("the copies to be gone", || files(&copies).is_empty()).await;
    eventually("the space to be given back", || size() < large / 2).await;
    let mut database = open(&bench).await;
    let kept = count(&mut database, "SELECT count(*) FROM launches").await;
    assert_eq!(kept, 2, "a launch is for ever");
    let old = "SELECT count(*) FROM events WHERE event_type = 'bulk'";
    assert_eq!(count(&mut database, old).await, 0);
    let texts = "SELECT count(*) FROM prompts WHERE text <> '' AND state IN ('done', 'dropped')";
    assert_eq!(count(&mut database, texts).await, 0);
    let rows = "SELECT count(*) FROM prompts WHERE state = 'done'";
    assert_eq!(count(&mut database, rows).await, 4, "no message is run twice");
    database.close().await.unwrap();

    // Who comes with an old place is told what is missing, and once; who has seen all of it is told nothing.
    let api = bench.api();
    let mut late = Stream::open(&api, "", Some("1")).await;
    let (id, kind, data) = late.next().await.unwrap();
    assert_eq!((id, kind.as_str()), (0, "events_forgotten"), "{data}");
    assert_eq!(
        (&data["data"]["up_to"], &data["session_id"]),
        (&json!(newest), &json!(null))
    );
    let (id, kind, _) = late.next().await.unwrap();
    assert!(id > newest && kind != "events_forgotten", "{id} {kind}");
    let mut timely = Stream::open(&api, &format!("?after={newest}"), None).await;
    assert_eq!(
        timely.next().await.unwrap().0,
        id,
        "nothing is said to be missing"
    );

    // What waited goes on, with its file.
    bench.sees(busy, "ompcord was interrupted").await;
    assert_eq!(left().len(), 1);
    bench.press("alice", busy, "Discard").await;
    let messages = bench.turns(busy, 2).await;
    assert!(answers(&messages).contains("I waited"));
    assert!(bench.history(thread).await.contains("SAY:one"));
    bench.finish().await;
}

#[tokio::test]
async fn what_a_terminal_posted_is_kept_until_it_was_shown() {
    let mut bench = Bench::start().await;
    let terminal = Terminal::attach(&bench, "one").await;
    bench.abort().await;
    let mut database = open(&bench).await;
    let posted = "INSERT INTO events (session_id, source, event_type, content, happened_at, created_at)
         SELECT session_id, 'agent', kind, 'Said long ago.', 0, 1 FROM terminals, (
             SELECT 'agent_start' AS kind UNION ALL SELECT 'message' UNION ALL SELECT 'agent_end')";
    database.execute(posted).await.unwrap();
    database.close().await.unwrap();
    bench.boot().await;
    bench.sees(terminal.thread, "Said long ago.").await;
    bench.barrier().await;
    bench.finish().await;
}

#[tokio::test]
async fn with_off_nothing_is_forgotten() {
    let mut bench = Bench::with_vars(|_| vec![("OMPCORD_RETENTION", "off".to_owned())]).await;
    let (_, thread) = bench.launch("SAY:one").await;
    bench.turns(thread, 1).await;
    bench.shut_down().await;
    let mut database = open(&bench).await;
    grow_old(&mut database).await;
    let before = count(&mut database, "SELECT count(*) FROM events").await;
    assert!(before > 0);
    database.close().await.unwrap();
    let program = Program::run(&bench).await;
    let log = bench.dir.path().join("log.txt");
    let looked = || {
        std::fs::read_to_string(&log)
            .unwrap()
            .contains("nothing is forgotten")
    };
    eventually("the daemon to have looked", looked).await;
    program.signal(nix::sys::signal::Signal::SIGTERM);
    assert!(program.ended().await.success());
    let mut database = open(&bench).await;
    let old = "SELECT count(*) FROM events WHERE created_at < (unixepoch() - 35 * 86400) * 1000";
    assert_eq!(count(&mut database, old).await, before);
    database.close().await.unwrap();
    bench.finish().await;
}
