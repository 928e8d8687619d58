//! Clicks on buttons that are not there: a client that shows an old state makes them, and one that lies can.

use serde_json::json;

use super::Sim;
use super::interactions::kind;
use super::names::{Refused, Who};
use super::world::{InteractionId, World};
use crate::ids::MessageId;

impl Sim {
    /// Clicks a button with this `custom_id`, whether or not the message has it.
    pub fn click_forged(
        &self,
        user: impl Into<Who>,
        message: MessageId,
        custom_id: &str,
    ) -> Result<InteractionId, Refused> {
        let user = user.into();
        let click = |world: &mut World| world.click_forged(&user, message, custom_id);
        self.watched(self.shared.change(click))
    }
}

impl World {
    fn click_forged(&mut self, who: &Who, id: MessageId, custom_id: &str) -> Result<InteractionId, Refused> {
        let user = self.find_user(who)?;
        let (channel, _) = self.clickable(user, id)?;
        let data = json!({"custom_id": custom_id, "component_type": 2});
        let mut new = self.interaction(user, channel, kind::COMPONENT, data)?;
        new.message = Some(id);
        "click on an old button".clone_into(&mut new.label);
        Ok(self.begin(new))
    }
}
