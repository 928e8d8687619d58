//! Which files a session may send: those that are really in its workspace, and none of the daemon's own.
//!
//! A path is only a wish until the file is open: what it names can be exchanged between a look and a read. So the file
//! is opened first, and then the system is asked where it is.

use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;

use crate::discord::draft::MAX_FILE_BYTES;

/// Where a file may be.
#[derive(Debug)]
pub(super) struct Bounds {
    /// The session's directory.
    pub(super) workspace: PathBuf,
    /// The daemon's own.
    pub(super) state_dir: PathBuf,
    /// The file with its configuration, perhaps with the bot's token in it.
    pub(super) env_file: Option<PathBuf>,
}

/// A file that may be sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// What it is called.
    pub(super) name: String,
    /// What is in it.
    pub(super) bytes: Vec<u8>,
}

/// Why a file may not be sent.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error("`path` is wrong: it is empty")]
    Empty,
    #[error("`path` is wrong: there is no file {0} in the workspace")]
    Missing(String),
    #[error("`path` is wrong: {0} is not in the workspace {1}, to which files are limited")]
    Outside(String, String),
    #[error("`path` is wrong: {0} belongs to ompcord itself")]
    Own(String),
    #[error("`path` is wrong: {0} is a directory. Send one of its files, or pack it first")]
    Directory(String),
    #[error("`path` is wrong: {0} is no ordinary file")]
    Special(String),
    #[error("the file has {0} bytes, and Discord takes {MAX_FILE_BYTES}. Shorten or compress it")]
    TooLarge(u64),
    #[error("the file has nothing in it")]
    NothingInIt,
    #[error("the file cannot be read: {0}")]
    Unreadable(String),
}

impl Bounds {
    /// Reads a file, where it may be sent.
    pub(super) fn read(&self, asked: &str) -> Result<Found, Refused> {
        if asked.trim().is_empty() {
            return Err(Refused::Empty);
        }
        let shown = || format!("{asked:?}");
        let unreadable = |error: std::io::Error| Refused::Unreadable(error.to_string());
        let workspace = self.workspace.canonicalize().map_err(unreadable)?;
        let wanted = workspace.join(asked).canonicalize();
        let wanted = wanted.map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => Refused::Missing(shown()),
            _ => Refused::Unreadable(error.to_string()),
        })?;
        self.allows(&workspace, &wanted, asked)?;
        if wanted.is_dir() {
            return Err(Refused::Directory(shown()));
        }
        let file = open(&wanted).map_err(unreadable)?;
        let is = real_path(&file).map_err(unreadable)?;
        self.allows(&workspace, &is, asked)?;
        let about = file.metadata().map_err(unreadable)?;
        if !about.is_file() {
            return Err(Refused::Special(shown()));
        }
        if about.len() > MAX_FILE_BYTES {
            return Err(Refused::TooLarge(about.len()));
        }
        let mut bytes = Vec::new();
        // It may grow while it is read.
        file.take(MAX_FILE_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(unreadable)?;
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        match length {
            0 => Err(Refused::NothingInIt),
            1..=MAX_FILE_BYTES => {
                let name = is.file_name().map(|name| name.to_string_lossy().into_owned());
                let name = name.unwrap_or_default();
                Ok(Found { name, bytes })
            }
            _ => Err(Refused::TooLarge(length)),
        }
    }

    fn allows(&self, workspace: &Path, path: &Path, asked: &str) -> Result<(), Refused> {
        let shown = format!("{asked:?}");
        if !path.starts_with(workspace) {
            return Err(Refused::Outside(shown, workspace.display().to_string()));
        }
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let state = real(&self.state_dir);
        // The usual workspace is a folder of the state directory; what is in it is the session's.
        let is_inner = workspace.starts_with(&state) && workspace != state;
        if path.starts_with(&state) && !is_inner {
            return Err(Refused::Own(shown));
        }
        if self.env_file.as_deref().is_some_and(|file| real(file) == path) {
            return Err(Refused::Own(shown));
        }
        Ok(())
    }
}

/// Opens a file without following a link in its place, and without waiting for anybody at the other end of a pipe.
fn open(path: &Path) -> std::io::Result<File> {
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits())
        .open(path)
}

