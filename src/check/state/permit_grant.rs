//! Permits of schedules with a rate: which were granted to whom, and how late they may be used.

use std::collections::VecDeque;
use std::time::Duration;

use super::table::ScheduleIndex;
use crate::model::time::nanos_of;
use crate::model::{IncarnationId, Timestamp};

/// Maximum number of grants of one schedule that are remembered.
const GRANTS_MAX: usize = 1 << 10;

/// Latest grants by schedule, in their order.
#[derive(Debug, Default)]
pub(crate) struct PermitGrants {
    schedules: Vec<VecDeque<KnownGrant>>,
}

/// Permits at `first + n * interval`, with `n < count`.
#[derive(Debug)]
pub(crate) struct KnownGrant {
    pub incarnation: IncarnationId,
    pub first: Timestamp,
    pub interval: Duration,
    pub count: u32,
    /// Time by which the holder sends all requests of the grant late: that from the grant until it
    /// learned of it, as far as the trail covers it.
    pub delay: Duration,
}

/// State of a permit, as the oracle knows it.
#[derive(Debug)]
pub(crate) enum KnownPermit {
    /// Granted to the process. A request is late by its fault after this instant and the tolerance.
    Granted { due: Timestamp },
    /// Too old to be remembered.
    Forgotten,
    /// Not granted to the process.
    Unknown,
}

impl PermitGrants {
    pub fn record(&mut self, schedule: ScheduleIndex, grant: KnownGrant) {
        let index = usize::from(schedule);
        if self.schedules.len() <= index {
            self.schedules.resize_with(index + 1, VecDeque::new);
        }
        let grants = &mut self.schedules[index];
        grants.push_back(grant);
        if grants.len() > GRANTS_MAX {
            grants.pop_front();
        }
    }

    /// Looks the permit of a request of the process up.
    pub fn find(
        &self,
        schedule: ScheduleIndex,
        incarnation: &IncarnationId,
        permit: Timestamp,
    ) -> KnownPermit {
        let Some(grants) = self.schedules.get(usize::from(schedule)) else {
            return KnownPermit::Unknown;
        };
        let mut latest = grants.iter().rev();
        let is_own =
            |grant: &&KnownGrant| grant.incarnation == *incarnation && grant.contains(permit);
        if let Some(grant) = latest.find(is_own) {
            return KnownPermit::Granted {
                due: permit.after(grant.delay),
            };
        }
        let oldest = grants.front();
        match grants.len() == GRANTS_MAX && oldest.is_some_and(|oldest| permit < oldest.first) {
            true => KnownPermit::Forgotten,
            false => KnownPermit::Unknown,
        }
    }
}

impl KnownGrant {
    fn contains(&self, permit: Timestamp) -> bool {
        let Some(offset) = permit.nanos().checked_sub(self.first.nanos()) else {
            return false;
        };
        let interval = nanos_of(self.interval).max(1);
        offset % interval == 0 && offset / interval < u64::from(self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NANOS: u64 = 1_000_000_000;

    fn id(name: &str) -> IncarnationId {
        IncarnationId {
            process: name.into(),
            number: 1,
        }
    }

    /// Permits at each second from `first` on.
    fn granted(first: u64, count: u32, delay: Duration) -> KnownGrant {
        KnownGrant {
            incarnation: id("a"),
            first: Timestamp::from_seconds(first),
            interval: Duration::from_nanos(NANOS),
            count,
            delay,
        }
    }

    #[test]
    fn permit_of_a_grant_is_due_after_its_delay() {
        let mut grants = PermitGrants::default();
        let schedule = ScheduleIndex::from(0);
        grants.record(schedule, granted(10, 2, Duration::from_secs(3)));
        let due = |name: &str, seconds| match grants.find(
            schedule,
            &id(name),
            Timestamp::from_seconds(seconds),
        ) {
            KnownPermit::Granted { due } => Some(due),
            KnownPermit::Forgotten | KnownPermit::Unknown => None,
        };
        assert_eq!(due("a", 11), Some(Timestamp::from_seconds(14)));
        assert_eq!([due("a", 9), due("a", 12), due("b", 11)], [None; 3]);
    }

    #[test]
    fn permit_before_all_remembered_grants_is_forgotten() {
        let mut grants = PermitGrants::default();
        let schedule = ScheduleIndex::from(0);
        for first in 0..=GRANTS_MAX as u64 {
            grants.record(schedule, granted(first, 1, Duration::ZERO));
        }
        let found = |seconds| grants.find(schedule, &id("a"), Timestamp::from_seconds(seconds));
        assert!(matches!(found(0), KnownPermit::Forgotten));
        assert!(matches!(found(1), KnownPermit::Granted { .. }));
    }
}
