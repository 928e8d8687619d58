//! `ompcord setup` and `ompcord service`: by flags, and in a terminal.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use ompcord::config::{Config, process_env};
use ompcord::sim::{Sim, SimConfig};
use secrecy::ExposeSecret as _;
use tokio::process::Command;

use crate::harness::{eventually, scripted_command};

/// A new user of a new machine, and the Discord that they know.
struct Newcomer {
    sim: Sim,
    home: tempfile::TempDir,
}

impl Newcomer {
    async fn on(config: SimConfig) -> Self {
        let sim = Sim::start(config).await.unwrap();
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("code")).unwrap();
        std::fs::write(home.path().join("token"), format!("{}\n", sim.bot_token())).unwrap();
        Self { sim, home }
    }

    async fn new() -> Self {
        Self::on(SimConfig::default()).await
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ompcord"));
        command
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var("PATH").unwrap())
            .env("HOME", self.home.path())
            .env("DISCORD_API_URL", self.sim.base_url())
            .current_dir(self.home.path())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Runs it to its end and gives the exit code and everything that was said.
    async fn run(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.command(arguments).output().await.unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said).unwrap();
        assert!(
            !said.contains(&self.sim.bot_token()),
            "the token is shown: {said}"
        );
        (output.status.code().unwrap(), said)
    }

    /// Everything that setup needs, as flags.
    fn flags(&self) -> Vec<String> {
        let agent = scripted_command(self.home.path());
        let (guild, home) = (
            self.sim.guild_id().to_string(),
            self.sim.home_channel().to_string(),
        );
        let alice = self.sim.user("alice").unwrap().to_string();
        [
            "setup",
            "--non-interactive",
            "--no-service",
            "--token-file",
            "token",
            "--guild",
            &guild,
            "--channel",
            &home,
            "--allow",
            &alice,
            "--workdir",
            "~/code",
            "--agent",
            &agent,
        ]
        .map(str::to_owned)
        .to_vec()
    }

    async fn by_flags(&self, change: impl FnOnce(&mut Vec<String>)) -> (i32, String) {
        let mut flags = self.flags();
        change(&mut flags);
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        self.run(&flags).await
    }

    fn env_file(&self) -> PathBuf {
        self.home.path().join(".config/ompcord/.env")
    }

    fn config(&self) -> Config {
        let home = self.home.path().display().to_string();
        let vars = move |name: &str| match name {
            "HOME" => Some(home.clone()),
            "PATH" => process_env(name),
            _ => None,
        };
        Config::load(Some(&self.env_file()), vars).unwrap()
    }
}

fn replace(flags: &mut [String], flag: &str, value: &str) {
    let at = flags.iter().position(|known| known == flag).unwrap();
    value.clone_into(&mut flags[at + 1]);
}

#[tokio::test]
async fn by_flags_it_writes_a_private_file_that_works_and_the_second_time_changes_nothing() {
    let newcomer = Newcomer::new().await;
    let (code, said) = newcomer.by_flags(|_| {}).await;
    assert_eq!(code, 0, "{said}");
    for word in [
        "✓ Message Content",
        "✓ Home channel #home",
        "✓ Allowed: alice",
        "Written",
    ] {
        assert!(said.contains(word), "{word:?} is missing: {said}");
    }
    let text = std::fs::read_to_string(newcomer.env_file()).unwrap();
    let mode = std::fs::metadata(newcomer.env_file())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(
        text.contains("# The only server that the bot acts in."),
        "the explanations are kept"
    );
    let config = newcomer.config();
    assert_eq!(config.token.expose_secret(), newcomer.sim.bot_token());
    assert_eq!(config.guild, newcomer.sim.guild_id());
    assert_eq!(config.agent.workdir, newcomer.home.path().join("code"));
    assert_eq!(config.warnings, Vec::<String>::new());

    let commented = format!("{text}# mine\nOMP_MODEL=a/b\n");
    std::fs::write(newcomer.env_file(), &commented).unwrap();
    std::fs::set_permissions(newcomer.env_file(), std::fs::Permissions::from_mode(0o644)).unwrap();
    let again = ["setup", "--non-interactive", "--no-service"];
    let (code, said) = newcomer.run(&again).await;
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("nothing was changed"), "{said}");
    assert_eq!(std::fs::read_to_string(newcomer.env_file()).unwrap(), commented);
    let mode = std::fs::metadata(newcomer.env_file())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600, "it has a token in it");

    let (code, said) = newcomer.run(&["doctor"]).await;
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("Everything is as it should be."), "{said}");
    newcomer.sim.assert_clean();
}

