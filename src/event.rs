//! What happens, in our own words: what the agent said.
//!
//! No serenity types and no raw frames pass this line, so the session's logic can be read, and tested,
//! without Discord and without an agent.

use std::time::Duration;

/// Something that an agent process did, in the order in which it did it.
#[derive(Debug, Clone, PartialEq)]
pub enum AgentEvent {
    /// The process is up: `ready` was seen, the protocol is negotiated and its state was read.
    Started(AgentStarted),
    /// A turn began (`agent_start`).
    TurnStarted,
    /// An assistant message began: its text blocks count from zero again.
    MessageStarted,
    /// A piece of the answer's text. `block` is the index of the content block within the message.
    TextDelta {
        /// Index of the content block within the assistant message.
        block: u32,
        /// The new characters.
        delta: String,
    },
    /// An assistant message is complete. `texts` are its text blocks, authoritative over the deltas.
    MessageEnded(MessageEnded),
    /// A tool began to run.
    ToolStarted {
        /// The tool call's id.
        id: String,
        /// The tool's name, such as `bash`.
        tool: String,
        /// The arguments as JSON (`Null` when they could not be read).
        args: serde_json::Value,
    },
    /// A tool ended.
    ToolEnded {
        /// The tool call's id.
        id: String,
        /// Whether the tool reported an error (a denial is one).
        is_error: bool,
    },
    /// The turn is over (`agent_end` that is terminal, or a local slash command's `prompt_result`).
    TurnEnded,
    /// The agent retries a failed model request.
    Retrying {
        /// Which attempt this is, from 1.
        attempt: u32,
        /// How long it waits first.
        delay: Duration,
        /// Why.
        error: String,
    },
    /// The retries are over.
    RetryEnded {
        /// Whether one of them succeeded.
        success: bool,
        /// The last error where none did.
        error: Option<String>,
    },
    /// The conversation is being compacted (`true`) or was (`false`).
    Compacting(bool),
    /// The agent asks a person and waits.
    Dialog(Dialog),
    /// A question was withdrawn by the agent.
    DialogWithdrawn {
        /// The question's id.
        id: String,
    },
    /// The agent wants something of what the daemon offers to it.
    Host(HostRequest),
    /// Something to show (`notify`, `notice`, an extension's error).
    Notice {
        /// How bad it is.
        level: NoticeLevel,
        /// What it says.
        text: String,
    },
    /// The session got a title.
    Title(String),
    /// A prompt was refused: by the answer to the command or by an error after its acknowledgement.
    PromptFailed {
        /// The prompt's id as given to `AgentHandle::prompt`.
        id: String,
        /// What the agent said.
        error: String,
    },
    /// Somebody at the agent's terminal gave it a prompt.
    TerminalPrompt(String),
    /// The terminal asks whoever sits at it.
    TerminalAsks {
        /// The question's id.
        id: String,
        /// What it asks.
        what: String,
    },
    /// That question is answered.
    TerminalAnswered {
        /// The question's id.
        id: String,
    },
    /// What the terminal says of a turn that ends now.
    TurnReported(TurnReport),
    /// The turn is over because somebody at the terminal ended it.
    TurnStopped,
    /// The agent uses another model.
    ModelChanged(String),
    /// A plain line: stderr, or stdout that is no frame. Decoded lossily, without its newline.
    Line(String),
    /// A frame was dropped because it was larger than the cap.
    FrameTooLarge {
        /// How many bytes it had.
        bytes: u64,
    },
    /// The process is gone and everything it had started was swept. Nothing follows.
    Exited(AgentExit),
}

/// What is known once an agent is up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentStarted {
    /// The agent's own session id, for `--resume`.
    pub agent_session: String,
    /// `provider/model`, where it has one.
    pub model: Option<String>,
    /// The process id.
    pub pid: u32,
}

