//! A `.env` file that is about to be written: what it says already, and what will be put into it.
//!
//! People's comments, order and other variables are theirs. A file that was written anew from what was understood of
//! it would lose them, and setting up again would be dangerous.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::env_file::EnvFile;
use super::paths::{create_private_dir, write_private};
use super::problem::{ConfigError, Mismatch, Problem, show};
use super::read::Home;
use super::value;
use crate::ids::{ChannelId, GuildId, UserId};

/// What a file begins as: every variable with its explanation.
const TEMPLATE: &str = include_str!("../../.env.example");

/// Variables that setting up asks for, as they are named in `.env.example`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item {
    /// The bot token.
    Token,
    /// The server.
    Guild,
    /// The home channel.
    Channel,
    /// Who may use the bot.
    Users,
    /// Where agents work.
    Workdir,
    /// The agent's program.
    Command,
    /// The base URL of another server than Discord.
    ApiUrl,
}

impl Item {
    /// The variable.
    #[must_use]
    pub const fn variable(self) -> &'static str {
        match self {
            Self::Token => "DISCORD_BOT_TOKEN",
            Self::Guild => "DISCORD_GUILD_ID",
            Self::Channel => "DISCORD_CHANNEL_ID",
            Self::Users => "DISCORD_ALLOWED_USERS",
            Self::Workdir => "OMP_WORKDIR",
            Self::Command => "OMP_COMMAND",
            Self::ApiUrl => "DISCORD_API_URL",
        }
    }

    fn check(self, text: &str, home: &Path) -> Result<(), Mismatch> {
        match self {
            Self::Token => value::token(text),
            Self::Guild => value::id::<GuildId>(text).map(drop),
            Self::Channel => value::id::<ChannelId>(text).map(drop),
            Self::Users => value::ids::<UserId>(text).map(drop),
            Self::Workdir => value::directory(text, home).map(drop),
            Self::Command => value::command(text).map(drop),
            Self::ApiUrl => value::api_url(text).map(drop),
        }
    }
}

type Lookup = Box<dyn Fn(&str) -> Option<String>>;

/// The file.
pub struct Draft {
    path: PathBuf,
    text: String,
    before: Option<String>,
    home: PathBuf,
    known: BTreeMap<String, String>,
    vars: Lookup,
}

impl Draft {
    /// The file that the daemon would read, or the usual place where there is none yet.
    pub fn open(
        named: Option<&Path>,
        vars: impl Fn(&str) -> Option<String> + 'static,
    ) -> Result<Self, ConfigError> {
        let home = Home::find(&vars);
        let usual = home.config.as_ref().map(|config| config.join("ompcord/.env"));
        let found = match named {
            Some(path) if !path.exists() => EnvFile::default(),
            named => EnvFile::find(named, home.config.as_deref()),
        };
        if !found.problems.is_empty() {
            return Err(ConfigError {
                problems: found.problems,
            });
        }
        let place = found.path.or(named.map(Path::to_owned)).or(usual);
        let Some(path) = place else {
            return Err(nowhere());
        };
        let before = std::fs::read_to_string(&path).ok();
        Ok(Self {
            text: before.clone().unwrap_or_else(|| TEMPLATE.to_owned()),
            before,
            home: home.dir.unwrap_or_default(),
            known: found.values,
            vars: Box::new(vars),
            path,
        })
    }

    /// Where it is, or will be.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is known of a variable: the environment wins over the file, as in [`super::Config::load`].
    #[must_use]
    pub fn get(&self, item: Item) -> Option<String> {
        self.lookup(item.variable())
    }

    /// The same for one that nobody is asked for.
    #[must_use]
    pub fn lookup(&self, name: &str) -> Option<String> {
        let set = |value: &String| !value.trim().is_empty();
        (self.vars)(name)
            .filter(set)
            .or_else(|| self.known.get(name).filter(|value| set(value)).cloned())
            .map(|value| value.trim().to_owned())
    }

    /// Whether a value is one that the daemon would take.
    pub fn check(&self, item: Item, text: &str) -> Result<(), Problem> {
        item.check(text, &self.home).map_err(|mismatch| Problem {
            variable: item.variable().to_owned(),
            found: mismatch.found.unwrap_or_else(|| show(text)),
            expected: mismatch.expected,
            hint: mismatch.hint,
        })
    }