#[tokio::test]
async fn what_only_this_shell_knows_is_written_down_for_the_daemon() {
    let newcomer = Newcomer::new().await;
    let mut flags = newcomer.flags();
    for flag in ["--token-file", "--allow"] {
        let at = flags.iter().position(|known| known == flag).unwrap();
        flags.drain(at..at + 2);
    }
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let mut command = newcomer.command(&flags);
    command
        .env("DISCORD_BOT_TOKEN_FILE", newcomer.home.path().join("token"))
        .env("DISCORD_ALLOWED_ROLES", "1100000000000000050");
    let output = command.output().await.unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let config = newcomer.config();
    assert_eq!(config.token.expose_secret(), newcomer.sim.bot_token());
    let text = std::fs::read_to_string(newcomer.env_file()).unwrap();
    assert!(
        text.contains("DISCORD_ALLOWED_ROLES=1100000000000000050"),
        "{text}"
    );
}

#[tokio::test]
async fn what_is_missing_or_wrong_is_told_and_nothing_is_written() {
    let newcomer = Newcomer::new().await;
    let (code, said) = newcomer.run(&["setup", "--non-interactive"]).await;
    assert_eq!(code, 2, "{said}");
    for flag in ["--token-file", "--guild", "--channel", "--allow"] {
        assert!(said.contains(flag), "{flag} is missing: {said}");
    }
    let far = newcomer.sim.channel("far").unwrap().to_string();
    let cases: [(&str, &str, i32, &str); 5] = [
        (
            "--guild",
            "987654321098765432",
            78,
            "https://discord.com/oauth2/authorize?client_id=",
        ),
        ("--channel", &far, 1, "#far belongs to another server"),
        (
            "--allow",
            "987654321098765432",
            1,
            "Nobody in the server has the id",
        ),
        ("--workdir", "~/nowhere", 2, "a directory that exists"),
        ("--guild", "mine", 2, "digits only"),
    ];
    for (flag, value, wanted, word) in cases {
        let (code, said) = newcomer.by_flags(|flags| replace(flags, flag, value)).await;
        assert_eq!(code, wanted, "{flag}: {said}");
        assert!(said.contains(word), "{word:?} is missing: {said}");
    }
    std::fs::write(newcomer.home.path().join("token"), "MTIz.abc.not-the-token").unwrap();
    let (code, said) = newcomer.by_flags(|_| {}).await;
    assert_eq!(code, 77, "{said}");
    assert!(!newcomer.env_file().exists(), "nothing was written");
    let (code, said) = newcomer.run(&["setup"]).await;
    assert!(code == 1 && said.contains("no terminal"), "{code}: {said}");
}

#[tokio::test]
async fn an_intent_that_is_off_is_told_before_anything_is_written() {
    let newcomer = Newcomer::on(SimConfig {
        disallowed_intents: 1 << 15,
        ..SimConfig::default()
    })
    .await;
    let (code, said) = newcomer.by_flags(|_| {}).await;
    assert_eq!(code, 78, "{said}");
    assert!(said.contains("switch on Message Content Intent"), "{said}");
    assert!(!newcomer.env_file().exists());
}

/// A terminal of tmux, in which a person types.
struct Terminal {
    socket: PathBuf,
}

impl Terminal {
    fn tmux(&self, arguments: &[&str]) -> String {
        let output = std::process::Command::new("tmux")
            .arg("-S")
            .arg(&self.socket)
            .args(arguments)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-J", "-S", "-200"])
    }

    async fn shows(&self, what: &str) {
        eventually(what, || self.screen().contains(what)).await;
    }

    fn keys(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat());
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}

