//! The board of the home channel: one message that says how the daemon and every session are doing.

use ompcord::ids::{ChannelId, SessionId, UserId};
use ompcord::sim::{RateLimits, Sim, SimConfig};
use ompcord::store::Store;
use ompcord::store::prompts::NewPrompt;
use ompcord::store::sessions::NewSession;
use ompcord::store::vitals::{Health, Vitals};

use crate::harness::{Bench, board, card};
use crate::restart::Program;

#[tokio::test]
async fn it_says_how_the_daemon_is_and_stays_the_same_message() {
    let mut bench = Bench::start().await;
    let first = bench.board_says("🟢 ompcord is online").await;
    assert!(first.silent && first.notified.is_empty(), "{first:?}");
    assert!(first.words().contains("No session is open. React with 🚀"));
    let pinned = |sim: &Sim| board(sim).filter(|board| board.pinned);
    bench.sim.until("the board to be pinned", pinned).await;

    let (_, thread) = bench.launch("STEERABLE").await;
    let busy = bench.board_says(&format!("🔵 <#{thread}> ⋅ working")).await;
    assert!(busy.words().contains("🟢 ompcord is online") && busy.words().contains("1 of 8 processes"));
    bench.sim.say("alice", thread, "SAY:next").unwrap();
    bench.board_says("📥 1 queued").await;
    bench.sim.say("alice", thread, "!go").unwrap();
    bench.turns(thread, 2).await;
    bench.board_says(&format!("🟢 <#{thread}>")).await;

    bench.shut_down().await;
    let offline = board(&bench.sim).unwrap();
    assert!(
        offline.words().contains("🔴 ompcord is offline"),
        "{}",
        offline.words()
    );
    assert!(
        offline.words().contains("Offline since <t:"),
        "{}",
        offline.words()
    );
    assert_eq!(offline.embeds[0]["color"], 0x00E7_4C3C);
    bench.boot().await;
    let back = bench.board_says("🟢 ompcord is online").await;
    bench.abort().await;
    bench.boot().await;
    bench.barrier().await;
    let again = bench.board_says("🟢 ompcord is online").await;
    assert_eq!((back.id, again.id, offline.id), (first.id, first.id, first.id));
    bench.finish().await;
}

#[tokio::test]
async fn the_program_paints_it_offline_on_sigterm_and_finds_it_after_sigkill() {
    use nix::sys::signal::Signal;
    let bench = Bench::on(Sim::start(SimConfig::default()).await.unwrap(), Vec::new(), None);
    let program = Program::run(&bench).await;
    let first = bench.board_says("online").await;
    let (_, thread) = bench.launch("SAY:Ready.\nSTEERABLE").await;
    bench.board_says("🔵 <#").await;
    let before = bench.card_says(thread, "🔵 Busy").await;
    program.signal(Signal::SIGKILL);
    assert!(!program.ended().await.success());
    let gone = |sim: &Sim| (!sim.gateway_connected()).then_some(());
    bench.sim.until("the gateway to notice", gone).await;
    let program = Program::run(&bench).await;
    bench.board_says("🟠 <#").await;
    assert_eq!(bench.card_says(thread, "Interrupted").await.id, before.id);
    bench.press("alice", thread, "Continue").await;
    bench.card_says(thread, "🔵 Busy").await;
    bench.sim.say("alice", thread, "!go").unwrap();
    bench.turns(thread, 1).await;
    bench.card_says(thread, "🟢 Idle").await;
    program.signal(Signal::SIGTERM);
    assert!(program.ended().await.success());
    let offline = board(&bench.sim).unwrap();
    assert_eq!(offline.id, first.id);
    assert!(
        offline.words().contains("🔴 ompcord is offline"),
        "{}",
        offline.words()
    );
    let card = card(&bench.sim, thread).unwrap();
    assert!(
        card.words().contains("ompcord is offline") && card.id == before.id,
        "{}",
        card.words()
    );
    bench.finish().await;
}

#[tokio::test]
async fn one_that_was_deleted_is_made_again_once() {
    let bench = Bench::start().await;
    let first = bench.board_says("online").await;
    bench.sim.delete(first.id).unwrap();
    let (_, thread) = bench.launch("SAY:hello").await;
    bench.turns(thread, 1).await;
    let second = bench.board_says(&format!("🟢 <#{thread}>")).await;
    assert_ne!(second.id, first.id);
    let pinned = |sim: &Sim| board(sim).filter(|board| board.pinned);
    bench.sim.until("the new board to be pinned", pinned).await;
    bench.finish().await;
}

