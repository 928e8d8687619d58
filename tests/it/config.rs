//! The configuration through its one door.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use ompcord::config::{ApprovalMode, Config, ConfigError, LaunchEmoji, LogFormat, VARIABLES};
use ompcord::ids::{ChannelId, GuildId, RoleId, UserId};
use secrecy::ExposeSecret as _;
use tempfile::TempDir;

const TOKEN: &str = "MTIzNDU2Nzg5MDEyMzQ1Njc4.GaBcDe.abcdefghijklmnopqrstuvwxyz0123456789AB";

/// A user with a home of their own, so that the developer's `.env` is never read.
struct Desk {
    home: TempDir,
    vars: BTreeMap<String, String>,
}

impl Desk {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("empty.env"), "").unwrap();
        let mut desk = Self {
            home,
            vars: BTreeMap::new(),
        };
        let path = desk.home.path().display().to_string();
        desk.set("HOME", &path);
        desk
    }

    fn required() -> Self {
        let mut desk = Self::new();
        desk.set("DISCORD_BOT_TOKEN", TOKEN)
            .set("DISCORD_GUILD_ID", "1")
            .set("DISCORD_CHANNEL_ID", "2");
        desk
    }

    fn set(&mut self, name: &str, value: &str) -> &mut Self {
        self.vars.insert(name.to_owned(), value.to_owned());
        self
    }

    fn path(&self) -> &Path {
        self.home.path()
    }

    fn file(&self, name: &str, text: &str) -> std::path::PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    fn load(&self) -> Result<Config, ConfigError> {
        self.load_with(&self.path().join("empty.env"))
    }

    fn load_with(&self, file: &Path) -> Result<Config, ConfigError> {
        Config::load(Some(file), |name| self.vars.get(name).cloned())
    }

    fn problem(&self) -> String {
        self.load().unwrap_err().to_string()
    }
}

#[test]
fn the_required_ones_are_enough_and_the_rest_has_its_default() {
    let desk = Desk::required();
    let config = desk.load().unwrap();
    assert_eq!(config.token.expose_secret(), TOKEN);
    assert_eq!(
        (config.guild, config.home_channel),
        (GuildId::from(1), ChannelId::from(2))
    );
    assert_eq!(config.launch.emoji, LaunchEmoji::Unicode("🚀".into()));
    assert_eq!(config.launch.channels, BTreeSet::from([ChannelId::from(2)]));
    assert!(!config.launch.any_author);
    assert_eq!(config.agent.command, ["omp"]);
    assert_eq!(config.agent.approval_mode, ApprovalMode::Write);
    assert_eq!(config.agent.max_processes.get(), 8);
    assert_eq!(config.agent.idle_timeout, Duration::from_mins(15));
    assert_eq!(config.http_addr.to_string(), "127.0.0.1:8901");
    assert_eq!(config.state_dir, desk.path().join(".local/state/ompcord"));
    assert_eq!(config.agent.workdir, config.state_dir.join("workspace"));
    assert_eq!(config.retention, Some(Duration::from_hours(30 * 24)));
    assert_eq!(config.log.format, LogFormat::Text);
    assert_eq!(config.access.approvers, None);
    assert_eq!(config.warnings.len(), 1, "{:?}", config.warnings);
    assert!(
        config
            .warnings
            .iter()
            .any(|warning| warning.contains("nobody may use the bot"))
    );
    assert!(!config.state_dir.exists(), "reading changes nothing");
}

