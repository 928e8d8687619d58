//! One value at a time: text to type, or what was expected instead.
//!
//! Without it every variable would have its own idea of lists, booleans and durations.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use tracing_subscriber::EnvFilter;
use unicode_segmentation::UnicodeSegmentation as _;

use super::problem::{Mismatch, shape, show};
use super::{ApprovalMode, LogFormat};

/// More agents than this at 270 MB each is a slip of the finger.
const MOST_PROCESSES: usize = 256;
const COPY_ID: &str = "switch on Developer Mode in Discord's settings, right-click and choose Copy ID";

/// The reaction that starts a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LaunchEmoji {
    /// An emoji that every server has, without its variation selector.
    Unicode(String),
    /// An emoji of a server.
    Custom {
        /// Its name, for people.
        name: String,
        /// Its id, which is what counts.
        id: u64,
    },
}

impl LaunchEmoji {
    /// Whether a reaction is this one, given its name and, for a custom emoji, its id.
    ///
    /// Clients differ in whether they send the variation selector, so it does not count.
    #[must_use]
    pub fn matches(&self, name: Option<&str>, id: Option<u64>) -> bool {
        match (self, id) {
            (Self::Custom { id: wanted, .. }, Some(id)) => *wanted == id,
            (Self::Unicode(wanted), None) => name.is_some_and(|name| without_selector(name) == *wanted),
            _ => false,
        }
    }
}

impl fmt::Display for LaunchEmoji {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unicode(emoji) => f.write_str(emoji),
            Self::Custom { name, id } => write!(f, "<:{name}:{id}>"),
        }
    }
}

fn without_selector(emoji: &str) -> String {
    emoji.replace('\u{fe0f}', "")
}

pub(super) fn emoji(text: &str) -> Result<LaunchEmoji, Mismatch> {
    let wrong = || {
        Mismatch::expected("one emoji, or name:id of a custom one")
            .hint("write \\:name: in Discord to see the <:name:id> of a custom emoji")
    };
    let inner = text
        .strip_prefix('<')
        .and_then(|rest| rest.strip_suffix('>'))
        .unwrap_or(text);
    let inner = inner.strip_prefix("a:").unwrap_or(inner);
    let inner = inner.strip_prefix(':').unwrap_or(inner);
    if let Some((name, id)) = inner.split_once(':') {
        let named = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        return match id.parse() {
            Ok(id) if named && id > 0 => Ok(LaunchEmoji::Custom {
                name: name.to_owned(),
                id,
            }),
            _ => Err(wrong()),
        };
    }
    let is_emoji =
        text.graphemes(true).count() == 1 && !text.is_ascii() && !text.chars().all(char::is_alphanumeric);
    if is_emoji {
        Ok(LaunchEmoji::Unicode(without_selector(text)))
    } else {
        Err(wrong())
    }
}

pub(super) fn id<T: FromStr>(text: &str) -> Result<T, Mismatch> {
    text.parse()
        .map_err(|_| Mismatch::expected("an id: digits only").hint(COPY_ID))
}

/// A comma-separated list; empty elements, such as after a last comma, do not count.
pub(super) fn ids<T: FromStr + Ord>(text: &str) -> Result<BTreeSet<T>, Mismatch> {
    let mut found = BTreeSet::new();
    let mut wrong = Vec::new();
    for element in text
        .split(',')
        .map(str::trim)
        .filter(|element| !element.is_empty())
    {
        match element.parse() {
            Ok(id) => {
                found.insert(id);
            }
            Err(_) => wrong.push(show(element)),
        }
    }
    if wrong.is_empty() {
        Ok(found)
    } else {
        Err(Mismatch::expected("ids (digits only) with commas between them")
            .found(wrong.join(", "))
            .hint(COPY_ID))
    }
}

pub(super) fn boolean(text: &str) -> Result<bool, Mismatch> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" => Ok(false),
        _ => Err(Mismatch::expected("true or false")),
    }
}

pub(super) fn command(text: &str) -> Result<Vec<String>, Mismatch> {
    let expected =
        || Mismatch::expected("a program and its arguments, quoted as in a shell").found(shape(text));
    match shell_words::split(text) {
        Ok(words) if words.first().is_some_and(|program| !program.is_empty()) => Ok(words),
        Ok(_) => Err(expected()),
        Err(_) => Err(expected().hint("a quotation mark is not closed")),
    }
}

