//! The systemd user unit: what it says for this installation, and what is installed.
//!
//! It is the committed `systemd/ompcord.service` with two lines filled in, so there are never two units that part.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The unit as it is committed.
const TEMPLATE: &str = include_str!("../systemd/ompcord.service");
/// Its name.
pub const UNIT: &str = "ompcord.service";
const EXEC: &str = "ExecStart=";
const PATH: &str = "Environment=PATH=";

/// What a unit has to say about this installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    /// The program.
    pub program: PathBuf,
    /// The configuration, where it is not the usual file.
    pub env_file: Option<PathBuf>,
    /// Where agents find their tools.
    pub path: Option<String>,
}

/// What is installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnitSeen {
    /// Nothing.
    No,
    /// A unit.
    Installed {
        /// Where.
        unit: PathBuf,
        /// Whether it is the one of this version, paths aside.
        current: bool,
        /// Its program, where it is not there any more.
        lost: Option<PathBuf>,
        /// Whether it starts by itself.
        enabled: bool,
        /// Whether it runs while nobody is logged in; `None` where that cannot be seen.
        lingers: Option<bool>,
    },
}

/// The unit for an installation.
#[must_use]
pub fn unit(installation: &Installation) -> String {
    // In a command, and only there, a dollar sign would begin a variable.
    let argument = |path: &Path| word(&path.display().to_string().replace('$', "$$"));
    let mut exec = format!("{EXEC}{} run", argument(&installation.program));
    if let Some(file) = &installation.env_file {
        let _written = write!(exec, " --env-file {}", argument(file));
    }
    let mut text = String::with_capacity(TEMPLATE.len() + 256);
    for line in TEMPLATE.lines() {
        let path = installation.path.as_ref().filter(|_| line.starts_with(PATH));
        match path {
            _ if line.starts_with(EXEC) => text.push_str(&exec),
            Some(path) => {
                text.push_str("Environment=");
                text.push_str(&word(&format!("PATH={path}")));
            }
            None => text.push_str(line),
        }
        text.push('\n');
    }
    text
}

/// A word as systemd reads it: percent signs and backslashes mean something, spaces end it.
fn word(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%");
    // An apostrophe begins a quotation too.
    if text.contains(|c: char| c.is_whitespace() || c == '\'') {
        format!("\"{text}\"")
    } else {
        text
    }
}

/// Looks at what is installed: the user's own unit goes before one that came with a package.
#[must_use]
pub fn look(units: Option<&Path>, packaged: &[PathBuf], linger: Option<&Path>) -> UnitSeen {
    let Some(units) = units else {
        return UnitSeen::No;
    };
    let dirs = std::iter::once(units).chain(packaged.iter().map(PathBuf::as_path));
    let found = dirs
        .map(|dir| dir.join(UNIT))
        .find_map(|unit| Some((std::fs::read_to_string(&unit).ok()?, unit)));
    let Some((text, unit)) = found else {
        return UnitSeen::No;
    };
    // Wherever it is, that it starts by itself is the user's own affair.
    let wants = units.join("default.target.wants").join(UNIT);
    UnitSeen::Installed {
        current: same(&text, TEMPLATE),
        lost: program(&text).filter(|program| !program.exists()),
        enabled: wants.symlink_metadata().is_ok(),
        lingers: linger.map(Path::exists),
        unit,
    }
}

/// Whether two units say the same, apart from where things are and from comments.
fn same(one: &str, other: &str) -> bool {
    fn directives(unit: &str) -> impl Iterator<Item = &str> {
        unit.lines().map(str::trim).filter(|line| {
            !line.is_empty() && !line.starts_with('#') && !line.starts_with(EXEC) && !line.contains("PATH=")
        })
    }
    directives(one).eq(directives(other))
}

/// The program of a unit, where its path needs nobody to fill it in.
fn program(unit: &str) -> Option<PathBuf> {
    let line = unit.lines().find_map(|line| line.strip_prefix(EXEC))?;
    let word = match line.strip_prefix('"') {
        Some(rest) => rest.split('"').next()?,
        None => line.split_whitespace().next()?,
    };
    let plain = !word.replace("%%", "").contains('%');
    plain.then(|| PathBuf::from(word.replace("%%", "%").replace("$$", "$")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn installation() -> Installation {
        Installation {
            program: "/home/me/my tools/100%/$x/ompcord".into(),
            env_file: Some("/etc/ompcord/env".into()),
            path: Some("/home/$me/bin:/usr/bin".to_owned()),
        }
    }

    #[test]
    fn the_unit_says_where_things_are_and_nothing_else_of_its_own() {
        let text = unit(&installation());
        let changed: Vec<&str> = text
            .lines()
            .filter(|line| !TEMPLATE.lines().any(|known| known == *line))
            .collect();
        assert_eq!(
            changed,
            [
                "ExecStart=\"/home/me/my tools/100%%/$$x/ompcord\" run --env-file /etc/ompcord/env",
                "Environment=PATH=/home/$me/bin:/usr/bin",
            ]
        );
        assert!(same(&text, TEMPLATE) && !same(&text.replace("=notify", "=exec"), TEMPLATE));
        assert_eq!(program(&text), Some(installation().program));
        assert_eq!(program(TEMPLATE), None, "%h is for systemd");
    }

    #[test]
    fn an_apostrophe_begins_no_quotation() {
        assert_eq!(word("/home/o'brien/ompcord"), "\"/home/o'brien/ompcord\"");
    }

    #[test]
    fn what_is_installed_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(look(Some(dir.path()), &[], None), UnitSeen::No);
        let packaged = [dir.path().join("packaged")];
        std::fs::create_dir(&packaged[0]).unwrap();
        std::fs::write(packaged[0].join(UNIT), TEMPLATE).unwrap();
        let seen = look(Some(dir.path()), &packaged, None);
        assert!(matches!(seen, UnitSeen::Installed { unit, .. } if unit == packaged[0].join(UNIT)));
        std::fs::write(dir.path().join(UNIT), unit(&installation())).unwrap();
        let seen = look(Some(dir.path()), &packaged, Some(&dir.path().join("linger")));
        let wanted = UnitSeen::Installed {
            unit: dir.path().join(UNIT),
            current: true,
            lost: Some(installation().program),
            enabled: false,
            lingers: Some(false),
        };
        assert_eq!(seen, wanted);
    }
}
