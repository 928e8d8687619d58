//! The whole daemon under Discord's limits as the library's own limiter sees them: through TLS, as `discord.com`.

use std::fmt::Write as _;

use ompcord::sim::{RateLimits, Sim, SimConfig};

use crate::harness::{Bench, answers, is_footer};

async fn limited() -> Bench {
    let sim = Sim::start(SimConfig {
        rate_limits: RateLimits::On,
        ..SimConfig::default()
    });
    let sim = sim.await.unwrap();
    let client = crate::tls::client(&sim).await;
    let mut bench = Bench::on(sim, Vec::new(), Some(client));
    bench.boot().await;
    bench
}

#[tokio::test]
async fn a_busy_session_stays_within_the_limits_and_keeps_its_order() {
    let bench = limited().await;
    let mut prompt = "SLOW:25 TOOLMS:40\n".to_owned();
    for n in 1..=8 {
        writeln!(
            prompt,
            "SAY:Step {n} of the work begins here.\nTOOL:bash:{{\"command\":\"step {n}\"}}"
        )
        .unwrap();
    }
    let (_, thread) = bench
        .launch(&format!("{prompt}LINES:200:100 SAY:All eight steps are done."))
        .await;
    let messages = bench.turns(thread, 1).await;
    let said = answers(&messages);
    let steps: Vec<&str> = said
        .split('\n')
        .filter(|line| line.starts_with("Step") || line.starts_with("All"))
        .collect();
    let mut expected: Vec<String> = (1..=8)
        .map(|n| format!("Step {n} of the work begins here."))
        .collect();
    expected.push("All eight steps are done.".to_owned());
    assert_eq!(steps, expected, "{}", bench.sim.picture());
    assert!(is_footer(messages.last().unwrap()));
    assert!(bench.transcript().contains("line 200 of 200"));
    let refused = bench.sim.rate_limited();
    assert!(refused <= 1, "{refused} × 429\n{}", bench.sim.picture());
    bench.finish().await;
}

#[tokio::test]
async fn five_sessions_at_once_are_slowed_down_and_lose_nothing() {
    let bench = limited().await;
    let mut threads = Vec::new();
    for n in 0..5 {
        let message = bench
            .sim
            .say("alice", "home", &format!("LINES:60:60 SAY:Answer {n}."))
            .unwrap();
        bench.sim.react("alice", message, "🚀").unwrap();
        threads.push(message.thread());
    }
    for (n, thread) in threads.into_iter().enumerate() {
        let messages = bench.turns(thread, 1).await;
        assert!(
            answers(&messages).ends_with(&format!("Answer {n}.")),
            "{}",
            bench.sim.picture()
        );
        let last = messages
            .iter()
            .rev()
            .find(|m| m.content.starts_with("```"))
            .unwrap();
        assert!(last.content.contains("line 60 of 60"), "{}", last.content);
    }
    let refused = bench.sim.rate_limited();
    assert!(refused <= 5, "{refused} × 429\n{}", bench.sim.picture());
    bench.finish().await;
}