#[tokio::test]
async fn in_a_terminal_it_asks_for_what_is_missing_and_shows_no_token() {
    if std::process::Command::new("tmux").arg("-V").output().is_err() {
        println!("skipped: there is no tmux");
        return;
    }
    let newcomer = Newcomer::new().await;
    let terminal = Terminal {
        socket: newcomer.home.path().join("tmux"),
    };
    let script = newcomer.home.path().join("run.sh");
    let lines = format!(
        "cd {home}; exec env -i TERM=$TERM PATH=\"$PATH\" HOME={home} DISCORD_API_URL={api} \
         OMP_COMMAND=\"sh\" {program} setup --no-service\n",
        home = newcomer.home.path().display(),
        api = newcomer.sim.base_url(),
        program = env!("CARGO_BIN_EXE_ompcord"),
    );
    std::fs::write(&script, lines).unwrap();
    let run = format!("sh {}; echo ended with $?; sleep 600", script.display());
    terminal.tmux(&["new-session", "-d", "-x", "160", "-y", "60", &run]);
    terminal.shows("Bot token (not shown)").await;
    terminal.keys(&["-l", "MTIz.abc.not-the-token"]);
    terminal.keys(&["Enter"]);
    terminal.shows("Discord does not accept this token").await;
    terminal.keys(&["-l", &newcomer.sim.bot_token()]);
    terminal.keys(&["Enter"]);
    terminal.shows("Another one: show the invitation").await;
    terminal.keys(&["Enter"]);
    terminal.shows("#other").await;
    terminal.keys(&["Enter"]);
    terminal.shows("Who may use it [").await;
    terminal.keys(&["Enter"]);
    terminal.shows("Directory [~/code]").await;
    terminal.keys(&["-l", "~/nowhere"]);
    terminal.keys(&["Enter"]);
    terminal.shows("expected a directory that exists").await;
    terminal.keys(&["Enter"]);
    terminal.shows("ended with 0").await;
    let screen = terminal.screen();
    assert!(
        !screen.contains(&newcomer.sim.bot_token()) && !screen.contains("not-the-token"),
        "{screen}"
    );
    let config = newcomer.config();
    assert_eq!(config.home_channel, newcomer.sim.home_channel());
    assert_eq!(config.agent.workdir, newcomer.home.path().join("code"));
    newcomer.sim.assert_clean();
}

/// A `systemctl` that writes down what it is asked, and fails where `broken` is there.
fn fake_systemd(dir: &Path) -> PathBuf {
    let bin = dir.join("bin");
    std::fs::create_dir(&bin).unwrap();
    for name in ["systemctl", "loginctl"] {
        let script = format!(
            "#!/bin/sh\necho {name} \"$@\" >> {0}/asked\nif [ -e {0}/broken ]; then echo 'Failed to connect to bus' >&2; exit 1; fi\n",
            dir.display()
        );
        std::fs::write(bin.join(name), script).unwrap();
        std::fs::set_permissions(bin.join(name), std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    bin
}

#[tokio::test]
async fn the_service_is_written_started_and_removed() {
    let newcomer = Newcomer::new().await;
    let home = newcomer.home.path();
    let path = format!("{}:/usr/bin:/bin", fake_systemd(home).display());
    let run = async |arguments: &[&str]| {
        let mut command = newcomer.command(arguments);
        let output = command.env("PATH", &path).output().await.unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(said).unwrap())
    };
    let unit = home.join(".config/systemd/user/ompcord.service");
    let (code, said) = run(&["service", "install"]).await;
    assert!(code == 0 && said.contains("✓ Started"), "{said}");
    let text = std::fs::read_to_string(&unit).unwrap();
    assert!(
        text.contains(&format!("ExecStart={} run\n", env!("CARGO_BIN_EXE_ompcord"))),
        "{text}"
    );
    assert!(text.contains(&format!("Environment=PATH={path}\n")), "{text}");
    let asked = std::fs::read_to_string(home.join("asked")).unwrap();
    let wanted = [
        "systemctl --user daemon-reload",
        "systemctl --user enable ompcord.service",
        "systemctl --user restart ompcord.service",
        "loginctl enable-linger",
    ];
    assert_eq!(asked.lines().collect::<Vec<_>>(), wanted);
    let (_, printed) = run(&["service", "print"]).await;
    assert_eq!(printed, text);

    let (code, said) = run(&["service", "uninstall"]).await;
    assert!(code == 0 && !unit.exists(), "{said}");
    assert_eq!(run(&["service", "uninstall"]).await.0, 1);

    std::fs::write(home.join("broken"), "").unwrap();
    let (code, said) = run(&["service", "install"]).await;
    assert!(code == 1 && unit.exists(), "{said}");
    assert!(
        said.contains("Failed to connect to bus") && said.contains("hint: log in"),
        "{said}"
    );
}

#[test]
fn systemd_understands_every_line_of_the_unit() {
    let dir = tempfile::tempdir().unwrap();
    let text = ompcord::service::unit(&ompcord::service::Installation {
        program: env!("CARGO_BIN_EXE_ompcord").into(),
        env_file: None,
        path: Some("/usr/bin".to_owned()),
    });
    let unit = dir.path().join("ompcord.service");
    std::fs::write(&unit, text).unwrap();
    let verified = std::process::Command::new("systemd-analyze")
        .args(["verify", "--user", "--man=no"])
        .arg(&unit)
        .env("XDG_RUNTIME_DIR", dir.path())
        .output();
    let Ok(verified) = verified else {
        println!("skipped: there is no systemd-analyze");
        return;
    };
    let said = String::from_utf8_lossy(&verified.stderr);
    let ours: Vec<&str> = said.lines().filter(|line| line.contains("ompcord")).collect();
    assert!(verified.status.success() && ours.is_empty(), "{said}");
}
