//! Slash commands: what a bot may register, and what a person's use of one becomes.
//!
//! Options travel with the type that was registered for them, so a test that misspells one fails as a person's
//! client would refuse it.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::names::Refused;
use super::rest::error::{ApiError, Problems};
use super::world::World;
use crate::ids::GuildId;

const SUBCOMMAND: u64 = 1;
const GROUP: u64 = 2;

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value
        .get(key)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn kind(value: &Value) -> u64 {
    value.get("type").and_then(Value::as_u64).unwrap_or(1)
}

/// Checks commands before they are registered.
pub(crate) fn check(commands: &[Value]) -> Result<(), ApiError> {
    let mut problems = Problems::default();
    let mut names = HashSet::new();
    if commands.len() > 100 {
        return Err(ApiError::new(
            400,
            30032,
            "Maximum number of application commands reached (100)",
        ));
    }
    for (number, command) in commands.iter().enumerate() {
        let path = number.to_string();
        if !names.insert((kind(command), text(command, "name"))) {
            let message = "Application command names must be unique";
            problems.add(&path, "APPLICATION_COMMANDS_DUPLICATE_NAME", message);
        }
        if kind(command) == 1 {
            one(&path, command, &mut problems);
            if size(command) > 8000 {
                let message = "Command exceeds maximum size (8000)";
                problems.add(&path, "APPLICATION_COMMAND_TOO_LARGE", message);
            }
        }
    }
    problems.finish()
}

/// A command, or an option of one.
fn one(path: &str, item: &Value, problems: &mut Problems) {
    let name = text(item, "name");
    let valid = |c: char| (c.is_alphanumeric() && !c.is_uppercase()) || matches!(c, '-' | '_' | '\'');
    problems.length(&format!("{path}.name"), name, 1, 32);
    if !name.chars().all(valid) {
        let message = "String value did not match validation regex.";
        problems.add(&format!("{path}.name"), "STRING_TYPE_REGEX", message);
    }
    problems.length(&format!("{path}.description"), text(item, "description"), 1, 100);
    for key in ["options", "choices"] {
        if list(item, key).len() > 25 {
            problems.add(
                &format!("{path}.{key}"),
                "BASE_TYPE_MAX_LENGTH",
                "Must be 25 or fewer in length.",
            );
        }
    }
    for (number, choice) in list(item, "choices").iter().enumerate() {
        problems.length(
            &format!("{path}.choices.{number}.name"),
            text(choice, "name"),
            1,
            100,
        );
    }
    let mut optional_before = false;
    for (number, option) in list(item, "options").iter().enumerate() {
        let path = format!("{path}.options.{number}");
        one(&path, option, problems);
        let required = option.get("required") == Some(&json!(true));
        if required && optional_before {
            let message = "Required options must be placed before non-required options";
            problems.add(&path, "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", message);
        }
        optional_before |= !required && kind(option) > GROUP;
    }
}

/// The characters that count against a command's size.
fn size(item: &Value) -> usize {
    let own = text(item, "name").chars().count() + text(item, "description").chars().count();
    let choices: usize = list(item, "choices")
        .iter()
        .map(|choice| text(choice, "name").chars().count() + text(choice, "value").chars().count())
        .sum();
    own + choices + list(item, "options").iter().map(size).sum::<usize>()
}

/// Adds what Discord adds; a command that is registered again keeps its id.
pub(crate) fn complete(world: &mut World, guild: Option<GuildId>, command: Value) -> Value {
    let known = world.commands.get(&guild).and_then(|commands| {
        let same = commands
            .iter()
            .find(|other| text(other, "name") == text(&command, "name"))?;
        Some(text(same, "id").to_owned())
    });
    let id = known.unwrap_or_else(|| world.clock.next().to_string());
    let version = world.clock.next().to_string();
    let added = json!({
        "id": id, "application_id": world.bot, "guild_id": guild, "version": version,
        "type": kind(&command), "default_member_permissions": null, "nsfw": false,
    });
    let (Value::Object(mut fields), Value::Object(added)) = (command, added) else {
        return Value::Null;
    };
    for (key, value) in added {
        if key != "default_member_permissions" || !fields.contains_key(&key) {
            fields.insert(key, value);
        }
    }
    Value::Object(fields)
}

