//! The life of an interaction: asked, answered within three seconds, followed up for a quarter of an hour.

use serde_json::Value;

use super::components;
use super::draft::Draft;
use super::limits::{self, Purpose};
use super::messages::objects;
use super::rest::body::Form;
use super::rest::error::ApiError;
use super::world::{Interaction, InteractionId, World, flag};
use crate::ids::MessageId;

/// Types of a first answer, by Discord's numbers.
mod answer {
    pub(super) const PONG: u64 = 1;
    pub(super) const MESSAGE: u64 = 4;
    pub(super) const DEFER: u64 = 5;
    pub(super) const DEFER_UPDATE: u64 = 6;
    pub(super) const UPDATE: u64 = 7;
    pub(super) const CHOICES: u64 = 8;
    pub(super) const MODAL: u64 = 9;
}

/// Types of an interaction, by Discord's numbers.
pub(crate) mod kind {
    pub(crate) const COMMAND: u8 = 2;
    pub(crate) const COMPONENT: u8 = 3;
    pub(crate) const AUTOCOMPLETE: u8 = 4;
    pub(crate) const MODAL: u8 = 5;
}

fn flags(data: &Value) -> u64 {
    data.get("flags").and_then(Value::as_u64).unwrap_or(0)
}

impl World {
    pub(crate) fn interaction_by_token(&self, token: &str) -> Option<&Interaction> {
        self.interactions
            .values()
            .find(|interaction| interaction.token == token)
    }

    /// The first answer to an interaction.
    pub(crate) fn respond(&mut self, id: InteractionId, token: &str, form: Form) -> Result<(), ApiError> {
        let window = self.config.ack_window;
        let interaction = self
            .interactions
            .get(&id)
            .filter(|interaction| interaction.token == token)
            .ok_or_else(ApiError::unknown_interaction)?;
        if interaction.answer.is_some() {
            let what = "Interaction has already been acknowledged.";
            return Err(ApiError::new(400, 40060, what));
        }
        if interaction.created.elapsed() > window {
            return Err(ApiError::unknown_interaction());
        }
        let interaction = interaction.clone();
        let kind = form.json.get("type").and_then(Value::as_u64).unwrap_or(0);
        let mut data = form.json.get("data").cloned().unwrap_or(Value::Null);
        if let Some(message) = interaction.message.filter(|_| kind == answer::UPDATE) {
            self.keep_layout_flag(message, &mut data);
        }
        let answer = Answer {
            interaction,
            kind,
            data,
        };
        answer.check(&form, self.config.upload_limit)?;
        self.apply(&answer, form)?;
        if let Some(interaction) = self.interactions.get_mut(&id) {
            interaction.answer = Some(kind);
        }
        Ok(())
    }