#[tokio::test]
async fn a_full_list_of_pins_and_a_missing_permission_are_no_failure() {
    use ompcord::sim::permission;
    let config = SimConfig {
        max_pins: 0,
        ..SimConfig::default()
    };
    let mut bench = Bench::on(Sim::start(config).await.unwrap(), Vec::new(), None);
    bench.boot().await;
    bench.board_says("online").await;
    let (_, thread) = bench.launch("SAY:hello").await;
    bench.turns(thread, 1).await;
    bench.shut_down().await;
    let may = permission::ALL_OF_A_BOT & !(permission::PIN_MESSAGES | permission::MANAGE_MESSAGES);
    bench.sim.set_permissions(may);
    bench.boot().await;
    let (_, thread) = bench.launch("SAY:hello again").await;
    bench.turns(thread, 1).await;
    bench.board_says(&format!("🟢 <#{thread}>")).await;
    bench.finish().await;
}

/// So many sessions in all states, written straight into the store of a daemon that does not run.
async fn seed(bench: &Bench, count: u32) {
    let config = bench.config();
    config.create_directories().unwrap();
    let store = Store::open(&config.database_path()).await.unwrap();
    let home: ChannelId = bench.sim.home_channel();
    let alice: UserId = bench.sim.user("alice").unwrap();
    for n in 0..count {
        let message = bench.sim.say("alice", "home", &format!("task {n}")).unwrap();
        let thread = bench
            .sim
            .start_thread("alice", message, &format!("Run: task {n}"))
            .unwrap();
        let id = SessionId::random();
        let session = NewSession {
            id: id.clone(),
            thread: Some(thread),
            parent: home,
            origin: None,
            thread_name: format!("Run: task {n}"),
            workspace: bench.work().display().to_string(),
            model: None,
            thinking: None,
            approval_mode: "yolo".to_owned(),
            started_by: alice,
        };
        store.create_session(&session).await.unwrap();
        store.session_opened(&id, thread).await.unwrap();
        let health = [
            Health::Good,
            Health::Warned,
            Health::TurnFailed,
            Health::Died,
            Health::NotStarted,
            Health::Good,
            Health::Good,
        ];
        let vitals = Vitals {
            health: health[n as usize % 7],
            active_at: 1_700_000_000_000 + i64::from(n),
            ..store.vitals(&id).await.unwrap()
        };
        store.set_vitals(&id, &vitals).await.unwrap();
        if n % 7 >= 5 {
            let prompt = if n % 7 == 5 {
                "STEERABLE"
            } else {
                "CONFIRM:Sure?|Really."
            };
            let prompt = NewPrompt::by_command(alice, None, prompt.to_owned());
            store.add_prompt(&id, None, &prompt).await.unwrap();
        }
    }
    store.close().await;
}

/// How many sessions the board counts: `🟡 1 waiting ⋅ 🟢 3 idle`.
fn counted(words: &str) -> usize {
    let line = words.lines().nth(2).unwrap_or_default();
    line.split(' ')
        .filter_map(|word| word.parse::<usize>().ok())
        .sum()
}

#[tokio::test]
async fn a_hundred_sessions_in_all_states_fit_and_nothing_is_slow_or_limited_by_them() {
    let config = SimConfig {
        rate_limits: RateLimits::On,
        ..SimConfig::default()
    };
    let mut bench = Bench::on(Sim::start(config).await.unwrap(), Vec::new(), None);
    bench.patience.drain = std::time::Duration::from_millis(300);
    bench.patience.rung = std::time::Duration::from_millis(300);
    seed(&bench, 120).await;
    bench.boot().await;
    // Eight processes at once: some ask, some work, the others wait for one.
    let shown = bench.board_says("🟡 ").await;
    let words = shown.words();
    assert!(words.chars().count() < 4_500, "{words}");
    assert!(words.contains("more: `/omp sessions`"), "{words}");
    for state in ["failed", "degraded", "busy", "idle"] {
        assert!(words.contains(state), "{state}: {words}");
    }
    bench.board_says("8 of 8 processes").await;
    let reply = bench
        .sim
        .slash("alice", "home", "omp new", &[("topic", "one more")])
        .unwrap();
    assert!(bench.sim.reply(reply).await.content().contains("Session started"));
    let all = |sim: &Sim| board(sim).filter(|board| counted(&board.words()) == 121);
    bench.sim.until("the new session to be counted", all).await;
    let path = format!("/channels/{}/messages/{}", shown.channel, shown.id);
    let calls = bench.sim.requests();
    let edits: Vec<i64> = calls
        .iter()
        .filter(|call| call.method == "PATCH" && call.path == path)
        .map(|call| call.at_ms)
        .collect();
    let sooner = edits.windows(2).filter(|pair| pair[1] - pair[0] < 1_450).count();
    assert_eq!(sooner, 0, "{edits:?}");
    assert!(
        calls
            .iter()
            .all(|call| call.path != path || call.status != Some(429))
    );
    bench.finish().await;
}
