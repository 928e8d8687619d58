//! The `.env` file: the first one found, read without touching the environment of the process.
//!
//! Without it, a wrong line would be reported with its content, which is where the token is.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::problem::Problem;

/// What a file said.
#[derive(Default)]
pub(super) struct EnvFile {
    /// Where it is, if there is one.
    pub(super) path: Option<PathBuf>,
    /// Its variables; the last line about one wins, as in a shell.
    pub(super) values: BTreeMap<String, String>,
    /// Variables whose line could not be read, so that they are not also reported as missing.
    pub(super) broken: BTreeSet<String>,
    /// Lines that could not be read.
    pub(super) problems: Vec<Problem>,
    /// Whether other users of the machine may read it.
    pub(super) exposed: bool,
}

impl EnvFile {
    /// Reads the named file, or the first of the usual ones that exists.
    pub(super) fn find(named: Option<&Path>, config_home: Option<&Path>) -> Self {
        if let Some(path) = named {
            return Self::read(path).unwrap_or_else(|error| Self::unreadable(path, &error));
        }
        let usual = [
            Some(PathBuf::from(".env")),
            config_home.map(|home| home.join("ompcord/.env")),
        ];
        for path in usual.into_iter().flatten() {
            match Self::read(&path) {
                Ok(file) => return file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Self::unreadable(&path, &error),
            }
        }
        Self::default()
    }

    fn unreadable(path: &Path, error: &io::Error) -> Self {
        let problem = Problem {
            variable: path.display().to_string(),
            found: format!("the file cannot be read: {error}"),
            expected: "a text file with lines such as NAME=value".to_owned(),
            hint: None,
        };
        Self {
            path: Some(path.to_owned()),
            problems: vec![problem],
            ..Self::default()
        }
    }

    fn read(path: &Path) -> io::Result<Self> {
        let text = std::fs::read_to_string(path)?;
        let mode = std::fs::metadata(path)?.permissions().mode();
        let mut file = Self {
            path: Some(path.to_owned()),
            exposed: mode & 0o044 != 0,
            ..Self::default()
        };
        file.parse(path, text.strip_prefix('\u{feff}').unwrap_or(&text));
        Ok(file)
    }

    fn parse(&mut self, path: &Path, text: &str) {
        // The parser takes trailing blanks without a newline for an open escape.
        let text = format!("{}\n", text.trim_end());
        let lines: Vec<&str> = text.lines().collect();
        let (reader, consumed) = LineReader::new(&text);
        let mut entries = dotenvy::from_read_iter(reader);
        loop {
            let before = consumed.get();
            match entries.next() {
                None => return,
                Some(Ok((name, value))) => {
                    self.values.insert(name, value);
                }
                // The error holds the line itself, which may be the one with the token: it is dropped here.
                Some(Err(_)) => self.refuse(path, &lines, before, consumed.get()),
            }
        }
    }

    /// Notes that the statement that was read between two line numbers makes no sense.
    fn refuse(&mut self, path: &Path, lines: &[&str], before: usize, after: usize) {
        let statement = lines
            .iter()
            .enumerate()
            .skip(before)
            .find(|(_, line)| !line.trim().is_empty() && !line.trim_start().starts_with('#'));
        let (number, line) = statement.map_or((after, ""), |(index, line)| (index + 1, line));
        let name = line.split('=').next().unwrap_or_default().trim();
        let name = name.strip_prefix("export ").unwrap_or(name).trim();
        let known = super::VARIABLES.contains(&name);
        if known {
            self.broken.insert(name.to_owned());
        }
        let place = format!("line {number} of {}", path.display());
        self.problems.push(Problem {
            variable: if known { name.to_owned() } else { place.clone() },
            found: if known {
                format!("{place} cannot be read")
            } else {
                "a line that cannot be read".to_owned()
            },
            expected: "NAME=value, with quotes closed".to_owned(),
            hint: Some("put a value with spaces, quotes or # between single quotes".to_owned()),
        });
    }
}

/// Hands out one line per read, so that the number of the line that a parser is at is known.
struct LineReader {
    rest: io::Cursor<Vec<u8>>,
    consumed: Rc<Cell<usize>>,
}

impl LineReader {
    fn new(text: &str) -> (Self, Rc<Cell<usize>>) {
        let consumed = Rc::new(Cell::new(0));
        let rest = io::Cursor::new(text.as_bytes().to_vec());
        (
            Self {
                rest,
                consumed: Rc::clone(&consumed),
            },
            consumed,
        )
    }
}

impl Read for LineReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let at = usize::try_from(self.rest.position()).unwrap_or(usize::MAX);
        let rest = self.rest.get_ref().get(at..).unwrap_or_default();
        let line = rest
            .iter()
            .position(|&byte| byte == b'\n')
            .map_or(rest.len(), |end| end + 1);
        let room = line.min(buffer.len());
        let read = (&mut self.rest).take(room as u64).read(buffer)?;
        if read > 0 && read == line {
            self.consumed.set(self.consumed.get() + 1);
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> EnvFile {
        let mut file = EnvFile::default();
        file.parse(Path::new("x.env"), text);
        file
    }

    #[test]
    fn quotes_comments_and_export_are_understood() {
        let file = parsed("# c\nA=1\n\nexport B='two # words'\nC=\"x\\ny\" # c\nD=\nA=2  ");
        let pairs: Vec<_> = file
            .values
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_str()))
            .collect();
        assert_eq!(
            pairs,
            [("A", "2"), ("B", "two # words"), ("C", "x\ny"), ("D", "")]
        );
        assert!(file.problems.is_empty());
    }

    #[test]
    fn a_wrong_line_is_named_by_its_number_and_never_shown() {
        let file = parsed("A=1\n# note\n\nDISCORD_BOT_TOKEN=se cret\nB=2\nwhat is this\nC='open\nD=4\n");
        let places: Vec<_> = file
            .problems
            .iter()
            .map(|p| (p.variable.as_str(), p.found.as_str()))
            .collect();
        assert_eq!(
            places,
            [
                ("DISCORD_BOT_TOKEN", "line 4 of x.env cannot be read"),
                ("line 6 of x.env", "a line that cannot be read"),
                ("line 7 of x.env", "a line that cannot be read"),
            ]
        );
        assert!(file.broken.contains("DISCORD_BOT_TOKEN"));
        assert_eq!(file.values.get("B").map(String::as_str), Some("2"));
        assert!(!format!("{:?}", file.problems).contains("cret"));
    }
}
