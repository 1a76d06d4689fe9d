//! Observations of processes, commits under way and segments, as the state records them.

use super::WorldState;
use super::export::ExportRecord;
use super::fact::{IncarnationExit, LearnedCommit, ObservedIncarnation, ScheduleEdit};
use super::permit_grant::KnownGrant;
use super::schedule::RunRequest;
use super::table::IncarnationIndex;
use crate::check::contract;
use crate::check::instruments::{ExtensionSeries, InstrumentReaders, RequestOutcome};
use crate::model::observation::{LearnedAnswer, ScheduleChange};
use crate::model::{
    Commit, CommitAnswer, CommitToken, IncarnationId, RunId, RunState, Schedule, ScheduleId,
    SegmentKey,
};

impl WorldState {
    /// Resolves the name of an incarnation.
    pub(crate) fn resolve<'a>(&mut self, id: &'a IncarnationId) -> ObservedIncarnation<'a> {
        let index = self.number(id);
        ObservedIncarnation { id, index }
    }

    /// Attaches the instruments of an incarnation. They are dropped when it ends.
    pub(crate) fn attach(&mut self, id: &IncarnationId, instruments: InstrumentReaders) {
        let index = self.number(id);
        let process = self.incarnations[index].process;
        self.incarnations.processes[process].scrape = Some(instruments.scrape.clone());
        let before = self.incarnations[index].instruments.replace(instruments);
        self.incarnations.attached += usize::from(before.is_none());
        self.incarnations.is_instrumented = true;
    }

    /// Records the end of an incarnation, and closes its unanswered commits.
    pub(crate) fn record_end(&mut self, ended: &IncarnationExit<'_>) {
        let index = ended.incarnation.index;
        for commit in self.pending.close_incarnation(index) {
            let is_segment = commit.applied_at.is_some() && commit.step == "segment";
            self.tally.segments_lost_with_incarnation += u64::from(is_segment);
        }
        self.works.end(index);
        self.incarnations.end(index, ended.end, self.now);
    }

    /// Resolves the name of an edited schedule.
    pub(crate) fn resolve_edit<'a>(
        &mut self,
        schedule: &'a std::sync::Arc<Schedule>,
        change: ScheduleChange,
    ) -> ScheduleEdit<'a> {
        ScheduleEdit {
            schedule,
            change,
            index: self.schedules.number(&schedule.id, self.now),
        }
    }

    /// Records that a commit is sent.
    pub(crate) fn record_sent(&mut self, commit: &Commit) {
        let incarnation = self.number(&commit.token.incarnation);
        let step = commit.step.name();
        let first = commit.runs.first();
        let run = first.and_then(|write| self.runs.table.find(&write.run.id));
        let (sequence, now) = (commit.token.sequence, self.now);
        self.pending.update(incarnation, sequence, |pending| {
            (pending.in_flight, pending.step) = (true, step);
            pending.sent_at = pending.sent_at.or(Some(now));
            pending.run = run.or(pending.run);
        });
    }

    /// Records that the answer to a commit is lost.
    pub(crate) fn record_lost_answer(&mut self, token: &CommitToken) {
        let incarnation = self.number(&token.incarnation);
        self.pending.lost_at = self.now;
        self.pending
            .update_known(incarnation, token.sequence, |pending| {
                pending.in_flight = false;
            });
    }

    /// Records that an incarnation read the backlog.
    pub(crate) fn record_backlog_read(&mut self, incarnation: &IncarnationId) {
        let incarnation = self.number(incarnation);
        let now = self.now;
        self.incarnations[incarnation].expected.backlog.read(now);
    }

    /// Closes an unanswered commit of which the answer arrives.
    pub(crate) fn resolve_answer<'a>(
        &mut self,
        commit: &'a Commit,
        answer: &'a CommitAnswer,
    ) -> (IncarnationIndex, LearnedCommit<'a>) {
        let incarnation = self.number(&commit.token.incarnation);
        let learned = LearnedCommit {
            commit,
            answer,
            pending: self.pending.close(incarnation, commit.token.sequence),
        };
        (incarnation, learned)
    }

    /// Records that a delivery begins work on a segment.
    pub(crate) fn record_segment_begun(&mut self, key: &SegmentKey, delivery: u64) {
        let mut newest = delivery;
        self.with_segment(key, |segment| {
            segment.delivery = segment.delivery.max(delivery);
            newest = segment.delivery;
        });
        if let Some(record) = self.messages.deliveries.get_mut(&delivery) {
            record.is_superseded = newest > delivery;
        }
        let run = self.runs.table.find(&key.run);
        let was_committed = run.is_some_and(|run| self.runs[run].is_committed(key.index));
        if let Some(work) = self.works.get_mut(delivery) {
            work.was_committed = was_committed;
        }
    }

    /// Records that an incarnation knows whether its delivery may work on a segment.
    pub(crate) fn record_segment_begun_learned(
        &mut self,
        incarnation: &IncarnationId,
        key: &SegmentKey,
        delivery: u64,
        run: Option<RunState>,
    ) {
        let incarnation = self.number(incarnation);
        if let Some(record) = self.messages.deliveries.get_mut(&delivery) {
            let is_over = run.is_some_and(contract::is_terminal);
            record.is_needless |= record.is_superseded || is_over;
        }
        let Some(state) = run else {
            return self.acknowledge_run_missing(incarnation, delivery, key);
        };
        if let Some(work) = self.works.get_mut(delivery)
            && work.learn_begun(state == RunState::Running)
        {
            let discarded = ExtensionSeries::Discarded(work.mode);
            self.count_extension(incarnation, discarded, 1);
        }
    }

    /// Records the number of events in the outbox.
    pub(crate) fn count_outbox(&mut self) {
        let depth = self.outbox.len() as u64;
        if self.gauges.outbox.current != depth {
            let kept = self.options.history_kept();
            self.gauges.outbox.set(depth, self.now, kept);
        }
    }

    /// Counts an answer that a process learned.
    pub(crate) fn record_learned(
        &mut self,
        incarnation: &IncarnationId,
        answer: &LearnedAnswer<'_>,
    ) {
        let incarnation = self.number(incarnation);
        match *answer {
            LearnedAnswer::LeaseLost(queue) => {
                self.count_extension(incarnation, ExtensionSeries::Losses(queue), 1);
            }
            LearnedAnswer::ScannerUnreachable(mode) => {
                let requests = ExtensionSeries::Requests(mode, RequestOutcome::Unreachable);
                self.count_extension(incarnation, requests, 1);
            }
            LearnedAnswer::Published(events) => {
                for event in events {
                    self.count_extension(incarnation, ExtensionSeries::Events(event.kind), 1);
                }
            }
            LearnedAnswer::PermitsGranted {
                schedule,
                granted_at,
                first,
                interval,
                count,
                trail,
            } => {
                let holder = &mut self.incarnations[incarnation];
                holder.expected.permits.granted += u64::from(count);
                if let Some(schedule) = self.schedules.find(schedule) {
                    let grant = KnownGrant {
                        incarnation: holder.id.clone(),
                        first,
                        interval,
                        count,
                        delay: self.now.since(granted_at).min(trail),
                    };
                    self.permits.record(schedule, grant);
                }
            }
        }
    }

    /// Records that retention removed a run.
    pub(crate) fn record_purge(&mut self, run: &RunId) {
        let run = self.runs.number(run);
        self.runs[run].is_purged = true;
        self.runs.intents.remove(&run);
    }

    /// Records that an owner asked for the end of a run.
    pub(crate) fn record_cancel_request(&mut self, run: &RunId) {
        let run = self.runs.number(run);
        self.runs[run].cancel_asked = true;
    }

    /// Records that an owner asked for a manual run.
    pub(crate) fn record_run_request(
        &mut self,
        schedule: &ScheduleId,
        occurrence: &str,
        retried: Option<&RunId>,
    ) {
        let index = self.schedules.number(schedule, self.now);
        let request = RunRequest {
            occurrence: occurrence.to_owned(),
            retried: retried.map(|run| self.runs.number(run)),
            asked_at: self.now,
        };
        self.schedules[index].requests.push(request);
    }

    /// Records an export.
    pub(crate) fn record_export(&mut self, export: ExportRecord) {
        self.tally.exports += 1;
        self.exports.publish(export);
    }
}