    fn apply(&mut self, answer: &Answer, form: Form) -> Result<(), ApiError> {
        let Answer {
            interaction,
            kind,
            data,
        } = answer;
        let id = interaction.id;
        match *kind {
            answer::MESSAGE => {
                let body = Form {
                    json: data.clone(),
                    files: form.files,
                };
                let message = self.post_answer(interaction, body, 0)?;
                self.set_original(id, message);
            }
            answer::DEFER => {
                let mut draft = Draft::new(interaction.channel, self.bot);
                draft.message.flags = flag::LOADING | (flags(data) & flag::EPHEMERAL);
                draft.message.visible_to = (flags(data) & flag::EPHEMERAL != 0).then_some(interaction.user);
                draft.message.interaction = Some(id);
                draft.message.kind = 20;
                let message = self.post(draft);
                self.set_original(id, message);
            }
            answer::UPDATE => {
                if let Some(message) = interaction.message {
                    self.edit(message, data, form.files);
                    self.set_original(id, message);
                }
            }
            answer::DEFER_UPDATE => {
                if let Some(message) = interaction.message {
                    self.set_original(id, message);
                }
            }
            answer::CHOICES => {
                if let Some(interaction) = self.interactions.get_mut(&id) {
                    interaction.choices = objects(data, "choices");
                }
            }
            answer::MODAL => {
                if let Some(interaction) = self.interactions.get_mut(&id) {
                    interaction.modal = Some(data.clone());
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn set_original(&mut self, id: InteractionId, message: MessageId) {
        if let Some(interaction) = self.interactions.get_mut(&id) {
            interaction.original = Some(message);
        }
    }

    fn post_answer(
        &mut self,
        interaction: &Interaction,
        form: Form,
        extra_flags: u64,
    ) -> Result<MessageId, ApiError> {
        let mut draft = Draft::new(interaction.channel, self.bot);
        draft.message.flags = extra_flags;
        self.fill(&mut draft, &form.json, form.files)?;
        draft.message.interaction = Some(interaction.id);
        draft.message.kind = if interaction.kind == kind::COMMAND { 20 } else { 0 };
        draft.message.visible_to = (draft.message.flags & flag::EPHEMERAL != 0).then_some(interaction.user);
        Ok(self.post(draft))
    }

    /// The interaction of a token that is still good and was answered.
    pub(crate) fn answered(&self, token: &str) -> Result<Interaction, ApiError> {
        let interaction = self
            .interaction_by_token(token)
            .ok_or_else(|| ApiError::new(401, 50027, "Invalid Webhook Token"))?;
        if interaction.created.elapsed() > self.config.token_window {
            return Err(ApiError::new(401, 50027, "Invalid Webhook Token"));
        }
        if interaction.answer.is_none() {
            return Err(ApiError::unknown_webhook());
        }
        Ok(interaction.clone())
    }

    /// A further message. The first one after a deferral takes the place of "… is thinking".
    pub(crate) fn follow_up(&mut self, token: &str, form: Form) -> Result<MessageId, ApiError> {
        let interaction = self.answered(token)?;
        limits::message(&form.json, &form.files, Purpose::Create, self.config.upload_limit)?;
        if let Some(original) = interaction.original
            && self
                .messages
                .get(&original)
                .is_some_and(|message| message.flags & flag::LOADING != 0)
        {
            self.edit(original, &form.json, form.files);
            return Ok(original);
        }
        let message = self.post_answer(&interaction, form, 0)?;
        if let Some(interaction) = self.interactions.get_mut(&interaction.id) {
            interaction.followups.push(message);
        }
        Ok(message)
    }

    /// The message that `@original` or an id stands for.
    pub(crate) fn answer_message(&self, token: &str, which: &str) -> Result<MessageId, ApiError> {
        let interaction = self.answered(token)?;
        let id = match which {
            "@original" => interaction.original,
            id => id
                .parse()
                .ok()
                .filter(|id| interaction.original == Some(*id) || interaction.followups.contains(id)),
        };
        id.filter(|id| self.messages.contains_key(id))
            .ok_or_else(ApiError::unknown_message)
    }
}

/// A first answer before it is applied.
struct Answer {
    interaction: Interaction,
    kind: u64,
    data: Value,
}

impl Answer {
    fn check(&self, form: &Form, upload_limit: usize) -> Result<(), ApiError> {
        let from = self.interaction.kind;
        let on_message = self.interaction.message.is_some();
        let fits = match self.kind {
            answer::PONG => true,
            answer::MESSAGE | answer::DEFER => from != kind::AUTOCOMPLETE,
            answer::DEFER_UPDATE | answer::UPDATE => {
                on_message && matches!(from, kind::COMPONENT | kind::MODAL)
            }
            answer::CHOICES => from == kind::AUTOCOMPLETE,
            answer::MODAL => matches!(from, kind::COMMAND | kind::COMPONENT),
            _ => false,
        };
        if !fits {
            let what = format!("Response type {} is not allowed here.", self.kind);
            return Err(ApiError::form("type", "BASE_TYPE_CHOICES", &what));
        }
        match self.kind {
            answer::MESSAGE => limits::message(&self.data, &form.files, Purpose::Create, upload_limit),
            answer::DEFER => limits::message(&self.data, &form.files, Purpose::Defer, upload_limit),
            answer::UPDATE => limits::message(&self.data, &form.files, Purpose::Edit, upload_limit),
            answer::CHOICES => limits::choices(&objects(&self.data, "choices")),
            answer::MODAL => components::modal(&self.data),
            _ => Ok(()),
        }
    }
}
