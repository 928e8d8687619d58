//! The words of the state machine: what it hears, what it decides, what it has the thread told.

use crate::event::AgentExit;
use crate::ids::{MessageId, PromptId};
use crate::store::prompts::{OpenPrompt, PromptState};
use crate::store::terminal_commands::Unacknowledged;
use crate::store::terminals::Gone;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// What the store knew when the actor started.
    Restored {
        /// Prompts that are not over, in order.
        prompts: Vec<OpenPrompt>,
        /// Whether the thread exists.
        opened: bool,
    },
    /// The thread exists.
    Opened,
    /// The thread could not be made.
    OpenFailed,
    /// A prompt became durable.
    Prompt(OpenPrompt),
    /// A prompt that is to reach the running turn became durable.
    Steer(OpenPrompt),
    /// A waiting prompt was dropped by its author; the store knows.
    Dropped(PromptId),
    /// Messages are heard of again, perhaps without what happened to them meanwhile.
    Hearing,
    /// What waits is as its messages say; what was deleted was dropped before this.
    Rechecked,
    /// A process slot is ours.
    SlotGranted,
    /// There is no free slot; it will be granted later.
    SlotDelayed,
    /// Another session needs a slot: end the process if it is idle.
    Evict,
    /// The agent is ready.
    AgentStarted,
    /// The agent began a turn.
    TurnStarted,
    /// The agent ended the turn.
    TurnEnded,
    /// The model or the agent reported an error that ends the turn.
    TurnFailed {
        /// What it said.
        error: String,
    },
    /// What looked like a failed turn went on well: the agent had retried.
    TurnRecovered,
    /// Something was off in the turn, and it goes on.
    TurnWarned,
    /// The agent tries something again that has failed, or does not any more.
    Retrying(bool),
    /// The agent refused a prompt.
    PromptRefused {
        /// Which.
        prompt: PromptId,
        /// What it said.
        error: String,
    },
    /// The process is gone.
    Exited(AgentExit),
    /// A timer went off.
    TimerFired(Timer),
    /// A person wants the turn to end.
    Cancel,
    /// A person wants the session to end.
    Stop,
    /// A person wants the held prompts to run.
    ContinueQueue,
    /// A person decided about a prompt.
    Decide(PromptId, Choice),
    /// A person takes these waiting prompts back.
    Discard(Vec<PromptId>),
    /// A person wants the conversation to be compacted.
    Compact,
    /// The agent has compacted it, or has failed to.
    Compacted,
    /// The daemon goes down: finish, start nothing.
    Shutdown,
    /// The thread was deleted; the store knows.
    ThreadGone,
    /// A terminal has the conversation and wants to share it; the store knows.
    Attach,
    /// The terminal is gone; the store knows.
    TerminalGone {
        /// How.
        how: Gone,
        /// The prompts that it has not acknowledged.
        left: Vec<Unacknowledged>,
        /// Whether it still has the conversation, as far as one can see.
        has_it: bool,
    },
    /// Somebody at the terminal ended the turn.
    TurnStopped,
}

/// What a person can decide about a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// Go on with what was interrupted.
    Continue,
    /// Forget it.
    Discard,
    /// Run it (it came while the daemon was away).
    Run,
    /// Run what failed once more.
    Retry,
    /// Run it in a new conversation, because the old one is gone.
    StartFresh,
}

/// Something to be woken by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Timer {
    /// The process has been idle for long.
    Idle,
    /// The agent did not obey an abort.
    CancelGrace,
    /// The time that turns get at shutdown is over.
    Drain,
}

/// How a turn ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// With an answer.
    Done,
    /// By a person.
    Cancelled,
    /// With an error.
    Failed(String),
    /// With the process.
    Died(AgentExit),
    /// With the daemon.
    Shutdown,
    /// With its terminal.
    Left,
}

