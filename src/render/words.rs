//! The short answers of commands: what version runs, which transcript this is, whether to end a session.

use std::time::Duration;

use serde_json::Value;

use super::footer::duration;
use super::health::bytes;
use super::notice::{Style, buttons};
use super::text::{code, escape};
use crate::ids::{SessionId, ThreadId};

/// What runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running<'a> {
    /// The release.
    pub version: &'a str,
    /// The commit, where the build knew it.
    pub commit: Option<&'a str>,
    /// The day of the build, where it is known.
    pub built: Option<&'a str>,
    /// The process.
    pub pid: u32,
    /// Since when.
    pub uptime: Duration,
    /// What the agent says of itself, or why it says nothing.
    pub agent: Result<String, String>,
}

/// `/omp version`.
#[must_use]
pub fn version(running: &Running<'_>) -> String {
    let built = running.built.unwrap_or("in development");
    let agent = match &running.agent {
        Ok(version) => code(version),
        Err(why) => format!("unknown, {} (`/omp health` says what to do)", escape(why)),
    };
    format!(
        "**ompcord {}** ⋅ commit {} ⋅ built {built}\nprocess {} ⋅ up {}\nagent {agent}",
        running.version,
        code(running.commit.unwrap_or("unknown")),
        running.pid,
        duration(running.uptime)
    )
}

/// What is answered to a command that was written while nobody listened.
#[must_use]
pub fn command_missed() -> String {
    "ompcord was away when this was written, and commands are not carried out late. Give it again if it still holds."
        .to_owned()
}

/// `/omp log`: which file this is. `sent` is less than `whole` where Discord would not take all of it.
#[must_use]
pub fn transcript(thread: Option<ThreadId>, sent: u64, whole: u64) -> String {
    let of = thread
        .map(|thread| format!(" of <#{thread}>"))
        .unwrap_or_default();
    if sent == whole {
        return format!("📄 The transcript{of}, {}.", bytes(whole));
    }
    format!(
        "📄 The newest {} of the transcript{of}; Discord does not take all {} of it.\n\
         -# The whole file is in `transcripts` in the state directory",
        bytes(sent),
        bytes(whole)
    )
}

/// Somebody wrote in the thread of a session that is over. `resumable`: it had a conversation.
#[must_use]
pub const fn over(resumable: bool) -> &'static str {
    if resumable {
        "This session has ended: nothing was run. `/omp resume` continues it in a new thread, `/omp new` starts another one"
    } else {
        "This session has ended: nothing was run. `/omp new` starts another one"
    }
}

/// Whether a session is to be ended, with the button that does it. `resumable`: it has a conversation.
#[must_use]
pub fn stop_or_not(
    session: &SessionId,
    resumable: bool,
    (busy, waiting): (bool, usize),
) -> (String, Vec<Value>) {
    let lost = match (busy, waiting) {
        (false, 0) => String::new(),
        (true, 0) => " The running turn is cancelled.".to_owned(),
        (false, _) => format!(" {waiting} waiting in the queue will not run."),
        (true, _) => format!(" The running turn is cancelled, and {waiting} waiting will not run."),
    };
    let row = [(format!("omp:card:end:{session}"), "End session", Style::Danger)];
    let kept = if resumable {
        "; the conversation is kept, and `/omp resume` continues it"
    } else {
        ""
    };
    let text = format!("End this session?{lost} The thread is archived{kept}.");
    (text, vec![buttons(&row)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_is_said_whether_or_not_it_is_all_known() {
        let known = Running {
            version: "0.1.0",
            commit: Some("0123456789ab"),
            built: Some("2026-11-21"),
            pid: 4711,
            uptime: Duration::from_mins(62),
            agent: Ok("omp/18.2.3".to_owned()),
        };
        let unknown = Running {
            commit: None,
            built: None,
            agent: Err("omp was not found".to_owned()),
            ..known.clone()
        };
        insta::assert_snapshot!(format!("{}\n{}", version(&known), version(&unknown)), @r"
        **ompcord 0.1.0** ⋅ commit `0123456789ab` ⋅ built 2026-11-21
        process 4711 ⋅ up 1 h 2 m
        agent `omp/18.2.3`
        **ompcord 0.1.0** ⋅ commit `unknown` ⋅ built in development
        process 4711 ⋅ up 1 h 2 m
        agent unknown, omp was not found (`/omp health` says what to do)
        ");
    }

    #[test]
    fn a_part_of_a_transcript_says_that_it_is_one() {
        insta::assert_snapshot!(transcript(Some(7.into()), 2048, 2048), @"📄 The transcript of <#7>, 2.0 KiB.");
        insta::assert_snapshot!(transcript(Some(7.into()), 10 << 20, 34 << 20), @r"
        📄 The newest 10.0 MiB of the transcript of <#7>; Discord does not take all 34.0 MiB of it.
        -# The whole file is in `transcripts` in the state directory
        ");
    }

    #[test]
    fn ending_a_session_says_what_is_lost() {
        let id: SessionId = "session_0123abcd".parse().unwrap();
        let said = [
            (true, (false, 0)),
            (true, (true, 0)),
            (true, (false, 2)),
            (true, (true, 1)),
            (false, (false, 1)),
        ]
        .map(|(resumable, lost)| stop_or_not(&id, resumable, lost).0);
        insta::assert_snapshot!(said.join("\n"), @r"
        End this session? The thread is archived; the conversation is kept, and `/omp resume` continues it.
        End this session? The running turn is cancelled. The thread is archived; the conversation is kept, and `/omp resume` continues it.
        End this session? 2 waiting in the queue will not run. The thread is archived; the conversation is kept, and `/omp resume` continues it.
        End this session? The running turn is cancelled, and 1 waiting will not run. The thread is archived; the conversation is kept, and `/omp resume` continues it.
        End this session? 1 waiting in the queue will not run. The thread is archived.
        ");
        assert!(over(true).contains("/omp resume") && !over(false).contains("/omp resume"));
    }
}
