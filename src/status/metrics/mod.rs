//! What happened since the start, counted, and how it stands, for Prometheus.
//!
//! The only room that knows the metrics library: others say what happened. What can be looked at is not counted here a
//! second time but taken from [`StatusSnapshot`], so that a dashboard and `/omp status` never disagree. Nothing of it is
//! kept: a counter that begins again at zero is what Prometheus expects of a restart.

mod gauges;
mod labels;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::prometheus_text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};

use super::{Host, StatusSnapshot};
use crate::event::{AgentExit, Tokens};

pub use labels::{DialogEnd, PromptResult, PromptSource};

/// What the text is, for the header.
pub const CONTENT_TYPE: &str = prometheus_text::CONTENT_TYPE;

/// Before every name but those that every process has.
const PREFIX: &str = "ompcord";

type Labels<const N: usize> = [(&'static str, &'static str); N];
type Counters<const N: usize> = Family<Labels<N>, Counter>;

/// Turns take seconds or an hour.
const TURN: [f64; 12] = [
    1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0, 3_600.0, 7_200.0,
];
/// People answer at once or the next day.
const ANSWER: [f64; 10] = [
    2.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0, 43_200.0, 86_400.0,
];
/// After 15 s a request is given up.
const REQUEST: [f64; 9] = [0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0];

/// Counts what happens. A cheap clone: atomics behind a lock that is held for no longer than a look.
#[derive(Debug, Clone)]
pub struct Metrics(Arc<Counted>);

#[derive(Debug)]
struct Counted {
    registry: Registry,
    work: Work,
    people: People,
    discord: Discord,
}

/// What agents do.
#[derive(Debug)]
struct Work {
    prompts_received: Counters<1>,
    prompts: Counters<1>,
    turns: Counters<1>,
    turn_duration: Histogram,
    tool_calls: Counters<2>,
    tokens: Counters<1>,
    cost: Counter<f64, AtomicU64>,
    agent_exits: Counters<1>,
}

/// What people are asked.
#[derive(Debug)]
struct People {
    asked: Counters<1>,
    ended: Counters<1>,
    answer: Histogram,
}

/// What passes between the daemon and Discord.
#[derive(Debug)]
struct Discord {
    requests: Counters<3>,
    request_duration: Histogram,
    limits: Counters<2>,
    connects: Counters<1>,
}

/// Registers in the order in which it is shown.
struct Book(Registry);

impl Book {
    fn add<M: Metric + Clone>(&mut self, name: &str, help: &str, metric: M) -> M {
        self.0.register(name, help, metric.clone());
        metric
    }

    /// A counter of each of these values, which begins at zero: what has not happened yet is known too.
    fn counters(
        &mut self,
        name: &str,
        help: &str,
        (label, values): (&'static str, &[&'static str]),
    ) -> Counters<1> {
        let family = self.add(name, help, Counters::<1>::default());
        for value in values {
            drop(family.get_or_create(&[(label, *value)]));
        }
        family
    }
}

impl Work {
    fn entered_in(book: &mut Book) -> Self {
        Self {
            prompts_received: book.counters(
                "prompts_received",
                "Prompts that were stored, by the way they came in",
                ("source", &PromptSource::ALL.map(PromptSource::word)),
            ),
            prompts: book.counters(
                "prompts",
                "Prompts that came to an end; one that is tried again can do so twice",
                ("result", &PromptResult::ALL.map(PromptResult::word)),
            ),
            turns: book.counters("turns", "Turns that ended", ("outcome", &labels::OUTCOMES)),
            turn_duration: book.add(
                "turn_duration_seconds",
                "How long turns took",
                Histogram::new(TURN),
            ),
            tool_calls: book.add("tool_calls", "Tools that ran to their end", Family::default()),
            tokens: book.counters(
                "tokens",
                "Tokens that models have used",
                ("kind", &labels::TOKENS),
            ),
            cost: book.add("cost_usd", "What turns cost, in US dollars", Counter::default()),
            agent_exits: book.counters(
                "agent_exits",
                "Agent processes that ended",
                ("how", &labels::EXITS),
            ),
        }
    }
}

impl People {
    fn entered_in(book: &mut Book) -> Self {
        Self {
            asked: book.counters(
                "dialogs_asked",
                "Questions that were put to people",
                ("kind", &labels::KINDS),
            ),
            ended: book.counters(
                "dialogs",
                "Questions that are not open any more",
                ("result", &DialogEnd::ALL.map(DialogEnd::word)),
            ),
            answer: book.add(
                "dialog_answer_seconds",
                "How long people took to answer",
                Histogram::new(ANSWER),
            ),
        }
    }
}