/// An absolute path, or one below the home directory: the daemon's own directory is not what a person means.
pub(super) fn path(text: &str, home: &Path) -> Result<PathBuf, Mismatch> {
    let path = match text.strip_prefix('~') {
        Some("") => home.to_owned(),
        Some(rest) if rest.starts_with('/') => home.join(rest.trim_start_matches('/')),
        _ => PathBuf::from(text),
    };
    if path.is_absolute() {
        Ok(path)
    } else {
        Err(Mismatch::expected("an absolute path, or one that starts with ~/").found(format!("{text:?}")))
    }
}

pub(super) fn directory(text: &str, home: &Path) -> Result<PathBuf, Mismatch> {
    let path = path(text, home)?;
    match std::fs::metadata(&path) {
        Ok(metadata) if metadata.is_dir() => Ok(path),
        Ok(_) => Err(Mismatch::expected("a directory").found(format!("{text:?}, which is a file"))),
        Err(error) => Err(Mismatch::expected("a directory that exists").found(format!("{text:?}: {error}"))),
    }
}

/// A model or a thinking level: the agent knows which ones there are.
pub(super) fn word(text: &str) -> Result<String, Mismatch> {
    if text.chars().any(char::is_whitespace) || text.starts_with('-') {
        Err(Mismatch::expected("one word, without spaces or a leading dash"))
    } else {
        Ok(text.to_owned())
    }
}

pub(super) fn approval_mode(text: &str) -> Result<ApprovalMode, Mismatch> {
    text.parse()
        .map_err(|_| Mismatch::expected("always-ask, write or yolo"))
}

pub(super) fn max_processes(text: &str) -> Result<NonZeroUsize, Mismatch> {
    match text.parse::<NonZeroUsize>() {
        Ok(number) if number.get() <= MOST_PROCESSES => Ok(number),
        _ => Err(Mismatch::expected(format!("a number from 1 to {MOST_PROCESSES}"))),
    }
}

pub(super) fn duration(text: &str) -> Result<Duration, Mismatch> {
    match humantime::parse_duration(text) {
        Ok(duration) if duration >= Duration::from_secs(1) => Ok(duration),
        _ => Err(Mismatch::expected(
            "a duration of at least one second, such as 15m, 90s or 1h 30m",
        )),
    }
}

/// How long what is over is kept; `None` is for ever.
pub(super) fn retention(text: &str) -> Result<Option<Duration>, Mismatch> {
    if ["off", "forever"].contains(&text.to_ascii_lowercase().as_str()) {
        return Ok(None);
    }
    match humantime::parse_duration(text) {
        Ok(duration) if duration >= Duration::from_hours(1) => Ok(Some(duration)),
        _ => Err(Mismatch::expected(
            "a duration of at least one hour, such as 30d, 12w or 36h, or off",
        )),
    }
}

pub(super) fn loopback(text: &str) -> Result<SocketAddr, Mismatch> {
    let expected = || Mismatch::expected("a loopback address and a port, such as 127.0.0.1:8901");
    let local = text.strip_prefix("localhost:").and_then(|port| port.parse().ok());
    let addr = match local {
        Some(port) => SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        None => text.parse::<SocketAddr>().map_err(|_| expected())?,
    };
    if addr.ip().is_loopback() {
        Ok(addr)
    } else {
        Err(expected().hint("the API starts programs: reach it from elsewhere through an SSH tunnel"))
    }
}

pub(super) fn log_filter(text: &str) -> Result<String, Mismatch> {
    let levels = ["off", "error", "warn", "info", "debug", "trace"];
    // A slip such as `inof` is a valid filter for a module of that name, and would silence everything.
    let slip = text.split(',').map(str::trim).any(|part| {
        let word = part.chars().all(|c| c.is_ascii_alphanumeric());
        word && !part.starts_with("ompcord") && !levels.contains(&part.to_ascii_lowercase().as_str())
    });
    if slip || EnvFilter::builder().parse(text).is_err() {
        return Err(Mismatch::expected(
            "off, error, warn, info, debug or trace, or a filter such as info,ompcord=debug",
        ));
    }
    Ok(text.to_owned())
}

