//! Forgets what nobody needs any more: at the start, once people can write, and then every day.
//!
//! What may go is decided in `store::retention`; here is when, how fast, and which files. Everything is done in small
//! steps with a pause after each, because whoever writes a prompt waits for the same lock.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::ids::PromptId;
use crate::session::Deps;
use crate::store::retention::Kind;
use crate::store::{Store, now_ms};

const EVERY: Duration = Duration::from_hours(24);
/// Others get the writer's place between two steps.
const PAUSE: Duration = Duration::from_millis(20);
/// So many free bytes are left in the file: they are written over soon, and asking the disk again costs more.
const SPARE: u64 = 4 << 20;

/// What was forgotten.
#[derive(Debug, Default, PartialEq, Eq)]
struct Forgotten {
    events: u64,
    answers: u64,
    texts: u64,
    questions: u64,
    files: u64,
    bytes: u64,
}

/// Forgets, until `stop`.
pub(crate) async fn look_after(deps: Arc<Deps>, mut ready: watch::Receiver<bool>, stop: CancellationToken) {
    let work = async {
        if ready.wait_for(|ready| *ready).await.is_err() {
            return;
        }
        let mut days = tokio::time::interval(EVERY);
        days.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            days.tick().await;
            let mut gone = Forgotten::default();
            let done = look_through(&deps, &mut gone).await;
            tell(&gone, deps.config.retention);
            if let Err(error) = done {
                tracing::warn!("cannot forget what is old, and tries again tomorrow: {error:#}");
            }
        }
    };
    stop.run_until_cancelled(work).await;
}

fn tell(gone: &Forgotten, retention: Option<Duration>) {
    if *gone == Forgotten::default() {
        if retention.is_some() {
            tracing::debug!("nothing is old enough to be forgotten");
        } else {
            tracing::info!("nothing is forgotten by age: OMPCORD_RETENTION is off");
        }
        return;
    }
    let Forgotten {
        events,
        answers,
        texts,
        questions,
        files,
        bytes,
    } = gone;
    let age = match retention {
        Some(age) => format!("what is over for {}", humantime::format_duration(age)),
        None => "nothing by age".to_owned(),
    };
    tracing::info!(
        events,
        answers,
        texts,
        questions,
        files,
        freed_bytes = bytes,
        "forgot {age}: {events} events, {answers} answers, {texts} texts of prompts, {questions} questions, {files} files; \
         the database gave {bytes} bytes back",
    );
}

async fn look_through(deps: &Deps, gone: &mut Forgotten) -> Result<()> {
    if let Some(age) = deps.config.retention {
        let age_ms = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
        rows(&deps.store, now_ms().saturating_sub(age_ms), gone).await?;
        if let Some(before) = SystemTime::now().checked_sub(age) {
            gone.files += attachments(deps, before).await?;
            gone.files += sent_files(deps, before).await?;
        }
    }
    gone.bytes = space(&deps.store).await?;
    Ok(())
}

async fn rows(store: &Store, before: i64, gone: &mut Forgotten) -> Result<()> {
    let mut after = 0;
    while let Some((events, last)) = store.forget_events(before, after).await? {
        gone.events += events;
        after = last;
        tokio::time::sleep(PAUSE).await;
    }
    for (kind, count) in [
        (Kind::Answers, &mut gone.answers),
        (Kind::Texts, &mut gone.texts),
        (Kind::Questions, &mut gone.questions),
    ] {
        loop {
            let rows = store.forget(kind, before).await?;
            if rows == 0 {
                break;
            }
            *count += rows;
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(())
}

/// Files that people sent to agents, unless their prompt has yet to run.
async fn attachments(deps: &Deps, before: SystemTime) -> Result<u64> {
    let needed = deps.store.prompts_with_a_future().await?;
    let mut gone = 0;
    for file in old_files(deps.config.attachments_dir(), before).await? {
        if !prompt_of(&file).is_some_and(|prompt| needed.contains(&prompt)) {
            gone += remove(&file).await;
        }
    }
    Ok(gone)
}

/// The prompt that a file came with: its name begins with that.
fn prompt_of(file: &Path) -> Option<PromptId> {
    let (prompt, _) = file.file_name()?.to_str()?.split_once('-')?;
    prompt.parse().map(PromptId).ok()
}

/// Copies of files that messages brought, unless one has yet to be sent. The transcripts beside them stay.
async fn sent_files(deps: &Deps, before: SystemTime) -> Result<u64> {
    let mut gone = 0;
    for file in old_files(deps.config.transcripts_dir(), before).await? {
        let Some(name) = file.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        if !deps.store.is_to_be_sent(name).await? {
            gone += remove(&file).await;
        }
    }
    Ok(gone)
}

/// The files of each session's folder that were not written to since.
async fn old_files(dir: PathBuf, before: SystemTime) -> Result<Vec<PathBuf>> {
    let place = dir.display().to_string();
    let walk = move || {
        let mut old = Vec::new();
        for folder in std::fs::read_dir(dir)? {
            let folder = folder?;
            if !folder.file_type()?.is_dir() {
                continue;
            }
            for file in std::fs::read_dir(folder.path())? {
                let file = file?;
                // A link is not followed, and not counted as a file.
                let known = match file.metadata() {
                    // Somebody was faster.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    known => known?,
                };
                if known.is_file() && known.modified()? < before {
                    old.push(file.path());
                }
            }
        }
        io::Result::Ok(old)
    };
    let walked = tokio::task::spawn_blocking(walk).await;
    walked
        .context("a look at the files did not end")?
        .with_context(|| format!("cannot look through {place}"))
}

async fn remove(file: &Path) -> u64 {
    match tokio::fs::remove_file(file).await {
        Ok(()) => 1,
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        Err(error) => {
            tracing::warn!("cannot remove {}: {error}", file.display());
            0
        }
    }
}

/// Gives what the file holds for nothing back to the disk. How much, in bytes.
async fn space(store: &Store) -> Result<u64> {
    let Some(mut space) = store.space().await? else {
        return Ok(0);
    };
    let mut given = 0;
    while space.free_pages * space.page_size > SPARE {
        store.give_back().await?;
        let Some(now) = store
            .space()
            .await?
            .filter(|now| now.free_pages < space.free_pages)
        else {
            break;
        };
        given += (space.free_pages - now.free_pages) * now.page_size;
        space = now;
        tokio::time::sleep(PAUSE).await;
    }
    Ok(given)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_names_its_prompt() {
        assert_eq!(prompt_of(Path::new("/a/12-0-notes-1.txt")), Some(PromptId(12)));
        assert_eq!(prompt_of(Path::new("/a/notes.txt")), None);
        assert_eq!(prompt_of(Path::new("/a/x-1.txt")), None);
    }
}
