//! The actor's side of questions: they are posted, answered, withdrawn, and ended when nobody waits any more.

use std::time::Duration;

use anyhow::Result;
use serde_json::json;
use tokio::time::Instant;

use super::super::actor::Actor;
use super::super::secrets;
use super::asked::Asked;
use super::{By, Open, Owed, Took, ToolAnswer, Verdict, Wish, calls, left};
use crate::discord::draft::Draft;
use crate::event::{Dialog, DialogAnswer, DialogKind};
use crate::ids::SessionId;
use crate::render::dialog::{self, APPROVE, End, Kind, Question, Said, Why, tool_of};
use crate::render::redact::Redactor;
use crate::status::DialogEnd;
use crate::store::dialogs::{Answer, DialogState, NewDialog};
use crate::store::now_ms;

/// How long the question that follows an "Other" may take to come.
const OWED_FOR: Duration = Duration::from_secs(15);
/// How much longer than the agent a question is shown as open: its own end of it may be under way.
const GRACE: Duration = Duration::from_millis(500);

impl Actor {
    /// What was approved for the session before it was started again.
    pub(in crate::session) async fn restore_approvals(&mut self) -> Result<()> {
        let approved = self.deps.store.approved_tools(self.handle.id()).await?;
        self.dialogs.approved = approved.into_iter().collect();
        Ok(())
    }

