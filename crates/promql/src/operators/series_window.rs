//! Samples of one series around a step.

use crate::operators::steps::Steps;
use crate::parse::time_modifier::TimeModifier;

/// The samples of one series around some steps, and which of them each step's window holds.
#[derive(Debug)]
pub(crate) struct SeriesWindow<'a> {
    /// ms since 1970, rising.
    pub(crate) times_ms: &'a [i64],
    /// One for each time.
    pub(crate) values: &'a [f64],
    /// For each step, the first sample of its window and the first after it.
    pub(crate) bounds: &'a [(usize, usize)],
    /// Steps that the windows belong to.
    pub(crate) steps: Steps,
    /// Where a window ends, relative to its step.
    pub(crate) when: TimeModifier,
    /// Length of a window, ms.
    pub(crate) range_ms: i64,
}

/// The samples in one window.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window<'a> {
    /// ms since 1970, rising.
    pub(crate) times_ms: &'a [i64],
    /// One for each time; never empty.
    pub(crate) values: &'a [f64],
    /// Where the window ends, ms since 1970.
    pub(crate) end_ms: i64,
    /// Length of the window, ms.
    pub(crate) range_ms: i64,
    /// The step at which it is asked for.
    pub(crate) step_ms: i64,
}

impl<'a> SeriesWindow<'a> {
    /// The window of a step, if it holds a sample.
    #[inline]
    pub(crate) fn window(&self, step: usize) -> Option<Window<'a>> {
        let (first, end) = self.bounds[step];
        let step_ms = self.steps.at(step);
        (first < end).then(|| Window {
            times_ms: &self.times_ms[first..end],
            values: &self.values[first..end],
            end_ms: self.when.at(step_ms),
            range_ms: self.range_ms,
            step_ms,
        })
    }
}
