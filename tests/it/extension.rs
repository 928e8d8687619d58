//! `ompcord extension`, as a person runs it: with a stand-in for the agent, and with the real one.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::real::Model;

/// Lists and links plugins as the agent does, in the folder that it stands in.
const STAND_IN: &str = r#"#!/bin/sh
here=$(dirname "$0")
case "$*" in
  --version) echo omp/18.2.3 ;;
  'plugin list --json')
    if [ -e "$here/forgetful" ] || ! [ -e "$here/link" ]; then echo '{"npm":[],"marketplace":[]}'; exit; fi
    version=$(sed -n 's/.*"version": "\(.*\)".*/\1/p' "$here/link/package.json")
    echo "{\"npm\":[{\"name\":\"ompcord-extension\",\"version\":\"$version\",\"path\":\"$here/link\",\"enabled\":true}]}"
    ;;
  'plugin link '*)
    echo "$3" >> "$here/links"
    ln -sfn "$3" "$here/link"
    ;;
  *) echo "unexpected: $*" >&2; exit 1 ;;
esac
"#;

struct User {
    home: PathBuf,
    omp: String,
}

impl User {
    fn of(home: &Path) -> Self {
        let mut user = Self {
            home: home.to_owned(),
            omp: String::new(),
        };
        user.stand_in(STAND_IN);
        user
    }

    fn stand_in(&mut self, script: &str) {
        let omp = self.home.join("omp");
        std::fs::write(&omp, script).unwrap();
        std::fs::set_permissions(&omp, std::fs::Permissions::from_mode(0o755)).unwrap();
        self.omp = omp.display().to_string();
    }

    fn ompcord(&self, args: &[&str]) -> (Option<i32>, String, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_ompcord"))
            .args(args)
            .env_clear()
            .env("PATH", std::env::var("PATH").unwrap())
            .env("HOME", &self.home)
            .env("OMP_COMMAND", &self.omp)
            .current_dir(&self.home)
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    }

    fn folder(&self) -> PathBuf {
        self.home.join(".local/share/ompcord/extension")
    }

    fn links(&self) -> usize {
        let links = std::fs::read_to_string(self.home.join("links")).unwrap_or_default();
        links.lines().count()
    }

    fn pretend(&self, version: &str) {
        let manifest = self.folder().join("package.json");
        let text = std::fs::read_to_string(&manifest).unwrap();
        let own = format!("\"version\": \"{}\"", env!("CARGO_PKG_VERSION"));
        std::fs::write(
            manifest,
            text.replace(&own, &format!("\"version\": \"{version}\"")),
        )
        .unwrap();
    }
}

#[test]
fn it_is_installed_once_updated_and_found() {
    let home = tempfile::tempdir().unwrap();
    let user = User::of(home.path());
    let (version, folder) = (env!("CARGO_PKG_VERSION"), user.folder());
    let (code, out, err) = user.ompcord(&["extension", "path"]);
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(err.contains("ompcord extension install"), "{err}");

    let (code, out, err) = user.ompcord(&["extension", "install"]);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    let place = folder.display();
    assert!(
        out.starts_with(&format!(
            "installed the extension {version} in {place}\nomp/18.2.3 loads it"
        )),
        "{out}"
    );
    let found = user.ompcord(&["extension", "path"]);
    assert_eq!(found, (Some(0), format!("{place}\n"), String::new()));
    let (_, out, _) = user.ompcord(&["extension", "install"]);
    assert!(
        out.starts_with(&format!("the extension {version} is in {place} already\n")),
        "{out}"
    );
    assert_eq!(user.links(), 1, "nothing was to be done");

    for (old, said) in [("0.0.1", "updated"), ("99.0.0", "downgraded")] {
        user.pretend(old);
        let (code, out, _) = user.ompcord(&["extension", "install", "--json"]);
        let report: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(
            (code, report),
            (
                Some(0),
                json!({"change": said, "version": version, "previous": old, "path": folder,
                "agent": "omp/18.2.3", "loaded": true, "replaced": null})
            )
        );
    }
    // Somebody's checkout was linked.
    let checkout = user.home.join("checkout");
    std::fs::create_dir(&checkout).unwrap();
    std::fs::copy(folder.join("package.json"), checkout.join("package.json")).unwrap();
    std::fs::remove_file(user.home.join("link")).unwrap();
    std::os::unix::fs::symlink(&checkout, user.home.join("link")).unwrap();
    let (_, out, _) = user.ompcord(&["extension", "install"]);
    let checkout = checkout.canonicalize().unwrap();
    assert!(
        out.contains(&format!("omp had it from {} before", checkout.display())),
        "{out}"
    );
    assert!(checkout.join("package.json").exists());
}

