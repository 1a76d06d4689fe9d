//! The oracle: the truth as the world shows it, and the invariants that are held against it.

mod commit;
mod compare;
mod queue;
mod report;
mod scan;

use std::time::Duration;

pub use report::OracleReport;

use super::calendar::WalkCalendar;
use super::instruments::InstrumentReader;
use super::invariant::active_truth::{self, Sums};
use super::invariant::backlog_truth::Pages;
use super::invariant::blame::Causes;
use super::invariant::event_outbox::Outbox;
use super::invariant::fairness::Turns;
use super::invariant::liveness::DrainDeadline;
use super::invariant::notify_independent::NotifyWatch;
use super::invariant::plan_truth::Evaluator;
use super::invariant::scanner_manners::Manners;
use super::invariant::{
    applied_learned, cardinality, command_ack, conservation, cron_once, liveness, no_loss,
    segment_once, stopping,
};
use super::options::OracleOptions;
use super::results::CheckResults;
use super::state::export::ExportRecord;
use super::state::table::IncarnationIndex;
use super::state::{RunTotals, StuckRun, WorldState};
use crate::model::fault::FaultKind;
use crate::model::observation::{IncarnationEnd, Observation, Observer, ScheduleChange};
use crate::model::{CommitAnswer, IncarnationId, Schedule, Timestamp};

/// What invariants remember for themselves.
#[derive(Debug, Default)]
struct Memory {
    sums: Sums,
    pages: Pages,
    causes: Causes,
    outbox: Outbox,
    turns: Turns,
    notify: NotifyWatch,
    evaluator: Evaluator,
    manners: Manners,
}

/// Books the truth from observations, and checks the invariants as it goes.
///
/// Feed it through [`Observer`], attach each incarnation's instruments when the incarnation starts,
/// and ask for the report with [`finish`](Self::finish).
#[derive(Debug)]
pub struct Oracle {
    state: WorldState,
    results: CheckResults,
    memory: Memory,
    drain: Option<DrainDeadline>,
}

impl Oracle {
    /// An empty oracle.
    pub fn new(options: OracleOptions) -> Self {
        let results = CheckResults::new(options.violations_kept);
        Self {
            state: WorldState::new(options),
            results,
            memory: Memory::default(),
            drain: None,
        }
    }

    /// Attaches the instruments of an incarnation. They are let go when the incarnation ends.
    pub fn attach_metrics(
        &mut self,
        incarnation: &IncarnationId,
        instruments: Box<dyn InstrumentReader>,
    ) {
        let incarnation = self.state.incarnations.number(incarnation, self.state.now);
        self.state.incarnations.incarnations[incarnation].instruments = Some(instruments);
        self.state.incarnations.is_instrumented = true;
    }

    /// Triggers have stopped and a core is healed at `at`: what is unfinished must drain within the
    /// allowance.
    pub fn expect_drain(&mut self, at: Timestamp, allowance: Duration) {
        let unfinished = self.state.runs.unfinished.len();
        self.drain = Some(DrainDeadline {
            healed_at: at,
            allowance,
            unfinished,
        });
    }

    /// Whether nothing is left to do: no unfinished run, message (dead letters aside), intent,
    /// outbox row or unanswered commit. Cheap enough to ask after every event.
    pub fn is_quiescent(&self) -> bool {
        self.state.is_idle() && self.memory.outbox.is_empty()
    }

    /// What each unfinished run waits for, oldest run first.
    pub fn explain_stuck(&self) -> Vec<StuckRun> {
        self.state.explain_stuck()
    }

    /// Counts so far.
    pub fn tally(&self) -> &RunTotals {
        &self.state.tally
    }

    /// What the invariants found so far.
    pub fn results(&self) -> &CheckResults {
        &self.results
    }

    /// Runs the last checks and gives the report. `quiescent`: the world has come to rest, so that
    /// the checks that hold only then make sense.
    pub fn finish(mut self, at: Timestamp, quiescent: bool) -> OracleReport {
        self.set_time(at);
        for incarnation in self.state.incarnations.living.clone() {
            self.compare_all(incarnation);
        }
        self.compare_sums();
        for schedule in self.state.schedules.table.indices() {
            cron_once::judge_undecided(&mut self.results, &mut self.state, schedule, at);
        }
        self.memory.notify.judge(&mut self.results, &self.state);
        let stuck = self.explain_stuck();
        if let Some(drain) = self.drain {
            liveness::finish(&mut self.results, &self.state, drain, quiescent, &stuck);
        }
        if quiescent {
            applied_learned::finish(&mut self.results, &self.state);
            segment_once::finish(&mut self.results, &self.state);
            no_loss::finish(&mut self.results, &self.state);
            self.memory.outbox.finish(&mut self.results);
        }
        OracleReport::new(&mut self.state, &self.results, stuck)
    }

    fn set_time(&mut self, at: Timestamp) {
        self.state.now = at;
        self.results.set_time(at);
    }

    fn incarnation(&mut self, incarnation: &IncarnationId) -> IncarnationIndex {
        self.state.incarnations.number(incarnation, self.state.now)
    }