pub(super) fn log_format(text: &str) -> Result<LogFormat, Mismatch> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err(Mismatch::expected("text or json")),
    }
}

/// A bot token: only what is surely wrong is refused, Discord has the last word.
pub(super) fn token(text: &str) -> Result<(), Mismatch> {
    let expected = || Mismatch::expected("the bot token alone").found(shape(text));
    let lower = text.to_ascii_lowercase();
    if lower.starts_with("bot ") || lower.starts_with("bearer ") {
        return Err(expected().hint("leave the word before the token away"));
    }
    if text.contains(['"', '\'', '`']) {
        return Err(expected().hint("it has quotation marks in it: leave them away"));
    }
    if text.contains(char::is_whitespace) {
        return Err(expected().hint("it has a space or a line break in it: copy it again"));
    }
    if text.chars().all(|c| c.is_ascii_graphic()) {
        Ok(())
    } else {
        Err(expected().hint("it has characters in it that no token has: copy it again"))
    }
}

pub(super) fn agent_variables(text: &str) -> Result<Vec<String>, Mismatch> {
    let expected = || Mismatch::expected("names of variables with commas between them");
    let names: Vec<String> = text
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect();
    for name in &names {
        let word = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !word || name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(expected()
                .found(show(name))
                .hint("only the names: the values are taken from the environment"));
        }
        if name.starts_with("DISCORD_") || name.starts_with("OMPCORD_") || name == "CREDENTIALS_DIRECTORY" {
            return Err(expected()
                .found(show(name))
                .hint("agents are never given the daemon's own secrets"));
        }
    }
    Ok(names)
}

/// Whether an address is on this machine.
pub(super) fn is_loopback(url: &reqwest::Url) -> bool {
    url.host_str().is_some_and(|host| {
        let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    })
}

pub(super) fn webhook_url(text: &str) -> Result<String, Mismatch> {
    let is_webhook = reqwest::Url::parse(text).is_ok_and(|url| {
        let mut parts = url.path().split("/webhooks/").skip(1);
        let tail = parts.next().unwrap_or_default();
        let (id, token) = tail.split_once('/').unwrap_or_default();
        // Over the network in the clear, everybody on the way could write to the channel.
        let safe = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
        safe && id.parse::<u64>().is_ok() && !token.is_empty()
    });
    if is_webhook {
        Ok(text.to_owned())
    } else {
        Err(
            Mismatch::expected("a webhook's URL: https://discord.com/api/webhooks/<id>/<token>")
                .found(shape(text))
                .hint("channel settings, Integrations, Webhooks, Copy Webhook URL"),
        )
    }
}

