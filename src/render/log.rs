//! Log lines as code blocks that nothing in them can leave.

use super::MESSAGE_LIMIT;

/// The fences and the newlines beside them.
const FRAME: usize = 8;
/// A longer line is cut: it would not fit into a message.
const LINE: usize = 1_900;
/// A line of a flood's ends is cut earlier, so that all twenty fit.
const FLOOD_LINE: usize = 88;

/// One code block of these lines, cut to a message where they are too many.
#[must_use]
pub fn block(lines: &[String]) -> String {
    batch(lines)
        .into_iter()
        .next()
        .unwrap_or_else(|| "```\n\n```".to_owned())
}

/// As few code blocks as hold all of these lines.
#[must_use]
pub fn batch(lines: &[String]) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut current = String::new();
    let mut size = 0;
    for line in lines.iter().map(|line| clean(line, LINE)) {
        let chars = line.chars().count() + 1;
        if size > 0 && size + chars + FRAME > MESSAGE_LIMIT {
            blocks.push(fence(&current));
            current.clear();
            size = 0;
        }
        if size > 0 {
            current.push('\n');
        }
        current.push_str(&line);
        size += chars;
    }
    if size > 0 {
        blocks.push(fence(&current));
    }
    blocks
}

/// The ends of a flood and how many lines were between them.
#[must_use]
pub fn flood(head: &[String], tail: &[String], skipped: u64) -> String {
    let mut lines: Vec<String> = head.iter().map(|line| clean(line, FLOOD_LINE)).collect();
    lines.push(format!("… {skipped} more lines, whole in the file …"));
    lines.extend(tail.iter().map(|line| clean(line, FLOOD_LINE)));
    fence(&lines.join("\n"))
}

fn fence(text: &str) -> String {
    format!("```\n{text}\n```")
}

/// A line without what a terminal would act on, that cannot end the block, of at most `limit` characters.
fn clean(line: &str, limit: usize) -> String {
    let plain = strip_escapes(line);
    // Two backticks and a third after a joiner are no fence; the joiner has no width.
    let safe = plain.replace("```", "``\u{200b}`");
    let chars = safe.chars().count();
    if chars <= limit {
        return safe;
    }
    let note = format!(" … (+{} characters, whole in the log)", chars - limit);
    let keep = limit.saturating_sub(note.chars().count());
    let mut cut: String = safe.chars().take(keep).collect();
    cut.push_str(&note);
    cut
}

/// Removes ANSI escape sequences and control characters; tabs stay.
fn strip_escapes(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => skip_escape(&mut chars),
            '\t' => out.push('\t'),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

fn skip_escape(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match chars.next() {
        // CSI: parameters, then one letter.
        Some('[') => while chars.next().is_some_and(|c| !('\u{40}'..='\u{7e}').contains(&c)) {},
        // OSC: to the bell, or to ESC \.
        Some(']') => {
            while let Some(c) = chars.next() {
                if c == '\u{7}' || (c == '\u{1b}' && chars.next_if_eq(&'\\').is_some()) {
                    break;
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(text: &[&str]) -> Vec<String> {
        text.iter().map(|line| (*line).to_owned()).collect()
    }

    #[test]
    fn a_block_cannot_be_left_and_shows_no_escapes() {
        let shown = block(&lines(&[
            "```",
            "a\u{1b}[31mred\u{1b}[0m\tb\u{7}",
            "\u{1b}]0;title\u{7}c",
            "end```rs",
        ]));
        assert_eq!(shown, "```\n``\u{200b}`\nared\tb\nc\nend``\u{200b}`rs\n```");
    }

    #[test]
    fn a_long_line_is_cut_and_says_by_how_much() {
        let shown = block(&[("x".repeat(5_000))]);
        assert!(
            shown.contains("… (+3100 characters, whole in the log)"),
            "{shown}"
        );
    }

    #[test]
    fn a_flood_shows_its_ends() {
        let head: Vec<_> = (0..10).map(|n| format!("line {n} {}", "x".repeat(500))).collect();
        let tail: Vec<_> = (90..100)
            .map(|n| format!("line {n} {}", "ö".repeat(500)))
            .collect();
        let shown = flood(&head, &tail, 80);
        assert!(
            shown.chars().count() <= MESSAGE_LIMIT,
            "{}",
            shown.chars().count()
        );
        assert!(shown.contains("line 0 ") && shown.contains("line 99 ") && shown.contains("80 more lines"));
    }

    proptest! {
        #[test]
        fn every_block_fits_and_no_line_is_lost(lines in proptest::collection::vec("[a-z`ö👍\t]{0,400}", 1..60)) {
            let blocks = batch(&lines);
            let mut seen = 0;
            for block in &blocks {
                prop_assert!(block.chars().count() <= MESSAGE_LIMIT);
                let inner = block.strip_prefix("```\n").and_then(|rest| rest.strip_suffix("\n```")).unwrap();
                prop_assert!(!inner.contains("```"));
                seen += inner.split('\n').count();
            }
            prop_assert_eq!(seen, lines.len());
        }
    }
}
