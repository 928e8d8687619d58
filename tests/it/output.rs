//! What a thread shows of a session: batches, streamed text, tools, long answers, and what it never shows.

use std::fmt::Write as _;

use ompcord::ids::ThreadId;
use ompcord::sim::{SeenMessage, Sim};

use crate::harness::{Bench, answers, is_footer, talk};

/// The lines in the code blocks of these messages, in order.
fn logged(messages: &[SeenMessage]) -> Vec<String> {
    let blocks = messages
        .iter()
        .filter(|m| m.by_bot && m.content.starts_with("```\n"));
    blocks
        .flat_map(|m| {
            m.content
                .lines()
                .filter(|line| !line.starts_with("```"))
                .map(str::to_owned)
        })
        .collect()
}

/// What `LONG:` says.
fn words(bytes: usize) -> String {
    let mut text = String::new();
    for number in 1.. {
        if text.len() >= bytes {
            break;
        }
        let end = if number % 60 == 0 { "\n\n" } else { " " };
        write!(text, "word{number}{end}").unwrap();
    }
    text.truncate(bytes);
    text
}

fn squeezed(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

/// The thread as a reader sees it, one line per message; what differs from run to run is replaced.
pub fn page(sim: &Sim, thread: ThreadId) -> String {
    let mut page = String::new();
    for message in talk(sim, thread).iter().filter(|m| m.by_bot) {
        let marks = [
            (message.silent, "silent"),
            (message.edited, "edited"),
            (!message.attachments.is_empty(), "file"),
        ];
        let marks: Vec<_> = marks
            .iter()
            .filter(|(is, _)| *is)
            .map(|(_, mark)| *mark)
            .collect();
        writeln!(page, "[{}]\n{}\n", marks.join(", "), message.content).unwrap();
    }
    page
}

#[tokio::test]
async fn lines_come_in_code_blocks_in_order_and_above_the_footer() {
    let bench = Bench::start().await;
    let (_, thread) = bench.launch("LINES:3:0 LINES:25:0").await;
    let messages = bench.turns(thread, 1).await;
    let expected: Vec<String> = (1..=3)
        .map(|n| format!("line {n} of 3"))
        .chain((1..=25).map(|n| format!("line {n} of 25")))
        .collect();
    assert_eq!(logged(&messages), expected);
    let blocks = messages.iter().filter(|m| m.content.starts_with("```")).count();
    assert!(
        blocks <= 3,
        "ten lines are a batch:\n{}",
        page(&bench.sim, thread)
    );
    assert!(is_footer(messages.last().unwrap()));
    bench.finish().await;
}

#[tokio::test]
async fn streamed_text_grows_in_one_message_and_ends_exactly_right() {
    let bench = Bench::start().await;
    let text = "One by one the words arrive, **bold** and `code` among them, and none of them is lost or said twice.";
    let (_, thread) = bench.launch(&format!("SLOW:90 SAY:{text}")).await;
    bench.sees(thread, "One by one").await;
    let messages = bench.turns(thread, 1).await;
    assert_eq!(answers(&messages), text);
    let said: Vec<_> = messages.iter().filter(|m| m.content == text).collect();
    assert!(said.len() == 1 && said[0].edited && said[0].silent, "{said:?}");
    let edits = bench.sim.count("PATCH", "/channels/{}/messages/{}");
    assert!(edits <= 5, "{edits} edits for two seconds of text");
    bench.finish().await;
}

#[tokio::test]
async fn every_block_of_a_message_is_shown_once_and_thinking_is_not() {
    let bench = Bench::start().await;
    let prompt = "SLOW:300 SAY:First block of text.\nTHINK:private thoughts\nSAY:Second block of text.\nBLOCK\n\
                  SAY:Third block of text.\nTOOL:bash:{\"command\":\"true\"}\nSAY:After the tool.";
    let (_, thread) = bench.launch(prompt).await;
    let messages = bench.turns(thread, 1).await;
    let said: Vec<&str> = messages
        .iter()
        .filter(|m| m.by_bot && m.content.contains("block of text") || m.content.contains("After"))
        .flat_map(|m| m.content.split("\n\n"))
        .collect();
    let expected = [
        "First block of text.",
        "Second block of text.",
        "Third block of text.",
        "After the tool.",
    ];
    let said: Vec<_> = said.into_iter().filter(|text| !text.contains("SLOW:")).collect();
    assert_eq!(said, expected, "{}", page(&bench.sim, thread));
    assert_eq!(bench.sim.ever_shown("private thoughts"), None);
    bench.finish().await;
}

#[tokio::test]
async fn what_a_failed_attempt_had_said_is_taken_back() {
    let bench = Bench::start().await;
    let prompt = "SAY:I have a look.\nTOOL:bash:{\"command\":\"true\"}\nSLOW:400 BREAK:The first half of an\nSAY:The whole answer.";
    let (_, thread) = bench.launch(prompt).await;
    let messages = bench.turns(thread, 1).await;
    let page = page(&bench.sim, thread);
    assert_eq!(answers(&messages), "I have a look.\nThe whole answer.", "{page}");
    assert!(page.contains("-# ⚠️ Retry 1 in 1 s: 503 overloaded"), "{page}");
    assert!(!page.contains("The turn failed"), "{page}");
    bench.finish().await;
}

#[tokio::test]
async fn remarks_that_follow_each_other_share_a_message() {
    let bench = Bench::start().await;
    let (_, thread) = bench
        .launch("RETRY:3 NOTIFY:one\nNOTIFY:two\nSAY:Between.\nNOTIFY:three")
        .await;
    let messages = bench.turns(thread, 1).await;
    let remarks: Vec<_> = messages
        .iter()
        .filter(|m| m.content.contains('⚠') || m.content.contains('ℹ'))
        .collect();
    assert!(remarks.len() <= 2, "{}", page(&bench.sim, thread));
    let all: Vec<&str> = remarks.iter().flat_map(|m| m.content.lines()).collect();
    assert_eq!(all.len(), 6, "{all:?}");
    assert!(remarks.iter().all(|m| m.silent));
    bench.finish().await;
}

#[tokio::test]
async fn tools_are_lines_of_one_message_that_shrinks_at_the_end() {
    let bench = Bench::start().await;
    let mut prompt = "TOOLMS:20\n".to_owned();
    for n in 1..=14 {
        writeln!(prompt, "TOOL:bash:{{\"command\":\"cargo test part{n}\"}}").unwrap();
    }
    let (_, thread) = bench
        .launch(&format!("{prompt}CONFIRM:Go on?|really\nSAY:Done."))
        .await;
    let question = bench.sees(thread, "Go on?").await;
    let activity = bench.sees(thread, "✓ bash  `cargo test part14`").await;
    assert!(
        activity
            .content
            .starts_with("-# … and 2 earlier\n✓ bash  `cargo test part3`"),
        "{}",
        activity.content
    );
    assert!(activity.silent && activity.id < question.id);
    bench.sim.click("alice", question.id, "Yes").unwrap();
    bench.turns(thread, 1).await;
    let shrunk = bench.sees(thread, "-# ✓ 14 tools ⋅ ").await;
    assert!(
        shrunk.id == activity.id && shrunk.edited && shrunk.content.lines().count() == 1,
        "{shrunk:?}"
    );
    bench.finish().await;
}

#[tokio::test]
async fn a_long_answer_inside_a_fence_is_split_into_closed_fences() {
    let bench = Bench::start().await;
    let (_, thread) = bench
        .launch("SAY:Look:\\n```text\\n\nLONG:6\nSAY:\\n```\\nThat was it.")
        .await;
    let messages = bench.turns(thread, 1).await;
    let pieces: Vec<_> = messages
        .iter()
        .filter(|m| m.by_bot && !m.content.starts_with("-# "))
        .collect();
    assert!(pieces.len() > 3, "{}", page(&bench.sim, thread));
    for piece in &pieces {
        assert_eq!(piece.content.matches("```").count() % 2, 0, "{}", piece.content);
        assert!(piece.content.chars().count() <= 2000 && piece.silent && piece.attachments.is_empty());
    }
    let inner: Vec<&str> = pieces
        .iter()
        .flat_map(|m| m.content.lines().filter(|line| !line.starts_with("```")))
        .flat_map(str::split_whitespace)
        .collect();
    let whole = words(6 << 10);
    let mut expected = vec!["Look:"];
    expected.extend(squeezed(&whole));
    expected.extend(["That", "was", "it."]);
    assert_eq!(inner, expected);
    bench.finish().await;
}

#[tokio::test]
async fn an_answer_of_more_than_five_messages_is_a_beginning_and_a_complete_file() {
    let bench = Bench::start().await;
    let (_, thread) = bench.launch("LONG:60").await;
    let messages = bench.turns(thread, 1).await;
    let whole = words(60 << 10);
    let pieces: Vec<_> = messages[1..messages.len() - 1].iter().collect();
    assert_eq!(pieces.len(), 5, "{}", page(&bench.sim, thread));
    let file = &pieces[4].attachments;
    assert_eq!((file.len(), file[0].name.as_str()), (1, "answer.md"));
    assert_eq!(file[0].text(), whole);
    let beginning: Vec<&str> = pieces[..4].iter().flat_map(|m| squeezed(&m.content)).collect();
    assert_eq!(squeezed(&whole)[..beginning.len()], beginning);
    assert_eq!(pieces[4].content, "-# The whole answer (60 KiB) is in answer.md");
    assert!(bench.transcript().contains(&whole));
    bench.finish().await;
}

#[tokio::test]
async fn only_the_footer_notifies_and_nothing_mentions_anyone() {
    let bench = Bench::start().await;
    let alice = bench.sim.user("alice").unwrap();
    let all = format!("@everyone @here <@{alice}> <@!{alice}> <@&1> <#1>");
    let prompt = format!(
        "SAY:{all}\nLOG:{all}\nOUT:{all}\nNOTIFY:{all}\nTOOL:@everyone:{{\"command\":\"{all}\"}}\nSAY:Again {all}"
    );
    let (_, thread) = bench.launch(&prompt).await;
    let messages = bench.turns(thread, 1).await;
    let ours = || messages.iter().filter(|m| m.by_bot);
    for message in ours() {
        assert_eq!(message.silent, !is_footer(message), "{message:?}");
        assert!(message.notified.is_empty(), "{message:?}");
    }
    assert!(
        ours().filter(|m| m.content.contains('@')).count() >= 4,
        "{}",
        page(&bench.sim, thread)
    );
    bench.sim.say("alice", thread, &format!("ERROR:{all}")).unwrap();
    let failed = bench.sees(thread, "The turn failed").await;
    assert!(!failed.silent && failed.notified.is_empty(), "{failed:?}");
    let footers: Vec<_> = bench
        .turns(thread, 2)
        .await
        .into_iter()
        .filter(is_footer)
        .collect();
    assert!(footers[1].silent, "one notification for one failure");
    bench.finish().await;
}

#[tokio::test]
async fn no_secret_leaves_by_any_way() {
    let bench = Bench::start().await;
    let token = bench.sim.bot_token();
    let github = "github_pat_11ABCDEFG0aBcDeFgHiJk_LmNoPqRsTuVwXyZ0123456789abcdefghij";
    let long = "x".repeat(40);
    let prompt = format!(
        "Print secrets\nCUT:7 SAY:It is {token} and {github} as said.\n\
         LOG:stderr {token} {github}\nOUT:stdout {token} {github}\nNOTIFY:note {token} {github}\n\
         TOOL:bash:{{\"command\":\"echo {long} {token}\"}}\nTOOL:odd:{{\"a\":{{\"b\":\"{long}{github}\"}}}}\n\
         TOOL:{token}:{{}}\nCONFIRM:Use {token}?|with {github}"
    );
    let (_, thread) = bench.launch(&prompt).await;
    let question = bench.sees(thread, "Use ").await;
    bench.sim.click("alice", question.id, "Yes").unwrap();
    bench.turns(thread, 1).await;
    let say = |text: String| bench.sim.say("alice", thread, &text).unwrap();
    say(format!("SAY:{token} {github}\\n\\n\nLONG:12"));
    let answered = bench.turns(thread, 2).await;
    assert!(
        answered.iter().any(|m| !m.attachments.is_empty()),
        "{}",
        page(&bench.sim, thread)
    );
    say(format!(
        "LOG:first {token} {github}\nLINES:2000:0 LOG:last {token} {github}"
    ));
    bench.turns(thread, 3).await;
    say(format!("ERROR:it said {token} {github}"));
    bench.turns(thread, 4).await;
    say(format!("LOG:dying {token} {github}\nCRASH:3"));
    bench.sees(thread, "exit code 3").await;
    for secret in [token.as_str(), github] {
        let (begin, end) = (secret.split_at(20).0, secret.split_at(secret.len() - 12).1);
        for part in [secret, begin, end] {
            assert_eq!(bench.sim.ever_shown(part), None, "{part}");
            assert!(!bench.transcript().contains(part), "{part} in the transcript");
        }
    }
    assert!(bench.sim.ever_shown("[redacted:").is_some());
    bench.finish().await;
}

#[tokio::test]
async fn garbage_and_monsters_are_told_and_the_session_goes_on() {
    let bench = Bench::start().await;
    let (_, thread) = bench.launch("GARBAGE SAY:Still here.").await;
    let messages = bench.turns(thread, 1).await;
    let lines = logged(&messages);
    assert_eq!(
        lines,
        [
            "\u{fffd}\u{fffd} bytes",
            "Segmentation fault?",
            "{not json}",
            "{\"half\": ",
            "[1,2]"
        ]
    );
    bench
        .sim
        .say("alice", thread, "BIGFRAME:64 SAY:And now?")
        .unwrap();
    bench.turns(thread, 2).await;
    bench.sees(thread, "a frame of 64 MiB; it was skipped").await;
    bench.sees(thread, "And now?").await;
    bench.sim.say("alice", thread, "MIDLINE").unwrap();
    let died = bench.sees(thread, "in the middle of the turn").await;
    assert!(!died.silent && died.button("Retry").is_some(), "{died:?}");
    bench.sim.say("alice", thread, "SAY:Back again.").unwrap();
    bench.sees(thread, "Back again.").await;
    bench.turns(thread, 4).await;
    bench.finish().await;
}

#[tokio::test]
async fn it_types_while_it_works_and_not_while_a_person_is_asked() {
    let bench = Bench::start().await;
    let (_, asking) = bench.launch("CONFIRM:Go on?|really").await;
    let question = bench.sees(asking, "Go on?").await;
    let typed = |thread: ThreadId| bench.sim.count("POST", &format!("/channels/{thread}/typing"));
    let before = typed(asking);
    assert!(!bench.sim.is_typing(asking));
    // The other session is the clock: when it has typed twice, the first would have typed again.
    let (_, working) = bench.launch("STEERABLE").await;
    bench
        .sim
        .until("typing while it works", |sim| {
            sim.is_typing(working).then_some(())
        })
        .await;
    bench
        .sim
        .until("typing to go on", |_| (typed(working) >= 2).then_some(()))
        .await;
    assert_eq!(typed(asking), before);
    bench.sim.click("alice", question.id, "Yes").unwrap();
    bench.turns(asking, 1).await;
    bench.sim.say("alice", working, "!enough").unwrap();
    bench.turns(working, 1).await;
    bench.finish().await;
}

/// A session as agents have it: a look around, a log line, some changes, a test, an answer.
const SESSION: &str = r#"TOOLMS:400 SLOW:30
SAY:Let me look at how requests are retried.\n
TOOL:grep:{"pattern":"retry","path":"src"}
TOOL:read:{"path":"src/client.rs"}
LOG:[lsp] rust-analyzer: indexing 184 crates
SAY:The counter is reset in the wrong place. I will fix that and add a test.\n
TOOL:edit:{"path":"src/client.rs"}
TOOL:write:{"path":"tests/client.rs"}
TOOL:bash:{"command":"cargo test --workspace"}
SAY:Found it. The retry loop reset its counter on *every* response, also on a 429, so a busy server was asked again at once and for ever.\n\n```rust\n// A refusal is no progress: only a success ends the series.\nmatch response.status() {\n    StatusCode::TOO_MANY_REQUESTS => {\n        let wait = retry_after(&response).unwrap_or(backoff);\n        tokio::time::sleep(wait).await;\n        attempt += 1;\n    }\n    _ => return Ok(response),\n}\n```\n\n**What changed**\n\n- `src/client.rs`: waits as long as the server asks, and gives up after five attempts\n- `tests/client.rs`: a server that refuses twice is asked three times\n\nAll 42 tests pass.
"#;

#[tokio::test]
async fn a_whole_thread_reads_well() {
    let mut bench = Bench::start().await;
    let (_, thread) = bench.launch(SESSION).await;
    bench.turns(thread, 1).await;
    // Edits may come after the footer; the end waits for them.
    bench.shut_down().await;
    let work = bench.work().display().to_string();
    let mut page = page(&bench.sim, thread).replace(&work, "[work]");
    for (what, shown) in [
        (r"\d+(\.\d)? (ms|s)\b", "[time]"),
        (r"session_[0-9a-f]{8}", "[session]"),
        (r"\$0\.\d+", "[cost]"),
    ] {
        page = regex::Regex::new(what)
            .unwrap()
            .replace_all(&page, shown)
            .into_owned();
    }
    insta::assert_snapshot!(page);
    bench.finish().await;
}
