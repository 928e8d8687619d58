//! What was written in the demo's channel before it began.
//!
//! Everything is made from the seed and from a fixed date, ids included, so two demos with the same number can be
//! compared, and a page can be tried with thousands of messages.

use anyhow::Result;

use crate::sim::Sim;

/// A Monday morning: 2025-03-03 09:00 UTC.
const BEGAN_MS: i64 = 1_740_992_400_000;
const MINUTE_MS: i64 = 60_000;

/// A few words between colleagues: minutes after the beginning, who, and what.
const SMALL_TALK: [(i64, &str, &str); 7] = [
    (
        0,
        "alice",
        "Morning! The new retry code is on `main`, please have a look when you have a minute.",
    ),
    (
        4,
        "bob",
        "Will do. Is the flaky login test still flaky?\nIt failed twice for me on Friday.",
    ),
    (
        6,
        "alice",
        "Yes. It waits for a *fixed* time instead of the condition:\n```rust\ntokio::time::sleep(Duration::from_millis(50)).await;\nassert!(page.is_loaded());\n```",
    ),
    (9, "bob", "That explains it. On a busy machine 50 ms are nothing."),
    (31, "mallory", "Can somebody give me access to the bot?"),
    (
        33,
        "alice",
        "Not today, sorry. Ask again when you are on the team.",
    ),
    (
        58,
        "bob",
        "> please have a look\n**Done.** Two small things:\n- the limit should be a constant\n- the second test repeats the first\nEverything else is fine ✅",
    ),
];

const OPENINGS: [&str; 8] = [
    "I had another look at",
    "Does anyone know who owns",
    "Quick question about",
    "I think we should simplify",
    "The build breaks in",
    "Somebody asked me about",
    "I am done with",
    "Please review my change to",
];
const SUBJECTS: [&str; 9] = [
    "the retry loop",
    "`src/client.rs`",
    "the login page",
    "the nightly export",
    "our Docker image",
    "the *new* rate limits",
    "the cache of `GET /users`",
    "the migration of **last week**",
    "the dashboard",
];
const ENDINGS: [&str; 10] = [
    ".",
    ", any objections?",
    ". It is only two lines:\n```diff\n-    retries: 100,\n+    retries: 5,\n```",
    ", see <https://example.com/notes/17>.",
    ". I will do it after lunch 🍜",
    ". The tests pass on my machine, which means little.",
    ":\n- it is slow\n- nobody understands it\n- it has no tests",
    ". ||Do not tell anyone that I wrote it.||",
    ", and I would rather not touch it before the release. There is a long story behind it: the first version kept \
     everything in memory, the second wrote everything to disk, and the third does both, depending on a flag that \
     nobody has changed since.",
    ". Thanks! 🎉",
];

/// Writes what colleagues said that day.
pub(super) fn small_talk(sim: &Sim) -> Result<()> {
    for (minutes, user, text) in SMALL_TALK {
        let message = sim.say_at(user, "home", text, BEGAN_MS + minutes * MINUTE_MS)?;
        if minutes == 58 {
            sim.react("alice", message, "👍")?;
        }
    }
    Ok(())
}

/// Writes so many messages in the weeks after it.
pub(super) fn weeks(sim: &Sim, count: u32, seed: u64) -> Result<()> {
    let mut dice = Dice(seed ^ 0x9E37_79B9_7F4A_7C15);
    let mut at = BEGAN_MS + 24 * 60 * MINUTE_MS;
    for _ in 0..count {
        // Mostly minutes apart, sometimes in one breath.
        at += if dice.throw(3) == 0 {
            20_000
        } else {
            (1 + i64::from(dice.throw(14))) * MINUTE_MS
        };
        let user = *dice.pick(&["alice", "alice", "bob", "bob", "mallory"]);
        let text = format!(
            "{} {}{}",
            dice.pick(&OPENINGS),
            dice.pick(&SUBJECTS),
            dice.pick(&ENDINGS)
        );
        sim.say_at(user, "home", &text, at)?;
    }
    Ok(())
}

/// Numbers that look random and are the same for the same seed.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: u32) -> u32 {
        // Knuth's multiplier; the high bits are the good ones.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(self.0 >> 33).unwrap_or(0) % sides
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        let sides = u32::try_from(from.len()).unwrap_or(1);
        &from[self.throw(sides) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::SimConfig;

    async fn written(seed: u64) -> Vec<(String, String, String)> {
        let config = SimConfig {
            seed,
            ..SimConfig::default()
        };
        let sim = Sim::start(config).await.unwrap();
        small_talk(&sim).unwrap();
        weeks(&sim, 300, seed).unwrap();
        let messages = sim.messages("home").into_iter();
        messages
            .map(|message| (message.id.to_string(), message.author, message.content))
            .collect()
    }

    #[tokio::test]
    async fn the_same_number_gives_the_same_messages_and_another_gives_others() {
        let one = written(1).await;
        assert_eq!(one.len(), 307);
        assert_eq!(one, written(1).await);
        assert_ne!(one, written(2).await);
    }
}