/// Where an open file is.
fn real_path(file: &File) -> std::io::Result<PathBuf> {
    std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Desk {
        _dir: tempfile::TempDir,
        bounds: Bounds,
    }

    impl Desk {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let path = |name: &str| dir.path().join(name);
            for name in ["work/sub", "state", "elsewhere"] {
                std::fs::create_dir_all(path(name)).unwrap();
            }
            std::fs::write(path("work/sub/report.txt"), "all is well").unwrap();
            std::fs::write(path("work/.env"), "A=1").unwrap();
            std::fs::write(path("elsewhere/secret"), "hush").unwrap();
            std::fs::write(path("state/api-token"), "hush").unwrap();
            let bounds = Bounds {
                workspace: path("work"),
                state_dir: path("state"),
                env_file: Some(path("work/.env")),
            };
            Self { _dir: dir, bounds }
        }

        fn work(&self, name: &str) -> PathBuf {
            self.bounds.workspace.join(name)
        }
    }

    #[test]
    fn what_is_in_the_workspace_is_read_however_it_is_named() {
        let desk = Desk::new();
        std::os::unix::fs::symlink("sub/report.txt", desk.work("link")).unwrap();
        let absolute = desk.work("sub/report.txt");
        for asked in [
            "sub/report.txt",
            "./sub/../sub/report.txt",
            "link",
            absolute.to_str().unwrap(),
        ] {
            let found = desk.bounds.read(asked).unwrap();
            assert_eq!(
                (found.name.as_str(), found.bytes.as_slice()),
                ("report.txt", &b"all is well"[..]),
                "{asked}"
            );
        }
    }

    #[test]
    fn nothing_outside_is_read_whatever_trick_is_tried() {
        let desk = Desk::new();
        let out = desk.bounds.workspace.parent().unwrap().to_owned();
        std::os::unix::fs::symlink(out.join("elsewhere/secret"), desk.work("link")).unwrap();
        std::os::unix::fs::symlink(out.join("elsewhere"), desk.work("folder")).unwrap();
        std::os::unix::fs::symlink("/proc/self/environ", desk.work("environ")).unwrap();
        let absolute = out.join("elsewhere/secret");
        for asked in [
            "../elsewhere/secret",
            "sub/../../elsewhere/secret",
            "link",
            "folder/secret",
            "environ",
            "/proc/self/environ",
            "/etc/passwd",
            absolute.to_str().unwrap(),
            // A name that begins like the workspace's.
            "../state/api-token",
        ] {
            let refused = desk.bounds.read(asked).unwrap_err();
            assert!(matches!(refused, Refused::Outside(..)), "{asked}: {refused:?}");
            assert!(!refused.to_string().contains("hush"));
        }
        for asked in ["nothing-here", "sub/report.txt/x", "\u{0}"] {
            let refused = desk.bounds.read(asked).unwrap_err();
            let missing = matches!(refused, Refused::Missing(_) | Refused::Unreadable(_));
            assert!(missing, "{asked}: {refused:?}");
        }
    }

    #[test]
    fn the_daemons_own_files_are_its_own_where_the_workspace_is_above_them() {
        let mut desk = Desk::new();
        assert!(matches!(desk.bounds.read(".env"), Err(Refused::Own(_))));
        let above = desk.bounds.workspace.parent().unwrap().to_owned();
        desk.bounds.workspace = above;
        assert!(matches!(
            desk.bounds.read("state/api-token"),
            Err(Refused::Own(_))
        ));
        // A workspace in the state directory is the usual one.
        let inner = desk.bounds.state_dir.join("workspace");
        std::fs::create_dir(&inner).unwrap();
        std::fs::write(inner.join("a"), "1").unwrap();
        desk.bounds.workspace = inner;
        assert_eq!(desk.bounds.read("a").unwrap().bytes, b"1");
        assert!(matches!(
            desk.bounds.read("../api-token"),
            Err(Refused::Outside(..))
        ));
    }

    #[test]
    fn what_is_no_ordinary_file_or_too_large_says_so() {
        let desk = Desk::new();
        assert!(matches!(desk.bounds.read("sub"), Err(Refused::Directory(_))));
        assert!(matches!(desk.bounds.read("."), Err(Refused::Directory(_))));
        assert_eq!(desk.bounds.read(" "), Err(Refused::Empty));
        let large = File::create(desk.work("large")).unwrap();
        large.set_len(200 << 20).unwrap();
        assert_eq!(desk.bounds.read("large"), Err(Refused::TooLarge(200 << 20)));
        File::create(desk.work("empty")).unwrap();
        assert_eq!(desk.bounds.read("empty"), Err(Refused::NothingInIt));
        // Reading it would wait for somebody to write.
        let pipe = desk.work("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRUSR).unwrap();
        assert!(matches!(desk.bounds.read("pipe"), Err(Refused::Special(_))));
    }
}