/// What is known of a turn that was run in a terminal.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TurnReport {
    /// How long it took.
    pub took: Option<Duration>,
    /// How full the context is.
    pub context_percent: Option<f64>,
    /// The model.
    pub model: Option<String>,
    /// What it cost, in US dollars.
    pub cost: f64,
}

/// A complete assistant message.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MessageEnded {
    /// Text blocks with their content index, in order.
    pub texts: Vec<(u32, String)>,
    /// The model that wrote it.
    pub model: Option<String>,
    /// What it cost, in US dollars.
    pub cost: f64,
    /// What it has used.
    pub tokens: Tokens,
    /// Why the model stopped (`stop`, `toolUse`, `error`, `aborted`, `length`).
    pub stop_reason: String,
    /// The error where it stopped for one.
    pub error: Option<String>,
    /// The tools that it calls.
    pub calls: Vec<ToolCall>,
}

/// What a model has used for a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tokens {
    /// Read, and not from a cache.
    pub input: u64,
    /// Written.
    pub output: u64,
    /// Read from a cache.
    pub cache_read: u64,
    /// Written to a cache.
    pub cache_write: u64,
}

/// A tool that the model wants to run.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolCall {
    /// Its id, as `ToolStarted` and `ToolEnded` name it.
    pub id: String,
    /// The tool's name.
    pub tool: String,
    /// The arguments as JSON (`Null` when they could not be read).
    pub args: serde_json::Value,
}

/// What an agent wants of the daemon's own tools and addresses.
#[derive(Debug, Clone, PartialEq)]
pub enum HostRequest {
    /// A tool is to be executed.
    Call {
        /// The id to answer with.
        id: String,
        /// The tool's name.
        tool: String,
        /// The arguments as JSON (`Null` when they could not be read).
        args: serde_json::Value,
    },
    /// An address is to be read.
    Read {
        /// The id to answer with.
        id: String,
        /// The address.
        url: String,
        /// Whether it is to be written instead.
        write: bool,
    },
    /// It does not want to know any more.
    Cancel {
        /// The id of what it had asked for.
        id: String,
    },
}

/// A question to a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialog {
    /// The id to answer with.
    pub id: String,
    /// What is asked.
    pub title: String,
    /// How it can be answered.
    pub kind: DialogKind,
    /// How long the agent waits, where it says so.
    pub timeout: Option<Duration>,
}

/// How a question can be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DialogKind {
    /// One of these labels, exactly.
    Select {
        /// The labels.
        options: Vec<String>,
        /// What is said about each of them; empty where the agent says nothing about any.
        details: Vec<String>,
    },
    /// Yes or no.
    Confirm {
        /// More about it.
        message: String,
    },
    /// A line of text.
    Input {
        /// Shown while nothing is written.
        placeholder: String,
    },
    /// Several lines of text.
    Editor {
        /// What stands in it at first.
        prefill: String,
    },
}

/// A person's answer to a dialog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DialogAnswer {
    /// A label or a text.
    Value(String),
    /// Yes or no.
    Confirmed(bool),
    /// No answer.
    Cancelled,
}

/// How bad a notice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeLevel {
    /// For information.
    Info,
    /// Something is off.
    Warning,
    /// Something failed.
    Error,
}

/// How an agent process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentExit {
    /// What ended it.
    pub how: ExitHow,
    /// Whether the daemon had asked it to end.
    pub requested: bool,
    /// Its last lines on stderr, oldest first, at most 20.
    pub last_lines: Vec<String>,
    /// Processes that it left behind and that were ended.
    pub swept: usize,
}

/// What ended an agent process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExitHow {
    /// The program could not be started at all.
    NotStarted {
        /// The program as configured.
        program: String,
        /// What the system said.
        error: String,
        /// Whether it was not found.
        not_found: bool,
    },
    /// It started but did not become ready within its time, and was ended.
    NotReady,
    /// The session to resume does not exist (any more).
    SessionMissing,
    /// It exited with a code.
    Code(i32),
    /// It was killed by a signal.
    Signal(i32),
}
