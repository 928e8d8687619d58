//! How things end before they are done: cancel, stop, shutdown, a thread that is gone.

use super::{Effect, Health, Notice, Outcome, Phase, Place, Reply, State, Timer, Why};
use crate::store::prompts::PromptState;

impl State {
    pub(super) fn open_failed(&mut self, out: &mut Vec<Effect>) {
        // The store knows: it was told in one step, before anybody could launch the message again.
        self.queue.clear();
        self.close(out);
    }

    pub(super) fn timer(&mut self, timer: Timer, out: &mut Vec<Effect>) {
        match (timer, &self.phase) {
            (Timer::Idle, _) if self.rests() => self.end_idle(out),
            (Timer::CancelGrace, Phase::Cancelling(_)) if self.place == Place::Terminal => self.goes_on(out),
            (Timer::CancelGrace, Phase::Cancelling(_)) => self.give_up_on_turn(out),
            (Timer::Drain, Phase::Busy(_) | Phase::Cancelling(_)) => self.interrupt_turn(out),
            _ => {}
        }
    }

    /// The agent does not obey: the turn is over for everybody else, and the process goes by the ladder. What is
    /// written meanwhile waits for a new one.
    fn give_up_on_turn(&mut self, out: &mut Vec<Effect>) {
        if let Phase::Cancelling(turn) = std::mem::replace(&mut self.phase, Phase::Ending(Why::Idle)) {
            self.health = Health::Good;
            self.close_turn(turn.prompt, &turn.steered, PromptState::Dropped, out);
            out.push(Effect::EndTurn(Outcome::Cancelled));
            out.push(Effect::EndAgent { abort: true });
            self.hold(out);
            out.push(Effect::Unpin);
        }
    }

    pub(super) fn interrupt_turn(&mut self, out: &mut Vec<Effect>) {
        if let Phase::Busy(turn) | Phase::Cancelling(turn) =
            std::mem::replace(&mut self.phase, Phase::Ending(Why::Shutdown))
        {
            out.push(Effect::EndTurn(Outcome::Shutdown));
            if let Some(id) = turn.prompt {
                let waiting = self.queue.len();
                out.push(Effect::Say(Notice::Interrupted { prompt: id, waiting }));
                out.push(Effect::Mark(id, PromptState::Interrupted));
            }
            out.extend(turn.steered.iter().map(|id| Effect::Mark(*id, PromptState::Done)));
            out.push(Effect::EndAgent { abort: true });
        }
    }

    pub(super) fn cancel(&mut self, out: &mut Vec<Effect>) {
        match std::mem::replace(&mut self.phase, Phase::Cold) {
            Phase::Busy(turn) => {
                out.push(Effect::Reply(Reply::Cancelling));
                out.push(Effect::Abort);
                out.push(Effect::SetTimer(Timer::CancelGrace));
                self.phase = Phase::Cancelling(turn);
            }
            phase @ (Phase::Waiting | Phase::Starting) => {
                self.phase = phase;
                let Some(waiting) = self.queue.pop_front() else {
                    out.push(Effect::Reply(Reply::NothingToCancel));
                    return;
                };
                self.unshow(&waiting, out);
                out.push(Effect::Mark(waiting.id, PromptState::Dropped));
                self.hold(out);
                out.push(Effect::Unpin);
                out.push(Effect::Reply(Reply::CancelledBeforeStart));
                if self.phase == Phase::Waiting {
                    self.phase = Phase::Cold;
                    out.push(Effect::ReleaseSlot);
                }
            }
            phase @ Phase::Cancelling(_) => {
                self.phase = phase;
                out.push(Effect::Reply(Reply::AlreadyCancelling));
            }
            phase => {
                self.phase = phase;
                out.push(Effect::Reply(Reply::NothingToCancel));
            }
        }
    }

    pub(super) fn stop(&mut self, out: &mut Vec<Effect>) {
        if !self.gone {
            // At once and in one step: after a crash on the way nothing of it runs again.
            out.push(Effect::StoreStopped);
        }
        out.push(Effect::Reply(Reply::Stopping));
        if self.place == Place::Terminal {
            return self.stop_in_terminal(out);
        }
        match std::mem::replace(&mut self.phase, Phase::Ending(Why::Stopped)) {
            Phase::Busy(turn) | Phase::Cancelling(turn) => {
                out.push(Effect::ClearTimer(Timer::CancelGrace));
                self.close_turn(turn.prompt, &turn.steered, PromptState::Dropped, out);
                out.push(Effect::EndTurn(Outcome::Cancelled));
                out.push(Effect::EndAgent { abort: true });
            }
            Phase::Idle | Phase::Starting => {
                out.push(Effect::ClearTimer(Timer::Idle));
                out.push(Effect::Evictable(false));
                out.push(Effect::EndAgent { abort: false });
            }
            Phase::Ending(_) => {}
            Phase::Waiting => {
                out.push(Effect::ReleaseSlot);
                self.finish_stop(out);
            }
            Phase::Opening | Phase::Cold => self.finish_stop(out),
            Phase::Closed => self.phase = Phase::Closed,
        }
    }

    /// There is nobody to tell any more: the process ends, the waiting prompts are dropped.
    pub(super) fn thread_gone(&mut self, out: &mut Vec<Effect>) {
        self.gone = true;
        self.stop(out);
        out.retain(|effect| !matches!(effect, Effect::Say(_) | Effect::EndTurn(_) | Effect::Reply(_)));
    }

    pub(super) fn finish_stop(&mut self, out: &mut Vec<Effect>) {
        let undecided = std::mem::take(&mut self.undecided);
        let waiting: Vec<_> = self.queue.drain(..).chain(self.held.drain(..)).collect();
        for waiting in &waiting {
            self.unshow(waiting, out);
            out.push(Effect::Mark(waiting.id, PromptState::Dropped));
        }
        for (waiting, state) in undecided {
            if state != PromptState::Failed {
                out.push(Effect::Mark(waiting.id, PromptState::Dropped));
            }
        }
        out.push(Effect::Unpin);
        if !self.gone {
            out.push(Effect::Say(Notice::Stopped {
                dropped: waiting.len(),
            }));
            out.push(Effect::Archive);
        }
        self.close(out);
    }

    pub(super) fn close(&mut self, out: &mut Vec<Effect>) {
        self.phase = Phase::Closed;
        out.push(Effect::Close);
    }

    pub(super) fn shutdown(&mut self, out: &mut Vec<Effect>) {
        self.draining = true;
        match &self.phase {
            // It goes on without us, and what happens meanwhile is told when we are back.
            _ if self.place == Place::Terminal => self.close(out),
            Phase::Busy(_) | Phase::Cancelling(_) => {
                out.push(Effect::Say(Notice::ShuttingDown));
                out.push(Effect::SetTimer(Timer::Drain));
            }
            Phase::Idle | Phase::Starting => {
                self.phase = Phase::Ending(Why::Shutdown);
                out.push(Effect::EndAgent { abort: false });
            }
            Phase::Ending(Why::Stopped) | Phase::Closed => {}
            Phase::Ending(_) => self.phase = Phase::Ending(Why::Shutdown),
            Phase::Opening | Phase::Cold | Phase::Waiting => self.close(out),
        }
    }
}