/// Something to tell the thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// The prompt waits; `ahead` others run before it.
    Queued {
        /// How many run before it.
        ahead: usize,
    },
    /// All process slots are taken.
    WaitingForSlot,
    /// The agent could not be started.
    StartFailed {
        /// How it ended.
        exit: AgentExit,
        /// What can be retried.
        prompt: Option<PromptId>,
    },
    /// The conversation to resume does not exist any more.
    ConversationMissing {
        /// What can be run in a new one.
        prompt: Option<PromptId>,
    },
    /// The turn ended with an error.
    TurnFailed {
        /// What it said.
        error: String,
        /// What can be retried.
        prompt: Option<PromptId>,
    },
    /// The process died in a turn.
    TurnDied {
        /// How it ended.
        exit: AgentExit,
        /// What can be retried.
        prompt: Option<PromptId>,
    },
    /// The idle process died by itself.
    IdleDied {
        /// How it ended.
        exit: AgentExit,
    },
    /// Prompts were set aside.
    QueueHeld {
        /// How many.
        count: usize,
    },
    /// The daemon died while this prompt was running.
    Interrupted {
        /// Which.
        prompt: PromptId,
        /// How many others wait for what is decided about it.
        waiting: usize,
    },
    /// The prompt waits until it is decided what becomes of an interrupted one.
    QueuedUndecided,
    /// This prompt came while the daemon was away.
    Stale {
        /// Which.
        prompt: PromptId,
    },
    /// The daemon goes down while a turn is running.
    ShuttingDown,
    /// The session is over.
    Stopped {
        /// How many waiting prompts were dropped with it.
        dropped: usize,
    },
    /// A terminal shares its session here from now on, again.
    TerminalBack,
    /// The terminal is gone.
    TerminalGone {
        /// How.
        how: Gone,
        /// Whether it was at work.
        working: bool,
        /// What can be run once more.
        prompt: Option<PromptId>,
    },
    /// The terminal went away just when it was given this prompt.
    Doubtful {
        /// Which.
        prompt: PromptId,
    },
    /// The terminal still has the conversation, and does not share it.
    StillInTerminal {
        /// What waits for a decision.
        prompt: PromptId,
    },
    /// The terminal was told to end the turn, and goes on.
    TerminalGoesOn,
}

/// What to answer to the person who asked for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// The turn is being cancelled.
    Cancelling,
    /// It is being cancelled already.
    AlreadyCancelling,
    /// The prompt that waited for the process was dropped.
    CancelledBeforeStart,
    /// There is nothing to cancel.
    NothingToCancel,
    /// The session is being stopped.
    Stopping,
    /// This many prompts run again.
    Continued {
        /// How many.
        count: usize,
    },
    /// So many waiting prompts were dropped.
    Discarded {
        /// How many.
        count: usize,
    },
    /// The decision was carried out.
    Decided,
    /// It had been decided before, or is over.
    Stale,
    /// The terminal has the session.
    Attached,
    /// It gets it as soon as the idle process is gone.
    Attaching,
    /// The daemon's own agent is at work: one writer at a time.
    Occupied,
}

/// Something that the actor has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Make the thread; answers with `Opened` or `OpenFailed`.
    OpenThread,
    /// Look at the messages of what waits, and take over what was changed; answers with `Rechecked`.
    Recheck,
    /// Ask for a process slot; answers with `SlotGranted`, perhaps after `SlotDelayed`.
    AcquireSlot,
    /// Give the slot (or the place in its queue) back.
    ReleaseSlot,
    /// The process may be evicted from now on (`true`), or not any more.
    Evictable(bool),
    /// Start the process.
    StartAgent,
    /// Give this prompt to the agent; mark it as running first.
    Deliver {
        /// Which.
        prompt: PromptId,
        /// It was interrupted: ask to go on instead of beginning again.
        continuing: bool,
    },
    /// Give this prompt to the running turn.
    Steer(PromptId),
    /// Tell the agent to compact the conversation; answers with `Compacted`.
    Compact,
    /// Tell the agent to abort the turn.
    Abort,
    /// Tell the terminal that the session is not shared any more.
    LetTerminalGo,
    /// End the process by the ladder; answers with `Exited`.
    EndAgent {
        /// Whether a turn may be running.
        abort: bool,
    },
    /// Forget the agent's conversation: the next start is a new one.
    ForgetConversation,
    /// Store where a prompt is.
    Mark(PromptId, PromptState),
    /// Show on the message that it waits (`true`), or not any more.
    ShowQueued(MessageId, bool),
    /// Tell the thread.
    Say(Notice),
    /// A turn begins: typing, activity, clock.
    BeginTurn,
    /// A turn is over: finals, footer.
    EndTurn(Outcome),
    /// The session does not run any more: unpin.
    Unpin,
    /// The launch came to nothing and may be tried again.
    LaunchFailed,
    /// Set a timer anew.
    SetTimer(Timer),
    /// Forget a timer.
    ClearTimer(Timer),
    /// Store that a person has stopped the session and that nothing that waits will run.
    StoreStopped,
    /// Archive the thread, after everything that was said.
    Archive,
    /// Answer the person who asked.
    Reply(Reply),
    /// The actor may end.
    Close,
}