    /// The agent asks.
    pub(in crate::session) async fn ask_person(&mut self, asked: Dialog) -> Result<()> {
        if self.publisher.is_none() || self.running.is_none() {
            return Ok(());
        }
        if let Some(owed) = self.dialogs.take_owed(&asked) {
            if self.tell_agent(&asked.id, &DialogAnswer::Value(owed.text.clone())) {
                return Ok(());
            }
            self.say_not_taken(&owed).await?;
        }
        let (whole, args) = calls::complete(&asked, &self.dialogs.calls);
        let redactor = self.redactor_of(&whole);
        let shown = secrets::hush_dialog(&whole, &redactor);
        let secret = secrets::hidden(&whole.title, &args, &redactor);
        let mut question = Question::of(&shown, &secrets::hush_args(args, &redactor));
        if question.kind == Kind::Approval {
            question.secret = secret;
        }
        question.hidden = match (&whole.kind, &shown.kind) {
            (DialogKind::Editor { prefill }, DialogKind::Editor { prefill: shown }) => prefill != shown,
            _ => false,
        };
        let seconds = asked
            .timeout
            .map(|timeout| i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX));
        question.before = seconds.map(|seconds| (now_ms() / 1_000).saturating_add(seconds));
        if self.deps.sessions.is_closing() {
            self.tell_agent(&asked.id, &DialogAnswer::Cancelled);
            self.note(&dialog::turned_away(&question));
            return Ok(());
        }
        let is_routine = question.kind == Kind::Approval && !question.every_time;
        if is_routine
            && self.dialogs.approved.contains(&question.title)
            && self.tell_agent(&asked.id, &DialogAnswer::Value(APPROVE.to_owned()))
        {
            self.note(&dialog::approved_before(&question));
            return Ok(());
        }
        if self.is_allowed_host_tool(&asked)
            && self.tell_agent(&asked.id, &DialogAnswer::Value(APPROVE.to_owned()))
        {
            return Ok(());
        }
        let id = asked.id.clone();
        let posted = self.post_question(asked, question).await;
        if posted.is_err() {
            // Nobody can see it, so nobody would ever answer.
            self.tell_agent(&id, &DialogAnswer::Cancelled);
        }
        posted
    }

    pub(super) async fn post_question(&mut self, asked: Dialog, question: Question) -> Result<()> {
        let key = fresh_key();
        let posted = self.post_question_as(&key, asked, question).await;
        if posted.is_err()
            && let Err(error) = left::expire_half_asked(&self.deps, &key).await
        {
            // The next start finds it.
            tracing::warn!(session = %self.handle.id(), "cannot take back a question: {error:#}");
        }
        posted
    }

    async fn post_question_as(&mut self, key: &str, asked: Dialog, question: Question) -> Result<()> {
        let session = self.handle.id().clone();
        let (Some(publisher), Some(thread)) = (&mut self.publisher, self.thread) else {
            return Ok(());
        };
        let new = NewDialog {
            key,
            session: &session,
            agent_id: &asked.id,
            kind: question.kind.name(),
            title: &question.title,
            question: &serde_json::to_string(&question)?,
        };
        self.deps.store.open_dialog(new).await?;
        let asking = Asked {
            channel: thread.channel(),
            question: question.clone(),
        };
        // Before the message, so that nobody can be faster than it.
        let shown = self.deps.sessions.all_asked().show(&session, key, asking);
        let row = publisher.say_hushed(draft(&session, key, &question, 0)).await?;
        self.note_event("dialog_asked", question.title.clone(), &json!({ "key": key }));
        if let Err(error) = self.deps.store.dialog_posted(key, row).await {
            // It can be answered; only a restart looks for its row, and has the buttons to go by.
            tracing::warn!(%session, "cannot note the message of a question: {error:#}");
        }
        self.deps.host.metrics().asked(question.kind.name());
        let until = asked.timeout.map(|timeout| Instant::now() + timeout + GRACE);
        let open = Open {
            dialog: asked,
            question,
            row,
            again: false,
            until,
            tool: None,
            shown,
        };
        self.dialogs.open.insert(key.to_owned(), open);
        Ok(())
    }

    /// A person wants something of a question.
    pub(in crate::session) async fn answer_dialog(
        &mut self,
        key: &str,
        wish: &Wish,
        by: &By,
    ) -> Result<Took> {
        let session = self.handle.id();
        let Some(open) = self.dialogs.open.get(key) else {
            return Ok(Took::NotOpen);
        };
        if let Wish::Page(page) = wish {
            let draft = draft(session, key, &open.question, *page);
            self.deps.outbox.replace(open.row, draft).await?;
            return Ok(Took::Yes);
        }
        let Some(mut verdict) = open.verdict(wish) else {
            return Ok(Took::Unfit);
        };
        match &self.running {
            // Whoever waits is not the process.
            _ if open.tool.is_some() => {}
            Some(running) if !running.handle.is_ending() => {
                if !running.handle.takes_answers() {
                    return Ok(Took::Deaf);
                }
            }
            // Its end is known, or about to be heard of: nothing would be run.
            _ => {
                self.expire_dialog(key, Why::AgentGone).await?;
                return Ok(Took::NotOpen);
            }
        }
        self.hush_words(&mut verdict.said);
        let approves = (verdict.said == Said::ApprovedForSession).then_some(open.question.title.as_str());
        let answer = Answer {
            by: by.id,
            name: &by.name,
            text: &dialog::label(&verdict.said),
            approves,
        };
        // On disk before anything runs because of it.
        if !self.deps.store.answer_dialog(key, answer).await? {
            return Ok(Took::NotOpen);
        }
        let Some(mut open) = self.dialogs.open.remove(key) else {
            return Ok(Took::NotOpen);
        };
        let said = verdict.said.clone();
        let answered = json!({ "key": key, "by": by.name });
        self.note_event("dialog_answered", dialog::label(&said), &answered);
        let by = by.name.clone();
        let (took, end) = if self.carry_out(&mut open, verdict, &by) {
            (Took::Yes, End::Answered { by, said })
        } else {
            self.deps.store.answer_lost(key).await?;
            (Took::NotOpen, End::Expired(Why::AgentGone))
        };
        if let Err(error) = self.close_question(key, &open, &end).await {
            // The answer stands, though its message does not say so.
            tracing::warn!(session = %self.handle.id(), "cannot show an answer: {error:#}");
        }
        Ok(took)
    }

    /// Tells the agent. `false`: it did not hear.
    fn carry_out(&mut self, open: &mut Open, verdict: Verdict, by: &str) -> bool {
        if let Some(tool) = open.tool.take() {
            let heard = tool.send(ToolAnswer::of(verdict, by)).is_ok();
            self.type_again();
            return heard;
        }
        if verdict.said == Said::ApprovedForSession {
            self.dialogs.approved.insert(open.question.title.clone());
        }
        if let Some(text) = verdict.owed {
            self.dialogs.owed.push(Owed {
                title: open.dialog.title.clone(),
                text,
                until: Instant::now() + OWED_FOR,
            });
        }
        // Before the answer, so that the model reads it together with what the answer leads to.
        if let (Some(reason), Some(running)) = (&verdict.steer, &self.running) {
            running
                .handle
                .steer(&format!("reason:{}", open.dialog.id), reason, &[]);
        }
        let heard = self.tell_agent(&open.dialog.id, &verdict.answer);
        self.type_again();
        heard
    }

    fn type_again(&mut self) {
        if let (Some(turn), false) = (&mut self.turn, self.dialogs.is_asking()) {
            turn.next_typing = Some(Instant::now());
        }
    }

    /// The agent withdrew a question.
    pub(in crate::session) async fn withdraw_dialog(&mut self, id: &str) -> Result<()> {
        let key = self.dialogs.open.iter().find(|(_, open)| open.dialog.id == id);
        let Some(open) = key
            .map(|(key, _)| key.clone())
            .and_then(|key| self.dialogs.open.remove_entry(&key))
        else {
            return Ok(());
        };
        self.deps
            .store
            .end_dialog(&open.0, DialogState::Withdrawn)
            .await?;
        self.close_question(&open.0, &open.1, &End::Withdrawn).await
    }

    /// Nobody can answer any more: the agent is told, where it is still there, so that it does not wait for ever.
    pub(in crate::session) async fn expire_dialogs(&mut self, why: Why) -> Result<()> {
        let mut result = Ok(());
        for key in self.dialogs.open.keys().cloned().collect::<Vec<_>>() {
            let expired = self.expire_dialog(&key, why).await;
            result = result.and(expired);
        }
        let followed = self.nothing_follows().await;
        result.and(followed)
    }

    /// The questions for which texts were written already will not come any more.
    pub(in crate::session) async fn nothing_follows(&mut self) -> Result<()> {
        let mut result = Ok(());
        for owed in std::mem::take(&mut self.dialogs.owed) {
            let said = self.say_not_taken(&owed).await;
            result = result.and(said);
        }
        result
    }

    pub(super) async fn expire_dialog(&mut self, key: &str, why: Why) -> Result<()> {
        let Some(mut open) = self.dialogs.open.remove(key) else {
            return Ok(());
        };
        if let Some(tool) = open.tool.take() {
            // It may have gone.
            tool.send(ToolAnswer::Nobody(why)).ok();
        } else {
            self.tell_agent(&open.dialog.id, &DialogAnswer::Cancelled);
        }
        self.deps.store.end_dialog(key, DialogState::Expired).await?;
        self.close_question(key, &open, &End::Expired(why)).await
    }

    /// Ends what has waited for as long as it may.
    pub(in crate::session) async fn dialogs_due(&mut self) -> Result<()> {
        let now = Instant::now();
        let late = |open: &Open| open.until.is_some_and(|until| until <= now);
        let keys = self.dialogs.open.iter().filter(|(_, open)| late(open));
        for key in keys.map(|(key, _)| key.clone()).collect::<Vec<_>>() {
            self.expire_dialog(&key, Why::TimedOut).await?;
        }
        let (late, waiting) = std::mem::take(&mut self.dialogs.owed)
            .into_iter()
            .partition(|owed| owed.until <= now);
        self.dialogs.owed = waiting;
        for owed in Vec::<Owed>::from_iter(late) {
            self.say_not_taken(&owed).await?;
        }
        Ok(())
    }

    async fn say_not_taken(&mut self, owed: &Owed) -> Result<()> {
        let text = self.deps.redactor.redact(&owed.text).into_owned();
        match &mut self.publisher {
            Some(publisher) => publisher.say_once(Draft::text(dialog::not_taken(&text))).await,
            None => Ok(()),
        }
    }

    async fn close_question(&mut self, key: &str, open: &Open, end: &End) -> Result<()> {
        let ended = match end {
            End::Answered { .. } | End::Recorded { .. } => DialogEnd::Answered,
            End::Withdrawn => DialogEnd::Withdrawn,
            End::Expired(_) => DialogEnd::Expired,
        };
        self.deps.host.metrics().dialog_ended(ended, open.shown.age());
        let content = dialog::ended(&open.question, end);
        if let Some(publisher) = &mut self.publisher {
            publisher.record(content.lines().next_back().unwrap_or_default());
        }
        // The question was hushed when it was taken in, and what a person said when they said it. Once more, and more
        // would be hidden than when it was approved.
        self.deps.outbox.replace(open.row, Draft::text(content)).await?;
        self.deps.outbox.seal(open.row).await?;
        self.deps.store.dialog_sealed(key).await
    }

    /// `false`: the agent did not hear it.
    fn tell_agent(&self, id: &str, answer: &DialogAnswer) -> bool {
        let running = self.running.as_ref();
        running.is_some_and(|running| running.handle.answer(id, answer))
    }

    /// A person's own words may hold a secret; the agent gets them as they are.
    fn hush_words(&self, said: &mut Said) {
        if let Said::Denied(Some(text)) | Said::Wrote(text) = said {
            *text = self.deps.redactor.redact(text).into_owned();
        }
    }

    /// What takes the secrets out of a question. What is to be approved would run: as little as possible of it is hidden.
    fn redactor_of(&self, dialog: &Dialog) -> Redactor {
        match tool_of(dialog) {
            Some(_) => self.deps.redactor.narrow(),
            None => self.deps.redactor.clone(),
        }
    }

    pub(super) fn note(&mut self, line: &str) {
        if let Some(publisher) = &mut self.publisher {
            publisher.remark(line, Instant::now());
        }
    }
}

/// A question's message, with this page of its options.
pub(super) fn draft(session: &SessionId, key: &str, question: &Question, page: usize) -> Draft {
    Draft {
        content: dialog::asking(question),
        components: dialog::components(session, key, question, page),
        ..Draft::default()
    }
}

fn fresh_key() -> String {
    let (high, _, _, _) = uuid::Uuid::new_v4().as_fields();
    format!("{high:08x}")
}
