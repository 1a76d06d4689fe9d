//! Time modifiers `offset` and `@` of selectors.

use std::time::{Duration, SystemTime};

use promql_parser::parser::{AtModifier, Offset};

/// Time relative to the step, or a fixed time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimeModifier {
    pinned_ms: Option<i64>,
    offset_ms: i64,
}

impl TimeModifier {
    /// Creates the modifier. `start_ms` and `end_ms` are those of the whole query, for `start()`
    /// and `end()`.
    pub(crate) fn new(
        at: Option<&AtModifier>,
        offset: Option<&Offset>,
        (start_ms, end_ms): (i64, i64),
    ) -> Self {
        let offset_ms = match offset {
            None => 0,
            Some(Offset::Pos(offset)) => millis(*offset),
            Some(Offset::Neg(offset)) => -millis(*offset),
        };
        let pinned_ms = at.map(|at| match at {
            AtModifier::Start => start_ms,
            AtModifier::End => end_ms,
            AtModifier::At(time) => since_epoch_ms(*time),
        });
        Self {
            pinned_ms,
            offset_ms,
        }
    }

    /// Time that a step refers to.
    #[inline]
    pub(crate) fn at(self, step_ms: i64) -> i64 {
        self.pinned_ms.unwrap_or(step_ms) - self.offset_ms
    }
}

/// Maximum of times and durations, so that sums of nested ones never overflow.
pub(crate) const MS_MAX: i64 = i64::MAX / 4_096;

/// Converts a duration to ms.
pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).map_or(MS_MAX, |ms| ms.min(MS_MAX))
}

fn since_epoch_ms(time: SystemTime) -> i64 {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => millis(since),
        Err(before) => -millis(before.duration()),
    }
}
