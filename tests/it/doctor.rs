//! `ompcord doctor` on set-ups that are broken in one way each: it names what is wrong and what to do, and is not
//! confused about the rest.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use ompcord::sim::{Sim, SimConfig, permission};
use ompcord::store::Store;
use serde_json::Value;
use sqlx::ConnectOptions as _;
use tokio::process::Command;

use crate::harness::{Bench, processes, scripted_command};
use crate::real::Model;

/// The intent for the content of messages, by Discord's number.
const MESSAGE_CONTENT: u64 = 1 << 15;

/// A configuration in a file, as people have it.
struct Patient {
    sim: Sim,
    dir: tempfile::TempDir,
    vars: Vec<(&'static str, String)>,
}

/// One check, as scripts see it.
#[derive(Debug)]
struct Check {
    name: String,
    grade: String,
    detail: String,
    todo: String,
}

impl Patient {
    async fn new() -> Self {
        Self::on(SimConfig::default()).await
    }

    async fn on(config: SimConfig) -> Self {
        let sim = Sim::start(config).await.unwrap();
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("code")).unwrap();
        let vars = vec![
            ("DISCORD_API_URL", sim.base_url()),
            ("DISCORD_BOT_TOKEN", sim.bot_token()),
            ("DISCORD_GUILD_ID", sim.guild_id().to_string()),
            ("DISCORD_CHANNEL_ID", sim.home_channel().to_string()),
            ("DISCORD_ALLOWED_USERS", sim.user("alice").unwrap().to_string()),
            (
                "OMP_COMMAND",
                format!("'{}'", scripted_command(dir.path()).replace(' ', "' '")),
            ),
            ("OMP_WORKDIR", dir.path().join("code").display().to_string()),
            (
                "OMPCORD_STATE_DIR",
                dir.path().join("state").display().to_string(),
            ),
            ("OMPCORD_HTTP_ADDR", "127.0.0.1:0".to_owned()),
        ];
        Self { sim, dir, vars }
    }

    fn set(&mut self, name: &'static str, value: &dyn ToString) {
        self.vars.retain(|(known, _)| *known != name);
        self.vars.push((name, value.to_string()));
    }

    fn var(&self, name: &str) -> Option<String> {
        let known = self.vars.iter().find(|(known, _)| *known == name);
        known.map(|(_, value)| value.clone())
    }

    fn env_file(&self) -> PathBuf {
        self.dir.path().join("ompcord.env")
    }

    fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let lines: Vec<String> = self
            .vars
            .iter()
            .map(|(name, value)| format!("{name}=\"{value}\"\n"))
            .collect();
        if !self.env_file().exists() {
            std::fs::write(self.env_file(), "").unwrap();
            std::fs::set_permissions(self.env_file(), std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        std::fs::write(self.env_file(), lines.concat()).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_ompcord"));
        command
            .arg("doctor")
            .args(arguments)
            .arg("--env-file")
            .arg(self.env_file())
            .env_clear()
            .env("PATH", std::env::var("PATH").unwrap())
            .env(
                "HOME",
                self.var("HOME").unwrap_or(self.dir.path().display().to_string()),
            )
            .current_dir(self.dir.path())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Runs the doctor and gives what it found; `well`: whether it is content.
    async fn examined(&self, well: bool) -> Vec<Check> {
        let output = self.command(&["--json"]).output().await.unwrap();
        let (out, err) = (
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        );
        let token = self.sim.bot_token();
        assert!(!out.contains(&token) && !err.contains(&token), "{out}{err}");
        let report: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{err}"));
        assert_eq!(output.status.code(), Some(i32::from(!well)), "{out}{err}");
        assert_eq!(report["ok"], well, "{out}");
        let text = |check: &Value, name: &str| check[name].as_str().unwrap_or_default().to_owned();
        let checks = report["checks"].as_array().unwrap();
        let state = self.state().display().to_string();
        assert_eq!(processes(&state), Vec::<u32>::new(), "the agent is gone again");
        checks
            .iter()
            .map(|check| Check {
                name: text(check, "name"),
                grade: text(check, "grade"),
                detail: text(check, "detail"),
                todo: text(check, "todo"),
            })
            .collect()
    }

    /// The doctor fails, and all that fails is of this name, says these words and what to do.
    async fn fails(&self, name: &str, words: &[&str], todo: &str) {
        let checks = self.examined(false).await;
        let failed: Vec<&Check> = checks.iter().filter(|check| check.grade == "failed").collect();
        let [failed] = failed.as_slice() else {
            panic!("one thing is wrong: {failed:#?}");
        };
        assert_eq!(failed.name, name, "{failed:?}");
        for word in words {
            assert!(failed.detail.contains(word), "{word:?} is missing: {failed:?}");
        }
        assert!(failed.todo.contains(todo), "{todo:?} is missing: {failed:?}");
    }
}

#[tokio::test]
async fn a_good_set_up_is_all_well_before_the_first_start_and_nothing_is_made() {
    let patient = Patient::new().await;
    let checks = patient.examined(true).await;
    let names: Vec<&str> = checks.iter().map(|check| check.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "Configuration",
            "State directory",
            "Private files",
            "Database",
            "Disk",
            "HTTP API",
            "API token",
            "Bot token",
            "Clock",
            "Gateway",
            "Message Content",
            "Server",
            "Commands",
            "Home channel",
            "Permissions",
            "Agent",
            "Extension",
            "Service",
        ]
    );
    let odd: Vec<&Check> = checks.iter().filter(|check| check.grade == "warning").collect();
    assert!(odd.is_empty(), "{odd:#?}");
    assert!(!patient.state().exists(), "looking makes nothing");
    assert_eq!(patient.sim.logins(), (0, 0), "no login was spent");
    let text = patient.command(&[]).output().await.unwrap();
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.starts_with("✓ Configuration"), "{text}");
    assert!(text.ends_with("Everything is as it should be.\n"), "{text}");
    patient.sim.assert_clean();
}