/// What a person typed: the command's words, its options, and the option that is being written.
pub(crate) struct Typed<'a> {
    pub(crate) guild: GuildId,
    pub(crate) words: &'a str,
    pub(crate) options: &'a [(&'a str, &'a str)],
    pub(crate) focused: Option<&'a str>,
}

impl Typed<'_> {
    /// The data of the interaction that this becomes.
    pub(crate) fn data(&self, world: &World) -> Result<Value, Refused> {
        let mut words = self.words.trim_start_matches('/').split_whitespace();
        let root = words.next().unwrap_or_default();
        let command = [Some(self.guild), None]
            .iter()
            .filter_map(|scope| world.commands.get(scope))
            .flatten()
            .find(|command| text(command, "name") == root)
            .ok_or_else(|| Refused::new(format!("there is no command /{root}")))?;
        let mut path = Vec::new();
        let mut at = command;
        for word in words {
            at = list(at, "options")
                .iter()
                .find(|option| text(option, "name") == word && kind(option) <= GROUP)
                .ok_or_else(|| {
                    Refused::new(format!("/{} has no subcommand {word}", text(command, "name")))
                })?;
            path.push(at);
        }
        if list(at, "options").iter().any(|option| kind(option) <= GROUP) {
            return Err(Refused::new(format!("/{} needs a subcommand", self.words)));
        }
        let mut resolved = Map::new();
        let mut options = Value::Array(self.values(world, list(at, "options"), &mut resolved)?);
        for step in path.iter().rev() {
            let kind = if kind(step) == GROUP { GROUP } else { SUBCOMMAND };
            options = json!([{"name": text(step, "name"), "type": kind, "options": options}]);
        }
        Ok(json!({
            "id": text(command, "id"), "name": root, "type": 1, "guild_id": self.guild,
            "options": options, "resolved": resolved,
        }))
    }

    fn values(
        &self,
        world: &World,
        known: &[Value],
        resolved: &mut Map<String, Value>,
    ) -> Result<Vec<Value>, Refused> {
        let mut values = Vec::new();
        for (name, value) in self.options {
            let option = known
                .iter()
                .find(|option| text(option, "name") == *name)
                .ok_or_else(|| Refused::new(format!("/{} has no option {name}", self.words)))?;
            let focused = self.focused == Some(*name);
            if focused && option.get("autocomplete") != Some(&json!(true)) {
                return Err(Refused::new(format!(
                    "option {name} of /{} does not autocomplete",
                    self.words
                )));
            }
            let typed = if focused {
                json!(value)
            } else {
                typed(world, option, value, resolved)?
            };
            let mut entry = json!({"name": name, "type": kind(option), "value": typed});
            if let Some(fields) = entry.as_object_mut().filter(|_| focused) {
                fields.insert("focused".to_owned(), json!(true));
            }
            values.push(entry);
        }
        let missing = known.iter().find(|option| {
            let given = self.options.iter().any(|(name, _)| *name == text(option, "name"));
            option.get("required") == Some(&json!(true)) && !given
        });
        match missing.filter(|_| self.focused.is_none()) {
            Some(option) => Err(Refused::new(format!(
                "/{} needs {}",
                self.words,
                text(option, "name")
            ))),
            None => Ok(values),
        }
    }
}