pub(super) fn api_url(text: &str) -> Result<String, Mismatch> {
    let expected = || Mismatch::expected("a base URL such as http://127.0.0.1:3000");
    let url = reqwest::Url::parse(text).map_err(|_| expected())?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(expected().found("a URL with a user name or a password (not shown)"));
    }
    if !matches!(url.scheme(), "http" | "https")
        || !url.has_host()
        || url.query().is_some()
        || url.fragment().is_some()
    {
        return Err(expected());
    }
    let base = text.trim_end_matches('/');
    if base.split('/').skip(3).any(|part| part == "api") {
        return Err(expected().hint("leave /api/v10 away: it is added to every request"));
    }
    Ok(base.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_emoji_is_one_picture_or_a_name_with_an_id() {
        assert_eq!(emoji("🚀"), Ok(LaunchEmoji::Unicode("🚀".into())));
        assert_eq!(emoji("▶️"), Ok(LaunchEmoji::Unicode("▶".into())));
        assert_eq!(emoji("1️⃣").map(|e| e.matches(Some("1️⃣"), None)), Ok(true));
        assert_eq!(emoji("🧑‍🚀").map(|e| e.to_string()), Ok("🧑‍🚀".into()));
        let custom = LaunchEmoji::Custom {
            name: "go".into(),
            id: 42,
        };
        for text in ["go:42", "<:go:42>", "<a:go:42>"] {
            assert_eq!(emoji(text), Ok(custom.clone()), "{text}");
        }
        for bad in ["go", "🚀🚀", "é", ":go:", "go:x", "a b:42", "x"] {
            assert!(emoji(bad).is_err(), "{bad}");
        }
        assert!(custom.matches(None, Some(42)) && !custom.matches(Some("go"), None));
        assert!(emoji("▶").unwrap().matches(Some("▶️"), None));
        assert!(!emoji("🚀").unwrap().matches(Some("🚀"), Some(42)));
    }

    #[test]
    fn only_loopback_is_listened_on() {
        assert_eq!(
            loopback("localhost:1").map(|a| a.to_string()),
            Ok("127.0.0.1:1".into())
        );
        assert_eq!(loopback("[::1]:0").map(|a| a.port()), Ok(0));
        for bad in ["0.0.0.0:8901", "192.168.1.2:80", "127.0.0.1", "8901", "[::]:1"] {
            assert!(loopback(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_filter_with_a_slip_is_refused() {
        for good in [
            "info",
            "WARN",
            "info,ompcord=debug",
            "ompcord::agent=trace",
            "off",
            "ompcord",
        ] {
            assert!(log_filter(good).is_ok(), "{good}");
        }
        for bad in ["inof", "info,debgu", "ompcord=loud", "="] {
            assert!(log_filter(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_surely_no_token_is_named_and_not_shown() {
        for (text, word) in [
            ("Bot abc.def.ghi", "word before"),
            ("\"abc.def.ghi\"", "quotation"),
            ("abc.def .ghi", "space"),
            ("abc.def.ghï", "characters"),
        ] {
            let mismatch = token(text).unwrap_err();
            assert!(mismatch.hint.as_deref().unwrap().contains(word), "{mismatch:?}");
            assert!(!format!("{mismatch:?}").contains("abc"), "{mismatch:?}");
        }
        assert_eq!(token("abc.def.ghi"), Ok(()));
    }

    #[test]
    fn urls_are_bases_and_webhooks() {
        assert_eq!(
            api_url("http://127.0.0.1:3000/"),
            Ok("http://127.0.0.1:3000".into())
        );
        assert_eq!(
            api_url("https://proxy.example/discord"),
            Ok("https://proxy.example/discord".into())
        );
        for bad in [
            "127.0.0.1:3000",
            "ftp://x",
            "http://x/?a=1",
            "http://x/api/v10",
            "http://u:pw@x",
            "x",
        ] {
            let mismatch = api_url(bad).unwrap_err();
            assert!(!format!("{mismatch:?}").contains("pw"), "{mismatch:?}");
        }
        assert!(webhook_url("https://discord.com/api/webhooks/1/abc").is_ok());
        assert!(webhook_url("http://[::1]:8080/api/webhooks/1/abc").is_ok());
        for bad in [
            "https://discord.com/api/webhooks/1/",
            "https://discord.com/channels/1/2",
            "http://discord.com/api/webhooks/1/abc",
            "abc",
        ] {
            assert!(webhook_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn commands_paths_and_numbers() {
        assert_eq!(
            command("omp --profile 'my work'"),
            Ok(vec!["omp".into(), "--profile".into(), "my work".into()])
        );
        assert!(command("omp 'x").is_err() && command("''").is_err());
        let home = Path::new("/home/me");
        assert_eq!(path("~/code", home), Ok("/home/me/code".into()));
        assert_eq!(path("~", home), Ok("/home/me".into()));
        assert!(path("code", home).is_err() && path("~you/x", home).is_err());
        assert_eq!(duration("1h 30m"), Ok(Duration::from_mins(90)));
        assert!(duration("15").is_err() && duration("0s").is_err());
        assert_eq!(retention("4w"), Ok(Some(Duration::from_hours(28 * 24))));
        assert_eq!((retention("off"), retention("Forever")), (Ok(None), Ok(None)));
        assert!(retention("30").is_err() && retention("30m").is_err() && retention("0").is_err());
        assert!(max_processes("0").is_err() && max_processes("257").is_err() && max_processes("8").is_ok());
        assert_eq!(ids::<u64>(" 1, 2,,1 "), Ok(BTreeSet::from([1, 2])));
        assert_eq!(ids::<u64>("1,x").unwrap_err().found.as_deref(), Some("\"x\""));
    }
}
