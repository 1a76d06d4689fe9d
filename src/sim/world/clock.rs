//! A process's own clock, which may run fast or slow.

use std::cell::Cell;
use std::time::Duration;

use super::connection::Connection;
use crate::model::time::nanos_of;
use crate::worker::ports;

/// Counts time at a rate that may change, and never falls.
#[derive(Debug, Default)]
pub(super) struct ProcessClock {
    /// Where the present rate began: on the world's clock and on this one.
    anchor: Cell<(u64, u64)>,
    /// By how much it gains: 0.1 is a tenth fast.
    drift: Cell<f64>,
}

impl ProcessClock {
    /// What it shows.
    pub fn elapsed_ns(&self, now_ns: u64) -> u64 {
        let (world_ns, own_ns) = self.anchor.get();
        own_ns + self.own_ns(now_ns.saturating_sub(world_ns))
    }

    /// Changes the rate from now on.
    pub fn set_drift(&self, drift: f64, now_ns: u64) {
        self.anchor.set((now_ns, self.elapsed_ns(now_ns)));
        self.drift.set(drift);
    }

    /// How long it counts in so much real time.
    fn own_ns(&self, real_ns: u64) -> u64 {
        match self.drift.get() {
            0.0 => real_ns,
            drift => (real_ns as f64 * (1.0 + drift)) as u64,
        }
    }

    /// How much real time passes while it counts so much.
    pub fn real_ns(&self, own_ns: u64) -> u64 {
        match self.drift.get() {
            0.0 => own_ns,
            drift => (own_ns as f64 / (1.0 + drift)).ceil() as u64,
        }
    }
}

/// The clock as an incarnation reads it.
#[derive(Clone)]
pub struct ClockPort(pub(super) Connection);

impl ports::Clock for ClockPort {
    fn elapsed(&self) -> Duration {
        let Connection { world, incarnation } = &self.0;
        let now_ns = world.handle.now_ns();
        Duration::from_nanos(world.clock(incarnation.process).elapsed_ns(now_ns))
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
    fn a_skewed_clock_runs_at_its_rate_and_never_falls() {
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
