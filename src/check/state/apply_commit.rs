//! `ActiveRunsDelta` a commit that the store took.

use super::WorldState;
use super::coverage::ImageCoverage;
use super::fact::{AcceptedCommit, RunChange};
use super::pending_commit::PendingCommit;
use super::run::{RunRecord, SegmentRecord};
use super::table::{IncarnationIndex, RunIndex, ScheduleIndex};
use crate::check::contract;
use crate::model::commit::{Applied, FireOutcome, PlanOutcome, SegmentCommit};
use crate::model::{
    Commit, CommitStep, EventId, Mode, Run, RunState, SegmentKey, Timestamp, Trigger,
};
use rehearsal_convert::Index;

/// Outcome of planning that ends in this state; none for a cancellation.
pub(crate) const fn outcome_of(after: RunState) -> Option<PlanOutcome> {
    match after {
        RunState::Queued => Some(PlanOutcome::Enqueued),
        RunState::Completed => Some(PlanOutcome::NoWork),
        RunState::Error => Some(PlanOutcome::Failed),
        RunState::Planning | RunState::Running | RunState::Cancelled => None,
    }
}

impl WorldState {
    /// Resolves the names of a commit, before it is recorded.
    pub(crate) fn resolve_commit<'a>(
        &mut self,
        commit: &'a Commit,
        applied: &'a Applied,
    ) -> AcceptedCommit<'a> {
        let incarnation = self.number(&commit.token.incarnation);
        let changes: Vec<_> = commit
            .runs
            .iter()
            .map(|write| self.resolve_run(&write.run))
            .collect();
        let (coverage, slots) = match changes.first() {
            Some(change) => self.resolve_images(commit, change.run),
            None => (None, Vec::new()),
        };
        let fired = match &commit.step {
            CommitStep::Fire { schedule, .. } => Some(self.schedules.number(schedule, self.now)),
            _ => None,
        };
        let written = commit.schedule.as_ref();
        let written = written.map(|write| self.schedules.number(&write.id, self.now));
        let served = commit.served.as_ref();
        let served = served.map(|tenant| self.runs.tenant(tenant));
        AcceptedCommit {
            commit,
            applied,
            incarnation,
            changes,
            slots,
            coverage,
            fired,
            written,
            served,
        }
    }

    fn resolve_run<'a>(&mut self, after: &'a Run) -> RunChange<'a> {
        let run = self.runs.number(&after.id);
        let record = &self.runs[run];
        RunChange {
            run,
            before: record.state,
            stats_before: record.stats,
            attempts_before: record.work.as_ref().map_or(0, |work| work.planning.0),
            after,
        }
    }

    /// Coverage of a segment commit, and the slots of the images that a commit of a segment or of a
    /// plan names.
    fn resolve_images(&self, commit: &Commit, run: RunIndex) -> (Option<ImageCoverage>, Vec<u32>) {
        let record = &self.runs[run];
        let find = |image| self.images.find(record.tenant, image);
        match &commit.step {
            CommitStep::Segment(segment) => {
                let work = record.work.as_ref();
                match work.and_then(|work| ImageCoverage::new(work, segment)) {
                    Some((coverage, slots)) => (Some(coverage), slots),
                    None => {
                        let reports = segment.reports.iter();
                        (None, reports.map(|report| find(&report.image)).collect())
                    }
                }
            }
            CommitStep::Plan { outcome, .. } if *outcome != PlanOutcome::Failed => {
                let impact = commit.impact.iter();
                let images = impact.flat_map(|impact| impact.digests.iter());
                (None, images.map(find).collect())
            }
            _ => (None, Vec::new()),
        }
    }

    /// Records a commit. Returns the events that it wrote although they were in the outbox.
    pub(crate) fn apply_commit(&mut self, accepted: &AcceptedCommit<'_>) -> Vec<EventId> {
        let commit = accepted.commit;
        match &commit.step {
            CommitStep::Segment(segment) => {
                self.apply_segment(accepted.incarnation, segment, &accepted.slots);
            }
            CommitStep::Fire {
                coalesced,
                latest,
                fate,
                ..
            } => {
                self.tally
                    .fire(FireOutcome::Coalesced, u64::from(*coalesced));
                self.tally.fire(*fate, u64::from(latest.is_some()));
            }
            _ => {}
        }
        for change in &accepted.changes {
            self.apply_run(change);
        }
        if let (CommitStep::Plan { .. }, Some(change), Some(impact)) =
            (&commit.step, accepted.changes.first(), &commit.impact)
            && let Some(work) = &mut self.runs[change.run].work
        {
            work.digests = Some(impact.digests.clone());
            work.slots.clone_from(&accepted.slots);
        }
        self.apply_intents(commit);
        self.exports.handled = commit
            .exports
            .map_or(self.exports.handled, |(_, handled)| handled);
        self.apply_segments_cut(commit);
        for key in &commit.release {
            self.apply_release(key);
        }
        match (&commit.step, accepted.changes.first()) {
            (CommitStep::Segment(segment), Some(change)) => {
                self.record_releases(change.run, Some(segment.key.index), &commit.release);
            }
            (CommitStep::Dispatch, Some(change)) => {
                self.record_releases(change.run, None, &commit.release);
            }
            _ => {}
        }
        self.apply_balances(accepted);
        self.apply_pending(accepted);
        let rewritten = commit
            .events
            .iter()
            .filter(|event| !self.outbox.write(event));
        let rewritten = rewritten.map(|event| event.event_id).collect();
        self.count_outbox();
        rewritten
    }

    fn apply_run(&mut self, change: &RunChange<'_>) {
        let Run { state, stats, .. } = change.after;
        if change.before.is_none() {
            self.create_run(change);
        }
        let moved_at = self.runs[change.run].progress_at;
        self.track_slos(change);
        self.move_progress(change, moved_at);
        if contract::is_terminal(*state) {
            self.stop_work(change.run);
        }
        self.move_backlog(change);
        let schedule = self.runs[change.run].schedule;
        let record = &mut self.runs[change.run];
        record.stats = *stats;
        record.planned_at = change.after.planned_at;
        record.started_at = change.after.started_at;
        record.completed_at = change.after.completed_at;
        if let Some(work) = &mut record.work {
            work.planning = (change.after.planning_attempts, change.after.not_before);
        }
        if change.before == Some(*state) {
            return;
        }
        self.runs.enter(change.run, *state);
        if change.before == Some(RunState::Planning)
            && let Some(outcome) = outcome_of(*state)
        {
            self.tally.plan(change.after.mode, outcome);
        }
        if contract::is_terminal(*state) {
            let is_cron = change.after.trigger == Trigger::Cron;
            let cron_runs = &mut self.schedules[schedule].cron_runs;
            *cron_runs = cron_runs.saturating_sub(u32::from(is_cron));
            self.tally_end(change);
        }
    }

    /// Moves a run in the order of progress. It last moved at `moved_at`.
    fn move_progress(&mut self, change: &RunChange<'_>, moved_at: Timestamp) {
        let was_open = change.before.is_some_and(contract::is_open);
        let record = &self.runs[change.run];
        let before = was_open.then_some(moved_at);
        let after = contract::is_open(change.after.state).then_some(record.progress_at);
        if before != after {
            let (now, kept) = (self.now, self.options.history_kept());
            let progress = &mut self.gauges.progress[record.mode.index()];
            progress.move_run(change.run, before, after, now, kept);
        }
    }

    fn create_run(&mut self, change: &RunChange<'_>) {
        let run = change.after;
        let tenant = self.runs.tenant(&run.tenant);
        let schedule = self.schedules.number(&run.schedule, self.now);
        let record = &mut self.runs[change.run];
        (record.tenant, record.schedule) = (tenant, schedule);
        (record.mode, record.trigger) = (run.mode, run.trigger);
        record.product_keys.clone_from(&run.product_keys);
        record.usage_only = run.usage_only;
        record.created_at = run.created_at;
        self.schedules[schedule].cron_runs += u32::from(run.trigger == Trigger::Cron);
        self.tally.runs_created += 1;
    }

    /// Ends the work on the segments of a run that ends.
    fn stop_work(&mut self, run: RunIndex) {
        let record = &self.runs[run];
        let segments = record.work.iter().flat_map(|work| &work.segments);
        let open = segments.filter(|segment| segment.committed_by.is_none());
        let worked = open
            .clone()
            .filter(|segment| segment.leases > 0)
            .count()
            .index_u32();
        let released = open
            .filter(|segment| segment.is_released)
            .count()
            .index_u32();
        let schedule = &mut self.schedules[record.schedule];
        schedule.worked = schedule.worked.saturating_sub(worked);
        schedule.finish_released(released);
    }

    fn apply_release(&mut self, key: &SegmentKey) {
        let Some(run) = self.runs.table.find(&key.run) else {
            return;
        };
        let record = &mut self.runs[run];
        let work = record.work.as_mut();
        let segment = work.and_then(|work| work.segments.get_mut(key.index as usize));
        let Some(segment) = segment else { return };
        segment.released_at = self.now;
        if !std::mem::replace(&mut segment.is_released, true) {
            self.schedules[record.schedule].released += 1;
        }
    }

    fn tally_end(&mut self, change: &RunChange<'_>) {
        match change.after.state {
            RunState::Completed => {
                self.tally.runs_completed += 1;
                let is_idle = change.before == Some(RunState::Planning);
                self.tally.runs_without_work += u64::from(is_idle);
            }
            RunState::Error => self.tally.runs_failed += 1,
            _ => self.tally.runs_cancelled += 1,
        }
    }

    fn move_backlog(&mut self, change: &RunChange<'_>) {
        let was_open = change.before.is_some_and(contract::is_open);
        let before = if was_open {
            contract::remaining(&change.stats_before)
        } else {
            0
        };
        let is_open = contract::is_open(change.after.state);
        let after = if is_open {
            contract::remaining(&change.after.stats)
        } else {
            0
        };
        if before == after {
            return;
        }
        let record = &self.runs[change.run];
        let (schedule, mode) = (record.schedule, record.mode);
        let kept = self.options.history_kept();
        let backlog = &mut self.schedules.table[schedule].backlog[mode.index()];
        let images = (backlog.images.current + after).saturating_sub(before);
        let waited_since = backlog.fell_at;
        let falls = images < backlog.images.current;
        backlog.set(images, self.now, kept);
        self.schedules.changes.push(schedule, self.now, kept);
        if falls {
            self.backlog_fell(schedule, mode, waited_since);
        }
        self.tally.move_backlog(before, after);
    }

    fn apply_segment(
        &mut self,
        incarnation: IncarnationIndex,
        commit: &SegmentCommit,
        slots: &[u32],
    ) {
        let Some(run) = self.runs.table.find(&commit.key.run) else {
            return;
        };
        let schedule = self.runs[run].schedule;
        let Some(work) = self.runs[run].work.as_mut() else {
            return;
        };
        let Some(segment) = work.segments.get_mut(commit.key.index as usize) else {
            return;
        };
        if segment.committed_by.replace(incarnation).is_none() {
            segment.committed_at = self.now;
            work.committed += 1;
            let schedule = &mut self.schedules[schedule];
            schedule.worked -= u32::from(segment.leases > 0).min(schedule.worked);
            schedule.finish_released(u32::from(segment.is_released));
        }
        for (report, slot) in commit.reports.iter().zip(slots) {
            if *slot != super::image::NO_SLOT {
                self.images.commit_report(*slot, report.revision, self.now);
            }
        }
        self.tally.segments += 1;
        self.tally.images += commit.reports.len() as u64;
        self.tally.images_failed += commit.failed.len() as u64;
        self.tally.deltas += commit.deltas.len() as u64;
    }

    /// Records the segments that a commit releases: its sender has to enqueue them.
    fn record_releases(&mut self, run: RunIndex, by: Option<u32>, released: &[SegmentKey]) {
        let find = |key: &SegmentKey| Some((self.runs.table.find(&key.run)?, key.index));
        let found: Vec<_> = released.iter().filter_map(find).collect();
        if let Some(work) = self.runs[run].work.as_mut()
            && !found.is_empty()
        {
            work.releases.insert(by, found);
        }
    }

    fn apply_intents(&mut self, commit: &Commit) {
        let now = self.now;
        if let Some(message) = &commit.intent {
            let run = self.runs.number(&message.run);
            self.runs.intents.insert(run, now);
        }
        if let Some(run) = &commit.intent_done {
            let run = self.runs.number(run);
            self.runs.intents.remove(&run);
        }
    }

    fn apply_segments_cut(&mut self, commit: &Commit) {
        let Some(first) = commit.segments.first() else {
            return;
        };
        let run = self.runs.number(&first.key.run);
        let Some(work) = &mut self.runs[run].work else {
            return;
        };
        let mut start = 0;
        work.segments = commit
            .segments
            .iter()
            .map(|segment| {
                let length = segment.digests.len().index_u32();
                start += length;
                SegmentRecord {
                    start: start - length,
                    length,
                    ..SegmentRecord::default()
                }
            })
            .collect();
    }

    fn apply_balances(&mut self, accepted: &AcceptedCommit<'_>) {
        if let Some(booking) = accepted.commit.active_runs_delta {
            self.incarnations[accepted.incarnation].balance[booking.mode.index()] += booking.change;
        }
        if let Some(take_over) = &accepted.commit.adoption {
            let from = self.incarnations.number(&take_over.from, self.now);
            for (mode, amount) in accepted.applied.adopted.into_iter().enumerate() {
                self.incarnations[from].balance[mode] -= amount;
                self.incarnations.surrender(from, mode, amount, self.now);
                self.incarnations[accepted.incarnation].balance[mode] += amount;
            }
        }
    }

    /// Records that the answer to a commit is in flight.
    fn apply_pending(&mut self, accepted: &AcceptedCommit<'_>) {
        let commit = accepted.commit;
        if !self.incarnations[accepted.incarnation].is_alive {
            let is_segment = matches!(commit.step, CommitStep::Segment(_));
            self.tally.segments_lost_with_incarnation += u64::from(is_segment);
            return;
        }
        let weight = commit
            .active_runs_delta
            .map_or(0, |booking| booking.change.unsigned_abs())
            + accepted
                .applied
                .adopted
                .iter()
                .map(|amount| amount.unsigned_abs())
                .sum::<u64>();
        let now = self.now;
        let first = accepted.changes.first();
        let run = first.map(|change| change.run);
        let leaves_planning = first.is_some_and(|change| {
            change.before == Some(RunState::Planning) && change.after.state != RunState::Planning
        });
        let backlog = run.and_then(|run| self.backlog_of(run));
        let fired = accepted.fired.map(|schedule| &self.schedules[schedule]);
        let definition = fired.and_then(|schedule| schedule.definition.as_ref());
        let fire_mode = definition.map(|definition| definition.mode);
        let (applied_at, step) = (Some(now), commit.step.name());
        self.pending
            .update(accepted.incarnation, commit.token.sequence, |call| {
                *call = PendingCommit {
                    applied_at,
                    step,
                    run,
                    weight,
                    leaves_planning,
                    fire_mode,
                    backlog,
                    ..*call
                };
            });
    }

    /// Backlog of a run's schedule and mode, unless the schedule is deleted.
    fn backlog_of(&self, run: RunIndex) -> Option<(ScheduleIndex, Mode, u64)> {
        let RunRecord { schedule, mode, .. } = self.runs[run];
        let record = &self.schedules[schedule];
        let images = record.backlog[mode.index()].images.current;
        record.is_live().then_some((schedule, mode, images))
    }

    /// Changes a segment's record, if its run is not over.
    pub(crate) fn with_segment(
        &mut self,
        key: &SegmentKey,
        change: impl FnOnce(&mut SegmentRecord),
    ) {
        let run = self.runs.table.find(&key.run);
        let work = run.and_then(|run| self.runs[run].work.as_mut());
        if let Some(segment) = work.and_then(|work| work.segments.get_mut(key.index as usize)) {
            change(segment);
        }
    }
}
