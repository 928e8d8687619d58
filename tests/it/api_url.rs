//! Another server in Discord's place (`DISCORD_API_URL`): the library's limiter is off, and what goes wrong there
//! loses nothing and doubles nothing.

use std::fmt::Write as _;
use std::time::Duration;

use ompcord::ids::ThreadId;
use ompcord::sim::{Fault, Mishap};

use crate::harness::{Bench, is_footer};

const CREATE: &str = "/channels/{}/messages";
const EDIT: &str = "/channels/{}/messages/{}";

/// Each answer and its footer once, in the order of the turns.
async fn assert_whole(bench: &Bench, thread: ThreadId, turns: usize) {
    let messages = bench.turns(thread, turns).await;
    let mut said: Vec<String> = Vec::new();
    for message in messages.iter().filter(|m| m.by_bot).skip(1) {
        said.push(if is_footer(message) {
            "footer".to_owned()
        } else {
            message.content.clone()
        });
    }
    let mut expected = Vec::new();
    for n in 1..=turns {
        expected.extend([format!("Answer {n} with a few words."), "footer".to_owned()]);
    }
    assert_eq!(said, expected, "{}", bench.sim.picture());
}

#[tokio::test]
async fn whatever_a_request_meets_every_message_is_there_once_and_in_order() {
    let bench = Bench::start().await;
    let (_, thread) = bench.launch("SAY:Answer 1 with a few words.").await;
    assert_whole(&bench, thread, 1).await;
    let mishaps = [
        Mishap::rate_limited(Duration::from_millis(300)),
        Mishap::status(500),
        Mishap::status(502),
        Mishap::status(503),
        Mishap::LoseReply,
        Mishap::Cut,
        Mishap::Slow { ms: 400 },
    ];
    let mut turns = 1;
    for mishap in mishaps {
        for (method, route, skip) in [("POST", CREATE, 0), ("POST", CREATE, 1), ("PATCH", EDIT, 0)] {
            turns += 1;
            bench
                .sim
                .fault(Fault::next(method, route, mishap.clone()).after(skip));
            // Long enough for an edit where an edit is to fail.
            let pace = if method == "PATCH" { 300 } else { 0 };
            bench
                .sim
                .say(
                    "alice",
                    thread,
                    &format!("SLOW:{pace} SAY:Answer {turns} with a few words."),
                )
                .unwrap();
            assert_whole(&bench, thread, turns).await;
            bench.sim.clear_faults();
        }
    }
    bench.finish().await;
}

#[tokio::test]
async fn a_limit_is_waited_out_as_long_as_it_says() {
    let bench = Bench::start().await;
    let (_, thread) = bench.launch("SAY:Answer 1 with a few words.").await;
    assert_whole(&bench, thread, 1).await;
    let wait = Duration::from_millis(1_200);
    bench
        .sim
        .fault(Fault::next("POST", CREATE, Mishap::rate_limited(wait)));
    bench
        .sim
        .say("alice", thread, "SAY:Answer 2 with a few words.")
        .unwrap();
    assert_whole(&bench, thread, 2).await;
    let path = format!("/channels/{thread}/messages");
    let creates = bench
        .sim
        .requests()
        .into_iter()
        .filter(|call| call.method == "POST" && call.path == path);
    let creates: Vec<_> = creates.collect();
    let refused = creates.iter().position(|call| call.status == Some(429)).unwrap();
    let waited = creates[refused + 1].at_ms - creates[refused].at_ms;
    assert!(waited >= 1_200, "tried again after {waited} ms");
    assert_eq!(bench.sim.rate_limited(), 1);
    bench.finish().await;
}

#[tokio::test]
async fn an_outage_in_the_middle_of_a_busy_turn_is_caught_up_with() {
    let bench = Bench::start().await;
    let (_, thread) = bench.launch("SAY:Answer 1 with a few words.").await;
    assert_whole(&bench, thread, 1).await;
    bench
        .sim
        .fault(Fault::next("*", "/channels/{}/messages", Mishap::status(503)).times(4));
    let mut prompt = "TOOLMS:30\n".to_owned();
    for n in 1..=10 {
        writeln!(
            prompt,
            "SAY:Sentence {n}.\nTOOL:bash:{{\"command\":\"step {n}\"}}"
        )
        .unwrap();
    }
    bench
        .sim
        .say("alice", thread, &format!("{prompt}SAY:The end."))
        .unwrap();
    let messages = bench.turns(thread, 2).await;
    let said: Vec<&str> = messages
        .iter()
        .filter(|m| m.by_bot)
        .flat_map(|m| m.content.split("\n\n"))
        .filter(|text| text.starts_with("Sentence") || *text == "The end.")
        .collect();
    let mut expected: Vec<String> = (1..=10).map(|n| format!("Sentence {n}.")).collect();
    expected.push("The end.".to_owned());
    assert_eq!(said, expected, "{}", bench.sim.picture());
    // What waited was merged instead of being sent late, piece by piece.
    let ours = messages.iter().filter(|m| m.by_bot).count();
    assert!(ours <= 9, "{ours} messages\n{}", bench.sim.picture());
    bench.finish().await;
}
