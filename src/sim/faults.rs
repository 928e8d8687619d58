//! What goes wrong on purpose.
//!
//! The failures that matter in practice (a 500, a reply that never comes although the message was made) cannot
//! be had from the real service on demand, so each is a rule that waits for its request here.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What happens to a request that a fault meets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mishap {
    /// Answered with this status; nothing is done. A 429 carries `retry_after` (seconds) in its header and body.
    Status {
        /// The HTTP status.
        status: u16,
        /// Seconds, for a 429.
        #[serde(default)]
        retry_after: Option<f64>,
    },
    /// It is done, and then the connection is cut instead of an answer.
    LoseReply,
    /// It is done, and then no answer ever comes.
    Hang,
    /// The connection is cut before anything is done.
    Cut,
    /// It takes this many milliseconds longer.
    Slow {
        /// Milliseconds.
        ms: u64,
    },
}

impl fmt::Display for Mishap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status {
                status,
                retry_after: Some(seconds),
            } => write!(f, "{status}, again in {seconds} s"),
            Self::Status { status, .. } => write!(f, "{status}"),
            Self::LoseReply => f.write_str("done, but the reply was lost"),
            Self::Hang => f.write_str("done, but never answered"),
            Self::Cut => f.write_str("cut off before it was done"),
            Self::Slow { ms } => write!(f, "slow by {ms} ms"),
        }
    }
}

/// A rule: which requests, which of them, and what happens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// `GET`, `POST` …, or `*`.
    pub method: String,
    /// A path below `/api/v10`, where `{anything}` or `*` stands for one segment: `/channels/{}/messages`.
    /// `**` at the end stands for any number of them, none too.
    pub route: String,
    /// How many matching requests pass first.
    #[serde(default)]
    pub skip: u32,
    /// How many are hit after that.
    #[serde(default = "once")]
    pub times: u32,
    /// What happens.
    pub mishap: Mishap,
}

fn once() -> u32 {
    1
}

impl Fault {
    /// The next request of this kind meets a mishap.
    #[must_use]
    pub fn next(method: &str, route: &str, mishap: Mishap) -> Self {
        Self {
            method: method.to_owned(),
            route: route.to_owned(),
            skip: 0,
            times: 1,
            mishap,
        }
    }

    /// Lets this many requests pass first.
    #[must_use]
    pub fn after(self, skip: u32) -> Self {
        Self { skip, ..self }
    }

    /// Hits this many requests.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times, ..self }
    }
}

impl Mishap {
    /// Answered with a status.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::Status {
            status,
            retry_after: None,
        }
    }

    /// Answered with 429 and this wait.
    #[must_use]
    pub fn rate_limited(retry_after: Duration) -> Self {
        Self::Status {
            status: 429,
            retry_after: Some(retry_after.as_secs_f64()),
        }
    }
}

/// The rules that wait.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    waiting: Vec<Fault>,
}

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) {
        self.waiting.push(fault);
    }

    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
    }

    pub(crate) fn waiting(&self) -> &[Fault] {
        &self.waiting
    }

    /// The mishap of this request, if a rule meets it. The first rule that is due wins; all of them count it.
    pub(crate) fn meet(&mut self, method: &str, path: &str) -> Option<Mishap> {
        let mut met = None;
        for fault in &mut self.waiting {
            if !matches(&fault.method, &fault.route, method, path) {
                continue;
            }
            if fault.skip > 0 {
                fault.skip -= 1;
            } else if fault.times > 0 && met.is_none() {
                fault.times -= 1;
                met = Some(fault.mishap.clone());
            }
        }
        self.waiting.retain(|fault| fault.times > 0);
        met
    }
}

/// Whether a pattern of method and path matches a request.
pub(crate) fn matches(want_method: &str, want_path: &str, method: &str, path: &str) -> bool {
    if want_method != "*" && !want_method.eq_ignore_ascii_case(method) {
        return false;
    }
    let wild = |step: &str| step == "*" || (step.starts_with('{') && step.ends_with('}'));
    let mut want: Vec<&str> = want_path.trim_matches('/').split('/').collect();
    let have: Vec<&str> = path.trim_matches('/').split('/').collect();
    let open = want.last() == Some(&"**");
    if open {
        want.pop();
    }
    (want.len() == have.len() || (open && want.len() < have.len()))
        && want
            .iter()
            .zip(&have)
            .all(|(want, have)| wild(want) || want == have)
}

/// What goes wrong with the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GatewayMishap {
    /// The connection is cut; the bot may resume.
    Drop,
    /// It is closed with this code.
    Close(u16),
    /// So many of the next resumes are refused.
    RefuseResumes(u64),
    /// It is not reachable, until it is again.
    Down(bool),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_passes_then_hits_then_is_gone() {
        let mut faults = Faults::default();
        let rule = Fault::next("POST", "/channels/{}/messages", Mishap::status(500));
        faults.add(rule.after(1).times(2));
        let mut meet = |path: &str| faults.meet("POST", path).is_some();
        assert!(!meet("/channels/1/pins"));
        assert!(!meet("/channels/1/messages"));
        assert!(meet("/channels/1/messages"));
        assert!(meet("/channels/2/messages"));
        assert!(!meet("/channels/1/messages"));
    }

    #[test]
    fn two_stars_stand_for_the_rest_of_a_path() {
        let fits = |want: &str, path: &str| matches("*", want, "GET", path);
        assert!(fits("**", "/gateway") && fits("**", "/channels/1/messages"));
        assert!(
            fits("/channels/**", "/channels/1/messages/2")
                && fits("/channels/*/messages/**", "/channels/1/messages")
        );
        assert!(!fits("/channels/**", "/gateway") && !fits("/channels/*/pins/**", "/channels/1/messages"));
        assert!(!fits("/channels/*", "/channels/1/messages"));
    }
}
