//! Prompts: their order, steering, what a person decides about them.

use super::{Choice, Effect, Notice, Phase, Place, Reply, State, Waiting};
use crate::ids::PromptId;
use crate::store::prompts::{OpenPrompt, PromptState};

impl State {
    pub(super) fn restored(&mut self, prompts: &[OpenPrompt], opened: bool, out: &mut Vec<Effect>) {
        if !opened {
            out.push(Effect::OpenThread);
        }
        let (mut ask_about, mut interrupted) = (None, Vec::new());
        for prompt in prompts {
            match prompt.state {
                // Until the thread exists nobody can have been shown that the prompt waits.
                PromptState::Queued => {
                    self.enqueue(self.known(Waiting::new(prompt, opened), prompt.state));
                }
                PromptState::Held => {
                    self.held
                        .push(self.known(Waiting::new(prompt, true), prompt.state));
                }
                PromptState::Asking => {
                    let waiting = self.known(Waiting::new(prompt, false), prompt.state);
                    self.undecided.push((waiting, PromptState::Asking));
                    if !opened {
                        out.push(Effect::Say(Notice::Stale { prompt: prompt.id }));
                    }
                }
                // It runs there, whatever became of us meanwhile.
                PromptState::Running if self.place == Place::Terminal => self.runs_in_terminal(prompt.id),
                PromptState::Running => {
                    // What had steered the turn goes with the prompt that began it: one turn, one question.
                    if !self.blocked() {
                        ask_about = Some(prompt.id);
                    }
                    self.undecided
                        .push((Waiting::new(prompt, false), PromptState::Interrupted));
                    interrupted.push(Effect::Mark(prompt.id, PromptState::Interrupted));
                }
                // The thread was told when it happened; only the decision is still open.
                PromptState::Interrupted | PromptState::Failed => {
                    self.undecided.push((Waiting::new(prompt, false), prompt.state));
                }
                PromptState::Done | PromptState::Dropped => {}
            }
        }
        // Marked last: a crash in between asks twice rather than never.
        out.extend(ask_about.map(|prompt| {
            let waiting = self.queue.len();
            Effect::Say(Notice::Interrupted { prompt, waiting })
        }));
        out.append(&mut interrupted);
        if opened && self.place == Place::Terminal {
            self.restored_in_terminal(out);
        } else if opened {
            self.phase = Phase::Cold;
            // The daemon may have died before it had shown that they wait. What runs at once need not be shown.
            let runs = usize::from(!self.blocked());
            let waiting = self.queue.iter().skip(runs).filter_map(|waiting| waiting.message);
            out.extend(waiting.map(|message| Effect::ShowQueued(message, true)));
            if self.blocked() {
                // What was pinned by a turn that the daemon did not outlive.
                out.push(Effect::Unpin);
            }
        }
    }

    pub(super) fn prompt(&mut self, prompt: &OpenPrompt, out: &mut Vec<Effect>) {
        // A failed prompt that comes again was launched again.
        self.undecided
            .retain(|(w, state)| w.id != prompt.id || *state != PromptState::Failed);
        if prompt.state == PromptState::Asking {
            // The actor that it woke has read it from the store already, but nobody was asked yet.
            if !self.knows(prompt.id) {
                let waiting = self.known(Waiting::new(prompt, false), PromptState::Asking);
                self.undecided.push((waiting, PromptState::Asking));
            }
            out.push(Effect::Say(Notice::Stale { prompt: prompt.id }));
            return;
        }
        if self.knows(prompt.id) {
            return;
        }
        let runs_next = matches!(
            self.phase,
            Phase::Idle | Phase::Cold | Phase::Waiting | Phase::Starting
        ) && self.queue.is_empty()
            && !self.is_compacting()
            && !self.blocked();
        let mut waiting = Waiting::new(prompt, !runs_next);
        waiting.unsure = !runs_next && waiting.message.is_some();
        let at = self.enqueue(waiting);
        if !runs_next {
            if let Some(message) = prompt.message {
                out.push(Effect::ShowQueued(message, true));
            }
            out.push(Effect::Say(if self.is_interrupted() && !self.is_busy() {
                Notice::QueuedUndecided
            } else {
                Notice::Queued {
                    ahead: at + usize::from(self.is_busy()),
                }
            }));
        }
    }

