//! The small line under a finished turn: where it ran, for how long, with which model and at what price.
//!
//! Without it a person would see an answer stop and could not tell whether the turn is over or what it cost.

use std::time::Duration;

use super::text::{clip, escape, plain};

/// A name longer than this is cut; a branch named by a machine must not fill the screen of a telephone.
const NAME_CHARS: usize = 60;

/// What is known about a turn when it ends; everything that is not known is left out of the line.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Footer {
    /// The name of the folder that the agent works in.
    pub workspace: Option<String>,
    /// The git branch that was checked out when the turn ended.
    pub branch: Option<String>,
    /// How long the turn took.
    pub duration: Option<Duration>,
    /// How full the context window is, from 0 to 100.
    pub context_percent: Option<f64>,
    /// Provider and model, for example `stub/stub-1`.
    pub model: Option<String>,
    /// What the turn cost, in US dollars.
    pub cost: Option<f64>,
}

/// Words the footer as one line of small text; never empty, because Discord refuses an empty message.
#[must_use]
pub fn footer(footer: &Footer) -> String {
    let parts: Vec<String> = [
        footer.workspace.as_deref().and_then(name),
        footer.branch.as_deref().and_then(name),
        footer.duration.map(duration),
        footer.context_percent.and_then(context),
        footer.model.as_deref().and_then(name),
        footer.cost.and_then(cost),
    ]
    .into_iter()
    .flatten()
    .collect();
    if parts.is_empty() {
        "-# done".to_owned()
    } else {
        format!("-# {}", parts.join(" ⋅ "))
    }
}

/// A duration as a person would say it: `412 ms`, `3.2 s`, `41 s`, `2 m 5 s`, `1 h 2 m`, `3 d 4 h`.
#[must_use]
pub fn duration(took: Duration) -> String {
    let millis = took.as_millis();
    // Each step rounds before it compares, so that 59.7 s reads `1 m` and never `60 s`.
    let tenths = (millis + 50) / 100;
    let seconds = (millis + 500) / 1000;
    let minutes = (seconds + 30) / 60;
    let hours = (minutes + 30) / 60;
    if millis < 1000 {
        format!("{millis} ms")
    } else if tenths < 100 {
        if tenths.is_multiple_of(10) {
            format!("{} s", tenths / 10)
        } else {
            format!("{}.{} s", tenths / 10, tenths % 10)
        }
    } else if seconds < 60 {
        format!("{seconds} s")
    } else if seconds < 3600 {
        two(seconds, 60, "m", "s")
    } else if minutes < 24 * 60 {
        two(minutes, 60, "h", "m")
    } else {
        two(hours, 24, "d", "h")
    }
}

/// `125` in steps of 60 is `2 m 5 s`; a second part of nothing is left out.
fn two(total: u128, step: u128, large: &str, small: &str) -> String {
    let (first, second) = (total / step, total % step);
    if second == 0 {
        format!("{first} {large}")
    } else {
        format!("{first} {large} {second} {small}")
    }
}

pub(super) fn context(percent: f64) -> Option<String> {
    if !percent.is_finite() || percent < 0.0 {
        return None;
    }
    if percent > 0.0 && percent < 1.0 {
        return Some("<1 % context".to_owned());
    }
    Some(format!("{percent:.0} % context"))
}

pub(super) fn cost(dollars: f64) -> Option<String> {
    if !dollars.is_finite() || dollars < 0.0 {
        return None;
    }
    Some(if dollars > 0.0 && dollars < 0.000_05 {
        "<$0.0001".to_owned()
    } else if dollars > 0.0 && dollars < 0.999_95 {
        format!("${dollars:.4}")
    } else {
        format!("${dollars:.2}")
    })
}

/// A name that somebody else chose, such as a branch: on one line, of bounded length, and without markup of its own.
pub(super) fn name(raw: &str) -> Option<String> {
    let words = plain(raw).split_whitespace().collect::<Vec<_>>().join(" ");
    (!words.is_empty()).then(|| escape(&clip(&words, NAME_CHARS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole() -> Footer {
        Footer {
            workspace: Some("myrepo".into()),
            branch: Some("main".into()),
            duration: Some(Duration::from_secs(125)),
            context_percent: Some(12.3),
            model: Some("stub/stub-1".into()),
            cost: Some(0.0123),
        }
    }

    #[test]
    fn everything_known_is_one_line() {
        insta::assert_snapshot!(footer(&whole()), @"-# myrepo ⋅ main ⋅ 2 m 5 s ⋅ 12 % context ⋅ stub/stub-1 ⋅ $0.0123");
    }

    #[test]
    fn what_is_unknown_is_left_out() {
        let some = Footer {
            branch: None,
            cost: None,
            context_percent: None,
            ..whole()
        };
        assert_eq!(footer(&some), "-# myrepo ⋅ 2 m 5 s ⋅ stub/stub-1");
        assert_eq!(footer(&Footer::default()), "-# done");
    }

    #[test]
    fn numbers_that_are_no_numbers_are_left_out() {
        let odd = Footer {
            context_percent: Some(f64::NAN),
            cost: Some(f64::INFINITY),
            ..Footer::default()
        };
        assert_eq!(footer(&odd), "-# done");
        let below = Footer {
            context_percent: Some(-1.0),
            cost: Some(-0.5),
            ..Footer::default()
        };
        assert_eq!(footer(&below), "-# done");
    }

    #[test]
    fn a_hostile_branch_stays_on_its_line_and_is_no_markup() {
        let hostile = Footer {
            branch: Some("a\n@everyone **b**\u{202e} <@1>".into()),
            ..Footer::default()
        };
        assert_eq!(
            footer(&hostile),
            "-# a @\u{200b}everyone \\*\\*b\\*\\* \\<@\u{200b}1\\>"
        );
        let long = Footer {
            branch: Some("x".repeat(5000)),
            ..Footer::default()
        };
        assert_eq!(footer(&long).chars().count(), "-# ".len() + NAME_CHARS);
        assert_eq!(
            footer(&Footer {
                branch: Some(" \n".into()),
                ..Footer::default()
            }),
            "-# done"
        );
    }

    #[test]
    fn money_and_context_are_rounded_for_people() {
        for (dollars, shown) in [
            (0.0, "$0.00"),
            (0.000_01, "<$0.0001"),
            (0.0123, "$0.0123"),
            (0.999_99, "$1.00"),
            (12.345_6, "$12.35"),
        ] {
            assert_eq!(cost(dollars).as_deref(), Some(shown));
        }
        for (percent, shown) in [
            (0.0, "0 %"),
            (0.2, "<1 %"),
            (0.9, "<1 %"),
            (1.0, "1 %"),
            (99.6, "100 %"),
        ] {
            assert_eq!(context(percent), Some(format!("{shown} context")));
        }
    }

    #[test]
    fn durations_never_show_a_full_unit_of_the_next() {
        for (millis, shown) in [
            (0, "0 ms"),
            (412, "412 ms"),
            (999, "999 ms"),
            (1000, "1 s"),
            (3210, "3.2 s"),
            (9960, "10 s"),
            (41_200, "41 s"),
            (59_700, "1 m"),
            (125_000, "2 m 5 s"),
            (3_599_600, "1 h"),
            (3_720_000, "1 h 2 m"),
            (86_390_000, "1 d"),
            (273_600_000, "3 d 4 h"),
        ] {
            assert_eq!(duration(Duration::from_millis(millis)), shown, "{millis} ms");
        }
        assert!(!duration(Duration::MAX).is_empty());
    }
}
