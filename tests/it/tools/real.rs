//! The tools in the hands of the real agent with a scripted model. Skipped where `OMPCORD_TEST_OMP` does not name one.

use serde_json::json;

use crate::harness::answers;
use crate::real::{Real, real};

#[tokio::test]
async fn real_agent_asks_a_person_sends_a_file_and_reads_an_address_with_host_tools() {
    // As an owner would have it: nothing that runs programs is approved by itself.
    let vars = vec![("OMP_APPROVAL_MODE", "write".to_owned())];
    let Some(Real { bench, _model }) = real(vars).await else {
        return;
    };
    let (_, thread) = bench
        .launch(r#"TOOL:discord_ask:{"question":"Which flavour?","choices":["Mint","Lemon"]}"#)
        .await;
    bench.question(thread, "Which flavour?").await;
    bench.press("alice", thread, "Lemon").await;
    let said = answers(&bench.turns(thread, 1).await);
    assert!(
        said.contains("The tool said:") && said.contains(r#""answer":"Lemon""#),
        "{said}"
    );

    std::fs::write(bench.work().join("report.md"), "# All is well\n").unwrap();
    bench
        .sim
        .say(
            "alice",
            thread,
            r#"TOOL:discord_send_file:{"path":"report.md","text":"The report."}"#,
        )
        .unwrap();
    let message = bench.sees(thread, "The report.").await;
    assert_eq!(message.attachments[0].text(), "# All is well\n");
    bench.turns(thread, 2).await;

    bench
        .sim
        .say(
            "alice",
            thread,
            r#"TOOL:discord_send_file:{"path":"/etc/passwd"}"#,
        )
        .unwrap();
    bench.sees(thread, "is not in the workspace").await;
    bench.turns(thread, 3).await;

    let read = format!(r#"TOOL:read:{{"path":"discord://channel/{thread}/messages"}}"#);
    bench.sim.say("alice", thread, &read).unwrap();
    bench.turns(thread, 4).await;
    let said = answers(&bench.sim.messages(thread));
    assert!(
        said.contains("The tool said:") && said.contains("Which flavour?"),
        "{said}"
    );
    bench.finish().await;
}

#[tokio::test]
async fn real_agent_uses_the_tools_through_its_own_mcp_configuration() {
    let Some(Real { bench, _model }) = real(Vec::new()).await else {
        return;
    };
    let config = bench.config();
    let servers = json!({"mcpServers": {
        "ompcord": {
            "command": env!("CARGO_BIN_EXE_ompcord"),
            "args": ["mcp"],
            "env": {"OMPCORD_STATE_DIR": config.state_dir, "OMPCORD_HTTP_ADDR": bench.url().trim_start_matches("http://")},
            "timeout": 0,
        },
    }});
    std::fs::create_dir(bench.work().join(".omp")).unwrap();
    std::fs::write(bench.work().join(".omp/mcp.json"), servers.to_string()).unwrap();
    std::fs::write(bench.work().join("report.md"), "# Over MCP\n").unwrap();
    let (_, thread) = bench
        .launch(r#"TOOL:mcp__ompcord_discord_ask:{"question":"Which flavour?","choices":["Mint","Lemon"]}"#)
        .await;
    bench.question(thread, "Which flavour?").await;
    bench.press("alice", thread, "Mint").await;
    let said = answers(&bench.turns(thread, 1).await);
    assert!(said.contains(r#""answer":"Mint""#), "{said}");
    bench
        .sim
        .say(
            "alice",
            thread,
            r#"TOOL:mcp__ompcord_discord_send_file:{"path":"report.md","text":"Over MCP."}"#,
        )
        .unwrap();
    let message = bench.sees(thread, "Over MCP.").await;
    assert_eq!(message.attachments[0].text(), "# Over MCP\n");
    bench.turns(thread, 2).await;
    bench.finish().await;
}
