//! Search for the first difference between two runs that should be equal.
//!
//! ```text
//!  pass 1: run twice, blocks recorded      -> first_block(a, b): the events to look at
//!  pass 2: run twice, window traced        -> first_event(a, b): the event, and both sides
//! ```

use std::ops::Range;

use super::trace::{TraceBlock, TraceLine};

/// First difference between two readable traces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// Number of the event, from 1.
    pub event: u64,
    /// Line of the left run; `None` if it had ended.
    pub left: Option<TraceLine>,
    /// Line of the right run; `None` if it had ended.
    pub right: Option<TraceLine>,
}

/// Returns the window of events in which two runs diverged, by their recorded blocks; `None` if
/// they are equal. *O*(blocks).
pub fn first_block(left: &[TraceBlock], right: &[TraceBlock]) -> Option<Range<u64>> {
    let same = left
        .iter()
        .zip(right)
        .take_while(|(left, right)| left == right)
        .count();
    if same == left.len() && same == right.len() {
        return None;
    }
    // Records of one event may lie in two blocks, so the event at the edge belongs to the window.
    let from = if same == 0 { 0 } else { left[same - 1].events };
    let end = |blocks: &[TraceBlock]| blocks.get(same).map_or(0, |block| block.events);
    Some(from..end(left).max(end(right)) + 1)
}

/// Returns the first line in which two readable traces of one window differ; `None` if they are
/// equal. *O*(lines).
pub fn first_event(left: &[TraceLine], right: &[TraceLine]) -> Option<Divergence> {
    let same = left
        .iter()
        .zip(right)
        .take_while(|(left, right)| left == right)
        .count();
    let (left, right) = (left.get(same).cloned(), right.get(same).cloned());
    let event = left.iter().chain(&right).map(|line| line.event).min()?;
    Some(Divergence { event, left, right })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(hashes: &[u64]) -> Vec<TraceBlock> {
        let block = |(index, &hash)| TraceBlock {
            hash,
            events: 250 * (index as u64 + 1),
        };
        hashes.iter().enumerate().map(block).collect()
    }

    fn line(event: u64, what: &str) -> TraceLine {
        TraceLine {
            event,
            at_ns: 0,
            what: what.to_owned(),
        }
    }

    #[test]
    fn first_differing_block_gives_window() {
        let left = blocks(&[1, 2, 3]);
        assert_eq!(first_block(&left, &blocks(&[1, 2, 3])), None);
        assert_eq!(first_block(&left, &blocks(&[1, 9, 8])), Some(250..501));
        assert_eq!(first_block(&left, &blocks(&[9, 8, 7])), Some(0..251));
        assert_eq!(first_block(&left, &blocks(&[1, 2])), Some(500..751));
        assert_eq!(first_block(&[], &left), Some(0..251));
        assert_eq!(first_block(&[], &[]), None);
    }

    #[test]
    fn first_differing_line_names_event() {
        let left = [line(1, "a"), line(2, "b"), line(3, "c")];
        let right = [line(1, "a"), line(2, "x"), line(4, "c")];
        let divergence = Divergence {
            event: 2,
            left: Some(line(2, "b")),
            right: Some(line(2, "x")),
        };
        assert_eq!(first_event(&left, &right), Some(divergence));
        let divergence = Divergence {
            event: 3,
            left: Some(line(3, "c")),
            right: None,
        };
        assert_eq!(first_event(&left, &left[..2]), Some(divergence));
        assert_eq!(first_event(&left, &left), None);
    }
}
