//! Newtypes for every identifier, with their database and JSON forms, once.
//!
//! Without them a channel id can be passed where a message id is meant, and Discord answers 10008 at night.
//! Snowflakes are held as `i64` because SQLite has no unsigned integers; Discord's are below 2^63 until 2084.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An identifier could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {what}: {found:?}")]
pub struct InvalidId {
    what: &'static str,
    found: String,
}

macro_rules! snowflake {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, sqlx::Type)]
        #[sqlx(transparent)]
        pub struct $name(i64);

        impl $name {
            /// The id as Discord's libraries hold it.
            #[must_use]
            pub const fn get(self) -> u64 {
                self.0.cast_unsigned()
            }
        }

        impl From<u64> for $name {
            fn from(id: u64) -> Self {
                Self(id.cast_signed())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                match text.parse::<i64>() {
                    Ok(id) if id > 0 && text.bytes().all(|b| b.is_ascii_digit()) => Ok(Self(id)),
                    _ => Err(InvalidId { what: $what, found: text.to_owned() }),
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

snowflake!(/// A Discord server.
    GuildId, "guild id");
snowflake!(/// A Discord channel; a thread is one too.
    ChannelId, "channel id");
snowflake!(/// A thread that belongs to a session.
    ThreadId, "thread id");
snowflake!(/// A Discord message.
    MessageId, "message id");
snowflake!(/// A Discord user.
    UserId, "user id");
snowflake!(/// A role in the server.
    RoleId, "role id");

impl ThreadId {
    /// The thread as the channel that messages are sent to.
    #[must_use]
    pub const fn channel(self) -> ChannelId {
        ChannelId(self.0)
    }
}

impl ChannelId {
    /// The channel as a thread, where the caller knows that it is one.
    #[must_use]
    pub const fn thread(self) -> ThreadId {
        ThreadId(self.0)
    }
}

impl MessageId {
    /// The thread that hangs on this message: Discord gives it the id of the message.
    #[must_use]
    pub const fn thread(self) -> ThreadId {
        ThreadId(self.0)
    }

    /// When the message was written, in unix milliseconds: it is part of the id.
    #[must_use]
    pub const fn created_at_ms(self) -> i64 {
        (self.0 >> 22) + 1_420_070_400_000
    }
}

/// One agent conversation: `session_` and eight hexadecimal digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, sqlx::Type, Serialize, Deserialize)]
#[sqlx(transparent)]
#[serde(try_from = "String")]
pub struct SessionId(String);

impl SessionId {
    /// A new random id.
    #[must_use]
    pub fn random() -> Self {
        let (high, _, _, _) = uuid::Uuid::new_v4().as_fields();
        Self(format!("session_{high:08x}"))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for SessionId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let valid = text
            .strip_prefix("session_")
            .is_some_and(|hex| hex.len() == 8 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')));
        if valid {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId {
                what: "session id",
                found: text.to_owned(),
            })
        }
    }
}

impl TryFrom<String> for SessionId {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

macro_rules! row_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, sqlx::Type, Serialize, Deserialize)]
        #[sqlx(transparent)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

row_id!(/// A row of the durable prompt queue.
    PromptId);
row_id!(/// A row of the outbox: one thing that Discord has to be told.
    OutboxId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_id_is_session_and_eight_hex_digits() {
        let id = SessionId::random();
        assert_eq!(id.as_str().parse::<SessionId>(), Ok(id));
        for bad in [
            "",
            "session_",
            "session_1234567",
            "session_123456789",
            "session_ABCDEF01",
            "x_12345678",
        ] {
            assert!(bad.parse::<SessionId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_snowflake_is_digits_and_travels_as_a_string() {
        assert_eq!(serde_json::to_string(&UserId::from(42)).unwrap(), "\"42\"");
        assert_eq!(
            serde_json::from_str::<UserId>("\"42\"").unwrap(),
            UserId::from(42)
        );
        for bad in ["", "-1", "+1", "0", "1x", "99999999999999999999"] {
            assert!(bad.parse::<UserId>().is_err(), "{bad}");
        }
    }
}
