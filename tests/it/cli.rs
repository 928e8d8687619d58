//! The program as a shell or systemd sees it.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::{Command, Output};

use ompcord::config::InstanceLock;

const TOKEN: &str = "MTIzNDU2Nzg5MDEyMzQ1Njc4.GaBcDe.abcdefghijklmnopqrstuvwxyz0123456789AB";

/// The program with nothing in its environment but a home.
fn ompcord(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ompcord"));
    command.env_clear().env("HOME", home).current_dir(home);
    command
}

fn told(output: &Output) -> String {
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "",
        "an error is nothing for standard output"
    );
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn without_configuration_it_says_all_that_is_missing_and_exits_with_2() {
    let home = tempfile::tempdir().unwrap();
    for command in [None, Some("run")] {
        let output = ompcord(home.path()).args(command).output().unwrap();
        let text = told(&output);
        assert_eq!(output.status.code(), Some(2), "{text}");
        for name in [
            "DISCORD_BOT_TOKEN",
            "DISCORD_GUILD_ID",
            "DISCORD_CHANNEL_ID",
            "hint: ",
        ] {
            assert!(text.contains(name), "{text}");
        }
    }
    assert_eq!(
        std::fs::read_dir(home.path()).unwrap().count(),
        0,
        "nothing was made"
    );
}

#[test]
fn the_first_file_found_is_the_only_one_read() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(home.path().join(".config/ompcord")).unwrap();
    std::fs::write(
        home.path().join(".config/ompcord/.env"),
        "DISCORD_GUILD_ID=bad-in-config-home\n",
    )
    .unwrap();
    std::fs::write(home.path().join("named.env"), "DISCORD_GUILD_ID=bad-in-named\n").unwrap();
    let guild = |args: &[&str]| told(&ompcord(home.path()).args(args).output().unwrap());
    assert!(guild(&[]).contains("bad-in-config-home"));
    std::fs::write(home.path().join(".env"), "DISCORD_GUILD_ID=bad-in-here\n").unwrap();
    let text = guild(&[]);
    assert!(
        text.contains("bad-in-here") && !text.contains("config-home"),
        "{text}"
    );
    for args in [
        ["--env-file", "named.env", "run"],
        ["run", "--env-file", "named.env"],
    ] {
        let text = guild(&args);
        assert!(
            text.contains("bad-in-named") && !text.contains("bad-in-here"),
            "{text}"
        );
    }
}

/// The program with a complete configuration and its state directory taken, so that it logs one warning and ends.
fn refused(home: &Path) -> (Command, InstanceLock) {
    let state = home.join("state");
    let lock = InstanceLock::acquire(&state).unwrap();
    let mut command = ompcord(home);
    command
        .env("DISCORD_BOT_TOKEN", TOKEN)
        .env("DISCORD_GUILD_ID", "1")
        .env("DISCORD_CHANNEL_ID", "2")
        .env("OMPCORD_STATE_DIR", &state)
        // Nothing listens there, should the lock ever fail to hold it back.
        .env("DISCORD_API_URL", "http://127.0.0.1:1");
    (command, lock)
}

#[test]
fn log_lines_suit_their_reader() {
    let home = tempfile::tempdir().unwrap();
    let (mut command, _lock) = refused(home.path());
    let path = home.path().join("journal");
    let journal = std::fs::File::create(&path).unwrap();
    let meta = journal.metadata().unwrap();
    command
        .env("JOURNAL_STREAM", format!("{}:{}", meta.dev(), meta.ino()))
        .stderr(journal)
        .status()
        .unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(
        text.starts_with("<4>ompcord::cli::run: nobody may use the bot"),
        "{text}"
    );

    let journal = std::fs::File::create(&path).unwrap();
    command
        .env("OMPCORD_LOG_FORMAT", "json")
        .stderr(journal)
        .status()
        .unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let line = text.lines().next().unwrap().strip_prefix("<4>").expect(&text);
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(line["level"], "WARN", "{line}");
    assert!(line.get("timestamp").is_none(), "the journal has its own: {line}");
    command.env_remove("OMPCORD_LOG_FORMAT");

    // Inherited from a terminal that is itself a service, the variable speaks of another stream.
    command.stderr(std::process::Stdio::piped());
    let text = told(&command.output().unwrap());
    assert!(
        text.contains(" WARN ompcord::cli::run: nobody") && !text.contains("<4>"),
        "{text}"
    );

    let text = told(&command.env("OMPCORD_LOG_FORMAT", "json").output().unwrap());
    let line: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!(line.get("level").and_then(|level| level.as_str()), Some("WARN"));

    let text = told(&command.env("OMPCORD_LOG", "error").output().unwrap());
    assert!(
        text.starts_with("error: "),
        "nothing is logged below the filter: {text}"
    );
}

#[test]
fn a_second_instance_is_refused_and_told_the_pid_of_the_first() {
    let home = tempfile::tempdir().unwrap();
    let (mut command, _first) = refused(home.path());
    let output = command.output().unwrap();
    let text = told(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains(&format!("(pid {})", std::process::id())), "{text}");
    assert!(
        text.contains("nobody may use the bot"),
        "warnings are logged at the start: {text}"
    );
    assert!(!text.contains(TOKEN), "{text}");
}

#[test]
fn the_version_is_for_people_and_for_scripts() {
    let home = tempfile::tempdir().unwrap();
    let text = ompcord(home.path()).arg("version").output().unwrap();
    assert!(String::from_utf8_lossy(&text.stdout).starts_with(concat!(
        "ompcord ",
        env!("CARGO_PKG_VERSION"),
        " (commit "
    )));
    let json = ompcord(home.path()).args(["version", "--json"]).output().unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(
        json.get("version").and_then(|v| v.as_str()),
        Some(env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn an_unknown_command_is_a_usage_error() {
    let home = tempfile::tempdir().unwrap();
    let output = ompcord(home.path()).arg("versoin").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(told(&output).contains("'version'"), "a suggestion is made");
}
