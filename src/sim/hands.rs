//! What a person's client does with a message, a command, a button, a select and a modal.

use serde_json::{Value, json};
use tokio::time::Instant;

use super::draft::{Draft, When};
use super::interactions::kind;
use super::names::{Refused, Where, Who};
use super::rest::body::{Upload, safe_name};
use super::seen::{SeenButton, SeenMessage, SeenSelect};
use super::world::{Interaction, InteractionId, Reference, World};
use crate::ids::{ChannelId, MessageId, UserId};

/// A message that a person sends.
#[derive(Debug, Clone, Default)]
pub(crate) struct Saying<'a> {
    pub(crate) text: &'a str,
    pub(crate) files: &'a [(&'a str, &'a [u8])],
    pub(crate) reply_to: Option<MessageId>,
    pub(crate) when: When,
}

impl World {
    pub(crate) fn find_user(&self, who: &Who) -> Result<UserId, Refused> {
        let found = match who {
            Who::Id(id) => self.users.get(id),
            Who::Name(name) => self.users.values().find(|user| user.name == *name),
        };
        found
            .map(|user| user.id)
            .ok_or_else(|| Refused::new(format!("there is no user {who:?}")))
    }

    pub(crate) fn find_channel(&self, channel: &Where) -> Result<ChannelId, Refused> {
        let found = match channel {
            Where::Id(id) => self.channels.get(id),
            Where::Name(name) => self.channels.values().find(|channel| channel.name == *name),
        };
        found
            .map(|channel| channel.id)
            .ok_or_else(|| Refused::new(format!("there is no channel {channel:?}")))
    }

    pub(super) fn find_message(&self, id: MessageId) -> Result<&super::world::Message, Refused> {
        self.messages
            .get(&id)
            .ok_or_else(|| Refused::new(format!("there is no message {id}")))
    }

    pub(crate) fn say(
        &mut self,
        who: &Who,
        channel: &Where,
        saying: &Saying<'_>,
    ) -> Result<MessageId, Refused> {
        let (author, channel) = (self.find_user(who)?, self.find_channel(channel)?);
        if saying.text.trim().is_empty() && saying.files.is_empty() {
            return Err(Refused::new("an empty message cannot be sent"));
        }
        if saying.text.chars().count() > 2000 {
            return Err(Refused::new("a message has at most 2,000 characters"));
        }
        if self
            .channels
            .get(&channel)
            .and_then(|c| c.thread.as_ref())
            .is_some_and(|thread| thread.locked)
        {
            return Err(Refused::new("the thread is locked"));
        }
        let uploads = (0..)
            .zip(saying.files)
            .map(|(number, (name, bytes))| Upload {
                number,
                name: safe_name(name),
                content_type: content_type(name),
                bytes: bytes.to_vec().into(),
            })
            .collect();
        let mut draft = Draft::new(channel, author);
        draft.when = saying.when;
        saying.text.trim().clone_into(&mut draft.message.content);
        draft.message.files = self.keep_files(channel, &Value::Null, uploads);
        if let Some(message) = saying.reply_to {
            self.find_message(message)?;
            draft.message.kind = 19;
            draft.message.reference = Some(Reference {
                channel,
                message: Some(message),
            });
        }
        draft.message.mentions = self.mentions(&draft.message, None);
        Ok(self.post(draft))
    }

    /// Starts an interaction and tells the bot.
    pub(super) fn begin(&mut self, new: Interaction) -> InteractionId {
        let id = new.id;
        let data = self.interaction_json(&new);
        self.interactions.insert(id, new);
        self.emit("INTERACTION_CREATE", super::dispatch::intent::NONE, data);
        id
    }

    pub(super) fn interaction(
        &mut self,
        user: UserId,
        channel: ChannelId,
        kind: u8,
        data: Value,
    ) -> Result<Interaction, Refused> {
        let guild = self.channels.get(&channel).map(|channel| channel.guild);
        let id = self.clock.next();
        Ok(Interaction {
            id: InteractionId::from(id),
            token: format!("sim-{}", uuid::Uuid::new_v4().simple()),
            kind,
            user,
            channel,
            guild: guild.ok_or_else(|| Refused::new("the channel is gone"))?,
            data,
            message: None,
            label: String::new(),
            created: Instant::now(),
            answer: None,
            original: None,
            followups: Vec::new(),
            modal: None,
            choices: Vec::new(),
        })
    }

    /// The message that a person may click on.
    pub(super) fn clickable(&self, user: UserId, id: MessageId) -> Result<(ChannelId, SeenMessage), Refused> {
        let message = self.find_message(id)?;
        if message.visible_to.is_some_and(|viewer| viewer != user) {
            return Err(Refused::new(format!(
                "{} cannot see message {id}",
                self.name_of(user)
            )));
        }
        Ok((message.channel, self.seen(message)))
    }

