//! What a script is made of.

use super::script::Ends;

/// One thing to play.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    Say(String),
    Tool {
        name: String,
        args: serde_json::Value,
    },
    Host {
        name: String,
        args: serde_json::Value,
    },
    ReadAddress(String),
    Lines {
        count: u64,
        per_second: u64,
        to_stdout: bool,
    },
    Ask {
        question: String,
        options: Vec<String>,
    },
    Approve {
        tool: String,
        commands: Vec<String>,
    },
    Select {
        question: String,
        options: Vec<String>,
        ends: Ends,
    },
    Dialog {
        method: &'static str,
        title: String,
        more: String,
    },
    Notify(String),
    Title(String),
    Retry(u64),
    Log(String),
    Out(String),
    Cut(usize),
    Block,
    Think(String),
    Break(String),
    History,
    Steerable,
    Error(String),
    Hang,
    IgnoreTerm,
    Deaf,
    Crash(i32),
    KillSelf,
    Midline,
    Garbage,
    BigFrame {
        mib: usize,
    },
    Chunked {
        mib: usize,
    },
    Grandchild {
        seconds: u64,
        bare: bool,
    },
    Demo,
    /// Whatever a real agent might do with this.
    Improvise(String),
}
