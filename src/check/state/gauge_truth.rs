//! True values of the observed gauges besides the backlog, now and shortly before.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use super::recent_values::RecentValues;
use super::table::RunIndex;
use crate::model::Timestamp;

/// The least and the most that a gauge of seconds may have shown in a window.
pub(crate) type Range = (Duration, Duration);

/// Oldest progress of the open runs of one mode, now and shortly before.
#[derive(Debug, Default)]
pub(crate) struct OldestProgress {
    open: BTreeSet<(Timestamp, RunIndex)>,
    /// Each oldest instant of progress with the instant from which it was that; none without a run.
    history: VecDeque<(Timestamp, Option<Timestamp>)>,
}

impl OldestProgress {
    /// A run moves at `now`: its progress before and after, each none unless it was or is open.
    pub fn move_run(
        &mut self,
        run: RunIndex,
        before: Option<Timestamp>,
        after: Option<Timestamp>,
        now: Timestamp,
        kept: Duration,
    ) {
        if let Some(before) = before {
            self.open.remove(&(before, run));
        }
        if let Some(after) = after {
            self.open.insert((after, run));
        }
        let oldest = self.open.first().map(|(at, _)| *at);
        if self.history.is_empty() {
            self.history.push_back((Timestamp::ZERO, None));
        }
        if self.history.back().is_some_and(|(_, last)| *last != oldest) {
            self.history.push_back((now, oldest));
        }
        let horizon = now.before(kept);
        while self.history.get(1).is_some_and(|(at, _)| *at < horizon) {
            self.history.pop_front();
        }
    }

    /// Visits the ranges of the time since the oldest progress in [`from`, `to`], one for each
    /// oldest run, newest first. Each scrape asks for them, so they are not collected.
    pub fn visit_ranges(&self, from: Timestamp, to: Timestamp, visit: &mut impl FnMut(Range)) {
        let mut until = to;
        for (since, oldest) in self.history.iter().rev() {
            let range = |oldest: Timestamp| (from.max(*since).since(oldest), until.since(oldest));
            visit(oldest.map_or_else(Range::default, range));
            if *since < from {
                return;
            }
            until = *since;
        }
        visit(Range::default());
    }
}

/// Ready messages of one queue, and those that were so shortly before.
#[derive(Debug, Default)]
pub(crate) struct ReadyMessages {
    /// By the time at which they came onto the queue or back to it.
    ready: BTreeSet<(Timestamp, u64)>,
    /// Those that are ready after a delay that the queue alone knows.
    delayed: BTreeSet<u64>,
    /// When messages ceased to be ready, and since when they were.
    left: VecDeque<(Timestamp, Timestamp)>,
}

impl ReadyMessages {
    /// A message is ready from `now` on, or after a delay.
    pub fn add(&mut self, message: u64, is_delayed: bool, now: Timestamp) {
        self.ready.insert((now, message));
        if is_delayed {
            self.delayed.insert(message);
        }
    }

    /// A message that became ready at `since` is leased or gone.
    pub fn remove(&mut self, message: u64, since: Timestamp, now: Timestamp, kept: Duration) {
        if self.ready.remove(&(since, message)) {
            self.delayed.remove(&message);
            self.left.push_back((now, since));
        }
        let horizon = now.before(kept);
        while self.left.front().is_some_and(|(at, _)| *at < horizon) {
            self.left.pop_front();
        }
    }

    /// The least and the most that the age of the oldest ready message was in [`from`, `to`].
    pub fn range(&self, from: Timestamp, to: Timestamp) -> Range {
        let is_prompt = |(_, message): &&(Timestamp, u64)| !self.delayed.contains(message);
        let prompt = self.ready.iter().find(is_prompt);
        let least = prompt.map_or(Duration::ZERO, |(since, _)| from.since(*since));
        let left = self.left.iter().filter(|(at, _)| *at >= from);
        let left = left.map(|(at, since)| at.since(*since)).max();
        let oldest = self.ready.first().map(|(since, _)| to.since(*since));
        (least, oldest.max(left).unwrap_or_default())
    }
}

/// True values of the observed gauges besides the backlog.
#[derive(Debug, Default)]
pub(crate) struct GaugeTruth {
    /// Messages that are ready or leased, by queue.
    pub depth: [RecentValues; 2],
    /// Ready messages, by queue.
    pub ready: [ReadyMessages; 2],
    /// Events in the outbox.
    pub outbox: RecentValues,
    /// Oldest progress of open runs, by mode index.
    pub progress: [OldestProgress; 2],
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEPT: Duration = Duration::from_secs(60);

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn seconds(range: Range) -> (u64, u64) {
        (range.0.as_secs(), range.1.as_secs())
    }

    #[test]
    fn ranges_of_progress_follow_the_oldest_run() {
        let mut progress = OldestProgress::default();
        let (first, second) = (RunIndex(1), RunIndex(2));
        progress.move_run(first, None, Some(at(100)), at(100), KEPT);
        progress.move_run(second, None, Some(at(105)), at(105), KEPT);
        progress.move_run(first, Some(at(100)), None, at(110), KEPT);
        let ranges = |from, to| {
            let mut ranges = Vec::new();
            progress.visit_ranges(at(from), at(to), &mut |range| ranges.push(seconds(range)));
            ranges
        };
        assert_eq!(ranges(108, 120), [(5, 15), (8, 10)]);
        assert!(ranges(90, 95).contains(&(0, 0)), "no run was open");
    }

    #[test]
    fn age_of_ready_messages_has_bounds() {
        let mut ready = ReadyMessages::default();
        assert_eq!(seconds(ready.range(at(85), at(100))), (0, 0));
        ready.add(1, true, at(50));
        ready.add(2, false, at(80));
        assert_eq!(seconds(ready.range(at(85), at(100))), (5, 50));
        ready.remove(1, at(50), at(90), KEPT);
        assert_eq!(seconds(ready.range(at(85), at(100))), (5, 40));
        assert_eq!(seconds(ready.range(at(95), at(110))), (15, 30));
        ready.remove(2, at(80), at(120), KEPT);
        assert_eq!(seconds(ready.range(at(121), at(136))), (0, 0));
    }
}