#[test]
fn everything_can_be_set() {
    let mut desk = Desk::required();
    std::fs::create_dir(desk.path().join("code")).unwrap();
    desk.set("DISCORD_ALLOWED_USERS", "3, 4")
        .set("DISCORD_ALLOWED_ROLES", "5")
        .set("DISCORD_APPROVERS", "3");
    desk.set("OMP_LAUNCH_EMOJI", "<:go:6>")
        .set("OMP_LAUNCH_CHANNEL_IDS", "7,8")
        .set("OMP_LAUNCH_ANY_AUTHOR", "yes")
        .set("DISCORD_TOOL_CHANNELS", "9");
    desk.set("OMP_COMMAND", "bun 'my omp'")
        .set("OMP_WORKDIR", "~/code")
        .set("OMP_MODEL", "a/b");
    desk.set("OMP_THINKING", "high")
        .set("OMP_APPROVAL_MODE", "always-ask")
        .set("OMP_MAX_PROCESSES", "2");
    desk.set("OMP_IDLE_TIMEOUT", "1h")
        .set("OMPCORD_AGENT_ENV", "MY_KEY, OTHER_KEY")
        .set("MY_KEY", "hush");
    desk.set("OMPCORD_HTTP_ADDR", "[::1]:1")
        .set("XDG_STATE_HOME", "/s")
        .set("OMPCORD_RETENTION", "off")
        .set("OMPCORD_LOG", "debug");
    desk.set("OMPCORD_LOG_FORMAT", "json")
        .set("DISCORD_WEBHOOK_URL", "https://discord.com/api/webhooks/1/hush");
    desk.set("DISCORD_API_URL", "http://127.0.0.1:9/");
    let config = desk
        .load_with(&desk.file("x.env", "OTHER_KEY=from-file\n"))
        .unwrap();
    assert_eq!(
        config.access.users,
        BTreeSet::from([UserId::from(3), UserId::from(4)])
    );
    assert_eq!(config.access.roles, BTreeSet::from([RoleId::from(5)]));
    assert_eq!(config.access.approvers, Some(BTreeSet::from([UserId::from(3)])));
    assert!(config.launch.emoji.matches(None, Some(6)) && config.launch.any_author);
    assert_eq!(
        config.launch.channels,
        BTreeSet::from([ChannelId::from(7), ChannelId::from(8)])
    );
    assert_eq!(config.tool_channels, BTreeSet::from([ChannelId::from(9)]));
    assert_eq!(config.agent.command, ["bun", "my omp"]);
    assert_eq!(config.agent.workdir, desk.path().join("code"));
    assert_eq!(
        (config.agent.model.as_deref(), config.agent.thinking.as_deref()),
        (Some("a/b"), Some("high"))
    );
    assert_eq!(config.agent.approval_mode, ApprovalMode::AlwaysAsk);
    let extra: Vec<_> = config
        .agent
        .extra_env
        .iter()
        .map(|(k, v)| (k.as_str(), v.expose_secret()))
        .collect();
    assert_eq!(extra, [("MY_KEY", "hush"), ("OTHER_KEY", "from-file")]);
    assert_eq!(config.state_dir, Path::new("/s/ompcord"));
    assert_eq!(config.retention, None);
    assert_eq!(
        (config.log.filter.as_str(), config.log.format),
        ("debug", LogFormat::Json)
    );
    assert_eq!(config.api_url.as_deref(), Some("http://127.0.0.1:9"));
    assert_eq!(config.warnings, Vec::<String>::new());
    let debug = format!("{config:?}");
    assert!(
        !debug.contains("hush") && !debug.contains(TOKEN) && !debug.contains("from-file"),
        "{debug}"
    );
}

#[test]
fn all_problems_are_told_together_and_no_secret_is_among_them() {
    let mut desk = Desk::new();
    desk.set("DISCORD_BOT_TOKEN", &format!("Bot {TOKEN}"))
        .set("DISCORD_GUILD_ID", TOKEN);
    desk.set("DISCORD_ALLOWED_USERS", "1,me")
        .set("OMP_APPROVAL_MODE", "never")
        .set("OMP_WORKDIR", "/no/such/folder");
    desk.set("DISCORD_WEBHOOK_URL", "https://discord.com/hush")
        .set("OMPCORD_HTTP_ADDR", "0.0.0.0:80");
    desk.set("OMPCORD_AGENT_ENV", "DISCORD_BOT_TOKEN")
        .set("OMP_COMMAND", "omp --api-key 'hush")
        .set("OMPCORD_RETENTION", "a month or so");
    let text = desk.problem();
    insta::assert_snapshot!(text);
    assert!(!text.contains("MTIz") && !text.contains("hush"), "{text}");
}

#[test]
fn the_token_may_come_from_a_file_or_a_credential() {
    let mut desk = Desk::required();
    desk.vars.remove("DISCORD_BOT_TOKEN");
    desk.set(
        "CREDENTIALS_DIRECTORY",
        desk.home
            .path()
            .join("credentials")
            .to_str()
            .unwrap()
            .to_owned()
            .as_str(),
    );
    desk.file("credentials/discord_bot_token", "credential.a.b\n");
    assert_eq!(desk.load().unwrap().token.expose_secret(), "credential.a.b");

    let file = desk.file("token", "file.a.b\r\n").display().to_string();
    desk.set("DISCORD_BOT_TOKEN_FILE", &file);
    assert_eq!(desk.load().unwrap().token.expose_secret(), "file.a.b");

    desk.set("DISCORD_BOT_TOKEN", "direct.a.b");
    let config = desk.load().unwrap();
    assert_eq!(config.token.expose_secret(), "direct.a.b");
    assert!(
        config
            .warnings
            .iter()
            .any(|warning| warning.contains("DISCORD_BOT_TOKEN_FILE")),
        "{:?}",
        config.warnings
    );

    desk.vars.remove("DISCORD_BOT_TOKEN");
    desk.set("DISCORD_BOT_TOKEN_FILE", "/no/such/token");
    assert!(
        desk.problem().contains("/no/such/token cannot be read"),
        "{}",
        desk.problem()
    );
}

