//! Active run counts of incarnations: entries less exits, and the counts that others adopted.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::commit::{ActiveRunsDelta, AdoptOrphanedCount, DocumentVersion};
use crate::model::{IncarnationId, Timestamp};
use crate::worker::ports::HeartbeatAnswer;

/// Active runs that one incarnation accounts for.
#[derive(Debug, Default)]
struct ActiveRunCount {
    /// Entries less exits, by mode index, less the counts that others adopted.
    values: [i64; 2],
    /// Sum of the counts that others have adopted, by mode index.
    surrendered: [i64; 2],
    version: DocumentVersion,
    alive_at: Timestamp,
    /// Whether the incarnation announced its stop, so that its count may be adopted at once.
    is_stopping: bool,
}

/// Active run counts by incarnation.
#[derive(Debug, Default)]
pub(super) struct ActiveRunCounts(BTreeMap<IncarnationId, ActiveRunCount>);

impl ActiveRunCounts {
    fn entry(&mut self, incarnation: &IncarnationId, now: Timestamp) -> &mut ActiveRunCount {
        self.0
            .entry(incarnation.clone())
            .or_insert_with(|| ActiveRunCount {
                alive_at: now,
                ..ActiveRunCount::default()
            })
    }

    pub fn book(&mut self, incarnation: &IncarnationId, booking: ActiveRunsDelta, now: Timestamp) {
        let balance = self.entry(incarnation, now);
        balance.values[booking.mode.index()] += booking.change;
        balance.version += 1;
    }

    /// Returns the counts that an adoption would move; `None` if the version has changed.
    pub fn to_take(&self, take_over: &AdoptOrphanedCount) -> Option<[i64; 2]> {
        let balance = self.0.get(&take_over.from)?;
        (balance.version == take_over.expected).then_some(balance.values)
    }

    pub fn take_over(&mut self, from: &IncarnationId, to: &IncarnationId, now: Timestamp) {
        let total = cfg!(debug_assertions).then(|| self.total());
        let Some(balance) = self.0.get_mut(from) else {
            return;
        };
        let taken = std::mem::take(&mut balance.values);
        balance.version += 1;
        for (sum, taken) in balance.surrendered.iter_mut().zip(taken) {
            *sum += taken;
        }
        let taker = self.entry(to, now);
        taker.version += 1;
        for (value, taken) in taker.values.iter_mut().zip(taken) {
            *value += taken;
        }
        debug_assert!(
            total.is_none_or(|total| total == self.total()),
            "an adoption changed the sum of the counts"
        );
    }

    /// Sum of the counts of all incarnations, by mode index. *O*(incarnations).
    fn total(&self) -> [i64; 2] {
        let sum = |mode: usize| self.0.values().map(|balance| balance.values[mode]).sum();
        [sum(0), sum(1)]
    }

    /// Records a heartbeat and returns the counts that may be adopted. *O*(incarnations).
    pub fn heartbeat(
        &mut self,
        incarnation: &IncarnationId,
        abandoned_after: Duration,
        is_stopping: bool,
        now: Timestamp,
    ) -> HeartbeatAnswer {
        let balance = self.entry(incarnation, now);
        balance.alive_at = now;
        balance.is_stopping |= is_stopping;
        let surrendered = balance.surrendered;
        let is_abandoned = |other: &ActiveRunCount| {
            other.values != [0; 2]
                && (other.is_stopping || now.since(other.alive_at) >= abandoned_after)
        };
        let orphaned = self
            .0
            .iter()
            .filter(|(id, other)| *id != incarnation && is_abandoned(other))
            .map(|(id, other)| (id.clone(), other.version))
            .collect();
        HeartbeatAnswer {
            surrendered,
            orphaned,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Mode;

    fn incarnation(name: &str) -> IncarnationId {
        IncarnationId {
            process: name.into(),
            number: 1,
        }
    }

    #[test]
    fn count_of_a_silent_incarnation_is_adopted_once() {
        let (dead, heir) = (incarnation("dead"), incarnation("heir"));
        let mut balances = ActiveRunCounts::default();
        let at = Timestamp::from_seconds;
        let lease = Duration::from_secs(60);
        let booking = ActiveRunsDelta {
            mode: Mode::AnalysisOnly,
            change: 2,
        };
        balances.book(&dead, booking, at(0));
        assert!(
            balances
                .heartbeat(&heir, lease, false, at(59))
                .orphaned
                .is_empty()
        );
        let heartbeat = balances.heartbeat(&heir, lease, false, at(60));
        let (from, expected) = heartbeat.orphaned[0].clone();
        let take_over = AdoptOrphanedCount { from, expected };
        assert_eq!(balances.to_take(&take_over), Some([2, 0]));
        balances.take_over(&dead, &heir, at(60));
        assert_eq!(balances.to_take(&take_over), None, "the version has moved");
        let zombie = balances.heartbeat(&dead, lease, false, at(61));
        assert_eq!(zombie.surrendered, [2, 0]);
        let third = balances.heartbeat(&incarnation("third"), lease, false, at(120));
        let (from, expected) = third.orphaned[0].clone();
        assert_eq!(from, heir);
        assert_eq!(
            balances.to_take(&AdoptOrphanedCount { from, expected }),
            Some([2, 0]),
            "the heir has it"
        );
    }
}
