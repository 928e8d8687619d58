//! `ompcord doctor`: what was found, ✓, ⚠ or ✗, and what to do about each that is not ✓.

mod discord;
mod machine;

use crate::config::Problem;
use crate::doctor::Examination;

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grade {
    /// As it should be.
    Good,
    /// It works, and is probably not what was meant.
    Odd,
    /// The daemon cannot do its work, or a secret is in danger.
    Bad,
    /// Not looked at, or not wanted.
    Open,
}

impl Grade {
    /// For people.
    #[must_use]
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Good => "✓",
            Self::Odd => "⚠",
            Self::Bad => "✗",
            Self::Open => "·",
        }
    }

    /// For scripts.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Odd => "warning",
            Self::Bad => "failed",
            Self::Open => "skipped",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub name: &'static str,
    /// How it is.
    pub grade: Grade,
    /// What was seen; never a secret.
    pub detail: String,
    /// What to do.
    pub todo: Option<String>,
}

impl Finding {
    fn good(name: &'static str, detail: impl Into<String>) -> Self {
        Self::new(name, Grade::Good, detail, None)
    }

    fn odd(name: &'static str, detail: impl Into<String>, todo: impl Into<String>) -> Self {
        Self::new(name, Grade::Odd, detail, Some(todo.into()))
    }

    fn bad(name: &'static str, detail: impl Into<String>, todo: impl Into<String>) -> Self {
        Self::new(name, Grade::Bad, detail, Some(todo.into()))
    }

    fn open(name: &'static str, detail: impl Into<String>) -> Self {
        Self::new(name, Grade::Open, detail, None)
    }

    fn new(name: &'static str, grade: Grade, detail: impl Into<String>, todo: Option<String>) -> Self {
        Self {
            name,
            grade,
            detail: detail.into(),
            todo,
        }
    }
}

/// Everything that was looked at, in the order in which it is worth mending.
#[must_use]
pub fn findings(seen: &Examination) -> Vec<Finding> {
    let mut all = configuration(seen);
    match &seen.rest {
        None => all.push(Finding::open(
            "Everything else",
            "looked at once the configuration can be read",
        )),
        Some(rest) => {
            machine::files(rest, &mut all);
            discord::discord(&rest.discord, &mut all);
            machine::programs(rest, &mut all);
        }
    }
    all
}

fn configuration(seen: &Examination) -> Vec<Finding> {
    const NAME: &str = "Configuration";
    let read = match &seen.configuration {
        Ok(read) => read,
        Err(problems) => return problems.iter().map(problem).collect(),
    };
    let file = match &read.file {
        Some(file) => format!("{} and the environment", file.display()),
        None => "the environment alone; no .env file was found".to_owned(),
    };
    let mut all = vec![Finding::good(NAME, file)];
    for warning in &read.warnings {
        all.push(Finding::new(NAME, Grade::Odd, warning.clone(), None));
    }
    all
}

fn problem(problem: &Problem) -> Finding {
    let detail = format!("{}: {}", problem.variable, problem.found);
    let todo = match &problem.hint {
        Some(hint) => format!("expected {}; {hint}", problem.expected),
        None => format!("expected {}", problem.expected),
    };
    Finding::bad("Configuration", detail, todo)
}

/// The findings for a terminal, and a last line that says what they come to.
#[must_use]
pub fn text(findings: &[Finding]) -> String {
    let width = findings.iter().map(|finding| finding.name.chars().count()).max();
    let width = width.unwrap_or_default();
    let mut lines: Vec<String> = Vec::new();
    for finding in findings {
        let Finding {
            name, grade, detail, ..
        } = finding;
        lines.push(format!("{} {name:width$}  {detail}", grade.sign()));
        if let Some(todo) = &finding.todo {
            lines.push(format!("  {:width$}  → {todo}", ""));
        }
    }
    let count = |grade| findings.iter().filter(|finding| finding.grade == grade).count();
    let verdict = match (count(Grade::Bad), count(Grade::Odd)) {
        (0, 0) => "Everything is as it should be.".to_owned(),
        (0, odd) => format!("It works; {odd} to look at (⚠)."),
        (bad, 0) => format!("{bad} to mend (✗)."),
        (bad, odd) => format!("{bad} to mend (✗), {odd} to look at (⚠)."),
    };
    lines.push(String::new());
    lines.push(verdict);
    lines.join("\n")
}

#[cfg(test)]
mod tests;
