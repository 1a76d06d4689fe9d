//! Evaluation steps.

use rehearsal_convert::Index;

/// Evenly spaced evaluation times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Steps {
    /// First step, ms since 1970.
    pub(crate) first_ms: i64,
    /// Interval, ms; at least 1.
    pub(crate) step_ms: i64,
    /// Number of steps.
    pub(crate) count: usize,
}

impl Steps {
    /// Creates a single step.
    pub(crate) fn one(at_ms: i64) -> Self {
        Self {
            first_ms: at_ms,
            step_ms: 1,
            count: 1,
        }
    }

    /// Creates the steps from start to end, both included.
    pub(crate) fn between(start_ms: i64, end_ms: i64, step_ms: i64) -> Self {
        let count = if end_ms < start_ms {
            0
        } else {
            ((end_ms - start_ms) / step_ms).to_index() + 1
        };
        Self {
            first_ms: start_ms,
            step_ms,
            count,
        }
    }

    /// Time of a step, ms since 1970.
    pub(crate) fn at(&self, index: usize) -> i64 {
        self.first_ms + index.index_i64() * self.step_ms
    }

    /// Time of the last step, or of the first if there is none.
    pub(crate) fn last_ms(&self) -> i64 {
        self.at(self.count.saturating_sub(1))
    }

    /// Iterates over all times.
    pub(crate) fn iter(self) -> impl Iterator<Item = i64> + Clone {
        (0..self.count).map(move |index| self.at(index))
    }

    /// Returns the same steps in pieces of at most `count_max`.
    pub(crate) fn pieces(self, count_max: usize) -> impl Iterator<Item = Self> {
        (0..self.count).step_by(count_max).map(move |begin| Self {
            first_ms: self.at(begin),
            count: count_max.min(self.count - begin),
            ..self
        })
    }

    /// Returns the same steps in pieces, each twice as long as the one before, up to a maximum: for
    /// evaluations that may end early.
    pub(crate) fn growing_pieces(
        self,
        mut count: usize,
        count_max: usize,
    ) -> impl Iterator<Item = Self> {
        let mut rest = self;
        std::iter::from_fn(move || {
            let piece = Self {
                count: count.min(rest.count),
                ..rest
            };
            rest.first_ms = rest.at(piece.count);
            rest.count -= piece.count;
            count = count_max.min(2 * count);
            (piece.count > 0).then_some(piece)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growing_pieces_cover_all_steps_in_order() {
        let steps = Steps::between(7, 7 + 99 * 15, 15);
        let pieces: Vec<Steps> = steps.growing_pieces(4, 32).collect();
        let counts = pieces.iter().map(|piece| piece.count);
        assert!(counts.eq([4, 8, 16, 32, 32, 8]));
        let instants = pieces.into_iter().flat_map(Steps::iter);
        assert!(instants.eq(steps.iter()));
        assert_eq!(Steps::between(1, 0, 1).growing_pieces(4, 32).count(), 0);
    }
}
