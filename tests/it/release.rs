//! The archive of a release: what is in it, and that it installs and goes without a trace.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn done(command: &mut Command) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let (out, error) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{command:?}: {status}\n{out}{error}");
    assert_eq!(error, "", "{command:?}");
    out.into_owned()
}

/// Every file below a directory, from there.
fn below(dir: &Path) -> Vec<String> {
    let text = done(
        Command::new("find")
            .args([".", "-not", "-type", "d"])
            .current_dir(dir),
    );
    let mut files: Vec<String> = text
        .lines()
        .map(|line| line.trim_start_matches("./").to_owned())
        .collect();
    files.sort();
    files
}

/// Packs the program of the tests, without what is only for a debugger.
fn archive(dir: &Path) -> PathBuf {
    let program = dir.join("ompcord");
    done(
        Command::new("strip")
            .arg("-o")
            .arg(&program)
            .arg(env!("CARGO_BIN_EXE_ompcord")),
    );
    let dist = dir.join("dist");
    let text = done(
        Command::new(root().join("scripts/release"))
            .arg("--binary")
            .arg(&program)
            .arg("--dist")
            .arg(&dist)
            .args(["--level", "1"]),
    );
    done(
        Command::new("sha256sum")
            .args(["--check", "--strict", "--quiet", "SHA256SUMS"])
            .current_dir(&dist),
    );
    PathBuf::from(text.lines().next().unwrap())
}

#[test]
fn the_archive_installs_runs_and_goes_without_a_trace() {
    let dir = tempfile::tempdir().unwrap();
    let archive = archive(dir.path());
    let name = archive.file_name().unwrap().to_str().unwrap();
    let name = name.strip_suffix(".tar.gz").unwrap();
    assert!(
        name.starts_with(concat!("ompcord-", env!("CARGO_PKG_VERSION"), "-")),
        "{name}"
    );
    // The same again is the same to the last byte.
    let first = std::fs::read(&archive).unwrap();
    let again = self::archive(dir.path());
    assert!(
        first == std::fs::read(again).unwrap(),
        "two archives of one program differ"
    );

    done(
        Command::new("tar")
            .arg("-xzf")
            .arg(&archive)
            .current_dir(dir.path()),
    );
    let unpacked = dir.path().join(name);
    for file in [
        "ompcord",
        "install.sh",
        "ompcord.service",
        "man/ompcord.1",
        "man/ompcord-backup.1",
        "completions/ompcord.bash",
        "completions/_ompcord",
        "completions/ompcord.fish",
        "LICENSE",
        "README.md",
        "CHANGELOG.md",
        ".env.example",
        "docs/data.md",
    ] {
        assert!(unpacked.join(file).is_file(), "{file}");
    }

    let home = dir.path().join("home");
    let prefix = dir.path().join("a prefix");
    std::fs::create_dir_all(&home).unwrap();
    let script = |script: &Path, arguments: &[&str]| {
        let mut command = Command::new(script);
        command
            .args(arguments)
            .env_clear()
            .env("HOME", &home)
            .env("PATH", std::env::var("PATH").unwrap())
            .env("PREFIX", &prefix);
        done(&mut command)
    };
    let installer = unpacked.join("install.sh");
    let text = script(&installer, &[]);
    assert!(text.contains("is not in your PATH"), "{text}");
    let program = prefix.join("bin/ompcord");
    let version = done(Command::new(&program).arg("version"));
    assert!(version.contains(env!("CARGO_PKG_VERSION")), "{version}");
    let unit = std::fs::read_to_string(prefix.join("share/systemd/user/ompcord.service")).unwrap();
    let exec = unit.lines().find(|line| line.starts_with("ExecStart=")).unwrap();
    assert_eq!(exec, format!("ExecStart=\"{}\" run", program.display()));
    assert!(unit.contains("Environment=PATH=%h/.local/bin:"), "{unit}");
    let bash = prefix.join("share/bash-completion/completions/ompcord");
    done(Command::new("bash").arg("-n").arg(&bash));
    let completes = format!(
        "source '{}'; COMP_WORDS=(ompcord bac); COMP_CWORD=1; _ompcord ompcord bac ompcord; echo \"${{COMPREPLY[@]}}\"",
        bash.display()
    );
    assert_eq!(done(Command::new("bash").args(["-c", &completes])), "backup\n");
    let page = std::fs::read_to_string(prefix.join("share/man/man1/ompcord.1")).unwrap();
    assert!(
        page.contains(".TH ompcord 1") && page.contains("backup"),
        "{page}"
    );

    // Again is an update; everything goes, and what is not its own stays.
    let files = below(&prefix);
    script(&installer, &[]);
    assert_eq!(below(&prefix), files);
    // One that does not run here replaces nothing.
    let whole = std::fs::read(unpacked.join("ompcord")).unwrap();
    std::fs::write(unpacked.join("ompcord"), "#!/bin/sh\nexit 1\n").unwrap();
    let mut update = Command::new(&installer);
    let update = update.env("PREFIX", &prefix).output().unwrap();
    assert!(!update.status.success() && String::from_utf8_lossy(&update.stderr).contains("does not run"));
    assert_eq!(done(Command::new(&program).arg("version")), version);
    std::fs::write(unpacked.join("ompcord"), whole).unwrap();
    let other = prefix.join("share/doc/other");
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("LICENSE"), "").unwrap();
    let copy = prefix.join("share/doc/ompcord/install.sh");
    let text = script(&copy, &["--uninstall"]);
    assert!(text.contains("are left as they are"), "{text}");
    assert_eq!(below(&prefix), ["share/doc/other/LICENSE"]);
    let left = done(Command::new("find").arg(&prefix).args(["-type", "d", "-empty"]));
    assert_eq!(left, "");
    assert_eq!(below(&home), Vec::<String>::new());
}
