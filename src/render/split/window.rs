//! Finds the place where a piece of a text should end.
//!
//! Without it pieces would end wherever they are full: in the middle of a sentence, of a word or of an emoji.

use unicode_segmentation::UnicodeSegmentation as _;

use super::{
    FENCE_LIMIT,
    fence::{Fence, Kind, kind_at},
};

/// Looks for the best cut of one piece.
pub(super) struct Window<'a> {
    text: &'a str,
    at: usize,
    fences: bool,
    /// How many characters of the text the piece can take, its closing mark included.
    budget: usize,
    open: Option<Fence<'a>>,
    /// Room that the closing mark may need if nothing but a hard cut is left.
    reserve: usize,
    /// The last place of each rank, best rank first.
    places: [Option<usize>; 5],
}

/// A place between two words or lines.
struct Place {
    at: usize,
    used: usize,
    newlines: usize,
    inside: bool,
}

impl<'a> Window<'a> {
    pub(super) fn new(
        text: &'a str,
        at: usize,
        open: Option<Fence<'a>>,
        budget: usize,
        limit: usize,
    ) -> Self {
        let reserve = open.map_or(0, |fence| fence.close_chars());
        Self {
            text,
            at,
            fences: limit >= FENCE_LIMIT,
            budget,
            open,
            reserve,
            places: [None; 5],
        }
    }

    /// Where the piece ends.
    pub(super) fn cut(mut self) -> usize {
        let mut line = self.at;
        let mut used = 0;
        loop {
            let kind = if self.fences {
                kind_at(self.text, line, self.open)
            } else {
                Kind::Plain
            };
            let Some(walked) = self.walk(line, used, kind == Kind::Plain) else {
                return self.best();
            };
            match kind {
                Kind::Opens(fence) => self.open = Some(fence),
                Kind::Closes => self.open = None,
                Kind::Plain => {}
            }
            let close = self.open.map_or(0, |fence| fence.close_chars());
            self.reserve = self.reserve.max(close);
            if walked.at >= self.text.len() {
                return if walked.used + close <= self.budget {
                    self.text.len()
                } else {
                    self.best()
                };
            }
            let next = self.next_line(&walked);
            let next_closes = self.open.is_some() && kind_at(self.text, next.at, self.open) == Kind::Closes;
            // An empty code block would be left on one side of the cut.
            if !(matches!(kind, Kind::Opens(_)) || next_closes) {
                let heading = self.open.is_none() && self.heading(line);
                let newlines = if heading { 0 } else { next.newlines };
                self.note(&Place {
                    newlines,
                    inside: self.open.is_some(),
                    ..walked
                });
            }
            if next.used > self.budget {
                return self.best();
            }
            (line, used) = (next.at, next.used);
        }
    }

    /// Walks through one line and notes the places between its words; `None` when the line does not fit.
    fn walk(&mut self, line: usize, mut used: usize, plain: bool) -> Option<Place> {
        let rest = self.text.get(line..)?;
        let mut end = (line, used);
        let mut seen_word = false;
        let mut gap = false;
        for (offset, c) in rest.char_indices() {
            if c == '\n' {
                break;
            }
            let at = line + offset;
            if c.is_whitespace() {
                gap |= seen_word && !matches!(c, '\u{a0}' | '\u{2007}' | '\u{202f}');
            } else {
                if gap
                    && plain
                    && !rest
                        .get(offset..)
                        .is_some_and(|r| r.starts_with("```") || r.starts_with("~~~"))
                {
                    self.note(&Place {
                        at: end.0,
                        used: end.1,
                        newlines: 0,
                        inside: false,
                    });
                }
                if used >= self.budget {
                    return None;
                }
                (seen_word, gap) = (true, false);
                end = (at + c.len_utf8(), used + 1);
            }
            used += 1;
        }
        Some(Place {
            at: end.0,
            used: end.1,
            newlines: 0,
            inside: false,
        })
    }

    /// The start of the next line that is not blank, and the number of line breaks before it.
    fn next_line(&self, end: &Place) -> Place {
        let rest = self.text.get(end.at..).unwrap_or_default();
        let (mut next, mut newlines) = (
            Place {
                at: end.at,
                used: end.used,
                ..*end
            },
            0,
        );
        for (index, (offset, c)) in rest.char_indices().enumerate() {
            if !c.is_whitespace() {
                break;
            }
            if c == '\n' {
                newlines += 1;
                next.at = end.at + offset + 1;
                next.used = end.used + index + 1;
            }
        }
        Place { newlines, ..next }
    }

    /// A heading belongs to what follows it.
    fn heading(&self, line: usize) -> bool {
        self.text.get(line..).is_some_and(|rest| rest.starts_with('#'))
    }

    fn note(&mut self, place: &Place) {
        let close = self.open.map_or(0, |fence| fence.close_chars());
        if place.used + close > self.budget || place.used == 0 {
            return;
        }
        let half = place.used * 2 >= self.budget;
        let quarter = place.used * 4 >= self.budget;
        let paragraph = place.newlines > 1;
        let line = place.newlines > 0;
        // Few half-empty messages are worth a better place, and so a rank counts only from a certain fill on.
        let ranks = [
            paragraph && !place.inside && half,
            line && !place.inside && half,
            paragraph && half,
            line && quarter,
            true,
        ];
        for (slot, counts) in self.places.iter_mut().zip(ranks) {
            if counts {
                *slot = Some(place.at);
            }
        }
    }

    fn best(&self) -> usize {
        self.places
            .iter()
            .flatten()
            .next()
            .copied()
            .unwrap_or_else(|| self.hard())
    }

    /// One word fills the whole piece: cut between two graphemes, or between two characters if even one is too long.
    fn hard(&self) -> usize {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let room = self.budget.saturating_sub(self.reserve).max(1);
        let mut ends = rest.char_indices().skip(room).map(|(offset, _)| offset);
        let Some(end) = ends.next() else {
            return self.text.len();
        };
        // One character more than fits says whether a grapheme ends where the room ends.
        let known = rest.get(..ends.next().unwrap_or(rest.len())).unwrap_or(rest);
        let fitting = known
            .grapheme_indices(true)
            .map(|(start, _)| start)
            .take_while(|start| *start <= end)
            .last();
        match fitting {
            Some(start) if rest.get(..start).is_some_and(|piece| !piece.trim().is_empty()) => self.at + start,
            _ => self.at + end,
        }
    }
}
