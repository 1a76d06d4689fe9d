//! Gauges: a value that is set.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The bits that say "removed": one particular NaN that no caller can set.
const REMOVED: u64 = 0x7ff0_dead_dead_dead;

/// A value that is set, or moved by an amount, as an f64.
///
/// There is one cell for all threads, because "the last set wins" needs one. A set is a relaxed
/// store; [`add`](Self::add) is a compare-and-swap loop, exact for integers up to 2^53. For what
/// is counted up and down, [`UpDownCounter`](super::UpDownCounter) is exact and faster.
///
/// ```
/// use rehearsal_metrics::{Family, Labels, Registry};
///
/// let registry = Registry::new();
/// let depth = registry.gauge(&Family::gauge("queue_depth"), Labels::none())?;
/// depth.set(7.0);
/// depth.add(-0.5);
/// assert_eq!(depth.get(), Some(6.5));
/// // A removed series is on no exposition. What is set through a handle puts it back.
/// assert!(registry.remove("queue_depth", &Labels::none()));
/// assert_eq!(depth.get(), None);
/// depth.set(1.0);
/// assert_eq!(depth.get(), Some(1.0));
/// # Ok::<(), rehearsal_metrics::RegisterError>(())
/// ```
#[derive(Clone)]
pub struct Gauge {
    cell: Arc<GaugeCell>,
}

struct GaugeCell {
    bits: AtomicU64,
    version: Arc<AtomicU64>,
}

impl Gauge {
    pub(crate) fn new(version: Arc<AtomicU64>) -> Self {
        Self {
            cell: Arc::new(GaugeCell {
                bits: AtomicU64::new(0),
                version,
            }),
        }
    }

    /// Sets the value. Any NaN is kept as the one canonical NaN.
    #[inline]
    pub fn set(&self, value: f64) {
        let value = if value.is_nan() { f64::NAN } else { value };
        let removed = self.is_removed();
        self.cell.bits.store(value.to_bits(), Ordering::Relaxed);
        if removed {
            self.came_back();
        }
    }

    /// Adds an amount, which may be negative. A removed gauge starts from 0 again.
    #[inline]
    pub fn add(&self, amount: f64) {
        let moved = |bits: u64| {
            let before = if bits == REMOVED {
                0.0
            } else {
                f64::from_bits(bits)
            };
            Some((before + amount).to_bits())
        };
        let before = self
            .cell
            .bits
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, moved);
        if before == Ok(REMOVED) {
            self.came_back();
        }
    }

    /// The value, or `None` while the series is removed.
    pub fn get(&self) -> Option<f64> {
        let bits = self.cell.bits.load(Ordering::Relaxed);
        (bits != REMOVED).then(|| f64::from_bits(bits))
    }

    pub(crate) fn bits(&self) -> u64 {
        self.cell.bits.load(Ordering::Relaxed)
    }

    fn is_removed(&self) -> bool {
        self.bits() == REMOVED
    }

    pub(crate) fn remove(&self) {
        self.cell.bits.store(REMOVED, Ordering::Relaxed);
        self.cell.version.fetch_add(1, Ordering::Release);
    }

    /// Puts a removed gauge back in the exposition, at 0.
    pub(crate) fn revive(&self) {
        let swap = |o, n| {
            self.cell
                .bits
                .compare_exchange(o, n, Ordering::Relaxed, Ordering::Relaxed)
        };
        if swap(REMOVED, 0).is_ok() {
            self.came_back();
        }
    }

    #[cold]
    fn came_back(&self) {
        self.cell.version.fetch_add(1, Ordering::Release);
    }

    /// Whether this is the only handle.
    pub(crate) fn is_last(&self) -> bool {
        Arc::strong_count(&self.cell) == 1
    }
}
