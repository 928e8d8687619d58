//! Trouble in words: what a person writes to have something go wrong, and what they may choose from.

use std::str::FromStr;

use serde::Serialize;

use super::{Fault, GatewayMishap, Mishap, Refused, Sim};

/// Something that goes wrong from now on.
#[derive(Debug, Clone, PartialEq)]
pub enum Trouble {
    /// With requests.
    Rest(Fault),
    /// With the gateway.
    Gateway(GatewayMishap),
}

/// Trouble that has a name.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Preset {
    /// Its name.
    pub name: &'static str,
    /// What happens then, for a person.
    pub about: &'static str,
    /// What goes wrong with requests.
    pub fault: Option<Fault>,
    /// What goes wrong with the gateway.
    pub gateway: Option<GatewayMishap>,
}

/// Everything about channels: messages, edits, reactions, pins, typing, threads.
const CHANNELS: &str = "/channels/**";

/// The trouble that one can choose from.
#[must_use]
pub fn presets() -> Vec<Preset> {
    let rest = |name, about, method, route, (times, mishap)| Preset {
        name,
        about,
        fault: Some(Fault::next(method, route, mishap).times(times)),
        gateway: None,
    };
    let gateway = |name, about, mishap| Preset {
        name,
        about,
        fault: None,
        gateway: Some(mishap),
    };
    let limited = Mishap::Status {
        status: 429,
        retry_after: Some(2.0),
    };
    vec![
        rest(
            "rate-limits",
            "Discord wants a break of 2 s, 15 times. Edits come later and are merged.",
            "*",
            CHANNELS,
            (15, limited),
        ),
        rest(
            "slow",
            "Each of the next 40 requests takes 1.5 s longer. The thread gets coarser, not later.",
            "*",
            CHANNELS,
            (40, Mishap::Slow { ms: 1500 }),
        ),
        rest(
            "errors",
            "The next 8 requests fail with 500. They are sent again.",
            "*",
            CHANNELS,
            (8, Mishap::status(500)),
        ),
        rest(
            "lost-replies",
            "The next 3 messages arrive, but the answer gets lost. None may appear twice.",
            "POST",
            "/channels/*/messages",
            (3, Mishap::LoseReply),
        ),
        gateway(
            "gateway-drop",
            "The connection breaks once. What was missed is caught up with.",
            GatewayMishap::Drop,
        ),
        gateway(
            "offline",
            "Discord's gateway is gone until you switch this off. Write something meanwhile.",
            GatewayMishap::Down(true),
        ),
    ]
}

/// What the parts of a rule may be, for a help text.
pub const TROUBLE_WORDS: &str = "  \
  METHOD  GET, POST, PUT, PATCH, DELETE, or * for any\n  \
  ROUTE   messages, edits, reactions, pins, typing, threads, interactions, all, or a path such as /channels/*/pins/**\n  \
  WHAT    a status such as 500; 429:2s (come back in 2 s); slow:2s; lost (done, but the reply is lost); hang; cut";

impl FromStr for Trouble {
    type Err = Refused;

    fn from_str(text: &str) -> Result<Self, Refused> {
        if let Some(preset) = presets().into_iter().find(|preset| preset.name == text.trim()) {
            let rest = preset.fault.map(Self::Rest);
            let known = rest.or(preset.gateway.map(Self::Gateway));
            return known.ok_or_else(|| Refused::new("nothing would go wrong"));
        }
        let mut words = text.split_whitespace();
        let (Some(method), Some(route), Some(what)) = (words.next(), words.next(), words.next()) else {
            let names: Vec<&str> = presets().iter().map(|preset| preset.name).collect();
            return Err(Refused::new(format!(
                "expected one of {} or 'METHOD ROUTE WHAT', such as 'POST messages 500'",
                names.join(", ")
            )));
        };
        let mut fault = Fault::next(&method_of(method)?, route_of(route)?, mishap_of(what)?);
        while let Some(word) = words.next() {
            let count = |word: Option<&str>| word.and_then(|word| word.parse::<u32>().ok());
            fault = match word {
                "after" => count(words.next()).map(|skip| fault.after(skip)),
                word => count(word.strip_prefix(['x', '×'])).map(|times| fault.times(times)),
            }
            .ok_or_else(|| Refused::new(format!("{word:?}: expected xTIMES or 'after COUNT'")))?;
        }
        Ok(Self::Rest(fault))
    }
}

