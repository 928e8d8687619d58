//! Questions of the agent: asked, answered, withdrawn, expired; by whom, how, and what is said of it.

use ompcord::ids::{MessageId, ThreadId};
use ompcord::sim::{Fault, InteractionId, Mishap, SeenMessage, SeenModal, Sim};

use crate::harness::{Bench, answers, footers};

/// Alice and Bob may do everything.
fn two_approvers(sim: &Sim) -> Vec<(&'static str, String)> {
    let users = ["alice", "bob"].map(|name| sim.user(name).unwrap().to_string());
    vec![("DISCORD_ALLOWED_USERS", users.join(","))]
}

/// Alice and Bob may drive, only Alice may answer.
fn one_approver(sim: &Sim) -> Vec<(&'static str, String)> {
    let mut vars = two_approvers(sim);
    vars.push(("DISCORD_APPROVERS", sim.user("alice").unwrap().to_string()));
    vars
}

/// Presses a button that opens a form.
async fn form(bench: &Bench, user: &str, question: MessageId, button: &str) -> (InteractionId, SeenModal) {
    let click = bench.sim.click(user, question, button).unwrap();
    let modal = bench.sim.reply(click).await.modal.expect("a form");
    (click, modal)
}

/// Fills in a form and sends it. Gives what only the person is told.
async fn send(bench: &Bench, user: &str, opened: InteractionId, text: &str) -> InteractionId {
    let sent = bench.sim.submit_modal(user, opened, &[("text", text)]).unwrap();
    bench.sim.reply(sent).await;
    sent
}

/// Waits for what only the person who pressed is told after it.
async fn told(bench: &Bench, press: InteractionId) -> String {
    let followup = move |sim: &Sim| sim.reply_to(press)?.followups.first().cloned();
    let told = bench.sim.until("a private answer", followup).await;
    assert!(told.only_for.is_some(), "{told:?}");
    told.content
}

/// What the button with this label sends.
fn sends(question: &SeenMessage, label: &str) -> String {
    question.button(label).expect("a button").custom_id.clone()
}

/// The same button, wanting something else.
fn with_verb(custom_id: &str, verb: &str) -> String {
    format!("{}:{verb}", custom_id.rsplit_once(':').unwrap().0)
}

/// What stands in the newest menu or button row, as words.
fn labels(question: &SeenMessage) -> Vec<String> {
    question
        .buttons
        .iter()
        .map(|button| button.label.clone())
        .collect()
}

async fn said(bench: &Bench, thread: ThreadId, turns: usize) -> String {
    answers(&bench.turns(thread, turns).await)
}

#[tokio::test]
async fn an_approval_is_asked_aloud_and_a_denial_brings_its_reason_to_the_agent() {
    let bench = Bench::start().await;
    let (_, thread) = bench.launch("APPROVE:bash:rm -r build\nSTEERABLE").await;
    let question = bench.question(thread, "rm -r build").await;
    assert!(!question.silent && question.notified.is_empty(), "{question:?}");
    assert_eq!(question.content, "🟡 **Allow bash?**\n```bash\nrm -r build\n```");
    let (opened, modal) = form(&bench, "alice", question.id, "Deny with reason…").await;
    assert_eq!(modal.title, "Deny bash");
    assert!(modal.inputs[0].required && modal.inputs[0].paragraph, "{modal:?}");
    // A form that is sent away changes nothing.
    assert!(!bench.sim.message(question.id).unwrap().buttons.is_empty());
    send(&bench, "alice", opened, "keep the *cache*").await;
    let text = bench.closed(question.id).await;
    assert!(text.starts_with("⛔ **Allow bash?**"), "{text}");
    assert!(
        text.ends_with("-# Denied by alice: keep the \\*cache\\*"),
        "{text}"
    );
    let said = said(&bench, thread, 1).await;
    assert!(said.contains("I may not run: rm -r build"), "{said}");
    assert!(
        said.contains("Steered: The user denied bash: keep the *cache*"),
        "{said}"
    );
    let history = bench.history(thread).await;
    assert!(
        history.contains("The user denied bash: keep the *cache*"),
        "{history}"
    );
    bench.finish().await;
}

