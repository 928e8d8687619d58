//! What an actor holds in the daemon while it lives: its place in the registry and its process slot.
//!
//! It is given back by being dropped, because a panic runs no other code.

use std::sync::Arc;

use super::Deps;
use super::actor::SessionHandle;

/// Frees what the actor held in the daemon when it ends, however it ends: a panic in one session must not keep a
/// process slot, nor keep the session from being started again.
pub(super) struct Seat {
    pub(super) deps: Arc<Deps>,
    pub(super) handle: SessionHandle,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.deps.sessions.forget(&self.handle);
        self.deps.slots.release(&self.handle);
    }
}
