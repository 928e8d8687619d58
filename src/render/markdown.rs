//! Turns the agent's Markdown into the dialect that Discord shows.
//!
//! Discord knows three sizes of headings, no tables and no images; without this module a reader would see `####`, rows
//! of bars that line up nowhere, and exclamation marks before links. Everything else stays as it is, byte for byte.

use std::{fmt::Write as _, ops::Range};

use pulldown_cmark::{Alignment, Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd};
use unicode_segmentation::UnicodeSegmentation as _;

/// A wider cell may stand out of its column: one long cell must not push a thousand short ones apart.
const WIDEST_COLUMN: usize = 40;

/// Turns the agent's Markdown into the dialect that Discord shows.
#[must_use]
pub fn discord(text: &str) -> String {
    if !(text.contains("####") || text.contains("![") || text.contains('|')) {
        return text.to_owned();
    }
    let mut edits = Edits {
        text,
        found: Vec::new(),
        depth: 0,
    };
    let mut events = Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter();
    while let Some((event, range)) = events.next() {
        match event {
            Event::Start(Tag::Heading { level, .. }) if level > HeadingLevel::H3 => edits.heading(&range),
            Event::Start(Tag::Link { .. }) => edits.depth += 1,
            Event::Start(Tag::Image { link_type, .. }) => {
                if link_type == LinkType::Inline {
                    edits.image(&range);
                }
                edits.depth += 1;
            }
            Event::End(TagEnd::Link | TagEnd::Image) => edits.depth -= 1,
            Event::Start(Tag::Table(alignments)) => {
                let mut table = Table {
                    alignments,
                    rows: Vec::new(),
                    links: Vec::new(),
                };
                for (event, _) in events.by_ref() {
                    if event == Event::End(TagEnd::Table) {
                        break;
                    }
                    table.take(event);
                }
                edits.table(&range, &table);
            }
            _ => {}
        }
    }
    edits.apply()
}

/// What is to be replaced, found from the front to the back.
struct Edits<'a> {
    text: &'a str,
    found: Vec<(Range<usize>, String)>,
    /// In how many links and images the current event lies.
    depth: usize,
}

impl Edits<'_> {
    fn source(&self, range: Range<usize>) -> &str {
        self.text.get(range).unwrap_or_default()
    }

    /// `##### x` → `### x`
    fn heading(&mut self, range: &Range<usize>) {
        let source = self.source(range.clone());
        let marks = source.len() - source.trim_start_matches('#').len();
        if marks > 3 {
            self.found
                .push((range.start + 3..range.start + marks, String::new()));
        }
    }

    /// `![a](u)` → `[a](u)`; an image within a link becomes its text, for Discord has no links in links.
    fn image(&mut self, range: &Range<usize>) {
        let source = self.source(range.clone());
        let Some(inner) = source.strip_prefix("![") else {
            return;
        };
        if self.depth > 1 {
            return;
        }
        if self.depth > 0 {
            let Some(end) = inner.find("](").filter(|end| *end > 0) else {
                return;
            };
            let end = range.start + 2 + end;
            self.found.push((range.start..range.start + 2, String::new()));
            self.found.push((end..range.end, String::new()));
        } else if inner.starts_with(']') {
            // A link without a text shows as brackets.
            self.found
                .push((range.start..range.start + 2, "[image".to_owned()));
        } else {
            self.found.push((range.start..range.start + 1, String::new()));
        }
    }

    /// A table becomes a code block; within a quote it stays in the quote.
    fn table(&mut self, range: &Range<usize>, table: &Table) {
        let start = self.source(0..range.start).rfind('\n').map_or(0, |at| at + 1);
        let prefix = self.source(start..range.start);
        if !prefix.chars().all(|c| matches!(c, ' ' | '\t' | '>')) {
            // On the line of a list's item a code block would swallow the item's mark.
            return;
        }
        // Cells beyond the header's are dropped where a table is drawn, and with them the words in them.
        if self
            .source(range.clone())
            .lines()
            .any(|line| cells(line) > table.alignments.len())
        {
            return;
        }
        let prefix = if prefix.contains('>') { "> " } else { "" };
        let mut block = format!("{prefix}```\n");
        for line in table.lines() {
            let _ = writeln!(block, "{prefix}{line}");
        }
        let _ = write!(block, "{prefix}```");
        if self.source(range.clone()).ends_with('\n') {
            block.push('\n');
        }
        self.found.push((start..range.end, block));
    }

    fn apply(self) -> String {
        let mut out = String::with_capacity(self.text.len());
        let mut at = 0;
        for (range, replacement) in &self.found {
            if range.start < at {
                continue;
            }
            out.push_str(self.source(at..range.start));
            out.push_str(replacement);
            at = range.end;
        }
        out.push_str(self.source(at..self.text.len()));
        out
    }
}

