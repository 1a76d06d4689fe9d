//! The released window: which segments of a schedule may be worked.
//!
//! At most `parallelism` segments of a schedule are released and uncommitted at once, over all its
//! runs. Runs are served in the order of their dispatch.

use super::ports::RunDocument;
use crate::model::{Commit, Limits, Run, RunId, RunWindow, ScheduleState, SegmentKey};

/// Releases as many segments as the limit allows, and names them.
pub fn release(state: &mut ScheduleState, limits: &Limits) -> Vec<SegmentKey> {
    let limit = limits.parallelism.map_or(u32::MAX, std::num::NonZero::get);
    let mut room = limit.saturating_sub(state.in_flight());
    let mut released = Vec::new();
    for window in &mut state.running {
        let count = room.min(window.segments - window.released);
        released.extend((0..count).map(|offset| SegmentKey {
            run: window.run.clone(),
            index: window.released + offset,
        }));
        window.released += count;
        room -= count;
        if room == 0 {
            break;
        }
    }
    released
}

/// Releases what there is room for, and has the commit write it and the run.
pub fn write(commit: &mut Commit, document: &RunDocument, run: Run, mut state: ScheduleState) {
    commit.release = release(&mut state, &document.schedule.schedule.limits);
    commit.schedule = Some(document.schedule.write(state));
    commit.runs.push(document.write(run));
}

/// Opens the window of a run that is being dispatched.
pub fn open(state: &mut ScheduleState, run: &RunId, segments: u32) {
    state.running.push(RunWindow {
        run: run.clone(),
        segments,
        released: 0,
        committed: 0,
    });
}

/// Notes a committed segment; true if it was the run's last.
pub fn commit(state: &mut ScheduleState, run: &RunId) -> bool {
    state
        .running
        .iter_mut()
        .find(|window| window.run == *run)
        .is_some_and(|window| {
            window.committed += 1;
            window.committed == window.segments
        })
}

/// Forgets a run that has ended, in whatever state it was.
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
    fn the_window_spans_the_runs_of_a_schedule_in_order_of_dispatch() {
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
    fn an_ended_run_gives_its_places_to_others() {
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
    fn without_a_limit_all_is_released() {
        let mut state = ScheduleState::default();
        open(&mut state, &"a".into(), 1_000);
        assert_eq!(release(&mut state, &limits(0)).len(), 1_000);
    }
}