#[test]
fn what_keeps_the_agent_from_loading_it_is_said() {
    let home = tempfile::tempdir().unwrap();
    let mut user = User::of(home.path());
    std::fs::write(user.home.join("forgetful"), "").unwrap();
    let (code, out, err) = user.ompcord(&["extension", "install"]);
    assert_eq!(code, Some(1), "{out}");
    assert!(
        err.contains("does not list the extension") && err.contains("hint: see what `omp plugin link "),
        "{err}"
    );
    "/no/such/omp".clone_into(&mut user.omp);
    let (code, out, err) = user.ompcord(&["extension", "install", "--json"]);
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (code, &report["loaded"], &report["agent"]),
        (Some(1), &json!(false), &Value::Null)
    );
    assert!(
        err.contains("/no/such/omp was not found") && err.contains("OMP_COMMAND"),
        "{err}"
    );
    std::fs::remove_file(user.home.join("forgetful")).unwrap();
    user.stand_in(&STAND_IN.replace("18.2.3", "18.1.9"));
    let (code, _, err) = user.ompcord(&["extension", "install"]);
    assert!(
        code == Some(0) && err.contains("omp/18.1.9 is too old for it"),
        "{err}"
    );
}

/// What the agent itself says it can do in a session that it starts now.
fn commands(omp: &str, home: &Path) -> String {
    let mut agent = Command::new(omp)
        .args(["--mode", "rpc-ui", "--model", "rig/script"])
        .env_clear()
        .env("PATH", std::env::var("PATH").unwrap())
        .env("HOME", home)
        .env("OMP_SKIP_SETUP", "1")
        .current_dir(home.join("work"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = agent.stdin.take().unwrap();
    let mut lines = BufReader::new(agent.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok);
    writeln!(stdin, r#"{{"id":"a","type":"get_available_commands"}}"#).unwrap();
    let found = lines.find(|line| line.contains(r#""command":"get_available_commands""#));
    drop(stdin);
    lines.for_each(drop);
    agent.wait().unwrap();
    found.unwrap_or_default()
}

#[test]
fn real_agent_loads_what_was_installed() {
    let Ok(omp) = std::env::var("OMPCORD_TEST_OMP") else {
        println!("skipped: OMPCORD_TEST_OMP names no agent");
        return;
    };
    let model = Model::start();
    let home = model.home();
    let mut user = User::of(home);
    user.omp.clone_from(&omp);
    std::fs::create_dir(home.join("work")).unwrap();
    let (code, out, err) = user.ompcord(&["extension", "install"]);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    assert!(out.contains("omp/18.") && out.contains("loads it"), "{out}");
    let listed = Command::new(&omp)
        .args(["plugin", "list"])
        .env("HOME", home)
        .output()
        .unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(
        listed.contains(&format!("ompcord-extension@{}", env!("CARGO_PKG_VERSION"))),
        "{listed}"
    );
    assert!(
        commands(&omp, home).contains("discord-ping"),
        "a session has its commands"
    );
    let (code, out, _) = user.ompcord(&["extension", "install", "--json"]);
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (code, &report["change"], &report["loaded"]),
        (Some(0), &json!("unchanged"), &json!(true))
    );
}
