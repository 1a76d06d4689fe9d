//! Concurrency window of a schedule: which of its segments may be worked.
//!
//! At most `parallelism` segments of a schedule are released and uncommitted at once, over all its
//! runs. Runs are served in the order of their dispatch. The window is part of the schedule's state
//! in the store, guarded by its version, and each commit of a segment releases the next ones.
//!
//! A limit in each process was rejected: it cannot hold over the fleet. So was a semaphore in the
//! store: its holders can die, while a commit frees a place and takes the next in one atomic step.

use crate::model::{Commit, Limits, Run, RunId, RunWindow, ScheduleState, SegmentKey};
use crate::ports::RunDocument;

/// Releases as many segments as the limit allows, and returns their keys.
pub fn release(state: &mut ScheduleState, limits: &Limits) -> Vec<SegmentKey> {
    let limit = limits.parallelism.map_or(u32::MAX, std::num::NonZero::get);
    let mut free = limit.saturating_sub(state.in_flight());
    let mut released = Vec::new();
    for window in &mut state.running {
        debug_assert!(window.is_consistent(), "{window:?}");
        let count = free.min(window.segments - window.released);
        released.extend((0..count).map(|offset| SegmentKey {
            run: window.run.clone(),
            index: window.released + offset,
        }));
        window.released += count;
        free -= count;
        if free == 0 {
            break;
        }
    }
    released
}

/// Releases segments as far as the limit allows, and adds the state and the run to the commit.
pub fn write(commit: &mut Commit, document: &RunDocument, run: Run, mut state: ScheduleState) {
    commit.release = release(&mut state, &document.schedule.schedule.limits);
    commit.schedule = Some(document.schedule.write(state));
    commit.runs.push(document.write(run));
}

/// Opens the window of a run that is dispatched.
pub fn open(state: &mut ScheduleState, run: &RunId, segments: u32) {
    state.running.push(RunWindow {
        run: run.clone(),
        segments,
        released: 0,
        committed: 0,
    });
}

/// Counts a committed segment. Returns whether it is the last of its run.
pub fn commit(state: &mut ScheduleState, run: &RunId) -> bool {
    state
        .running
        .iter_mut()
        .find(|window| window.run == *run)
        .is_some_and(|window| {
            window.committed += 1;
            debug_assert!(window.is_consistent(), "{window:?}");
            window.committed == window.segments
        })
}

/// Removes a run that has ended, in whichever state it was.
pub fn close(state: &mut ScheduleState, run: &RunId) {
    state.running.retain(|window| window.run != *run);
    state.cron_runs.retain(|id| id != run);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(parallelism: u32) -> Limits {
        Limits {
            parallelism: parallelism.try_into().ok(),
            ..Limits::default()
        }
    }

    fn names(keys: &[SegmentKey]) -> Vec<String> {
        keys.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn release_spans_the_runs_in_order_of_dispatch() {
        let mut state = ScheduleState::default();
        open(&mut state, &"a".into(), 3);
        assert_eq!(names(&release(&mut state, &limits(2))), ["a/0", "a/1"]);
        open(&mut state, &"b".into(), 2);
        assert!(release(&mut state, &limits(2)).is_empty());
        assert!(!commit(&mut state, &"a".into()));
        assert_eq!(names(&release(&mut state, &limits(2))), ["a/2"]);
        commit(&mut state, &"a".into());
        assert_eq!(names(&release(&mut state, &limits(2))), ["b/0"]);
        assert!(commit(&mut state, &"a".into()), "the last segment of a");
        close(&mut state, &"a".into());
        assert_eq!(names(&release(&mut state, &limits(2))), ["b/1"]);
        assert_eq!(state.in_flight(), 2);
    }

    #[test]
    fn close_frees_the_places_of_a_run() {
        let mut state = ScheduleState::default();
        open(&mut state, &"a".into(), 9);
        open(&mut state, &"b".into(), 9);
        assert_eq!(release(&mut state, &limits(4)).len(), 4);
        close(&mut state, &"a".into());
        assert_eq!(
            names(&release(&mut state, &limits(4))),
            ["b/0", "b/1", "b/2", "b/3"]
        );
    }

    #[test]
    fn release_without_limit_takes_all_segments() {
        let mut state = ScheduleState::default();
        open(&mut state, &"a".into(), 1_000);
        assert_eq!(release(&mut state, &limits(0)).len(), 1_000);
    }
}
