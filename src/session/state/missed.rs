//! A prompt that has waited is looked at once more when its turn comes: its message may have been edited or deleted while
//! nobody listened, and no library tells at once that it does not listen. Without this a prompt runs with words that
//! its author has taken back.

use super::{Effect, State, Waiting};
use crate::store::prompts::PromptState;

/// Whether the messages of what waits are being looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Look {
    #[default]
    None,
    /// The answer comes.
    UnderWay,
    /// What is being looked at may have changed again behind it.
    Again,
}

/// Whether everything that happened to the messages of stored prompts was heard of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Watched {
    Always,
    NotAlways,
}

impl State {
    /// What is queued in the store was written before anybody listened.
    pub fn mistrust(&mut self) {
        self.watched = Watched::NotAlways;
    }

    /// Messages are heard of again, perhaps without what happened to them meanwhile.
    pub(super) fn hearing(&mut self, out: &mut Vec<Effect>) {
        let undecided = self.undecided.iter().map(|(waiting, _)| waiting);
        let mut waiting = self.queue.iter().chain(&self.held).chain(undecided);
        if !waiting.any(|waiting| waiting.unsure) {
            return;
        }
        if self.look == Look::None {
            self.look_again(out);
        } else {
            self.look = Look::Again;
        }
    }

    /// What waits is as its messages say. What runs next need not be looked at again; the others may wait for hours.
    pub(super) fn rechecked(&mut self, out: &mut Vec<Effect>) {
        if std::mem::take(&mut self.look) == Look::Again {
            self.look_again(out);
        } else if let Some(next) = self.queue.front_mut() {
            next.unsure = false;
        }
    }

    pub(super) fn look_again(&mut self, out: &mut Vec<Effect>) {
        if self.look == Look::None {
            self.look = Look::UnderWay;
            out.push(Effect::Recheck);
        }
    }

    /// Whether what would run next has to be looked at first.
    pub(super) fn is_next_unsure(&self) -> bool {
        self.queue.front().is_some_and(|waiting| waiting.unsure)
    }

    /// A prompt that the store knew when the actor started.
    pub(super) fn known(&self, mut waiting: Waiting, state: PromptState) -> Waiting {
        waiting.unsure = waiting.message.is_some()
            && match state {
                PromptState::Held | PromptState::Asking => true,
                PromptState::Queued => self.watched == Watched::NotAlways,
                // What was given to the agent stays what it was.
                _ => false,
            };
        waiting
    }
}