#[tokio::test]
async fn a_tool_that_was_approved_for_the_session_runs_and_is_told_also_after_a_crash() {
    let mut bench = Bench::start().await;
    let (_, thread) = bench
        .launch("APPROVE:bash:one\nAPPROVE:bash:two\nAPPROVE:write:three")
        .await;
    bench.question(thread, "one").await;
    bench.press("alice", thread, "Approve for session").await;
    let note = bench.sees(thread, "approved for this session: bash  `two`").await;
    assert!(note.silent, "{note:?}");
    // Only this tool.
    let other = bench.question(thread, "three").await;
    bench.press("alice", thread, "Deny").await;
    bench.closed(other.id).await;
    let first = said(&bench, thread, 1).await;
    assert!(
        first.contains("bash ran: one") && first.contains("bash ran: two"),
        "{first}"
    );
    assert!(first.contains("I may not run: three"), "{first}");

    bench.abort().await;
    bench.boot().await;
    bench.sim.say("alice", thread, "APPROVE:bash:four").unwrap();
    let after = said(&bench, thread, 2).await;
    assert!(after.contains("bash ran: four"), "{after}");

    // Another session knows nothing of it.
    let (_, other) = bench.launch("APPROVE:bash:five").await;
    bench.question(other, "five").await;
    bench.press("alice", other, "Approve").await;
    bench.turns(other, 1).await;
    bench.finish().await;
}

#[tokio::test]
async fn what_the_agent_finds_risky_is_asked_every_time() {
    let bench = Bench::start().await;
    let (_, thread) = bench
        .launch("APPROVE:bash:one\nAPPROVE:bash!Critical pattern detected:rm -rf /")
        .await;
    bench.question(thread, "one").await;
    bench.press("alice", thread, "Approve for session").await;
    let risky = bench.question(thread, "rm -rf /").await;
    assert!(
        risky.content.contains("Reason: `Critical pattern detected`"),
        "{}",
        risky.content
    );
    assert_eq!(labels(&risky), ["Approve", "Deny", "Deny with reason…"]);
    let always = with_verb(&sends(&risky, "Approve"), "always");
    let forged = bench.sim.click_forged("alice", risky.id, &always).unwrap();
    assert!(
        told(&bench, forged)
            .await
            .contains("cannot be answered like that")
    );
    bench.press("alice", thread, "Deny").await;
    let said = said(&bench, thread, 1).await;
    assert!(said.contains("I may not run: rm -rf /"), "{said}");
    bench.finish().await;
}

#[tokio::test]
async fn nothing_that_would_run_is_taken_for_a_secret_and_what_is_hidden_is_counted() {
    let bench = Bench::start().await;
    let token = bench.sim.bot_token();
    let evil = r"# -----BEGIN PRIVATE KEY-----\n/tmp/evil\nAuthorization=basic /tmp/worse\n# -----END PRIVATE KEY-----";
    let (_, thread) = bench
        .launch(&format!("APPROVE:bash:{evil}\nAPPROVE:bash:curl -d {token} x"))
        .await;
    let question = bench.question(thread, "BEGIN PRIVATE KEY").await;
    for part in ["/tmp/evil", "/tmp/worse"] {
        assert!(question.content.contains(part), "{}", question.content);
    }
    assert!(question.button("Approve for session").is_some());
    bench.sim.click("alice", question.id, "Deny").unwrap();
    let text = bench.closed(question.id).await;
    assert!(text.contains("/tmp/evil"), "{text}");
    let question = bench.question(thread, "[redacted:bot-token]").await;
    let hidden = format!("🔒 {} characters are hidden", token.chars().count());
    assert!(question.content.contains(&hidden), "{}", question.content);
    assert_eq!(labels(&question), ["Approve", "Deny", "Deny with reason…"]);
    bench.sim.click("alice", question.id, "Deny").unwrap();
    bench.turns(thread, 1).await;
    bench.finish().await;
}