    fn incarnation_ended(&mut self, incarnation: &IncarnationId, end: IncarnationEnd) {
        let index = self.incarnation(incarnation);
        stopping::judge(&mut self.results, &self.state, index, end);
        self.compare_all(index);
        for call in self.state.calls.close_incarnation(index) {
            let is_segment = call.applied_at.is_some() && call.step == "segment";
            self.state.tally.segments_lost_with_incarnation += u64::from(is_segment);
        }
        self.memory.turns.ended(index);
        self.state.incarnations.end(index, self.state.now);
    }

    fn schedule_changed(&mut self, schedule: &std::sync::Arc<Schedule>, change: ScheduleChange) {
        let now = self.state.now;
        let index = self.state.schedules.number(&schedule.id, now);
        cron_once::judge_undecided(&mut self.results, &mut self.state, index, now);
        let record = &mut self.state.schedules[index];
        let was_live = record.is_live();
        record.released_before = record.released;
        record.previous = record.definition.replace(schedule.clone());
        record.waiting = None;
        record.changed_at = now;
        match change {
            ScheduleChange::Created => record.created_at = now,
            ScheduleChange::Deleted => record.deleted_at = Some(now),
            _ => {}
        }
        if !matches!(change, ScheduleChange::Disabled | ScheduleChange::Deleted) {
            record.cursor = now;
        }
        let calendar = schedule.when_cron.as_deref();
        record.calendar =
            calendar.and_then(|cron| WalkCalendar::new(cron, &schedule.time_zone, now).ok());
        let is_live = record.is_live();
        self.state.schedules.live += usize::from(is_live);
        self.state.schedules.live -= usize::from(was_live);
    }

    fn scraped(&mut self, incarnation: &IncarnationId) {
        let index = self.incarnation(incarnation);
        self.compare_dirty();
        conservation::compare(
            &mut self.results,
            &mut self.state.incarnations.incarnations[index],
            // The extensions' are compared when they should have changed, and at the end.
            conservation::GIVEN_COUNTERS,
        );
        active_truth::compare(
            &mut self.results,
            &self.state.incarnations.incarnations[index],
        );
        self.memory
            .pages
            .scraped(&mut self.results, &self.state, index);
        cardinality::scraped(&mut self.results, &self.state, index);
        self.memory.notify.judge(&mut self.results, &self.state);
    }

    fn fault(&mut self, kind: FaultKind, begins: bool) {
        self.compare_dirty();
        let now = self.state.now;
        if begins {
            self.state.faults.begin(kind, now);
        } else {
            self.memory.notify.judge(&mut self.results, &self.state);
            self.state.faults.end(kind, now);
        }
        self.memory.notify.reset(&self.state);
    }
}