impl Discord {
    fn entered_in(book: &mut Book) -> Self {
        Self {
            requests: book.add(
                "discord_requests",
                "Requests to Discord's REST API",
                Family::default(),
            ),
            request_duration: book.add(
                "discord_request_duration_seconds",
                "How long Discord took to answer",
                Histogram::new(REQUEST),
            ),
            limits: book.add(
                "discord_rate_limited",
                "Requests that Discord answered with 429",
                Family::default(),
            ),
            connects: book.counters(
                "gateway_connects",
                "Connections to the gateway; each but the first was one that was lost",
                ("how", &["new", "resumed"]),
            ),
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut book = Book(Registry::with_prefix(PREFIX));
        Self(Arc::new(Counted {
            work: Work::entered_in(&mut book),
            people: People::entered_in(&mut book),
            discord: Discord::entered_in(&mut book),
            registry: book.0,
        }))
    }
}

impl Metrics {
    /// A prompt was stored.
    pub fn prompt_received(&self, source: PromptSource) {
        let of = [("source", source.word())];
        self.0.work.prompts_received.get_or_create(&of).inc();
    }

    /// A prompt came to an end.
    pub fn prompt_ended(&self, result: PromptResult) {
        self.0
            .work
            .prompts
            .get_or_create(&[("result", result.word())])
            .inc();
    }

    /// A turn ended, in a word of the event log.
    pub fn turn_ended(&self, outcome: &'static str, took: Duration) {
        self.0.work.turns.get_or_create(&[("outcome", outcome)]).inc();
        self.0.work.turn_duration.observe(took.as_secs_f64());
    }

    /// What a turn cost, in US dollars.
    pub fn spent(&self, cost: f64) {
        // What an agent says is not always a number, and a counter never goes back.
        if cost.is_finite() && cost > 0.0 {
            self.0.work.cost.inc_by(cost);
        }
    }

    /// What a model has used for one message.
    pub fn used(&self, tokens: Tokens) {
        let counts = [tokens.input, tokens.output, tokens.cache_read, tokens.cache_write];
        for (kind, count) in labels::TOKENS.into_iter().zip(counts) {
            self.0.work.tokens.get_or_create(&[("kind", kind)]).inc_by(count);
        }
    }

    /// A tool ran to its end.
    pub fn tool_ended(&self, tool: &str, is_error: bool) {
        let result = if is_error { "error" } else { "ok" };
        let of = [("tool", labels::tool(tool)), ("result", result)];
        self.0.work.tool_calls.get_or_create(&of).inc();
    }

    /// A question was put to people.
    pub fn asked(&self, kind: &'static str) {
        self.0.people.asked.get_or_create(&[("kind", kind)]).inc();
    }

    /// A question that was open for so long is not any more.
    pub fn dialog_ended(&self, end: DialogEnd, open: Duration) {
        self.0.people.ended.get_or_create(&[("result", end.word())]).inc();
        if end == DialogEnd::Answered {
            self.0.people.answer.observe(open.as_secs_f64());
        }
    }

    /// An agent is gone.
    pub fn agent_exited(&self, exit: &AgentExit) {
        let of = [("how", labels::exit(&exit.how, exit.requested))];
        self.0.work.agent_exits.get_or_create(&of).inc();
    }

    /// Discord was asked something by a method at a route, and answered with a status or not at all.
    pub fn requested(
        &self,
        (method, route): (&'static str, &'static str),
        status: Option<u16>,
        took: Duration,
    ) {
        let of = [
            ("method", method),
            ("route", route),
            ("status", labels::class(status)),
        ];
        self.0.discord.requests.get_or_create(&of).inc();
        self.0.discord.request_duration.observe(took.as_secs_f64());
    }

    /// It was too much for Discord: for this route, or altogether.
    pub fn limited(&self, route: &'static str, global: bool) {
        let scope = if global { "global" } else { "route" };
        let of = [("route", route), ("scope", scope)];
        self.0.discord.limits.get_or_create(&of).inc();
    }

    /// The gateway is connected: anew, or where it was.
    pub fn connected(&self, resumed: bool) {
        let how = if resumed { "resumed" } else { "new" };
        self.0.discord.connects.get_or_create(&[("how", how)]).inc();
    }
}

/// Everything, as Prometheus reads it. `seen` is not there while the daemon starts or stops; what is not known is left
/// out, because a zero would be a figure.
#[must_use]
pub fn exposition(host: &Host, seen: Option<&StatusSnapshot>) -> String {
    let mut text = String::new();
    for registry in [&gauges::gauges(host, seen), &host.metrics().0.registry] {
        // Writing to a string cannot fail.
        prometheus_text::encode(&mut text, registry).ok();
    }
    text
}
