//! `ompcord send`, `notify` and `sessions`, as a shell runs them.

use std::process::Output;

use serde_json::{Value, json};

use super::session_token;
use crate::harness::Bench;

async fn run(bench: &Bench, url: &str, args: &[&str]) -> (Option<i32>, String, String) {
    run_with(bench, url, args, &[]).await
}

async fn run_with(
    bench: &Bench,
    url: &str,
    args: &[&str],
    vars: &[(&str, &str)],
) -> (Option<i32>, String, String) {
    told(command(bench, url, args, vars).output()).await
}

/// What came of it.
async fn told(output: impl Future<Output = std::io::Result<Output>>) -> (Option<i32>, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = tokio::time::timeout(std::time::Duration::from_mins(1), output)
        .await
        .expect("it ends")
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

fn command(bench: &Bench, url: &str, args: &[&str], vars: &[(&str, &str)]) -> tokio::process::Command {
    // Nothing but where the daemon is: a shell has no token of Discord.
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_ompcord"));
    command
        .args(args)
        .env_clear()
        .env("HOME", bench.dir.path())
        .env("HTTP_PROXY", "http://127.0.0.1:1")
        .env("OMPCORD_STATE_DIR", bench.config().state_dir)
        .env("OMPCORD_HTTP_ADDR", url.trim_start_matches("http://"))
        .envs(vars.iter().copied())
        .current_dir(bench.dir.path())
        .kill_on_drop(true);
    command
}

/// With a file as standard input.
async fn run_from(bench: &Bench, url: &str, args: &[&str], input: &str) -> (Option<i32>, String, String) {
    let file = bench.dir.path().join("input");
    std::fs::write(&file, input).unwrap();
    let mut command = command(bench, url, args, &[]);
    told(command.stdin(std::fs::File::open(file).unwrap()).output()).await
}

#[tokio::test]
async fn a_shell_gives_prompts_sends_notices_and_lists_sessions() {
    let bench = Bench::start().await;
    let url = bench.url();
    assert_eq!(
        run(&bench, &url, &["sessions"]).await,
        (Some(0), "no sessions\n".to_owned(), String::new())
    );
    let (code, out, err) = run(&bench, &url, &["send", "--wait", "SAY:Hello, shell."]).await;
    assert_eq!((code, out.as_str()), (Some(0), "Hello, shell.\n"), "{err}");
    let (code, out, _) = run(&bench, &url, &["sessions", "--json"]).await;
    let sessions: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, sessions.as_array().unwrap().len()), (Some(0), 1));
    let (id, thread) = (
        sessions[0]["session_id"].as_str().unwrap(),
        sessions[0]["thread_id"].as_str().unwrap(),
    );
    let (_, out, _) = run(&bench, &url, &["sessions"]).await;
    assert!(
        out.starts_with(id) && out.contains(&format!("/{thread}")),
        "{out}"
    );
    let (code, out, _) = run(
        &bench,
        &url,
        &["send", "--thread", thread, "--wait", "--json", "SAY:Again."],
    )
    .await;
    let answer: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (code, &answer["answer"], &answer["session_id"]),
        (Some(0), &json!("Again."), &json!(id))
    );
    let (code, out, err) = run(
        &bench,
        &url,
        &["send", "--session", id, "--wait", "ERROR:out of credit"],
    )
    .await;
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(err.contains("out of credit") && err.contains(id), "{err}");
    let (code, out, _) = run(&bench, &url, &["send", "--session", id, "SAY:no hurry"]).await;
    assert_eq!((code, out), (Some(0), format!("{id}: queued\n")));
    let thread = thread.parse().unwrap();
    bench.turns(thread, 4).await;

    // A prompt from a pipe has lines; a new session may be anywhere in the server.
    let home = bench.sim.home_channel().to_string();
    let piped = ["send", "--channel", &home, "--wait", "-"];
    let (code, out, err) = run_from(&bench, &url, &piped, "SAY:one\nSAY:two\n").await;
    assert!(code == Some(0) && out.contains("two"), "{out}{err}");
    let (_, out, _) = run(&bench, &url, &["sessions"]).await;
    assert_eq!(out.lines().count(), 2, "{out}");
    let notified = run_from(&bench, &url, &["notify", "-", "--json"], "From a pipe\n").await;
    let answer: Value = serde_json::from_str(&notified.1).unwrap();
    assert_eq!((notified.0, &answer["way"]), (Some(0), &json!("daemon")));

    // Where there is a daemon, a webhook is not used.
    let hook = bench.sim.add_webhook("home", "not this one").unwrap();
    let vars = [("DISCORD_WEBHOOK_URL", hook.as_str())];
    let notified = run_with(&bench, &url, &["notify", "Lunch is ready"], &vars).await;
    assert_eq!(
        notified,
        (Some(0), "sent through the daemon\n".to_owned(), String::new())
    );
    let home = bench.sim.home_channel();
    let there = |sim: &ompcord::sim::Sim| {
        let messages = sim.messages(home.thread());
        messages
            .into_iter()
            .find(|m| m.by_bot && m.content == "Lunch is ready")
    };
    bench.sim.until("the notice", there).await;
    // Inside an agent the environment says where the daemon is, and the session's own thread is meant.
    let token = session_token(&bench, id).await;
    let inside = [("OMPCORD_URL", url.as_str()), ("OMPCORD_SESSION_TOKEN", &token)];
    let (code, _, err) = run_with(&bench, "127.0.0.1:1", &["notify", "From within"], &inside).await;
    assert_eq!(code, Some(0), "{err}");
    bench.sees(thread, "From within").await;
    bench.finish().await;
}

#[tokio::test]
async fn a_shell_is_told_what_is_wrong_and_what_to_do() {
    let mut bench = Bench::start().await;
    let url = bench.url();
    let expect = async |bench: &Bench, args: &[&str], wanted: i32, words: &[&str]| {
        let (code, out, err) = run(bench, &url, args).await;
        assert_eq!((code, out.as_str()), (Some(wanted), ""), "{err}");
        for word in words {
            assert!(err.contains(word), "{word:?} in {err}");
        }
    };
    expect(
        &bench,
        &["send", "--session", "session_00000000", "x"],
        1,
        &["error: there is no such session", "hint: "],
    )
    .await;
    expect(&bench, &["send", "--session", "me", "x"], 2, &["--session"]).await;
    expect(
        &bench,
        &["send", "--thread", "123", "x"],
        1,
        &["no open session has the thread 123", "ompcord sessions"],
    )
    .await;
    expect(
        &bench,
        &["notify", "--channel", "123", "x"],
        1,
        &["channel_id: there is no such channel"],
    )
    .await;
    expect(&bench, &["send", " "], 1, &["prompt: it is empty"]).await;
    let file = bench.config().api_token_path();
    let token = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, "ompo_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").unwrap();
    expect(
        &bench,
        &["sessions"],
        1,
        &["this token is not good", "OMPCORD_STATE_DIR"],
    )
    .await;
    std::fs::remove_file(&file).unwrap();
    expect(
        &bench,
        &["sessions"],
        1,
        &["cannot read the daemon's token", "ompcord run"],
    )
    .await;
    std::fs::write(&file, token).unwrap();
    bench.shut_down().await;
    expect(
        &bench,
        &["sessions"],
        1,
        &[
            "no daemon answers at http://127.0.0.1:",
            "hint: start it with `ompcord run`",
        ],
    )
    .await;
    bench.finish().await;
}