impl Observer for Oracle {
    #[allow(
        clippy::too_many_lines,
        reason = "one line for each kind of observation"
    )]
    fn observe(&mut self, at: Timestamp, observation: &Observation<'_>) {
        self.set_time(at);
        match *observation {
            Observation::ScanSent { .. } => self.scan_sent(observation),
            Observation::ScanAnswered {
                image,
                delivery,
                answer,
                ..
            } => self.scan_answered(delivery, image, answer),
            Observation::Settled => self.compare_dirty(),
            Observation::Message {
                queue,
                step,
                run,
                segment,
                schedule,
                delivery,
                message,
                incarnation,
            } => {
                let step = queue::MessageStep {
                    queue,
                    step,
                    run,
                    segment,
                    schedule,
                    delivery,
                    message,
                    incarnation,
                };
                self.message(&step);
            }
            Observation::LeaseHeld {
                incarnation,
                queue,
                delivery,
                attempt,
                sent_at,
                lease,
            } => {
                self.lease_held(incarnation, queue, delivery, attempt, sent_at.after(lease));
            }
            Observation::PermitsSlow { incarnation } => {
                let incarnation = self.incarnation(incarnation);
                self.state.incarnations.incarnations[incarnation].permits_slow_at = Some(at);
            }
            Observation::GivenUp {
                incarnation,
                queue,
                step,
            } => self.given_up(incarnation, queue, step),
            Observation::MessageCorrupted { message, .. } => {
                if let Some(record) = self.state.messages.records.get_mut(&message) {
                    record.is_spoiled = true;
                }
            }
            Observation::CommitSent { commit } => {
                let incarnation = self.incarnation(&commit.token.incarnation);
                let step = commit.step.name();
                let run = commit
                    .runs
                    .first()
                    .and_then(|write| self.state.runs.table.find(&write.run.id));
                self.state
                    .calls
                    .update(incarnation, commit.token.sequence, |call| {
                        (call.in_flight, call.step, call.run) = (true, step, run.or(call.run));
                    });
            }
            Observation::CommitApplied { commit, answer } => {
                if let CommitAnswer::Applied(applied) = answer {
                    self.commit_applied(commit, applied);
                }
            }
            Observation::CommitDeclined { .. } | Observation::BacklogRead { .. } => {}
            Observation::CommitAnswerLost { token } => {
                let incarnation = self.incarnation(&token.incarnation);
                self.state.calls.lost_at = at;
                self.state
                    .calls
                    .update_known(incarnation, token.sequence, |call| call.in_flight = false);
            }
            Observation::CommitLearned { commit, answer } => self.commit_learned(commit, answer),
            Observation::PlanningRead {
                incarnation,
                waiting,
            } => {
                let incarnation = self.incarnation(incarnation);
                self.memory
                    .turns
                    .read(&mut self.results, &mut self.state, incarnation, waiting);
            }
            Observation::PlanningBegun { incarnation, run } => {
                let (incarnation, run) = (
                    self.incarnation(incarnation),
                    self.state.runs.number(&run.id),
                );
                self.memory
                    .turns
                    .begun(&mut self.results, &self.state, incarnation, run);
            }
            Observation::SegmentBegun { key, delivery, .. } => {
                let mut newest = delivery;
                self.state.with_segment(key, |segment| {
                    segment.delivery = segment.delivery.max(delivery);
                    newest = segment.delivery;
                });
                if let Some(record) = self.state.messages.deliveries.get_mut(&delivery) {
                    record.is_superseded = newest > delivery;
                }
            }
            Observation::SegmentBegunLearned {
                incarnation,
                key,
                delivery,
                run,
            } => {
                let incarnation = self.incarnation(incarnation);
                if let Some(record) = self.state.messages.deliveries.get_mut(&delivery) {
                    record.is_needless |= record.is_superseded;
                }
                if run.is_none() {
                    self.state.learn_run_missing(incarnation, delivery, key);
                }
            }
            Observation::AdoptionLearned {
                incarnation,
                surrendered,
            } => {
                let incarnation = self.incarnation(incarnation);
                self.state.learn_surrender(incarnation, surrendered);
            }
            Observation::IncarnationStarted { incarnation } => {
                self.incarnation(incarnation);
            }
            Observation::IncarnationEnded { incarnation, end } => {
                self.compare_dirty();
                self.incarnation_ended(incarnation, end);
            }
            Observation::StopRequested { incarnation } => {
                let incarnation = self.incarnation(incarnation);
                self.state.incarnations.incarnations[incarnation].stopping_since = Some(at);
            }
            Observation::Paused { incarnation } => {
                let incarnation = self.incarnation(incarnation);
                self.state.incarnations.pause(incarnation, true, at);
            }
            Observation::Resumed { incarnation } => {
                let incarnation = self.incarnation(incarnation);
                self.state.incarnations.pause(incarnation, false, at);
            }
            Observation::CutOff { process, port } => {
                self.state.incarnations.reach(process, port, false, at);
            }
            Observation::Reconnected { process, port } => {
                self.state.incarnations.reach(process, port, true, at);
            }
            Observation::FaultBegan { kind, subject } => {
                self.fault(kind, true);
                self.state.episodes.begin(kind, subject, at);
            }
            Observation::FaultEnded { kind, subject } => {
                self.fault(kind, false);
                self.state.episodes.end(kind, subject, at);
            }
            Observation::FaultTriggered { kind } => self.state.faults.hit(kind, at),
            Observation::ScheduleChanged { schedule, change } => {
                self.schedule_changed(schedule, change);
            }
            Observation::CancelRequested { run } => {
                let run = self.state.runs.number(run);
                self.state.runs[run].cancel_asked = true;
            }
            Observation::CancelDone { run } => {
                command_ack::cancelled(&mut self.results, &mut self.state, run);
            }
            Observation::CancelDeferred { run, asked_at } => {
                command_ack::put_off(&mut self.results, &mut self.state, run, asked_at);
            }
            Observation::CommandDeferred { command, asked_at } => {
                command_ack::command_put_off(&mut self.results, &self.state, command, asked_at);
            }
            Observation::ManualRunDone {
                schedule,
                occurrence,
                retried,
                asked_at,
            } => {
                let asked = command_ack::ManualRunRequest {
                    schedule,
                    occurrence,
                    retried,
                    asked_at,
                };
                command_ack::made(&mut self.results, &mut self.state, &asked);
            }
            Observation::Purged { run } => {
                let run = self.state.runs.number(run);
                self.purged(run);
            }
            Observation::Exported {
                tenant, trigger, ..
            } => {
                self.state.tally.exports += 1;
                let tenant = tenant.cloned();
                self.state.exports.publish(ExportRecord { tenant, trigger });
            }
            Observation::ImageChanged {
                image,
                revision,
                added,
            } => self.state.images.grow(image, revision, added),
            Observation::NotifyCalled { incarnation, role } => {
                NotifyWatch::called(&mut self.results, incarnation, role);
            }
            Observation::EventPublished { id } => {
                let is_first = self.memory.outbox.published(at, id);
                self.state.tally.events += u64::from(is_first);
            }
            Observation::EventForgotten { id } => {
                self.memory.outbox.forgotten(&mut self.results, id)
            }
            Observation::Scraped {
                incarnation, up, ..
            } => {
                if let Some(incarnation) = incarnation.filter(|_| up) {
                    self.scraped(incarnation);
                }
            }
        }
    }
}