#[tokio::test]
async fn a_session_that_is_stopped_while_it_asks_says_so_in_its_thread() {
    let bench = Bench::start().await;
    let (_, thread) = bench.launch("APPROVE:bash:make").await;
    let question = bench.question(thread, "make").await;
    bench.sim.say("alice", thread, "!omp stop").unwrap();
    let text = bench.closed(question.id).await;
    // Nobody waits for the process, which may take its time to end.
    assert!(
        text.starts_with('⚪') && text.contains("nothing was run (the turn was ended)"),
        "{text}"
    );
    let archived = |sim: &Sim| sim.thread(thread)?.archived.then_some(());
    bench.sim.until("the thread to be archived", archived).await;
    bench.finish().await;
}

#[tokio::test]
async fn the_first_answer_wins_and_the_second_person_is_told_whose_it_was() {
    let bench = Bench::with_vars(two_approvers).await;
    let (_, thread) = bench.launch("APPROVE:bash:make\nSTEERABLE").await;
    let question = bench.question(thread, "make").await;
    let (opened, _) = form(&bench, "bob", question.id, "Deny with reason…").await;
    let deny = sends(&question, "Deny");
    bench.press("alice", thread, "Approve").await;
    bench.closed(question.id).await;
    let late = bench.sim.click_forged("bob", question.id, &deny).unwrap();
    assert_eq!(
        told(&bench, late).await,
        "alice was first: **Approve**. Nothing else was run."
    );
    // What was written into a form is not lost.
    let late = send(&bench, "bob", opened, "because I say so").await;
    let back = told(&bench, late).await;
    assert!(
        back.starts_with("alice was first") && back.contains("because I say so"),
        "{back}"
    );
    bench.sim.say("alice", thread, "!go on").unwrap();
    let said = said(&bench, thread, 1).await;
    assert!(
        said.contains("bash ran: make") && !said.contains("because"),
        "{said}"
    );
    bench.finish().await;
}

#[tokio::test]
async fn only_an_approver_answers_and_every_other_is_told_so_privately() {
    let bench = Bench::with_vars(one_approver).await;
    let (_, thread) = bench.launch("APPROVE:bash:{words:3000}").await;
    let question = bench.question(thread, "word1 ").await;
    for button in ["Approve", "Approve for session", "Deny", "Deny with reason…"] {
        for (user, why) in [("bob", "Only an approver"), ("mallory", "not allowed")] {
            let refused = bench.press(user, thread, button).await;
            assert!(
                refused.ephemeral && refused.content().contains(why),
                "{refused:?}"
            );
            assert!(refused.modal.is_none());
        }
    }
    // Reading is for everybody who may use the bot.
    let read = bench.press("bob", thread, "See more").await;
    assert!(read.ephemeral && read.content().contains("word1 "), "{read:?}");
    let refused = bench.press("mallory", thread, "See more").await;
    assert!(refused.content().contains("not allowed"), "{refused:?}");
    assert_eq!(bench.sim.message(question.id).unwrap().content, question.content);
    bench.press("alice", thread, "Deny").await;
    bench.turns(thread, 1).await;
    bench.finish().await;
}