/// How many cells a line of a table has: one more than there are bars between them.
fn cells(line: &str) -> usize {
    let inner = line.trim_start_matches([' ', '\t', '>']).trim_end();
    let inner = inner.strip_prefix('|').unwrap_or(inner);
    let inner = inner.strip_suffix('|').unwrap_or(inner);
    let mut escaped = false;
    let bars = inner.chars().filter(|c| {
        let bar = *c == '|' && !escaped;
        escaped = *c == '\\' && !escaped;
        bar
    });
    bars.count() + 1
}

/// The cells of a table as plain text: in a code block no markup is shown as such.
struct Table {
    alignments: Vec<Alignment>,
    rows: Vec<Vec<String>>,
    /// Where the links lead that are open.
    links: Vec<String>,
}

impl Table {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(Tag::TableHead | Tag::TableRow) => self.rows.push(Vec::new()),
            Event::Start(Tag::TableCell) => {
                if let Some(row) = self.rows.last_mut() {
                    row.push(String::new());
                }
            }
            Event::Text(text) | Event::Code(text) => self.write(&text),
            // `<br>` is how people break lines in tables; other tags are most likely meant as text.
            Event::InlineHtml(html) if html.starts_with("<br") => self.write(" "),
            Event::InlineHtml(html) => self.write(&html),
            Event::Start(Tag::Link {
                link_type, dest_url, ..
            }) => {
                // An autolink's text says already where it leads.
                let shown = matches!(link_type, LinkType::Autolink | LinkType::Email);
                self.links.push(if shown {
                    String::new()
                } else {
                    format!(" ({dest_url})")
                });
            }
            Event::End(TagEnd::Link) => {
                let target = self.links.pop().unwrap_or_default();
                self.write(&target);
            }
            _ => {}
        }
    }

    fn write(&mut self, text: &str) {
        if let Some(cell) = self.rows.last_mut().and_then(|row| row.last_mut()) {
            for c in text.chars() {
                // Three backticks in a row would end the code block that the cell will stand in.
                if c == '`' && cell.ends_with('`') {
                    cell.push('\u{200b}');
                }
                cell.push(c);
            }
        }
    }

    fn lines(&self) -> Vec<String> {
        let mut widths: Vec<usize> = vec![1; self.alignments.len()];
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(width_of(cell).min(WIDEST_COLUMN));
            }
        }
        let mut lines: Vec<String> = self.rows.iter().map(|row| self.line(row, &widths)).collect();
        let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
        lines.insert(lines.len().min(1), rule.join("-|-"));
        lines
    }

    fn line(&self, row: &[String], widths: &[usize]) -> String {
        let mut line = String::new();
        // A header of a thousand cells must not make a thousand bars of each short row.
        let filled = row
            .iter()
            .rposition(|cell| !cell.is_empty())
            .map_or(0, |last| last + 1);
        let columns = widths.iter().zip(&self.alignments).take(filled);
        for (column, (width, alignment)) in columns.enumerate() {
            let cell = row.get(column).map(String::as_str).unwrap_or_default();
            let space = width.saturating_sub(width_of(cell));
            let before = match alignment {
                Alignment::Right => space,
                Alignment::Center => space / 2,
                Alignment::Left | Alignment::None => 0,
            };
            if column > 0 {
                line.push_str(" | ");
            }
            // Writing to a string cannot fail.
            let _ = write!(line, "{:before$}{cell}{:after$}", "", "", after = space - before);
        }
        line.truncate(line.trim_end().len());
        line
    }
}

/// How many columns a text takes in a fixed-width font, as well as can be told without the font.
fn width_of(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    text.graphemes(true)
        .map(|grapheme| {
            let wide = grapheme.contains('\u{fe0f}') || grapheme.chars().next().is_some_and(is_wide);
            if wide {
                2
            } else {
                usize::from(!grapheme.chars().all(is_unseen))
            }
        })
        .sum()
}

