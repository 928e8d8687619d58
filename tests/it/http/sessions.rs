//! Sessions by programs: the same things that the commands do.

use serde_json::json;

use super::{code, session_token};
use crate::harness::{Bench, answers, scripted_command};

#[tokio::test]
async fn a_program_starts_a_session_waits_for_answers_and_ends_it() {
    let bench = Bench::start().await;
    let api = bench.api();
    let (status, started) = api
        .post(
            "/api/sessions",
            &json!({"prompt": "SAY:All green.", "wait_s": 30}),
        )
        .await;
    assert_eq!(status, 201, "{started}");
    assert_eq!(
        (&started["prompt"]["outcome"], &started["prompt"]["answer"]),
        (&json!("done"), &json!("All green.")),
        "{started}"
    );
    let id = started["session_id"].as_str().unwrap().to_owned();
    let thread = started["thread_id"].as_str().unwrap().parse().unwrap();
    assert!(
        started["thread_url"]
            .as_str()
            .unwrap()
            .ends_with(&format!("/{thread}"))
    );
    assert!(
        bench
            .sim
            .thread(thread)
            .unwrap()
            .members
            .contains(&"alice".to_owned())
    );

    let prompt = format!("/api/sessions/{id}/prompt");
    let request = api.client.post(format!("{}{prompt}", api.url));
    let request = request
        .header("content-type", "application/json; charset=utf-8")
        .header("prefer", "respond-async, wait=30")
        .body(json!({"text": "SAY:One.\nTOOL:bash:{}\nSAY:Two."}).to_string());
    let (status, answer) = api.send(request).await;
    assert_eq!((status, &answer["answer"]), (200, &json!("Two.")), "{answer}");
    let own = api.with_token(&session_token(&bench, &id).await);
    let path = format!(
        "/api/sessions/{id}/prompts/{}",
        answer["prompt_id"].as_str().unwrap()
    );
    assert_eq!(own.get(&path).await.1["answer"], "Two.");
    let (status, failed) = api
        .post(&prompt, &json!({"text": "ERROR:no more credit", "wait_s": 30}))
        .await;
    assert_eq!((status, &failed["outcome"]), (200, &json!("failed")), "{failed}");
    assert!(
        failed["error"].as_str().unwrap().contains("no more credit"),
        "{failed}"
    );
    bench.turns(thread, 3).await;
    let messages = bench.sim.messages(thread);
    assert!(answers(&messages).contains("Two."));
    assert!(
        messages
            .iter()
            .any(|m| m.content.contains("By a program: SAY:One.")),
        "readers see what was asked"
    );

    // A turn that runs, one that waits behind it, and a cancel.
    let (status, running) = api.post(&prompt, &json!({"text": "STEERABLE"})).await;
    assert_eq!((status, &running["position"]), (202, &json!(0)));
    let (status, behind) = api.post(&prompt, &json!({"text": "SAY:later"})).await;
    assert_eq!((status, &behind["position"]), (202, &json!(1)), "{behind}");
    let started = format!(
        "/api/sessions/{id}/prompts/{}",
        running["prompt_id"].as_str().unwrap()
    );
    let runs = async {
        while api.get(&started).await.1["outcome"] != "running" {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), runs)
        .await
        .expect("it runs");
    let (status, said) = api.post(&format!("/api/sessions/{id}/cancel"), &json!({})).await;
    assert_eq!(status, 200, "{said}");
    assert!(!said["said"].as_str().unwrap().is_empty());
    assert_eq!(
        api.get(&format!("{started}?wait=30")).await.1["outcome"],
        "dropped"
    );

    let (_, listed) = api.get("/api/sessions").await;
    assert_eq!(listed.as_array().unwrap().len(), 1);
    let (status, said) = api
        .send(api.client.post(format!("{}/api/sessions/{id}/stop", api.url)))
        .await;
    assert_eq!(status, 200, "no body is needed: {said}");
    let archived = move |sim: &ompcord::sim::Sim| sim.thread(thread)?.archived.then_some(());
    bench.sim.until("the thread to be archived", archived).await;
    assert_eq!(api.get("/api/sessions").await.1, json!([]));
    let (_, all) = api.get("/api/sessions?state=all").await;
    assert_eq!(
        (&all[0]["status"], &all[0]["kind"]),
        (&json!("stopped"), &json!("owned"))
    );
    let (status, body) = api.post(&prompt, &json!({"text": "x"})).await;
    assert_eq!((status, code(&body)), (409, "session_ended"));
    let (status, body) = own.get(&path).await;
    assert_eq!(
        (status, code(&body)),
        (401, "bad_token"),
        "its tokens went with it"
    );
    bench.finish().await;
}