#[tokio::test]
async fn what_does_not_fit_can_be_read_to_its_end_by_who_asks_for_it() {
    let bench = Bench::start().await;
    let (_, thread) = bench
        .launch("APPROVE:bash:{words:3000}; rm -rf ~\nAPPROVE:bash:{words:20000}; rm -rf /")
        .await;
    let question = bench.question(thread, "more characters").await;
    // The agent shows 2,000 characters and the message fewer; nobody approves an end that they cannot see.
    assert!(!question.content.contains("rm -rf"), "{}", question.content);
    let more = bench.sim.click("alice", question.id, "See more").unwrap();
    let whole = bench
        .sim
        .until("all of it", |sim| {
            let reply = sim.reply_to(more)?;
            reply.words().contains("rm -rf ~").then_some(reply)
        })
        .await;
    assert!(whole.ephemeral && whole.followups.len() == 1, "{whole:?}");
    assert!(
        whole
            .followups
            .iter()
            .all(|piece| piece.only_for.as_deref() == Some("alice"))
    );
    let text = whole.words();
    assert!(text.contains("word1 ") && !text.contains("elided"), "{text}");
    bench.sim.click("alice", question.id, "Approve").unwrap();
    bench.closed(question.id).await;

    let question = bench.question(thread, "19,010 more").await;
    let more = bench.sim.click("alice", question.id, "See more").unwrap();
    let file = bench
        .sim
        .until("the file", |sim| {
            let reply = sim.reply_to(more)?;
            let file = reply.message.as_ref()?.attachments.first().cloned()?;
            assert!(reply.ephemeral, "{reply:?}");
            Some(file)
        })
        .await;
    assert_eq!(file.name, "question.txt");
    assert!(file.text().ends_with("; rm -rf /"), "{}", file.size);
    bench.sim.click("alice", question.id, "Deny").unwrap();
    bench.turns(thread, 1).await;
    bench.finish().await;
}

#[tokio::test]
async fn a_choice_is_buttons_or_pages_of_a_menu() {
    let bench = Bench::start().await;
    let (_, thread) = bench
        .launch("SELECT:Which one?|A~the first|B\nSELECT:Which of many?|{options:60}")
        .await;
    let few = bench.question(thread, "Which one?").await;
    assert!(few.content.contains("- **A**: the first"), "{}", few.content);
    assert_eq!(labels(&few), ["A", "B", "Skip"]);
    bench.press("alice", thread, "B").await;
    let text = bench.closed(few.id).await;
    assert!(text.ends_with("-# B ⋅ alice"), "{text}");

    let many = bench.question(thread, "Which of many?").await;
    let page = |sim: &Sim, placeholder: &str| {
        let seen = sim.message(many.id)?;
        seen.selects
            .first()?
            .placeholder
            .contains(placeholder)
            .then_some(seen)
    };
    assert!(page(&bench.sim, "1–25 of 60").is_some(), "{many:?}");
    for (button, placeholder) in [
        ("▶", "26–50 of 60"),
        ("▶", "51–60 of 60"),
        ("▶", "1–25"),
        ("◀", "51–60"),
    ] {
        bench.sim.click("alice", many.id, button).unwrap();
        bench.sim.until(placeholder, |sim| page(sim, placeholder)).await;
    }
    bench.sim.select("alice", many.id, "", &["option 57"]).unwrap();
    let text = bench.closed(many.id).await;
    assert!(text.ends_with("-# option 57 ⋅ alice"), "{text}");
    let said = said(&bench, thread, 1).await;
    assert!(
        said.contains("You chose: B") && said.contains("You chose: option 57"),
        "{said}"
    );
    bench.finish().await;
}

#[tokio::test]
async fn other_takes_a_text_at_once_and_loses_none() {
    let bench = Bench::start().await;
    let (_, thread) = bench.launch("ASK:Which?|A|B").await;
    let question = bench.question(thread, "Which?").await;
    assert_eq!(labels(&question), ["A", "B", "Other…"]);
    let (opened, modal) = form(&bench, "alice", question.id, "Other…").await;
    assert_eq!(modal.inputs[0].label, "Which?");
    send(&bench, "alice", opened, "neither,\n  thanks").await;
    let text = bench.closed(question.id).await;
    assert!(text.ends_with("-# alice wrote: neither,   thanks"), "{text}");
    let messages = bench.turns(thread, 1).await;
    assert!(
        answers(&messages).contains("You chose: neither,\n  thanks"),
        "{}",
        answers(&messages)
    );
    let asked = messages.iter().filter(|m| m.content.contains("Which?")).count();
    assert_eq!(asked, 1, "there is no second question");

    // The agent does not come for the text.
    bench
        .sim
        .say("alice", thread, "SELECT:And now?|A|Other (type your own)")
        .unwrap();
    let question = bench.question(thread, "And now?").await;
    let (opened, _) = form(&bench, "alice", question.id, "Other…").await;
    send(&bench, "alice", opened, "not to be lost").await;
    let kept = bench.sees(thread, "did not take the text").await;
    assert!(
        kept.content.contains("not to be lost") && !kept.silent,
        "{kept:?}"
    );
    bench.turns(thread, 2).await;
    bench.finish().await;
}