    pub(super) fn click(&mut self, who: &Who, id: MessageId, which: &str) -> Result<InteractionId, Refused> {
        let user = self.find_user(who)?;
        let (channel, message) = self.clickable(user, id)?;
        let button = message.button(which).ok_or_else(|| {
            let labels: Vec<&str> = message
                .buttons
                .iter()
                .map(|button| button.label.as_str())
                .collect();
            Refused::new(format!("message {id} has no button {which:?}, only {labels:?}"))
        })?;
        let SeenButton {
            label,
            custom_id,
            disabled,
            ..
        } = button;
        if *disabled || custom_id.is_empty() {
            return Err(Refused::new(format!("button {which:?} cannot be clicked")));
        }
        let data = json!({"custom_id": custom_id, "component_type": 2});
        let mut new = self.interaction(user, channel, kind::COMPONENT, data)?;
        new.message = Some(id);
        new.label = format!("click on [{label}]");
        Ok(self.begin(new))
    }

    pub(super) fn select(
        &mut self,
        who: &Who,
        id: MessageId,
        which: &str,
        chosen: &[&str],
    ) -> Result<InteractionId, Refused> {
        let user = self.find_user(who)?;
        let (channel, message) = self.clickable(user, id)?;
        let select: &SeenSelect = message
            .selects
            .iter()
            .find(|select| select.custom_id == which || which.is_empty())
            .ok_or_else(|| Refused::new(format!("message {id} has no select {which:?}")))?;
        if select.disabled {
            return Err(Refused::new(format!("select {which:?} is disabled")));
        }
        if !(select.least..=select.most).contains(&chosen.len()) {
            let (least, most) = (select.least, select.most);
            return Err(Refused::new(format!(
                "select {which:?} takes {least} to {most} options"
            )));
        }
        let mut values = Vec::new();
        for choice in chosen {
            let option = select
                .options
                .iter()
                .find(|option| option.label == *choice || option.value == *choice);
            let option = option.ok_or_else(|| {
                Refused::new(format!(
                    "select {which:?} has no option {choice:?}: {:?}",
                    select.options
                ))
            })?;
            values.push(option.value.clone());
        }
        let data = json!({"custom_id": select.custom_id, "component_type": 3, "values": values});
        let mut new = self.interaction(user, channel, kind::COMPONENT, data)?;
        new.message = Some(id);
        new.label = format!("choice of {chosen:?}");
        Ok(self.begin(new))
    }

    pub(super) fn submit(
        &mut self,
        who: &Who,
        of: InteractionId,
        given: &[(&str, &str)],
    ) -> Result<InteractionId, Refused> {
        let user = self.find_user(who)?;
        let opened = self.interactions.get(&of).filter(|opened| opened.user == user);
        let (modal, channel, message) = opened
            .and_then(|opened| Some((opened.modal.clone()?, opened.channel, opened.message)))
            .ok_or_else(|| Refused::new("no modal is open"))?;
        let mut rows = Vec::new();
        let mut known = Vec::new();
        for row in modal
            .get("components")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            for input in row
                .get("components")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
            {
                let id = input.get("custom_id").and_then(Value::as_str).unwrap_or_default();
                let value = filled(
                    input,
                    given.iter().find(|(key, _)| *key == id).map(|(_, value)| *value),
                )?;
                known.push(id);
                rows.push(json!({"type": 1, "components": [{"type": 4, "custom_id": id, "value": value}]}));
            }
        }
        if let Some((key, _)) = given.iter().find(|(key, _)| !known.contains(key)) {
            return Err(Refused::new(format!(
                "the modal has no input {key:?}, only {known:?}"
            )));
        }
        let data = json!({"custom_id": modal.get("custom_id"), "components": rows});
        let mut new = self.interaction(user, channel, kind::MODAL, data)?;
        new.message = message;
        "a modal".clone_into(&mut new.label);
        Ok(self.begin(new))
    }
}

/// What stands in an input of a modal when it is sent.
fn filled(input: &Value, given: Option<&str>) -> Result<String, Refused> {
    let bound = |key: &str| input.get(key).and_then(Value::as_u64);
    let prefilled = input.get("value").and_then(Value::as_str).unwrap_or_default();
    let value = given.unwrap_or(prefilled);
    let count = value.chars().count() as u64;
    let required = input.get("required").and_then(Value::as_bool).unwrap_or(true);
    if required && count == 0 {
        return Err(Refused::new(format!(
            "an input of the modal is required: {input}"
        )));
    }
    if count > bound("max_length").unwrap_or(4000) || (count > 0 && count < bound("min_length").unwrap_or(0))
    {
        return Err(Refused::new(format!(
            "an input of the modal has {count} characters: {input}"
        )));
    }
    Ok(value.to_owned())
}

fn content_type(name: &str) -> Option<String> {
    let kind = match name.rsplit_once('.')?.1 {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "txt" | "log" | "md" | "rs" => "text/plain; charset=utf-8",
        "json" => "application/json; charset=utf-8",
        "pdf" => "application/pdf",
        _ => return None,
    };
    Some(kind.to_owned())
}
