//! `ompcord demo` as a newcomer runs it.

use std::process::{Command, Stdio};

#[test]
fn the_demo_plays_a_launch_and_ends_when_it_is_told_to() {
    let out = Command::new(env!("CARGO_BIN_EXE_ompcord"))
        .args(["demo", "--agent", "scripted", "--once", "--port", "0"])
        .args([
            "--prompt",
            "TOOL:bash:{\"command\":\"cargo test\"}\nSAY:All tests pass.",
        ])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let shown = String::from_utf8(out.stdout).unwrap();
    assert!(
        out.status.success(),
        "{shown}\n{}",
        String::from_utf8_lossy(&out.stderr)
    );
    for expected in [
        "control API  http://127.0.0.1:",
        "alice reacts with 🚀",
        "#Run: ",
        "All tests pass.",
        "playground ⋅ ",
    ] {
        assert!(shown.contains(expected), "{expected:?} is missing in\n{shown}");
    }
    assert_eq!(String::from_utf8_lossy(&out.stderr), "");
}

#[test]
fn the_demo_says_what_is_wrong_with_its_arguments() {
    for (args, said) in [
        (
            vec!["--workdir", "/nowhere/at/all"],
            "the workspace /nowhere/at/all cannot be used",
        ),
        (vec!["--agent", "omp"], "the agent omp was not found"),
    ] {
        let out = Command::new(env!("CARGO_BIN_EXE_ompcord"))
            .args(["demo", "--once", "--port", "0"])
            .args(&args)
            .env("OMP_COMMAND", "no-such-agent")
            .output()
            .unwrap();
        let error = String::from_utf8(out.stderr).unwrap();
        assert_eq!(out.status.code(), Some(1), "{error}");
        assert!(error.contains(said) && error.contains("hint: "), "{error}");
    }
}

#[test]
fn a_demo_whose_agent_fails_says_so_and_ends() {
    let out = Command::new(env!("CARGO_BIN_EXE_ompcord"))
        .args(["demo", "--agent", "scripted", "--once", "--port", "0"])
        .args(["--prompt", "ERROR:no key for this model"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let shown = String::from_utf8(out.stdout).unwrap();
    let error = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(1), "{shown}\n{error}");
    assert!(shown.contains("no key for this model"), "{shown}");
    assert!(
        error.contains("the agent did not answer") && error.contains("hint: "),
        "{error}"
    );
}