    /// Puts a value in. One that the file has already leaves it as it is.
    pub fn set(&mut self, item: Item, value: &str) -> Result<(), Problem> {
        self.check(item, value)?;
        self.keep(item.variable(), value);
        Ok(())
    }

    fn keep(&mut self, name: &str, value: &str) {
        if self.known.get(name).map(|known| known.trim()) != Some(value) {
            self.text = put(&self.text, name, &quoted(value));
            self.known.insert(name.to_owned(), value.to_owned());
        }
    }

    /// Writes down what only the environment says of a variable that nobody is asked for: the daemon will not have that
    /// environment.
    pub fn adopt(&mut self, name: &str) {
        if let Some(value) = (self.vars)(name).filter(|value| !value.trim().is_empty()) {
            self.keep(name, value.trim());
        }
    }

    /// Writes it, for its owner alone. `false`: there was nothing to change.
    pub fn save(&self) -> io::Result<bool> {
        if self.before.as_ref() == Some(&self.text) {
            // There is a token in it.
            std::fs::set_permissions(&self.path, std::fs::Permissions::from_mode(0o600))?;
            return Ok(false);
        }
        if let Some(dir) = self
            .path
            .parent()
            .filter(|dir| !dir.as_os_str().is_empty() && !dir.exists())
        {
            create_private_dir(dir)?;
        }
        // What a link leads to is replaced, not the link.
        let path = std::fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        write_private(&path, self.text.as_bytes())?;
        Ok(true)
    }
}

fn nowhere() -> ConfigError {
    ConfigError {
        problems: vec![Problem {
            variable: "HOME".to_owned(),
            found: "nothing, and this user has no home directory".to_owned(),
            expected: "a place for the configuration".to_owned(),
            hint: Some("name the file with --env-file".to_owned()),
        }],
    }
}

/// The text with this variable: its last line is replaced, or the commented example, or a line is added.
fn put(text: &str, name: &str, value: &str) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let sets = |line: &str| {
        let line = line.trim_start();
        let line = line.strip_prefix("export ").unwrap_or(line);
        line.strip_prefix(name)
            .is_some_and(|rest| rest.trim_start().starts_with('='))
    };
    let example = |line: &str| line.strip_prefix('#').is_some_and(sets);
    let at = lines
        .iter()
        .rposition(|line| sets(line))
        .or_else(|| lines.iter().position(|line| example(line)));
    let line = format!("{name}={value}");
    match at.and_then(|at| lines.get_mut(at)) {
        Some(old) => *old = line,
        None => lines.push(line),
    }
    let mut text = lines.join("\n");
    text.push('\n');
    text
}

/// A value that the file's parser reads as it is.
fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:,@%+~".contains(c);
    if value.chars().all(plain) {
        value.to_owned()
    } else if value.contains('\'') {
        let mut escaped = String::from("\"");
        for c in value.chars() {
            if matches!(c, '"' | '\\' | '$') {
                escaped.push('\\');
            }
            escaped.push(c);
        }
        escaped.push('"');
        escaped
    } else {
        format!("'{value}'")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_replaced_where_it_is() {
        let put = |text| put(text, "A", "2");
        assert_eq!(put("# a\nA=1\nB=1\n"), "# a\nA=2\nB=1\n");
        assert_eq!(
            put("A=0\n# note\n export A = 1"),
            "A=0\n# note\nA=2\n",
            "the last one counts"
        );
        assert_eq!(put("# Why\n#A=1\n#AB=3\n"), "# Why\nA=2\n#AB=3\n");
        assert_eq!(put("AB=1\n"), "AB=1\nA=2\n");
        assert_eq!(put(""), "A=2\n");
    }

    #[test]
    fn every_value_is_read_back_as_it_was_put() {
        let dir = tempfile::tempdir().unwrap();
        for value in ["omp", "/a b/omp --x", "it's $HOME \"x\" \\ `y` # z", "a#b", "ö"] {
            let path = dir.path().join("x.env");
            std::fs::write(&path, put("", "X", &quoted(value))).unwrap();
            let read = EnvFile::find(Some(&path), None);
            assert!(read.problems.is_empty(), "{value}");
            assert_eq!(read.values.get("X").map(String::as_str), Some(value));
        }
    }
}
