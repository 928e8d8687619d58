//! Edits and deletions that overtook their message.
//!
//! The library runs every event in a task of its own, so in a burst (a resumed connection gives everything at once) an
//! edit can arrive before the message. Forgotten, the old text would be run, or what was taken back.

use std::collections::VecDeque;

use crate::ids::MessageId;
use crate::ingress::{Ask, Inbound};

/// More than can be under way at once.
const REMEMBERED: usize = 256;

/// What happened last to the messages that were changed last.
#[derive(Debug, Default)]
pub(super) struct Overtaken(VecDeque<(MessageId, Option<String>)>);

impl Overtaken {
    /// Remembers a change, or applies the one that overtook this message. `None`: the message was deleted.
    pub(super) fn settle(&mut self, mut inbound: Inbound) -> Option<Inbound> {
        match &mut inbound.ask {
            Ask::Edited { message, text, .. } => self.remember(*message, Some(text.clone())),
            Ask::Deleted { message } => self.remember(*message, None),
            Ask::Write(written) => match self.0.iter().find(|(message, _)| *message == written.message) {
                Some((_, Some(text))) => written.text.clone_from(text),
                Some((_, None)) => return None,
                None => {}
            },
            _ => {}
        }
        Some(inbound)
    }

    fn remember(&mut self, message: MessageId, change: Option<String>) {
        if let Some(known) = self.0.iter_mut().find(|(known, _)| *known == message) {
            // What is deleted stays so.
            known.1 = known.1.take().and(change);
            return;
        }
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back((message, change));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ChannelId;
    use crate::ingress::Written;

    fn written(message: u64) -> Inbound {
        Inbound {
            by: None,
            ask: Ask::Write(Box::new(Written {
                channel: ChannelId::from(1),
                message: message.into(),
                text: "old".to_owned(),
                attachments: Vec::new(),
                mentions_bot: false,
                has_other: false,
                late: false,
            })),
        }
    }

    fn edited(message: u64, text: &str) -> Inbound {
        let ask = Ask::Edited {
            channel: ChannelId::from(1),
            message: message.into(),
            text: text.to_owned(),
        };
        Inbound { by: None, ask }
    }

    fn text(inbound: Option<Inbound>) -> Option<String> {
        match inbound?.ask {
            Ask::Write(written) => Some(written.text),
            _ => None,
        }
    }

    #[test]
    fn a_message_that_was_overtaken_is_as_it_was_changed() {
        let mut overtaken = Overtaken::default();
        assert_eq!(text(overtaken.settle(written(1))).as_deref(), Some("old"));
        overtaken.settle(edited(2, "new"));
        overtaken.settle(edited(2, "newer"));
        assert_eq!(text(overtaken.settle(written(2))).as_deref(), Some("newer"));
        let ask = Ask::Deleted { message: 3.into() };
        assert!(overtaken.settle(Inbound { by: None, ask }).is_some());
        overtaken.settle(edited(3, "too late"));
        assert!(overtaken.settle(written(3)).is_none());
        for n in 10..1000 {
            overtaken.settle(edited(n, "x"));
        }
        assert_eq!(overtaken.0.len(), REMEMBERED);
    }
}
