//! Every way in which an agent ends, and that nothing is left of it.

use super::*;

fn quick(abort_first: bool) -> Stop {
    Stop {
        abort_first,
        grace: Duration::from_millis(300),
    }
}

#[tokio::test]
async fn a_program_that_does_not_exist_is_told() {
    let rig = Rig::new();
    let mut spec = rig.spec();
    spec.program = vec!["/nowhere/omp".into(), "--flag".into()];
    let exit = rig.spawn(spec).exited().await;
    let ExitHow::NotStarted {
        program, not_found, ..
    } = exit.how
    else {
        panic!("{:?}", exit.how)
    };
    assert_eq!((program.as_str(), not_found), ("/nowhere/omp --flag", true));
}

#[tokio::test]
async fn a_missing_directory_is_not_taken_for_a_missing_program() {
    let rig = Rig::new();
    let mut spec = rig.spec();
    spec.cwd = rig.path().join("gone");
    let exit = rig.spawn(spec).exited().await;
    let ExitHow::NotStarted { error, not_found, .. } = exit.how else {
        panic!("{:?}", exit.how)
    };
    assert!(!not_found && error.contains("does not exist"), "{error}");
}

#[tokio::test]
async fn an_agent_that_never_comes_up_is_ended() {
    let rig = Rig::new();
    let mut spec = rig.with_traits("noready");
    spec.start_timeout = Duration::from_millis(200);
    let agent = rig.spawn(spec);
    agent.handle.prompt("p", "hello", &[]);
    let mut failed = Vec::new();
    let mut agent = agent;
    let exit = loop {
        match agent.next().await {
            AgentEvent::PromptFailed { id, .. } => failed.push(id),
            AgentEvent::Exited(exit) => break exit,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((exit.how, exit.requested), (ExitHow::NotReady, false));
    assert_eq!(failed, ["p"], "the prompt that was never written fails");
    assert_eq!(marked(&agent.marker), Vec::<i32>::new());
}

#[tokio::test]
async fn a_session_that_is_gone_is_told() {
    let rig = Rig::new();
    let mut spec = rig.spec();
    spec.resume = Some("01999999-aaaa-7bbb-8ccc-123456789abc".into());
    let exit = rig.spawn(spec).exited().await;
    assert_eq!(exit.how, ExitHow::SessionMissing);
    assert!(exit.last_lines[0].contains("not found"), "{:?}", exit.last_lines);
}

#[tokio::test]
async fn another_session_than_the_one_to_resume_is_never_used() {
    let rig = Rig::new();
    let mut spec = rig.with_traits("forgetful");
    spec.resume = Some("01999999-aaaa-7bbb-8ccc-123456789abc".into());
    let mut agent = rig.spawn(spec);
    agent.handle.prompt("p", "SAY:into the void", &[]);
    let mut failed = false;
    let exit = loop {
        match agent.next().await {
            AgentEvent::PromptFailed { .. } => failed = true,
            AgentEvent::Exited(exit) => break exit,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(exit.how, ExitHow::SessionMissing);
    assert!(failed);
    assert!(
        !rig.path().join("sessions").exists(),
        "nothing was said in the new session"
    );
}

#[tokio::test]
async fn crashes_are_told_with_the_last_lines() {
    let rig = Rig::new();
    let mut agent = rig.up().await;
    agent.handle.prompt("p", "LINES:30:0:stderr CRASH:7", &[]);
    agent.line("line 30").await;
    let exit = agent.exited().await;
    assert_eq!((exit.how, exit.requested), (ExitHow::Code(7), false));
    assert_eq!(exit.last_lines.len(), 20);
    assert_eq!(exit.last_lines.first().unwrap(), "line 12 of 30");
    assert_eq!(exit.last_lines.last().unwrap(), "scripted: crashing with 7");
}

#[tokio::test]
async fn a_killed_agent_is_told() {
    let rig = Rig::new();
    let agent = rig.up().await;
    agent.handle.prompt("p", "KILLSELF", &[]);
    let exit = agent.exited().await;
    assert_eq!((exit.how, exit.requested), (ExitHow::Signal(9), false));
}

#[tokio::test]
async fn half_a_frame_is_told_as_a_line() {
    let rig = Rig::new();
    let mut agent = rig.up().await;
    agent.handle.prompt("p", "MIDLINE", &[]);
    let line = agent.line("{\"type\":\"message_update\"").await;
    assert!(line.ends_with("\"text_de"));
    assert_eq!(agent.exited().await.how, ExitHow::Code(1));
}

#[tokio::test]
async fn a_running_turn_is_aborted_first() {
    let rig = Rig::new();
    let mut agent = rig.up().await;
    agent.handle.prompt("p", "STEERABLE", &[]);
    assert_eq!(agent.next().await, AgentEvent::TurnStarted);
    drop(agent.handle.stop(Stop::default()));
    let message = agent.message().await;
    assert_eq!(message.stop_reason, "aborted");
    assert_eq!(message.texts, [(0, "I was asked to stop.".into())]);
    agent.turn_ended().await;
    assert_eq!(
        agent.exited().await.how,
        ExitHow::Code(0),
        "a closed stdin was enough"
    );
}

#[tokio::test]
async fn an_agent_that_hangs_gets_sigterm() {
    let rig = Rig::new();
    let mut agent = rig.up().await;
    agent.handle.prompt("p", "HANG", &[]);
    assert_eq!(agent.next().await, AgentEvent::TurnStarted);
    drop(agent.handle.stop(quick(true)));
    let exit = agent.exited().await;
    assert_eq!((exit.how, exit.requested), (ExitHow::Code(143), true));
}

#[tokio::test]
async fn an_agent_that_ignores_everything_is_killed_in_the_end() {
    let rig = Rig::new();
    let mut agent = rig.up().await;
    agent.handle.prompt("p", "IGNORE_TERM HANG", &[]);
    assert_eq!(agent.next().await, AgentEvent::TurnStarted);
    drop(agent.handle.stop(quick(true)));
    agent.line("scripted: stdin closed, ignored").await;
    agent.line("scripted: SIGTERM, ignored").await;
    assert_eq!(agent.exited().await.how, ExitHow::Signal(9));
}

#[tokio::test]
async fn a_second_stop_hurries_the_first() {
    let rig = Rig::new();
    let mut agent = rig.up().await;
    agent.handle.prompt("p", "IGNORE_TERM HANG", &[]);
    assert_eq!(agent.next().await, AgentEvent::TurnStarted);
    // An hour for each rung would be the test's end.
    drop(agent.handle.stop(Stop {
        abort_first: true,
        grace: Duration::from_hours(1),
    }));
    drop(agent.handle.stop(quick(true)));
    assert_eq!(agent.exited().await.how, ExitHow::Signal(9));
}

#[tokio::test]
async fn an_agent_that_nobody_holds_is_ended() {
    let rig = Rig::new();
    let mut agent = rig.up().await;
    let other = rig.up().await;
    let handle = std::mem::replace(&mut agent.handle, other.handle.clone());
    drop(handle);
    let exit = agent
        .until(|event| match event {
            AgentEvent::Exited(exit) => Some(exit.clone()),
            _ => None,
        })
        .await;
    assert_eq!((exit.how, exit.requested), (ExitHow::Code(0), true));
    drop(agent);
    other.stopped().await;
}

#[tokio::test]
async fn what_an_agent_leaves_behind_is_swept() {
    let rig = Rig::new();
    let mut agent = rig.up().await;
    agent
        .handle
        .prompt("p", "GRANDCHILD:3600 GRANDCHILD:3600:bare SAY:left", &[]);
    let marked = agent.line("grandchild").await.replace("grandchild ", "");
    let bare = agent.line("grandchild").await.replace("grandchild ", "");
    agent.turn_ended().await;
    assert!(alive(&marked) && alive(&bare));
    let exit = agent.stopped().await;
    assert_eq!((exit.how, exit.swept), (ExitHow::Code(0), 2));
    assert!(!alive(&marked) && !alive(&bare));
}

#[tokio::test]
async fn what_a_crashed_agent_leaves_behind_is_swept() {
    let rig = Rig::new();
    let mut agent = rig.up().await;
    agent.handle.prompt("p", "GRANDCHILD:3600 KILLSELF", &[]);
    let pid = agent.line("grandchild").await.replace("grandchild ", "");
    let exit = agent.exited().await;
    assert_eq!((exit.how, exit.swept), (ExitHow::Signal(9), 1));
    assert!(!alive(&pid));
}

#[tokio::test]
async fn the_leftovers_of_a_killed_daemon_are_swept_at_boot() {
    let rig = Rig::new();
    let instance = format!("boot-{}", std::process::id());
    let start = |mark: String| {
        tokio::process::Command::new("sleep")
            .arg("3600")
            .env(agent::MARKER, mark)
            .kill_on_drop(true)
            .spawn()
            .unwrap()
    };
    let mut ours = start(format!("{instance}/session_00000001"));
    let mut others = start(format!("{instance}9/session_00000001"));
    drop(rig);
    assert_eq!(agent::sweep_all(&instance).await, 1);
    assert!(
        !tokio::time::timeout(PATIENCE, ours.wait())
            .await
            .unwrap()
            .is_ok_and(|status| status.success())
    );
    assert!(
        others.try_wait().unwrap().is_none(),
        "another instance is left alone"
    );
    assert_eq!(agent::sweep(&format!("{instance}9/session_00000001")).await, 1);
}

#[tokio::test]
async fn nobody_has_to_read_for_the_stop_to_end() {
    let rig = Rig::new();
    let mut agent = rig.spawn_with(rig.spec(), 4);
    agent.started().await;
    agent.handle.prompt("p", "LINES:200000:0:stdout STEERABLE", &[]);
    agent.line("line 5").await;
    tokio::time::timeout(PATIENCE, agent.handle.stop(quick(true)))
        .await
        .expect("the stop ends");
    let exit = agent.exited().await;
    assert_eq!(
        (exit.how, exit.requested),
        (ExitHow::Code(0), true),
        "it could still write and exit"
    );
}

#[tokio::test]
async fn a_reader_that_is_gone_is_no_trouble() {
    let rig = Rig::new();
    let mut agent = rig.up().await;
    agent.handle.prompt("p", "LINES:5000:0 SAY:done", &[]);
    agent.line("line 1").await;
    drop(agent.events);
    tokio::time::timeout(PATIENCE, agent.handle.stop(Stop::default()))
        .await
        .expect("the stop ends");
    assert_eq!(marked(&agent.marker), Vec::<i32>::new());
}

#[tokio::test]
async fn a_pipe_that_is_full_blocks_nobody() {
    let rig = Rig::new();
    let mut agent = rig.up().await;
    agent.handle.prompt("p", "DEAF HANG", &[]);
    assert_eq!(agent.next().await, AgentEvent::TurnStarted);
    let large = Image {
        mime: "image/png".into(),
        base64: "A".repeat(30 << 20),
    };
    // Two of them fit into what may wait.
    for id in ["first", "second", "third"] {
        agent.handle.prompt(id, "look", std::slice::from_ref(&large));
    }
    let failed = agent
        .until(|event| match event {
            AgentEvent::PromptFailed { id, error } => Some((id.clone(), error.clone())),
            _ => None,
        })
        .await;
    assert_eq!(
        failed,
        ("third".into(), "the agent does not read what it is sent".into())
    );
    drop(agent.handle.stop(quick(false)));
    assert_eq!(agent.exited().await.how, ExitHow::Code(143));
}

#[tokio::test(start_paused = true)]
async fn adopted_orphans_that_end_by_themselves_are_reaped() {
    agent::become_subreaper().unwrap();
    let output = tokio::process::Command::new("sh")
        .args(["-c", "sleep 0.1 >/dev/null 2>&1 & echo $!"])
        .output()
        .await
        .unwrap();
    let orphan = String::from_utf8(output.stdout).unwrap().trim().to_owned();
    let there = || Path::new(&format!("/proc/{orphan}")).exists();
    assert!(there(), "it is ours now, running or dead");
    let shutdown = tokio_util::sync::CancellationToken::new();
    let gone = async {
        while there() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        shutdown.cancel();
    };
    // The time is not real: what takes long is only the orphan.
    tokio::join!(agent::reap_adopted(shutdown.clone()), gone);
    assert!(!there());
}