#[tokio::test]
async fn a_daemon_that_runs_is_no_reason_to_worry() {
    let mut bench = Bench::start().await;
    let mut patient = Patient::new().await;
    let addr = bench.url().replace("http://", "");
    patient.set("OMPCORD_STATE_DIR", &bench.config().state_dir.display());
    patient.set("OMPCORD_HTTP_ADDR", &addr);
    // The daemon in this process takes no lock, since its place among the tests is a directory of its own.
    let lock = ompcord::config::InstanceLock::acquire(&bench.config().state_dir).unwrap();
    let of = |checks: &[Check], name: &str| {
        let check = checks.iter().find(|check| check.name == name).unwrap();
        check.detail.clone()
    };
    let checks = patient.examined(true).await;
    let pid = std::process::id();
    let answers = format!("the daemon (pid {pid}) answers at {addr} and is ready");
    assert_eq!(of(&checks, "HTTP API"), answers);
    assert_eq!(of(&checks, "API token"), "the daemon accepts it");
    assert!(of(&checks, "Database").ends_with("whole, and free"));

    // It hangs: its lock is there, and nothing answers.
    bench.shut_down().await;
    let words = ["a daemon (pid", "does not answer"];
    patient.fails("HTTP API", &words, "restart it").await;
    drop(lock);
    bench.finish().await;
}

#[tokio::test]
async fn broken_1_a_token_that_discord_does_not_know() {
    let mut patient = Patient::new().await;
    patient.set("DISCORD_BOT_TOKEN", &"MTIzNDU2.GaBcDe.not-the-bots-token");
    patient
        .fails("Bot token", &["does not accept it"], "reset the token")
        .await;
}

#[tokio::test]
async fn broken_2_the_message_content_intent_is_off() {
    let patient = Patient::on(SimConfig {
        disallowed_intents: MESSAGE_CONTENT,
        ..SimConfig::default()
    })
    .await;
    let todo = "switch on Message Content Intent";
    patient.fails("Message Content", &["switched off"], todo).await;
}

#[tokio::test]
async fn broken_3_the_bot_is_not_in_the_server() {
    let mut patient = Patient::new().await;
    patient.set("DISCORD_GUILD_ID", &"987654321098765432");
    let words = ["is not in the server 987654321098765432"];
    patient
        .fails(
            "Server",
            &words,
            "https://discord.com/oauth2/authorize?client_id=",
        )
        .await;
}

#[tokio::test]
async fn broken_4_the_channel_belongs_to_another_server_or_is_gone() {
    let mut patient = Patient::new().await;
    patient.set("DISCORD_CHANNEL_ID", &patient.sim.channel("far").unwrap());
    patient
        .fails("Home channel", &["#far", "another server"], "DISCORD_CHANNEL_ID")
        .await;
    patient.set("DISCORD_CHANNEL_ID", &"987654321098765432");
    patient
        .fails("Home channel", &["does not exist"], "DISCORD_CHANNEL_ID")
        .await;
}

#[tokio::test]
async fn broken_5_a_permission_is_missing() {
    let patient = Patient::on(SimConfig {
        permissions: permission::ALL_OF_A_BOT & !permission::CREATE_PUBLIC_THREADS,
        ..SimConfig::default()
    })
    .await;
    let words = ["Create Public Threads is missing", "no session can start"];
    patient
        .fails("Permissions", &words, "give it to the bot's role")
        .await;
}

#[tokio::test]
async fn broken_6_another_program_has_the_port() {
    let mut patient = Patient::new().await;
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = other.local_addr().unwrap();
    patient.set("OMPCORD_HTTP_ADDR", &addr);
    let words = [&*format!("another program has {addr}")];
    patient.fails("HTTP API", &words, "OMPCORD_HTTP_ADDR").await;
}

#[tokio::test]
async fn broken_7_there_is_no_agent() {
    let mut patient = Patient::new().await;
    patient.set("OMP_COMMAND", &"no-such-agent");
    patient
        .fails("Agent", &["no-such-agent was not found"], "npm i -g")
        .await;
}

