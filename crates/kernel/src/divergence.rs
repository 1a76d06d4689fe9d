//! Where two runs that should have been the same have parted.
//!
//! ```text
//!  pass 1: run twice, blocks recorded      -> first_block(a, b): the events to look at
//!  pass 2: run twice, window traced        -> first_event(a, b): the event, and both sides
//! ```

use std::ops::Range;

use super::trace::{TraceBlock, TraceLine};

/// The first place at which two readable traces differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// The number of the event.
    pub event: u64,
    /// What the left run did; none if it had ended.
    pub left: Option<TraceLine>,
    /// What the right run did; none if it had ended.
    pub right: Option<TraceLine>,
}

/// The window of events in which two runs parted, by their recorded blocks; none if they are the
/// same. *O*(blocks).
pub fn first_block(left: &[TraceBlock], right: &[TraceBlock]) -> Option<Range<u64>> {
    let same = left
        .iter()
        .zip(right)
        .take_while(|(left, right)| left == right)
        .count();
    if same == left.len() && same == right.len() {
        return None;
    }
    // Several records of one event may stand on both sides of a block's edge, so the event at the
    // edge belongs to the window.
    let from = if same == 0 { 0 } else { left[same - 1].events };
    let end = |blocks: &[TraceBlock]| blocks.get(same).map_or(0, |block| block.events);
    Some(from..end(left).max(end(right)) + 1)
}

/// The first line in which two readable traces of one window differ; none if they are the same.
/// *O*(lines).
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
    fn the_first_block_that_differs_gives_the_window() {
        let left = blocks(&[1, 2, 3]);
        assert_eq!(first_block(&left, &blocks(&[1, 2, 3])), None);
        assert_eq!(first_block(&left, &blocks(&[1, 9, 8])), Some(250..501));
        assert_eq!(first_block(&left, &blocks(&[9, 8, 7])), Some(0..251));
        assert_eq!(first_block(&left, &blocks(&[1, 2])), Some(500..751));
        assert_eq!(first_block(&[], &left), Some(0..251));
        assert_eq!(first_block(&[], &[]), None);
    }

    #[test]
    fn the_first_line_that_differs_names_the_event() {
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
