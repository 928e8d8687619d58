//! Tokens of the HTTP API: made at random, known by their hash, and good for everything or for one session.
//!
//! Without this room the daemon, the agents' environment and the API would each have a notion of their own of who may.

use std::collections::HashMap;
use std::hint::black_box;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

use crate::config::write_private;
use crate::ids::SessionId;
use crate::store::Store;
use crate::store::tokens::Holder;

const OWNER: &str = "ompo_";
const SESSION: &str = "omps_";
/// 32 bytes in base64.
const BODY: usize = 43;

type Hash = [u8; 32];

/// Who shows a token.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Principal {
    /// The owner of the installation: who can read its state directory.
    Owner,
    /// One session: its agent, or the extension in its terminal.
    Session(SessionId),
}

/// Every token that is good. A cheap clone.
#[derive(Debug, Clone)]
pub struct Tokens(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    owner: Hash,
    seen: Mutex<Seen>,
}

/// Tokens of sessions that were seen before: most requests ask for the same few.
#[derive(Debug, Default)]
struct Seen {
    /// Counts revocations: what was looked up before one is not remembered after it.
    epoch: u64,
    known: HashMap<Hash, SessionId>,
}

impl Seen {
    fn forget(&mut self, session: &SessionId) {
        self.epoch += 1;
        self.known.retain(|_, of| of != session);
    }
}

impl Tokens {
    /// Reads the owner's token from its file, or makes one.
    pub async fn open(store: Store, file: &Path) -> Result<Self> {
        let place = file.display().to_string();
        let file = file.to_owned();
        let owner = tokio::task::spawn_blocking(move || owner_token(&file));
        let owner = owner
            .await
            .context("a read did not end")?
            .with_context(|| format!("cannot use the token file {place}"))?;
        Ok(Self(Arc::new(Inner {
            store,
            owner: hash(owner.expose_secret()),
            seen: Mutex::default(),
        })))
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whose token this is.
    pub async fn check(&self, token: &str) -> Result<Option<Principal>> {
        let hash = hash(token);
        if same(&hash, &self.0.owner) {
            return Ok(Some(Principal::Owner));
        }
        if !has_shape(token, SESSION) {
            return Ok(None);
        }
        let (epoch, known) = {
            let seen = self.seen();
            (seen.epoch, seen.known.get(&hash).cloned())
        };
        if let Some(session) = known {
            return Ok(Some(Principal::Session(session)));
        }
        let Some(session) = self.0.store.session_of_token(&hash).await? else {
            return Ok(None);
        };
        let mut seen = self.seen();
        if seen.epoch == epoch {
            seen.known.insert(hash, session.clone());
        }
        drop(seen);
        Ok(Some(Principal::Session(session)))
    }

    /// Makes a token for a session; the earlier one of the same holder is not good any more.
    pub async fn issue(&self, session: &SessionId, holder: Holder) -> Result<SecretString> {
        let token = random(SESSION)?;
        let hash = hash(token.expose_secret());
        self.0.store.put_session_token(session, holder, &hash).await?;
        // Which of them was whose is not known here; the database is asked again.
        self.seen().forget(session);
        Ok(token)
    }

    /// No token of the session is good any more.
    pub async fn revoke(&self, session: &SessionId) -> Result<()> {
        self.0.store.drop_session_tokens(session).await?;
        self.seen().forget(session);
        Ok(())
    }
}

fn hash(token: &str) -> Hash {
    Sha256::digest(token.as_bytes()).into()
}

/// Looks at every byte, wherever the first difference is.
fn same(one: &Hash, other: &Hash) -> bool {
    let differences = one
        .iter()
        .zip(other)
        .fold(0, |all, (a, b)| black_box(all | (a ^ b)));
    differences == 0
}

fn random(prefix: &str) -> Result<SecretString> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| anyhow::anyhow!("the system has no random numbers: {error}"))?;
    Ok(format!("{prefix}{}", BASE64_URL_SAFE_NO_PAD.encode(bytes)).into())
}

fn has_shape(token: &str, prefix: &str) -> bool {
    let body = token.strip_prefix(prefix);
    body.is_some_and(|body| {
        body.len() == BODY
            && body
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    })
}

fn owner_token(file: &Path) -> Result<SecretString> {
    use std::os::unix::fs::PermissionsExt as _;
    match std::fs::read_to_string(file) {
        Ok(text) if has_shape(text.trim(), OWNER) => {
            let closed = std::fs::Permissions::from_mode(0o600);
            std::fs::set_permissions(file, closed).context("cannot close it to others")?;
            return Ok(text.trim().to_owned().into());
        }
        Ok(_) => tracing::warn!("{} holds no token: a new one is made", file.display()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error.into()),
    }
    let token = random(OWNER)?;
    write_private(file, format!("{}\n", token.expose_secret()).as_bytes())?;
    Ok(token)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[tokio::test]
    async fn the_owner_keeps_the_token_and_nobody_else_can_read_it() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("api-token");
        let store = Store::open(&dir.path().join("ompcord.db")).await.unwrap();
        Tokens::open(store.clone(), &file).await.unwrap();
        let token = std::fs::read_to_string(&file).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        let again = Tokens::open(store.clone(), &file).await.unwrap();
        assert_eq!(again.check(token.trim()).await.unwrap(), Some(Principal::Owner));
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        for wrong in [
            "",
            "ompo_",
            "ompo_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            token.as_str(),
        ] {
            assert_eq!(again.check(wrong).await.unwrap(), None, "{wrong:?}");
        }
        std::fs::write(&file, "nonsense").unwrap();
        Tokens::open(store, &file).await.unwrap();
        assert!(has_shape(std::fs::read_to_string(&file).unwrap().trim(), OWNER));
    }
}
