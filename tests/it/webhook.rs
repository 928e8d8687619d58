//! `ompcord notify` where no daemon runs: through a webhook of the simulated Discord.

use std::process::Stdio;
use std::time::Duration;

use ompcord::sim::{Fault, Mishap, Sim, SimConfig};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::harness::eventually;

const ROUTE: &str = "/webhooks/{}/{}";

struct Shell {
    sim: Sim,
    home: tempfile::TempDir,
    webhook: String,
}

type Told = (Option<i32>, String, String);

impl Shell {
    async fn new() -> Self {
        let sim = Sim::start(SimConfig::default()).await.unwrap();
        let webhook = sim.add_webhook("home", "builds").unwrap();
        let home = tempfile::tempdir().unwrap();
        Self { sim, home, webhook }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ompcord"));
        command
            .arg("notify")
            .args(args)
            .env_clear()
            .env("HOME", self.home.path())
            .env("HTTP_PROXY", "http://127.0.0.1:1")
            // Nobody listens there.
            .env("OMPCORD_HTTP_ADDR", "127.0.0.1:1")
            .env("DISCORD_WEBHOOK_URL", &self.webhook)
            .current_dir(self.home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    async fn notify(&self, args: &[&str]) -> Told {
        told(self.command(args).spawn().unwrap()).await
    }

    /// What is in the channel.
    fn said(&self) -> Vec<String> {
        self.sim.messages("home").into_iter().map(|m| m.content).collect()
    }
}

async fn told(child: tokio::process::Child) -> Told {
    let output = tokio::time::timeout(Duration::from_mins(2), child.wait_with_output())
        .await
        .expect("it ends")
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn without_a_daemon_the_webhook_is_used_and_that_is_said() {
    let shell = Shell::new().await;
    let (code, out, err) = shell.notify(&["The build is @everyone green"]).await;
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert_eq!(
        out,
        "sent through the webhook: no daemon answers at http://127.0.0.1:1\n"
    );
    let message = shell.sim.messages("home").pop().unwrap();
    assert_eq!(
        (message.content.as_str(), message.author.as_str()),
        ("The build is @everyone green", "builds")
    );
    assert!(message.notified.is_empty(), "{:?}", message.notified);

    // From standard input, with what nobody may know taken out.
    let secret = shell.webhook.rsplit('/').next().unwrap().to_owned();
    let mut child = shell
        .command(&["-", "--json"])
        .env("NPM_TOKEN", "quite-unguessable")
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let log = format!("line 1\nnpm quite-unguessable {secret} \u{1F600}\n");
    stdin.write_all(log.as_bytes()).await.unwrap();
    drop(stdin);
    let (code, out, err) = told(child).await;
    assert_eq!((code, err.as_str()), (Some(0), ""));
    let answer: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(answer, json!({"sent": true, "way": "webhook"}));
    assert_eq!(
        shell.said().pop().unwrap(),
        "line 1\nnpm [redacted:env] [redacted:webhook] \u{1F600}"
    );
    shell.sim.assert_clean();
}

#[tokio::test]
async fn what_keeps_a_notice_from_being_sent_is_said() {
    let mut shell = Shell::new().await;
    let expect = async |shell: &Shell, args: &[&str], wanted: i32, words: &[&str]| {
        let (code, out, err) = shell.notify(args).await;
        assert_eq!((code, out.as_str()), (Some(wanted), ""), "{err}");
        for word in words {
            assert!(err.contains(word), "{word:?} in {err}");
        }
    };
    expect(&shell, &[" "], 1, &["there is nothing to say"]).await;
    let long = "x".repeat(2_001);
    expect(
        &shell,
        &[&long],
        1,
        &["2001 characters are more than Discord's 2000", "hint: "],
    )
    .await;
    let channel = ["--channel", "123", "x"];
    expect(
        &shell,
        &channel,
        1,
        &["no daemon answers at", "cannot choose a channel"],
    )
    .await;
    shell.sim.fault(Fault::next("POST", ROUTE, Mishap::status(400)));
    expect(
        &shell,
        &["x"],
        1,
        &[
            "not sent: Discord refused the message (400)",
            "so the webhook was used",
        ],
    )
    .await;
    let whole = shell.webhook.clone();
    shell.webhook.push('x');
    expect(
        &shell,
        &["x"],
        1,
        &["the webhook of DISCORD_WEBHOOK_URL does not exist any more"],
    )
    .await;
    shell.webhook = "http://discord.test/api/webhooks/1/secret-in-the-clear".to_owned();
    let (code, _, err) = shell.notify(&["x"]).await;
    assert!(
        code == Some(2) && err.contains("DISCORD_WEBHOOK_URL") && !err.contains("secret"),
        "{err}"
    );
    shell.webhook = String::new();
    expect(
        &shell,
        &["x"],
        1,
        &["no daemon answers at", "or set DISCORD_WEBHOOK_URL"],
    )
    .await;
    shell.webhook = whole;
    assert!(shell.said().is_empty());
    // Nothing of what failed waits for the next one.
    assert_eq!(shell.notify(&["at last"]).await.0, Some(0));
    assert_eq!(shell.said(), ["at last"]);
}

#[tokio::test]
async fn a_limit_and_a_broken_discord_are_waited_for() {
    let shell = Shell::new().await;
    let limited = Mishap::rate_limited(Duration::from_millis(200));
    shell.sim.fault(Fault::next("POST", ROUTE, limited));
    shell
        .sim
        .fault(Fault::next("POST", ROUTE, Mishap::status(502)).after(1));
    let (code, _, err) = shell.notify(&["patience"]).await;
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert_eq!(
        (shell.said(), shell.sim.count("POST", ROUTE)),
        (vec!["patience".to_owned()], 3)
    );
}

#[tokio::test]
async fn what_is_said_at_the_same_time_becomes_one_message() {
    let shell = Shell::new().await;
    assert_eq!(shell.notify(&["the first"]).await.0, Some(0));
    let spool = shell.home.path().join(".local/state/ompcord/webhook");
    let spool = std::fs::read_dir(spool).unwrap().next().unwrap().unwrap().path();
    let waiting = || {
        let names = std::fs::read_dir(&spool)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        names
            .filter(|path| path.extension().is_some_and(|end| end == "note"))
            .count()
    };
    // As if somebody had the turn.
    let lock = std::fs::File::open(spool.join("lock")).unwrap();
    lock.lock().unwrap();
    let mut running = Vec::new();
    for n in 0..12 {
        running.push(shell.command(&[&format!("notice {n}")]).spawn().unwrap());
    }
    eventually("all of them to wait", || waiting() == 12).await;
    // One gives up.
    running.pop().unwrap().kill().await.unwrap();
    drop(lock);
    for child in running {
        let (code, _, err) = told(child).await;
        assert_eq!((code, err.as_str()), (Some(0), ""));
    }
    assert_eq!(shell.sim.count("POST", ROUTE), 2);
    let said = shell.said();
    let mut lines: Vec<&str> = said[1].lines().collect();
    lines.sort_by_key(|line| line.rsplit(' ').next().unwrap().parse::<u32>().unwrap());
    let all: Vec<String> = (0..11).map(|n| format!("notice {n}")).collect();
    assert_eq!(lines, all);
    assert_eq!((waiting(), shell.sim.rate_limited()), (0, 0));
    shell.sim.assert_clean();
}