fn method_of(word: &str) -> Result<String, Refused> {
    let method = word.to_ascii_uppercase();
    if matches!(method.as_str(), "*" | "GET" | "POST" | "PUT" | "PATCH" | "DELETE") {
        return Ok(method);
    }
    Err(Refused::new(format!(
        "{word:?} is neither a method (GET, POST, PUT, PATCH, DELETE, *) nor the name of a fault"
    )))
}

fn route_of(word: &str) -> Result<&str, Refused> {
    Ok(match word {
        "messages" => "/channels/*/messages",
        "edits" => "/channels/*/messages/*",
        "reactions" => "/channels/*/messages/*/reactions/**",
        "pins" => "/channels/*/pins/**",
        "typing" => "/channels/*/typing",
        "threads" => "/channels/*/messages/*/threads",
        "interactions" => "/interactions/**",
        "all" | "*" => "**",
        path if path.starts_with('/') || path == "**" => path,
        _ => return Err(Refused::new(format!("there is no route {word:?}"))),
    })
}

fn mishap_of(word: &str) -> Result<Mishap, Refused> {
    let (name, time) = word.split_once(':').unwrap_or((word, ""));
    let time = || humantime::parse_duration(time);
    let wrong = || {
        Refused::new(format!(
            "{word:?}: expected a status such as 500, 429:2s, slow:2s, lost, hang or cut"
        ))
    };
    match name {
        "slow" => {
            let ms = time().ok().and_then(|time| u64::try_from(time.as_millis()).ok());
            ms.map(|ms| Mishap::Slow { ms }).ok_or_else(wrong)
        }
        "429" if name != word => time().map(Mishap::rate_limited).map_err(|_| wrong()),
        _ if name != word => Err(wrong()),
        "lost" => Ok(Mishap::LoseReply),
        "hang" => Ok(Mishap::Hang),
        "cut" => Ok(Mishap::Cut),
        status => match status.parse() {
            Ok(status @ 400..600) => Ok(Mishap::status(status)),
            _ => Err(wrong()),
        },
    }
}

impl Sim {
    /// Lets something go wrong from now on.
    pub fn trouble(&self, trouble: &Trouble) {
        match trouble {
            Trouble::Rest(fault) => self.fault(fault.clone()),
            Trouble::Gateway(mishap) => self.gateway(*mishap),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rest(text: &str) -> Fault {
        match text.parse() {
            Ok(Trouble::Rest(fault)) => fault,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn words_become_rules() {
        let messages = "/channels/*/messages";
        assert_eq!(
            rest("POST messages 500"),
            Fault::next("POST", messages, Mishap::status(500))
        );
        assert_eq!(
            rest("patch edits slow:2s x10 after 3"),
            Fault::next("PATCH", "/channels/*/messages/*", Mishap::Slow { ms: 2000 })
                .times(10)
                .after(3)
        );
        assert_eq!(
            rest("* all 429:1500ms ×2").mishap,
            Mishap::Status {
                status: 429,
                retry_after: Some(1.5)
            }
        );
        assert_eq!(rest("PUT /channels/*/pins/* lost").mishap, Mishap::LoseReply);
        assert_eq!(rest("GET ** hang").route, "**");
    }

    #[test]
    fn every_preset_can_be_asked_for_by_name() {
        for preset in presets() {
            assert_eq!(
                u8::from(preset.fault.is_some()) + u8::from(preset.gateway.is_some()),
                1
            );
            preset.name.parse::<Trouble>().unwrap();
        }
    }

    #[test]
    fn nonsense_is_refused_with_what_was_expected() {
        for (text, said) in [
            ("", "expected one of rate-limits, slow"),
            ("storm", "expected one of rate-limits, slow"),
            ("FETCH messages 500", "neither a method"),
            ("POST letters 500", "no route"),
            ("POST messages 200", "expected a status"),
            ("POST messages slow", "expected a status"),
            ("POST messages slow:soon", "expected a status"),
            ("POST messages 500:2s", "expected a status"),
            ("POST messages 500 twice", "expected xTIMES"),
            ("POST messages 500 after", "expected xTIMES"),
        ] {
            let refused = text.parse::<Trouble>().unwrap_err().to_string();
            assert!(refused.contains(said), "{text}: {refused}");
        }
    }
}
