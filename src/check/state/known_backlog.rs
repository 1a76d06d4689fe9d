//! Knowledge of an incarnation about the backlog: rows of its commits, and reads of all rows.

use rustc_hash::FxHashMap;

use super::table::ScheduleIndex;
use crate::model::{Mode, Timestamp};

/// The backlog of a schedule right after a commit, which the commit's answer tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CommittedBacklog {
    pub schedule: ScheduleIndex,
    pub mode: Mode,
    pub images: u64,
    /// When the store applied the commit.
    pub as_of: Timestamp,
    /// When the commit was first sent: its sender takes the row to be as old as that.
    pub sent_at: Timestamp,
}

/// Knowledge of one incarnation.
#[derive(Debug, Default)]
pub(crate) struct KnownBacklog {
    /// Instant of the newest row of a commit since the last read.
    newest: FxHashMap<(ScheduleIndex, Mode), Timestamp>,
    /// When it last read all rows.
    read_at: Timestamp,
    /// Rows that it must show, learned since the last comparison.
    pub due: Vec<CommittedBacklog>,
    /// Deliveries that failed without a commit, and when it counted them: it must read all rows.
    unread: Vec<(u64, Timestamp)>,
}

impl KnownBacklog {
    /// The answer to a commit arrives. A row that is older than what is known changes nothing.
    pub fn learn(&mut self, row: CommittedBacklog) {
        let key = (row.schedule, row.mode);
        let newest = self.newest.entry(key).or_default();
        if row.as_of <= self.read_at || row.as_of < *newest {
            return;
        }
        *newest = row.as_of;
        self.due.retain(|known| (known.schedule, known.mode) != key);
        self.due.push(row);
    }

    /// The answer to a read of all rows arrives.
    pub fn read(&mut self, now: Timestamp) {
        self.read_at = now;
        self.newest.clear();
        self.due.clear();
        self.unread.clear();
    }

    /// A delivery fails without a commit.
    pub fn miss(&mut self, delivery: u64, now: Timestamp) {
        self.unread.push((delivery, now));
    }

    /// When a delivery failed, if the backlog was not read since.
    pub fn missed_at(&self, delivery: u64) -> Option<Timestamp> {
        let missed = self.unread.iter().find(|(missed, _)| *missed == delivery);
        missed.map(|(_, at)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_row_of_a_schedule_is_due() {
        let row = |images, as_of| CommittedBacklog {
            schedule: ScheduleIndex(0),
            mode: Mode::AnalysisOnly,
            images,
            as_of: Timestamp::from_seconds(as_of),
            sent_at: Timestamp::ZERO,
        };
        let mut known = KnownBacklog::default();
        known.learn(row(8, 2));
        known.learn(row(9, 1));
        assert_eq!(known.due, [row(8, 2)]);
        known.learn(row(7, 3));
        assert_eq!(known.due, [row(7, 3)]);
        known.read(Timestamp::from_seconds(4));
        known.learn(row(6, 4));
        assert_eq!(known.due, [], "the read may include it or not");
        known.learn(row(5, 5));
        assert_eq!(known.due, [row(5, 5)]);
    }
}
