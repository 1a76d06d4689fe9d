//! The instants at which an expression is evaluated.

/// Evenly spaced instants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Steps {
    /// The first, ms since 1970.
    pub(super) first_ms: i64,
    /// From one to the next; at least 1.
    pub(super) step_ms: i64,
    /// How many.
    pub(super) count: usize,
}

impl Steps {
    /// One instant.
    pub(super) fn one(at_ms: i64) -> Self {
        Self {
            first_ms: at_ms,
            step_ms: 1,
            count: 1,
        }
    }

    /// From start to end, both included.
    pub(super) fn between(start_ms: i64, end_ms: i64, step_ms: i64) -> Self {
        let count = if end_ms < start_ms {
            0
        } else {
            ((end_ms - start_ms) / step_ms) as usize + 1
        };
        Self {
            first_ms: start_ms,
            step_ms,
            count,
        }
    }

    /// One of the instants, ms since 1970.
    pub(super) fn at(&self, index: usize) -> i64 {
        self.first_ms + index as i64 * self.step_ms
    }

    /// The last instant, or the first if there are none.
    pub(super) fn last_ms(&self) -> i64 {
        self.at(self.count.saturating_sub(1))
    }

    /// All of them.
    pub(super) fn iter(self) -> impl Iterator<Item = i64> + Clone {
        (0..self.count).map(move |index| self.at(index))
    }

    /// The same in pieces of at most so many.
    pub(super) fn pieces(self, count_max: usize) -> impl Iterator<Item = Self> {
        (0..self.count).step_by(count_max).map(move |begin| Self {
            first_ms: self.at(begin),
            count: count_max.min(self.count - begin),
            ..self
        })
    }
}