#[tokio::test]
async fn a_text_is_written_into_a_form_or_skipped() {
    let bench = Bench::start().await;
    let (_, thread) = bench
        .launch(
            "INPUT:Your name?|like Bob\nINPUT:Your dog?|\nEDITOR:The plan?|one\\ntwo\n\
             EDITOR:The same?|as it is\nEDITOR:Long?|{words:5000}",
        )
        .await;
    let question = bench.question(thread, "Your name?").await;
    assert_eq!(labels(&question), ["Answer…", "Skip"]);
    let (opened, modal) = form(&bench, "alice", question.id, "Answer…").await;
    assert_eq!(modal.inputs[0].placeholder, "like Bob");
    assert!(!modal.inputs[0].paragraph);
    send(&bench, "alice", opened, "  Ann \\o/ ").await;
    let text = bench.closed(question.id).await;
    assert!(text.contains("alice wrote:"), "{text}");

    bench.question(thread, "Your dog?").await;
    bench.press("alice", thread, "Skip").await;

    let question = bench.question(thread, "The plan?").await;
    let (opened, modal) = form(&bench, "alice", question.id, "Edit…").await;
    assert_eq!(modal.inputs[0].value, "one\ntwo");
    assert!(modal.inputs[0].paragraph && !modal.inputs[0].required);
    send(&bench, "alice", opened, "one\nthree").await;

    bench.question(thread, "The same?").await;
    bench.press("alice", thread, "Keep as it is").await;

    let question = bench.question(thread, "Long?").await;
    assert_eq!(
        labels(&question),
        ["Replace…", "Keep as it is", "See more", "Skip"]
    );
    assert!(
        question.content.contains("too long for a form"),
        "{}",
        question.content
    );
    let (_, modal) = form(&bench, "alice", question.id, "Replace…").await;
    assert_eq!(modal.inputs[0].value, "");
    bench.press("alice", thread, "Keep as it is").await;
    let said = said(&bench, thread, 1).await;
    for part in [
        "You wrote:   Ann \\o/ ",
        "You did not answer.",
        "You wrote: one\nthree",
        "You wrote: as it is",
        "You wrote: word1 word2",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    bench.finish().await;
}

#[tokio::test]
async fn two_questions_are_open_at_once_and_the_thread_goes_on_meanwhile() {
    let bench = Bench::start().await;
    let (_, thread) = bench.launch("PAIR:bash:first one|second one").await;
    let first = bench.question(thread, "first one").await;
    let second = bench.question(thread, "second one").await;
    let queued = bench.sim.say("alice", thread, "SAY:I was queued").unwrap();
    bench.marked(queued, "📥", true).await;
    let steered = bench.sim.say("alice", thread, "!mind this").unwrap();
    bench.marked(steered, "🧭", true).await;
    bench.sim.click("alice", second.id, "Deny").unwrap();
    bench.closed(second.id).await;
    assert!(!bench.sim.message(first.id).unwrap().buttons.is_empty());
    assert!(
        !bench.sim.is_typing(thread),
        "one of them still waits for a person"
    );
    bench.sim.click("alice", first.id, "Approve").unwrap();
    let text = bench.closed(first.id).await;
    assert!(text.contains("Approved by alice"), "{text}");
    let said = said(&bench, thread, 2).await;
    for part in [
        "bash ran: first one",
        "I may not run: second one",
        "mind this",
        "I was queued",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    bench.finish().await;
}

#[tokio::test]
async fn a_question_that_nobody_waits_for_any_more_says_so() {
    let bench = Bench::start().await;
    let (_, thread) = bench.launch("WITHDRAW:Which?|A|B\nTIMED:1500:Quick?|A|B").await;
    let question = bench.question(thread, "Which?").await;
    let choose = sends(&question, "A");
    bench.sim.say("alice", thread, "!forget it").unwrap();
    let text = bench.closed(question.id).await;
    assert!(
        text.starts_with('⚪') && text.contains("withdrawn by the agent"),
        "{text}"
    );
    let late = bench.sim.click_forged("alice", question.id, &choose).unwrap();
    assert!(told(&bench, late).await.contains("has withdrawn this question"));

    let timed = bench.question(thread, "Quick?").await;
    assert!(timed.content.contains("Answer before <t:"), "{}", timed.content);
    let text = bench.closed(timed.id).await;
    assert!(text.contains("The time was up"), "{text}");
    let said = said(&bench, thread, 1).await;
    assert!(
        said.contains("Never mind.") && said.contains("I did not wait."),
        "{said}"
    );

    // The turn is cancelled, and the agent dies, while it asks.
    bench.sim.say("alice", thread, "APPROVE:bash:make two").unwrap();
    let question = bench.question(thread, "make two").await;
    bench.sim.say("alice", thread, "!omp cancel").unwrap();
    let text = bench.closed(question.id).await;
    assert!(text.starts_with('⚪'), "{text}");
    bench.turns(thread, 2).await;
    bench.sim.say("alice", thread, "APPROVE:bash:make three").unwrap();
    let question = bench.question(thread, "make three").await;
    let approve = sends(&question, "Approve");
    let agents = crate::harness::processes(&format!("--cwd {}", bench.work().display()));
    let agent = nix::unistd::Pid::from_raw(agents[0].try_into().unwrap());
    nix::sys::signal::kill(agent, nix::sys::signal::Signal::SIGKILL).unwrap();
    let text = bench.closed(question.id).await;
    assert!(
        text.contains("expired; nothing was run (the agent's process ended)"),
        "{text}"
    );
    let late = bench.sim.click_forged("alice", question.id, &approve).unwrap();
    assert!(told(&bench, late).await.contains("expired; nothing was run"));
    bench.finish().await;
}

#[tokio::test]
async fn a_restart_ends_every_question_honestly_and_leaves_no_agent_hanging() {
    let mut bench = Bench::start().await;
    let (_, thread) = bench
        .launch("APPROVE:bash:make one\nAPPROVE:write:more\nSAY:I went on.")
        .await;
    let first = bench.question(thread, "make one").await;
    let approve = sends(&first, "Approve");
    // As on SIGTERM: the question is cancelled, so the turn can end by itself.
    bench.shut_down().await;
    let text = bench.closed(first.id).await;
    assert!(
        text.contains("expired; nothing was run (ompcord is shutting down)"),
        "{text}"
    );
    assert_eq!(footers(&bench.sim, thread), 1, "{}", bench.sim.picture());
    bench
        .sees(thread, "The agent asked `write` while ompcord was shutting down")
        .await;
    let cut_off = |sim: &Sim| {
        sim.messages(thread)
            .iter()
            .any(|m| m.content.contains("was interrupted"))
    };
    assert!(
        !cut_off(&bench.sim),
        "the turn ended by itself: {}",
        bench.sim.picture()
    );
    bench.boot().await;
    let late = bench.sim.click_forged("alice", first.id, &approve).unwrap();
    assert!(told(&bench, late).await.contains("expired; nothing was run"));

    // As on SIGKILL: the next start says it.
    bench.sim.say("alice", thread, "APPROVE:bash:make two").unwrap();
    let second = bench.question(thread, "make two").await;
    let (opened, _) = form(&bench, "alice", second.id, "Deny with reason…").await;
    bench.abort().await;
    assert!(!bench.sim.message(second.id).unwrap().buttons.is_empty());
    bench.boot().await;
    let text = bench.closed(second.id).await;
    assert!(
        text.contains("expired; nothing was run (ompcord was restarted)"),
        "{text}"
    );
    let late = send(&bench, "alice", opened, "my reason").await;
    let back = told(&bench, late).await;
    assert!(
        back.contains("expired; nothing was run") && back.contains("my reason"),
        "{back}"
    );
    bench.sees(thread, "ompcord was interrupted").await;
    bench.press("alice", thread, "Discard").await;
    assert_eq!(bench.history(thread).await.matches("make two").count(), 1);
    bench.finish().await;
}

#[tokio::test]
async fn a_question_that_was_deleted_is_asked_once_more_and_then_never_again() {
    let bench = Bench::start().await;
    let (_, thread) = bench.launch("APPROVE:bash:make one\nAPPROVE:bash:make two").await;
    let first = bench.question(thread, "make one").await;
    bench.sim.delete(first.id).unwrap();
    let again = bench.question(thread, "make one").await;
    assert_ne!(first.id, again.id);
    bench.sim.click("alice", again.id, "Approve").unwrap();
    bench.closed(again.id).await;
    for _ in 0..2 {
        let question = bench.question(thread, "make two").await;
        bench.sim.delete(question.id).unwrap();
    }
    bench
        .sees(
            thread,
            "The agent asked `bash`, but its message could not be shown",
        )
        .await;
    let said = said(&bench, thread, 1).await;
    assert!(
        said.contains("bash ran: make one") && said.contains("I may not run: make two"),
        "{said}"
    );
    bench.finish().await;
}

#[tokio::test]
async fn a_question_that_discord_refuses_does_not_hang_the_agent() {
    let bench = Bench::start().await;
    let (_, thread) = bench.launch("SAY:Hello.").await;
    bench.turns(thread, 1).await;
    let route = format!("/channels/{thread}/messages");
    bench.sim.fault(Fault::next("POST", &route, Mishap::status(400)));
    bench.sim.say("alice", thread, "SELECT:Which?|A|B").unwrap();
    bench.sees(thread, "could not be shown here").await;
    let messages = bench.turns(thread, 2).await;
    assert!(answers(&messages).contains("You did not choose."), "{messages:?}");
    // Nor is it left there without its buttons.
    assert!(
        messages.iter().all(|m| !m.content.starts_with('🟡')),
        "{messages:?}"
    );
    bench.finish().await;
}

#[tokio::test]
async fn a_session_that_asks_outside_of_a_turn_waits_for_a_person_and_gives_way_to_no_other() {
    let bench = Bench::with_vars(|_| vec![("OMP_MAX_PROCESSES", "1".to_owned())]).await;
    let (_, thread) = bench.launch("LINGER:Still there?|A|B").await;
    let question = bench.question(thread, "Still there?").await;
    bench.turns(thread, 1).await;
    bench.card_says(thread, "Waiting").await;
    let (_, other) = bench.launch("SAY:My turn.").await;
    let waits = bench.sees(other, "Every agent process is busy").await;
    assert!(waits.by_bot);
    assert!(!bench.sim.message(question.id).unwrap().buttons.is_empty());
    bench.sim.click("alice", question.id, "A").unwrap();
    bench.closed(question.id).await;
    let said = said(&bench, other, 1).await;
    assert!(said.contains("My turn."), "{said}");
    bench.finish().await;
}

#[tokio::test]
async fn a_button_that_does_not_belong_where_it_is_pressed_is_refused() {
    let bench = Bench::start().await;
    let (_, here) = bench.launch("APPROVE:bash:here").await;
    let (_, there) = bench.launch("APPROVE:bash:there").await;
    let mine = bench.question(here, "here").await;
    let other = bench.question(there, "there").await;
    let (approve_there, reason_there) = (sends(&other, "Approve"), sends(&other, "Deny with reason…"));
    let unknown = approve_there.replace(approve_there.split(':').nth(3).unwrap(), "00000000");
    for (custom_id, why) in [
        (approve_there.clone(), "does not belong to this thread"),
        (
            with_verb(&approve_there, "always"),
            "does not belong to this thread",
        ),
        (reason_there, "does not belong to this thread"),
        (unknown, "does not belong to this thread"),
        (
            with_verb(&sends(&mine, "Approve"), "7"),
            "cannot be answered like that",
        ),
        (
            with_verb(&sends(&mine, "Approve"), "skip"),
            "cannot be answered like that",
        ),
    ] {
        let click = bench.sim.click_forged("alice", mine.id, &custom_id).unwrap();
        let answer = told(&bench, click).await;
        assert!(
            answer.contains(why) && answer.contains("nothing was run"),
            "{custom_id}: {answer}"
        );
    }
    let odd = bench
        .sim
        .click_forged("alice", mine.id, "omp:ask:nobody:1:öps")
        .unwrap();
    let odd = bench.sim.reply(odd).await;
    assert!(
        odd.ephemeral && odd.content().contains("nothing was run"),
        "{odd:?}"
    );
    for question in [&mine, &other] {
        let now = bench.sim.message(question.id).unwrap();
        assert_eq!((&now.content, now.buttons.len()), (&question.content, 4));
        bench.sim.click("alice", question.id, "Deny").unwrap();
        bench.closed(question.id).await;
    }
    bench.turns(here, 1).await;
    bench.turns(there, 1).await;
    bench.finish().await;
}

#[tokio::test]
async fn secrets_are_hidden_from_people_and_not_from_the_agent() {
    let bench = Bench::start().await;
    let token = bench.sim.bot_token();
    let (_, thread) = bench
        .launch(&format!(
            "APPROVE:bash:{{words:1500}} {token}\nSELECT:Which?|use {token}|no\nEDITOR:Edit|keep {token}\nINPUT:Token?|"
        ))
        .await;
    let question = bench.question(thread, "more characters").await;
    let more = bench.press("alice", thread, "See more").await;
    assert!(more.words().contains("[redacted:bot-token]"), "{more:?}");
    bench.sim.click("alice", question.id, "Deny").unwrap();
    bench.question(thread, "Which?").await;
    bench.press("alice", thread, "use [redacted:bot-token]").await;
    let question = bench.question(thread, "Edit").await;
    assert!(question.content.contains("holds secrets"), "{}", question.content);
    let (_, modal) = form(&bench, "alice", question.id, "Replace…").await;
    assert_eq!(modal.inputs[0].value, "");
    bench.press("alice", thread, "Keep as it is").await;
    let question = bench.question(thread, "Token?").await;
    let (opened, _) = form(&bench, "alice", question.id, "Answer…").await;
    send(&bench, "alice", opened, &format!("it is {token}")).await;
    bench.closed(question.id).await;
    bench.turns(thread, 1).await;
    // The person typed it; the bot does not show it.
    let by_bot: Vec<_> = bench
        .sim
        .messages(thread)
        .into_iter()
        .filter(|m| m.by_bot)
        .collect();
    assert!(
        by_bot.iter().all(|m| !m.words().contains(&token)),
        "{}",
        bench.sim.picture()
    );
    let kept: String = std::fs::read_dir(bench.dir.path().join("scripted"))
        .unwrap()
        .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
        .collect();
    for exact in ["You chose: use ", "You wrote: keep ", "You wrote: it is "] {
        assert!(kept.contains(&format!("{exact}{token}")), "{exact}: {kept}");
    }
    bench.finish().await;
}