/// A program that says it is an agent of this version, and knows no other mode than a terminal.
fn fake_agent(dir: &Path, version: &str) -> PathBuf {
    let path = dir.join("old-omp");
    let script = format!(
        "#!/bin/sh\nif [ \"$1\" = --version ]; then echo {version}; exit; fi\necho 'unknown mode: rpc-ui' >&2\nexit 1\n"
    );
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[tokio::test]
async fn broken_8_the_agent_is_too_old_or_does_not_come_up() {
    let mut patient = Patient::new().await;
    patient.set(
        "OMP_COMMAND",
        &fake_agent(patient.dir.path(), "omp/12.0.0").display(),
    );
    patient
        .fails("Agent", &["omp/12.0.0 is too old"], "update it")
        .await;
    patient.set(
        "OMP_COMMAND",
        &fake_agent(patient.dir.path(), "omp/18.2.3").display(),
    );
    let words = [
        "omp/18.2.3, but it ended with exit code 1",
        "unknown mode: rpc-ui",
    ];
    patient.fails("Agent", &words, "answers in a terminal").await;
}

#[tokio::test]
async fn broken_9_the_state_directory_cannot_be_written_to() {
    let mut patient = Patient::new().await;
    // Where not even root can make a directory.
    patient.set("OMPCORD_STATE_DIR", &"/proc/ompcord");
    let checks = patient.examined(false).await;
    let state = checks
        .iter()
        .find(|check| check.name == "State directory")
        .unwrap();
    assert_eq!(state.grade, "failed");
    assert!(
        state.detail.contains("/proc/ompcord cannot be written to"),
        "{state:?}"
    );
    assert!(state.todo.contains("OMPCORD_STATE_DIR"), "{state:?}");
}

#[tokio::test]
async fn broken_10_the_database_is_locked_damaged_or_from_the_future() {
    let patient = Patient::new().await;
    std::fs::create_dir(patient.state()).unwrap();
    std::fs::set_permissions(patient.state(), std::fs::Permissions::from_mode(0o700)).unwrap();
    let path = patient.state().join("ompcord.db");
    Store::open(&path).await.unwrap().close().await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
    let mut holder = options.connect().await.unwrap();
    sqlx::query("BEGIN EXCLUSIVE").execute(&mut holder).await.unwrap();
    patient
        .fails("Database", &["locked"], "close whatever else")
        .await;
    sqlx::query("ROLLBACK").execute(&mut holder).await.unwrap();
    let later = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                 VALUES (99991231, 'later', TRUE, x'00', 0)";
    sqlx::query(later).execute(&mut holder).await.unwrap();
    sqlx::Connection::close(holder).await.unwrap();
    patient
        .fails("Database", &["newer ompcord", "99991231"], "update ompcord")
        .await;
    std::fs::write(&path, b"this is no database ".repeat(400)).unwrap();
    patient.fails("Database", &["damaged"], "ompcord backup").await;
}

#[tokio::test]
async fn broken_11_the_clock_is_wrong() {
    let patient = Patient::on(SimConfig {
        clock_ahead_s: 3_600,
        ..SimConfig::default()
    })
    .await;
    patient.fails("Clock", &["behind Discord"], "timedatectl").await;
}

#[tokio::test]
async fn broken_12_others_can_read_the_file_with_the_token() {
    let patient = Patient::new().await;
    // Once written, the file keeps its mode.
    patient.examined(true).await;
    std::fs::set_permissions(patient.env_file(), std::fs::Permissions::from_mode(0o644)).unwrap();
    let place = patient.env_file().display().to_string();
    let todo = format!("chmod 600 {place}");
    patient
        .fails("Private files", &["other users can read", &place], &todo)
        .await;
}

#[tokio::test]
async fn what_cannot_be_read_is_told_whole_and_discord_is_not_asked() {
    let mut patient = Patient::new().await;
    patient.set("DISCORD_GUILD_ID", &"my server");
    patient.set("OMP_APPROVAL_MODE", &"never");
    let checks = patient.examined(false).await;
    let failed: Vec<&str> = checks
        .iter()
        .filter(|check| check.grade == "failed")
        .map(|check| check.detail.split(':').next().unwrap())
        .collect();
    assert_eq!(failed, ["DISCORD_GUILD_ID", "OMP_APPROVAL_MODE"]);
    assert!(patient.sim.requests().is_empty());
}

#[tokio::test]
async fn real_an_agent_that_is_installed_comes_up() {
    let Some(omp) = std::env::var("OMPCORD_TEST_OMP")
        .ok()
        .filter(|omp| !omp.is_empty())
    else {
        return;
    };
    let mut patient = Patient::new().await;
    patient.set("OMP_COMMAND", &omp);
    // Its home is empty, so it has no model: what the daemon would meet with the first prompt.
    let words = ["omp/", "ended with exit code 1", "No models available"];
    patient.fails("Agent", &words, "answers in a terminal").await;

    let model = Model::start();
    patient.set("OMP_MODEL", &model.name);
    patient.set("HOME", &model.home().display());
    patient.set("OMPCORD_AGENT_ENV", &"HOME");
    let checks = patient.examined(true).await;
    let agent = checks.iter().find(|check| check.name == "Agent").unwrap();
    assert!(
        agent.detail.starts_with("omp/") && agent.detail.contains("came up in"),
        "{agent:?}"
    );
}