    pub(super) fn steer(&mut self, prompt: &OpenPrompt, out: &mut Vec<Effect>) {
        if self.knows(prompt.id) {
            return;
        }
        if let Phase::Busy(turn) = &mut self.phase {
            turn.steered.push(prompt.id);
            out.push(Effect::Steer(prompt.id));
        } else {
            // There is no turn to steer: it is a prompt like any other.
            self.prompt(prompt, out);
        }
    }

    pub(super) fn refused(&mut self, prompt: PromptId, error: String, out: &mut Vec<Effect>) {
        let Phase::Busy(turn) = &mut self.phase else {
            return;
        };
        if turn.prompt == Some(prompt) {
            turn.failed = Some(error);
            self.turn_ended(out);
        } else if turn.steered.contains(&prompt) {
            turn.steered.retain(|id| *id != prompt);
            // Not lost: it runs as a prompt of its own after this turn.
            out.push(Effect::Mark(prompt, PromptState::Queued));
            self.enqueue(Waiting {
                id: prompt,
                message: None,
                position: 0,
                shown: false,
                continuing: false,
                unsure: false,
            });
        }
    }

    /// Sets the queue aside until a person continues it.
    pub(super) fn hold(&mut self, out: &mut Vec<Effect>) {
        if self.queue.is_empty() {
            return;
        }
        out.push(Effect::Say(Notice::QueueHeld {
            count: self.queue.len(),
        }));
        for waiting in self.queue.drain(..) {
            out.push(Effect::Mark(waiting.id, PromptState::Held));
            self.held.push(waiting);
        }
    }

    pub(super) fn continue_queue(&mut self, out: &mut Vec<Effect>) {
        let held = std::mem::take(&mut self.held);
        out.push(Effect::Reply(Reply::Continued { count: held.len() }));
        for waiting in held {
            out.push(Effect::Mark(waiting.id, PromptState::Queued));
            self.enqueue(waiting);
        }
    }

    pub(super) fn decide(&mut self, id: PromptId, choice: Choice, out: &mut Vec<Effect>) {
        let at = self.undecided.iter().position(|(w, state)| {
            w.id == id
                && match choice {
                    Choice::Continue => *state == PromptState::Interrupted,
                    Choice::Run => *state == PromptState::Asking,
                    Choice::Retry | Choice::StartFresh => *state == PromptState::Failed,
                    Choice::Discard => *state != PromptState::Failed,
                }
        });
        let Some(at) = at else {
            out.push(Effect::Reply(Reply::Stale));
            return;
        };
        let (first, state) = self.undecided.remove(at);
        out.push(Effect::Reply(Reply::Decided));
        let mut decided = vec![first];
        if state == PromptState::Interrupted {
            let steers = self
                .undecided
                .extract_if(.., |(_, state)| *state == PromptState::Interrupted);
            decided.extend(steers.map(|(waiting, _)| waiting));
        }
        if choice == Choice::Discard {
            out.extend(decided.iter().map(|w| Effect::Mark(w.id, PromptState::Dropped)));
            if self.phase == Phase::Cold && self.queue.is_empty() {
                out.push(Effect::Unpin);
            }
            return;
        }
        if self.place == Place::Elsewhere {
            // That is what was asked.
            self.place = Place::Here;
        }
        if choice == Choice::StartFresh {
            out.push(Effect::ForgetConversation);
        }
        out.extend(decided.iter().map(|w| Effect::Mark(w.id, PromptState::Queued)));
        if state == PromptState::Asking {
            for waiting in decided {
                self.enqueue(waiting);
            }
            return;
        }
        // They had their turn before the others: they keep it, in their order.
        for (n, mut waiting) in decided.into_iter().enumerate().rev() {
            waiting.continuing = choice == Choice::Continue && n == 0;
            self.queue.push_front(waiting);
        }
    }
}
