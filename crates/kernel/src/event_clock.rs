//! Virtual time and the number of the current event.

use std::cell::Cell;

use super::trace::TraceLine;

/// Clock and event counter of a kernel, shared by the run loop and its state.
pub(super) struct EventClock {
    /// Virtual time in nanoseconds since the Unix epoch.
    pub(super) now_ns: Cell<u64>,
    /// Number of dispatched events.
    pub(super) events: Cell<u64>,
    /// First event of the readable trace, and the one after the last; equal without a trace.
    window: Cell<(u64, u64)>,
}

impl EventClock {
    pub(super) fn new(start_ns: u64, window: (u64, u64)) -> Self {
        Self {
            now_ns: Cell::new(start_ns),
            events: Cell::new(0),
            window: Cell::new(window),
        }
    }

    /// Returns whether the current event lies in the window of the readable trace.
    #[inline]
    pub(super) fn is_readable(&self) -> bool {
        let (from, to) = self.window.get();
        (from..to).contains(&self.events.get())
    }

    /// Returns a line of the readable trace for the current event.
    pub(super) fn line(&self, what: String) -> TraceLine {
        TraceLine {
            event: self.events.get(),
            at_ns: self.now_ns.get(),
            what,
        }
    }
}
