//! The official MCP clients for Python and TypeScript, on both transports, all four at once. Skipped where
//! `OMPCORD_TEST_MCP_CLIENTS` does not name the folder of `scripts/install-mcp-clients`.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};

use super::bench;
use crate::http::session_token;

const CLIENTS: [(&str, &str); 4] = [("Py", "stdio"), ("Py", "http"), ("Ts", "stdio"), ("Ts", "http")];

fn start(clients: &Path, (language, transport): (&str, &str), vars: &[(&str, String)]) -> Child {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
    let (program, script) = match language {
        "Py" => (clients.join("python/bin/python"), here.join("client.py")),
        _ => (PathBuf::from("node"), here.join("client.mjs")),
    };
    Command::new(program)
        .arg(script)
        .args([format!("{language} {transport}"), transport.to_owned()])
        .envs(vars.iter().map(|(name, value)| (*name, value)))
        .env("MCP_CLIENTS", clients)
        .env("NO_PROXY", "*")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

#[tokio::test]
async fn outside_clients_use_every_tool_on_both_transports_at_once() {
    let Ok(clients) = std::env::var("OMPCORD_TEST_MCP_CLIENTS") else {
        println!("skipped: OMPCORD_TEST_MCP_CLIENTS names no folder");
        return;
    };
    let bench = bench().await;
    std::fs::write(bench.work().join("report.md"), "# All is well\n").unwrap();
    let owner = bench.api();
    let (session, thread) = owner.session().await;
    let vars = [
        ("OMPCORD", env!("CARGO_BIN_EXE_ompcord").to_owned()),
        ("OMPCORD_URL", bench.url()),
        ("OMPCORD_SESSION_TOKEN", session_token(&bench, &session).await),
        (
            "OMPCORD_STATE_DIR",
            bench.config().state_dir.display().to_string(),
        ),
    ];
    let mut running = Vec::new();
    for client in CLIENTS {
        running.push((client, start(Path::new(&clients), client, &vars)));
    }
    for (language, transport) in CLIENTS {
        let question = bench
            .question(thread, &format!("{language} {transport} asks?"))
            .await;
        bench.sim.click("alice", question.id, "Yes").unwrap();
    }
    for ((language, transport), mut child) in running {
        let label = format!("{language} {transport}");
        let question = bench.question(thread, &format!("{label} gives up?")).await;
        child.stdin.as_mut().unwrap().write_all(b"now\n").await.unwrap();
        let withdrawn = |sim: &ompcord::sim::Sim| {
            let seen = sim.message(question.id)?;
            (seen.buttons.is_empty() && seen.content.contains("withdrawn")).then_some(())
        };
        bench.sim.until(&format!("{label} to give up"), withdrawn).await;
        let output = child.wait_with_output().await.unwrap();
        assert!(output.status.success(), "{label}: {}", output.status);
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        let tools = said["tools"].as_array().unwrap();
        assert_eq!(tools.len(), 9, "{said}");
        for tool in tools {
            let came = &said[tool.as_str().unwrap()];
            assert_eq!(came["is_error"], false, "{label} {tool}: {came}");
        }
        let text = |pointer: &str| said.pointer(pointer).and_then(Value::as_str).unwrap().to_owned();
        assert!(text("/discord_ask/text").contains(r#""answer":"Yes""#), "{said}");
        assert_eq!(
            (&said["bad"]["is_error"], &said["given_up"]),
            (&true.into(), &true.into())
        );
        assert!(text("/bad/text").starts_with("`text` is wrong"), "{said}");
        assert!(text("/resource").contains(&format!("{label} notifies")), "{said}");
        let messages = bench.sim.messages(thread);
        let file = messages
            .iter()
            .find(|m| m.content == format!("{label} sends a file"))
            .unwrap();
        assert_eq!(file.attachments[0].text(), "# All is well\n");
    }
    bench.finish().await;
}