/// The blocks whose characters fill two columns: East Asian scripts and emoji.
fn is_wide(c: char) -> bool {
    matches!(c,
        '\u{1100}'..='\u{115f}' | '\u{231a}'..='\u{231b}' | '\u{23e9}'..='\u{23ec}' | '\u{23f0}' | '\u{23f3}'
        | '\u{25fd}'..='\u{25fe}' | '\u{2614}'..='\u{2615}' | '\u{26a1}' | '\u{26d4}' | '\u{2705}'
        | '\u{270a}'..='\u{270b}' | '\u{2728}' | '\u{274c}' | '\u{274e}' | '\u{2753}'..='\u{2755}' | '\u{2757}'
        | '\u{2795}'..='\u{2797}' | '\u{27b0}' | '\u{2b1b}'..='\u{2b1c}' | '\u{2b50}' | '\u{2b55}'
        | '\u{2e80}'..='\u{303e}' | '\u{3041}'..='\u{33ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{a000}'..='\u{a4cf}' | '\u{a960}'..='\u{a97f}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ff60}' | '\u{ffe0}'..='\u{ffe6}' | '\u{1f004}' | '\u{1f0cf}'
        | '\u{1f18e}' | '\u{1f191}'..='\u{1f19a}' | '\u{1f1e6}'..='\u{1f1ff}' | '\u{1f200}'..='\u{1f320}'
        | '\u{1f32d}'..='\u{1f335}' | '\u{1f337}'..='\u{1f37c}' | '\u{1f37e}'..='\u{1f393}'
        | '\u{1f3a0}'..='\u{1f3ca}' | '\u{1f3cf}'..='\u{1f3d3}' | '\u{1f3e0}'..='\u{1f3f0}' | '\u{1f3f4}'
        | '\u{1f3f8}'..='\u{1f43e}' | '\u{1f440}' | '\u{1f442}'..='\u{1f4fc}' | '\u{1f4ff}'..='\u{1f53d}'
        | '\u{1f54b}'..='\u{1f567}' | '\u{1f57a}' | '\u{1f595}'..='\u{1f596}' | '\u{1f5a4}'
        | '\u{1f5fb}'..='\u{1f64f}' | '\u{1f680}'..='\u{1f6ff}' | '\u{1f7e0}'..='\u{1f7eb}'
        | '\u{1f90c}'..='\u{1f9ff}' | '\u{1fa70}'..='\u{1faff}' | '\u{20000}'..='\u{3fffd}')
}

fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{300}'..='\u{36f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_table_that_would_lose_a_cell_stays_as_it_is() {
        let wide = "| cmd | meaning |\n|---|---|\n| `a|b` | pipe |\n";
        assert_eq!(discord(wide), wide);
        let escaped = "| cmd | meaning |\n|---|---|\n| a\\|b | pipe |\n";
        assert!(
            discord(escaped).contains("a|b") && discord(escaped).contains("```"),
            "{}",
            discord(escaped)
        );
    }

    #[test]
    fn headings_past_the_third_become_the_third() {
        assert_eq!(
            discord("# a\n## b\n### c\n#### d\n##### e\n###### f ##\n"),
            "# a\n## b\n### c\n### d\n### e\n### f ##\n"
        );
        assert_eq!(
            discord("> #### q\n\n- #### l\n\n  #### m"),
            "> ### q\n\n- ### l\n\n  ### m"
        );
        for untouched in [
            "####### no",
            "####no",
            "a #### b",
            "    #### code",
            "`#### code`",
            r"\#### no",
        ] {
            assert_eq!(discord(untouched), untouched);
        }
    }

    #[test]
    fn images_become_links() {
        assert_eq!(
            discord("see ![a *b*](https://x/y.png \"t\")!"),
            "see [a *b*](https://x/y.png \"t\")!"
        );
        assert_eq!(discord("![](u)"), "[image](u)");
        assert_eq!(discord("[![build](b.svg)](https://ci)"), "[build](https://ci)");
        assert_eq!(discord("a\r\n![a](u)\r\n"), "a\r\n[a](u)\r\n");
        for untouched in ["`![a](u)`", "![a][b]", "! [a](u)", r"\![a](u)", "![a]"] {
            assert_eq!(discord(untouched), untouched);
        }
    }

    #[test]
    fn nothing_changes_in_code() {
        let inner = "#### h\n| a | b |\n|---|---|\n| 1 | 2 |\n![a](u)\n";
        for (open, close) in [
            ("```md\n", "```\n"),
            ("~~~\n", "~~~\n"),
            ("````\n```\n", "````\n"),
            ("- x\n  ```\n", "  ```\n"),
        ] {
            let indent = if open.starts_with('-') { "  " } else { "" };
            let inner: Vec<String> = inner.lines().map(|line| format!("{indent}{line}")).collect();
            let text = format!("before\n\n{open}{}\n{close}\nafter", inner.join("\n"));
            assert_eq!(discord(&text), text);
        }
        let open = format!("```\n{inner}");
        assert_eq!(
            discord(&open),
            open,
            "a block that is still being written is code too"
        );
    }

    #[test]
    fn a_table_becomes_an_aligned_code_block() {
        let text = "Sizes:\n\n| Name | Size | Note |\n|:-----|-----:|:----:|\n| **a** | 1 | `x` |\n| longer | 1000 | [y](https://y) |\n| 漢字 | é | ✅ |\n\nDone.";
        insta::assert_snapshot!(discord(text), @r"
        Sizes:

        ```
        Name   | Size |     Note
        -------|------|--------------
        a      |    1 |       x
        longer | 1000 | y (https://y)
        漢字   |    é |      ✅
        ```

        Done.
        ");
    }

    #[test]
    fn tables_where_they_are_odd() {
        assert_eq!(discord("a|b\n-|-"), "```\na | b\n--|--\n```");
        assert_eq!(
            discord("|a|\n|-|\n|``` x\\|y|"),
            "```\na\n-------\n`\u{200b}`\u{200b}` x|y\n```"
        );
        assert_eq!(
            discord("> |a|b|\n> |-|-|\n> |1|2|\n"),
            "> ```\n> a | b\n> --|--\n> 1 | 2\n> ```\n"
        );
        assert_eq!(discord("- |a|b|\n  |-|-|\n"), "- |a|b|\n  |-|-|\n");
        assert_eq!(
            discord("|a|b|c|\n|-|-|-|\n|1|\n||2|"),
            "```\na | b | c\n--|---|--\n1\n  | 2\n```"
        );
        assert_eq!(discord("not | a | table"), "not | a | table");
    }

    #[test]
    fn one_long_cell_does_not_widen_every_row() {
        let text = format!(
            "|a|b|\n|-|-|\n|{}|x|\n{}",
            "long".repeat(500),
            "|1|2|\n".repeat(1000)
        );
        assert!(discord(&text).len() < text.len() * 12);
    }

    #[test]
    fn it_is_linear() {
        // Quadratic code would take hours for these; there is no clock here, the runner's own deadline is enough.
        for unit in [
            "#### h\n",
            "![a](u)",
            "[![a](u)](v) ",
            "![",
            "[![",
            "|a|b|\n|-|-|\n|1|2|\n\n",
            "|",
            "> ",
            "`|",
            "||\n",
        ] {
            assert!(!discord(&unit.repeat(100_000)).is_empty(), "{unit}");
        }
        let nested = format!("[{}{}](v)", "![".repeat(50_000), "](u)".repeat(50_000));
        assert!(!discord(&nested).is_empty());
        let wide = format!(
            "{}\n{}\n{}",
            "|a".repeat(2000),
            "|-".repeat(2000),
            "|x\n".repeat(2000)
        );
        assert!(discord(&wide).len() < wide.len() * 100);
    }

    fn fragment() -> impl Strategy<Value = String> {
        prop_oneof![
            Just("#### h\n".to_owned()),
            Just("![a](u)".to_owned()),
            Just("[![a](u)](v)".to_owned()),
            Just("|a|b|\n|-|-|\n|1|2|\n".to_owned()),
            Just("| ".to_owned()),
            Just("```\n".to_owned()),
            Just("> ".to_owned()),
            Just("- ".to_owned()),
            Just("`".to_owned()),
            Just("\n".to_owned()),
            Just("\r\n\r\n".to_owned()),
            "[a-z 漢é😀*_<>\\[\\]()\\\\!#|-]{0,12}",
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_text_can_be_turned(fragments in prop::collection::vec(fragment(), 0..30)) {
            let text = fragments.concat();
            let shown = discord(&text);
            prop_assert!(shown.trim().is_empty() == text.trim().is_empty());
        }

        #[test]
        fn text_without_tables_headings_and_images_is_untouched(text in "[a-z 漢é*_<>\\[()\\\\`~\n\r\t1.#-]{0,200}") {
            let text = text.replace("####", "###");
            prop_assert_eq!(discord(&text), text);
        }
    }
}
