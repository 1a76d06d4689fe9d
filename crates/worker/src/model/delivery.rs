//! Delivery numbers: the order of all leases of a queue, whatever happens to its counter.
//!
//! A queue counts its leases from 1. If it is created anew, it counts from 1 again, and every fence
//! that an earlier lease has raised would refuse the new ones. So a delivery also carries the epoch
//! of its queue. The store, which keeps the fences, gives each queue that starts to count a higher
//! epoch than all before.

use rehearsal_convert::Index;

/// Bits of a delivery below its epoch.
const NUMBER_BITS: u32 = 40;

/// Interval in which a queue counts its leases from 1, without a gap in its memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct DeliveryEpoch(u32);

impl DeliveryEpoch {
    /// Epoch of a queue that was never created anew.
    pub const FIRST: Self = Self(0);

    /// Creates the epoch with this number, from 0.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// Returns the epoch of a queue that is created anew.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// Returns the delivery of the lease `number` of this epoch, from 1. Deliveries are ordered by
    /// epoch, then by number.
    ///
    /// # Panics
    /// The number has more than 40 bits.
    pub fn delivery(self, number: u64) -> u64 {
        assert!(number >> NUMBER_BITS == 0, "lease {number} of one epoch");
        u64::from(self.0) << NUMBER_BITS | number
    }

    /// Returns the epoch of a delivery, and its number in that epoch.
    pub fn of_delivery(delivery: u64) -> (Self, u64) {
        let epoch = (delivery >> NUMBER_BITS).index_u32();
        (Self(epoch), delivery & ((1 << NUMBER_BITS) - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deliveries_of_a_later_epoch_are_higher_than_all_before() {
        let (first, second) = (DeliveryEpoch::FIRST, DeliveryEpoch::FIRST.next());
        assert_eq!(first.delivery(7), 7);
        assert!(second.delivery(1) > first.delivery((1 << NUMBER_BITS) - 1));
        assert!(second.next().delivery(1) > second.delivery(2));
        for (epoch, number) in [(first, 1), (second, 3), (DeliveryEpoch::new(9), 0)] {
            let delivery = epoch.delivery(number);
            assert_eq!(DeliveryEpoch::of_delivery(delivery), (epoch, number));
        }
    }
}