#[test]
fn a_token_with_something_around_it_is_named_as_such() {
    for (wrong, named) in [
        (format!("Bot {TOKEN}"), "leave the word before the token away"),
        (format!("'{TOKEN}'"), "quotation marks"),
        (format!("{TOKEN} "), "a space"),
    ] {
        let mut desk = Desk::required();
        desk.set("DISCORD_BOT_TOKEN", &wrong);
        let text = desk.problem();
        assert!(text.contains(named) && !text.contains(TOKEN), "{text}");
    }
}

#[test]
fn the_environment_wins_over_the_file_and_an_empty_value_is_none() {
    let mut desk = Desk::new();
    desk.set("DISCORD_GUILD_ID", "10").set("DISCORD_CHANNEL_ID", "");
    let file = desk.file(
        "x.env",
        &format!("DISCORD_BOT_TOKEN='{TOKEN}'\nDISCORD_GUILD_ID=20\nDISCORD_CHANNEL_ID=30\n"),
    );
    let config = desk.load_with(&file).unwrap();
    assert_eq!(
        (config.guild, config.home_channel),
        (GuildId::from(10), ChannelId::from(30))
    );
    assert_eq!(config.env_file.as_deref(), Some(file.as_path()));
}

#[test]
fn a_file_that_others_can_read_or_with_a_slip_in_a_name_is_warned_about() {
    let desk = Desk::required();
    let file = desk.file(
        "x.env",
        "DISCORD_BOT_TOKEN=a.b.c\nDISCORD_ALLOWED_USER=1\nEDITOR=vi\n",
    );
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let config = desk.load_with(&file).unwrap();
    assert_eq!(config.exposed.as_deref(), Some(file.as_path()));
    let warnings = config.warnings.join("\n");
    assert!(
        warnings.contains("sets DISCORD_ALLOWED_USER, which"),
        "{warnings}"
    );
    assert!(!warnings.contains("EDITOR"), "{warnings}");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(desk.load_with(&file).unwrap().exposed, None);
}

#[test]
fn a_line_that_cannot_be_read_is_not_also_a_missing_variable() {
    let mut desk = Desk::required();
    desk.vars.remove("DISCORD_BOT_TOKEN");
    let file = desk.file("x.env", "# token\nDISCORD_BOT_TOKEN=hu sh\n");
    let error = desk.load_with(&file).unwrap_err();
    assert_eq!(error.problems.len(), 1, "{error}");
    assert!(
        error.to_string().contains("line 2 of") && !error.to_string().contains("sh\n"),
        "{error}"
    );
    assert!(
        desk.load_with(&desk.path().join("missing.env"))
            .unwrap_err()
            .to_string()
            .contains("missing.env")
    );
}

#[test]
fn the_state_directory_is_for_its_owner_only() {
    let config = Desk::required();
    let config = (config.load().unwrap(), config).0;
    config.create_directories().unwrap();
    for dir in [
        &config.state_dir,
        &config.transcripts_dir(),
        &config.attachments_dir(),
        &config.agent.workdir,
    ] {
        let mode = std::fs::metadata(dir).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o700, "{}", dir.display());
    }
}

#[test]
fn the_example_names_every_variable_and_no_other() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/.env.example")).unwrap();
    let documented: Vec<&str> = text
        .lines()
        .filter_map(|line| line.trim_start_matches('#').split_once('='))
        .map(|(name, _)| name)
        .filter(|name| name.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
        .collect();
    assert_eq!(documented, VARIABLES);

    let asked = RefCell::new(BTreeSet::new());
    let desk = Desk::required();
    Config::load(Some(&desk.path().join("empty.env")), |name| {
        asked.borrow_mut().insert(name.to_owned());
        desk.vars.get(name).cloned()
    })
    .unwrap();
    let system = [
        "HOME",
        "XDG_CONFIG_HOME",
        "XDG_STATE_HOME",
        "CREDENTIALS_DIRECTORY",
    ];
    let expected: BTreeSet<String> = VARIABLES
        .iter()
        .chain(&system)
        .map(|&name| name.to_owned())
        .collect();
    assert_eq!(
        asked.into_inner(),
        expected,
        "what is read and what is documented"
    );
}