#[tokio::test]
async fn what_cannot_be_started_says_why() {
    let bench = Bench::start().await;
    let api = bench.api();
    for (body, status, word) in [
        (json!({"workspace": "/does/not/exist"}), 409, "refused"),
        (json!({"channel_id": "123"}), 404, "unknown_channel"),
        (json!({"channel_id": "x"}), 400, "bad_field"),
        (json!({"prompt": ""}), 400, "bad_field"),
        (json!({"topic": "a\nb"}), 400, "bad_field"),
        (json!({"wait_s": 601}), 400, "bad_field"),
        (json!({"wait_s": -1}), 400, "bad_field"),
    ] {
        let (got, answer) = api.post("/api/sessions", &body).await;
        assert_eq!((got, code(&answer)), (status, word), "{body} {answer}");
    }
    let (got, answer) = api.get("/api/sessions?state=some").await;
    assert_eq!((got, &answer["error"]["field"]), (400, &json!("state")));
    let (session, _) = api.session().await;
    let prompt = format!("/api/sessions/{session}/prompt");
    for body in [
        json!({"text": " "}),
        json!({"text": "a\u{0}b"}),
        json!({"text": "x", "mode": "sideways"}),
    ] {
        assert_eq!(api.post(&prompt, &body).await.0, 400, "{body}");
    }
    bench.finish().await;
}

#[tokio::test]
async fn a_prompt_that_fails_says_why() {
    let bench = Bench::start().await;
    let api = bench.api();
    let (status, died) = api
        .post(
            "/api/sessions",
            &json!({"prompt": "SAY:half\nCRASH:3", "wait_s": 60}),
        )
        .await;
    assert_eq!(
        (status, &died["prompt"]["outcome"]),
        (201, &json!("failed")),
        "{died}"
    );
    let error = died["prompt"]["error"].as_str().unwrap_or_default();
    assert!(
        error.contains("the agent's process ended with exit code 3"),
        "{died}"
    );
    bench.finish().await;

    let bench = Bench::with_vars(|_| vec![("OMP_COMMAND", "/nowhere/omp".to_owned())]).await;
    let (session, _) = bench.api().session().await;
    let prompt = json!({"text": "SAY:x", "wait_s": 60});
    let (_, failed) = bench
        .api()
        .post(&format!("/api/sessions/{session}/prompt"), &prompt)
        .await;
    assert_eq!(
        failed["error"], "the agent /nowhere/omp was not found",
        "{failed}"
    );
    bench.finish().await;
}

#[tokio::test]
async fn an_agent_knows_its_session_and_its_token_reaches_no_thread() {
    let dir = tempfile::tempdir().unwrap();
    let seen = dir.path().join("env.txt");
    let agent = scripted_command(dir.path()).replacen(
        "env ",
        &format!("sh -c 'env > {} && exec env \"$@\"' agent ", seen.display()),
        1,
    );
    let bench = Bench::with_vars(|_| vec![("OMP_COMMAND", agent)]).await;
    let api = bench.api();
    let (session, thread) = api.session().await;
    let prompt = format!("/api/sessions/{session}/prompt");
    api.post(&prompt, &json!({"text": "SAY:ok", "wait_s": 30})).await;
    let env = std::fs::read_to_string(&seen).unwrap();
    let var = |name: &str| {
        let line = env
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{name}=")));
        line.unwrap_or_else(|| panic!("no {name} in {env}")).to_owned()
    };
    assert_eq!(var("OMPCORD_OWNED"), "1");
    assert_eq!(
        (var("OMPCORD_URL"), var("OMPCORD_SESSION_ID")),
        (bench.url(), session.clone())
    );
    let token = var("OMPCORD_SESSION_TOKEN");
    let own = api.with_token(&token);
    assert_eq!(own.get(&format!("/api/sessions/{session}")).await.0, 200);
    // It is in no terminal: there is nothing to leave, and the agent needs its token on.
    let detach = format!("/api/sessions/{session}/detach");
    let (status, left) = own.post(&detach, &json!({"reason": "closed"})).await;
    assert_eq!((status, &left["detached"]), (200, &json!(false)), "{left}");
    assert_eq!(own.get(&format!("/api/sessions/{session}")).await.0, 200);
    let text = format!("SAY:my token is {token}, and the owner's {}", api.token);
    let (_, answer) = api.post(&prompt, &json!({"text": text, "wait_s": 30})).await;
    assert!(
        answer["answer"]
            .as_str()
            .unwrap()
            .starts_with("my token is [redacted"),
        "{answer}"
    );
    bench.turns(thread, 2).await;
    for message in bench.sim.messages(thread) {
        let words = message.words();
        assert!(!words.contains(&token) && !words.contains(&api.token), "{words}");
    }
    bench.finish().await;
}
