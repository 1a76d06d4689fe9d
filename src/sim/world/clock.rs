//! Process clocks, which may run fast or slow.

use std::cell::Cell;
use std::time::Duration;

use super::connection::Connection;
use crate::model::time::nanos_of;
use crate::worker::ports;
use rehearsal_convert::{Nearest, Saturating};

/// Monotonic clock whose rate may change.
#[derive(Debug, Default)]
pub(super) struct ProcessClock {
    /// Start of the present rate: on the world's clock and on this one.
    anchor: Cell<(u64, u64)>,
    /// Relative gain of the clock: at 0.1 it runs a tenth fast.
    drift: Cell<f64>,
}

impl ProcessClock {
    /// Returns the reading of the clock in nanoseconds.
    pub fn elapsed_ns(&self, now_ns: u64) -> u64 {
        let (world_ns, own_ns) = self.anchor.get();
        debug_assert!(world_ns <= now_ns, "the world's clock went back");
        own_ns + self.own_ns(now_ns.saturating_sub(world_ns))
    }

    /// Changes the rate from now on.
    pub fn set_drift(&self, drift: f64, now_ns: u64) {
        debug_assert!(drift > -1.0, "a clock that stands still or runs backwards");
        self.anchor.set((now_ns, self.elapsed_ns(now_ns)));
        self.drift.set(drift);
    }

    /// Returns the time that the clock counts during a real time.
    fn own_ns(&self, real_ns: u64) -> u64 {
        match self.drift.get() {
            0.0 => real_ns,
            drift => (real_ns.nearest_f64() * (1.0 + drift)).saturating_u64(),
        }
    }

    /// Returns the real time during which the clock counts `own_ns`, rounded up.
    pub fn real_ns(&self, own_ns: u64) -> u64 {
        match self.drift.get() {
            0.0 => own_ns,
            drift => ((own_ns.nearest_f64() / (1.0 + drift)).ceil()).saturating_u64(),
        }
    }
}

/// Clock port of an incarnation.
#[derive(Clone)]
pub struct ClockPort(pub(super) Connection);

impl ports::Clock for ClockPort {
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        let Connection { world, incarnation } = &self.0;
        let real_ns = world.clock(incarnation.process).real_ns(nanos_of(duration));
        world.handle.sleep_ns(real_ns).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clock_with_drift_runs_at_its_rate_and_never_falls() {
        let clock = ProcessClock::default();
        assert_eq!(clock.elapsed_ns(1_000), 1_000);
        clock.set_drift(0.1, 1_000);
        assert_eq!(clock.elapsed_ns(2_000), 2_100);
        assert_eq!(clock.real_ns(1_100), 1_000);
        clock.set_drift(-0.5, 2_000);
        assert_eq!(clock.elapsed_ns(3_000), 2_600);
        clock.set_drift(0.0, 3_000);
        assert_eq!(clock.elapsed_ns(4_000), 3_600);
    }
}