/// A value in the type that was registered for it.
fn typed(
    world: &World,
    option: &Value,
    value: &str,
    resolved: &mut Map<String, Value>,
) -> Result<Value, Refused> {
    let name = text(option, "name");
    let wrong = |what: &str| Refused::new(format!("option {name}: {value:?} is not {what}"));
    if !list(option, "choices").is_empty() {
        return chosen(option, value).ok_or_else(|| wrong("one of the choices"));
    }
    match kind(option) {
        3 if !fits(option, value) => Err(wrong("as long as it has to be")),
        3 => Ok(json!(value)),
        4 => value
            .parse::<i64>()
            .map(Value::from)
            .map_err(|_| wrong("an integer")),
        5 => value
            .parse::<bool>()
            .map(Value::from)
            .map_err(|_| wrong("true or false")),
        10 => value
            .parse::<f64>()
            .map(Value::from)
            .map_err(|_| wrong("a number")),
        6 => {
            let user = world.find_user(&value.into())?;
            note(resolved, "users", &user.to_string(), world.user_json(user));
            note(
                resolved,
                "members",
                &user.to_string(),
                world.partial_member_json(user),
            );
            Ok(json!(user))
        }
        7 => {
            let channel = world.find_channel(&value.into())?;
            let data = world
                .channels
                .get(&channel)
                .map(|channel| world.channel_json(channel));
            note(
                resolved,
                "channels",
                &channel.to_string(),
                data.unwrap_or_default(),
            );
            Ok(json!(channel))
        }
        other => Err(Refused::new(format!(
            "option {name}: the simulator cannot fill in type {other}"
        ))),
    }
}

/// The value of the choice with this name or value.
fn chosen(option: &Value, wanted: &str) -> Option<Value> {
    let is_wanted = |choice: &&Value| {
        text(choice, "name") == wanted || choice.get("value").map(plain).as_deref() == Some(wanted)
    };
    list(option, "choices")
        .iter()
        .find(is_wanted)?
        .get("value")
        .cloned()
}

/// Whether a text is as long as its option wants it.
fn fits(option: &Value, value: &str) -> bool {
    let bound = |key: &str| option.get(key).and_then(Value::as_u64);
    let count = value.chars().count() as u64;
    (bound("min_length").unwrap_or(0)..=bound("max_length").unwrap_or(6000)).contains(&count)
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn note(resolved: &mut Map<String, Value>, of: &str, id: &str, data: Value) {
    let entry = resolved.entry(of.to_owned()).or_insert_with(|| json!({}));
    if let Some(fields) = entry.as_object_mut() {
        fields.insert(id.to_owned(), data);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(options: &Value) -> Value {
        json!({"name": "omp", "description": "x", "options": options})
    }

    fn option(name: &str, required: bool) -> Value {
        json!({"name": name, "description": "x", "type": 3, "required": required})
    }

    #[test]
    fn commands_are_checked_before_they_are_registered() {
        assert_eq!(
            check(&[command(&json!([option("a", true), option("b", false)]))]),
            Ok(())
        );
        let names: Vec<Value> = (0..26).map(|n| option(&format!("o{n}"), false)).collect();
        let wordy = json!({"name": "omp", "description": "x", "options": (0..25).map(|n| json!({
            "name": format!("o{n}"), "description": "x", "type": 3,
            "choices": (0..25).map(|c| json!({"name": format!("{c:0>10}"), "value": format!("{c:0>10}")})).collect::<Vec<_>>(),
        })).collect::<Vec<_>>()});
        let refused = [
            command(&json!([option("Upper", false)])),
            command(&json!([option("two words", false)])),
            command(&json!([option("optional", false), option("required", true)])),
            command(&json!(names)),
            json!({"name": "omp", "description": ""}),
            json!({"name": "o".repeat(33), "description": "x"}),
            wordy,
        ];
        for body in refused {
            assert_eq!(
                check(std::slice::from_ref(&body)).unwrap_err().code,
                50035,
                "{body}"
            );
        }
        let twice = [command(&json!([])), command(&json!([]))];
        assert_eq!(check(&twice).unwrap_err().code, 50035);
    }
}
