//! The ledger: the truth as the world shows it, and the invariants that are held against it.

pub(crate) mod book;
pub(crate) mod call;
mod commit;
mod compare;
mod digest_index;
mod episode;
pub(crate) mod export;
pub(crate) mod fault;
pub(crate) mod image;
pub(crate) mod incarnation;
mod inventory;
mod learn;
pub(crate) mod message;
mod options;
pub(crate) mod promise;
mod queue;
mod report;
pub(crate) mod run;
mod scan;
pub(crate) mod schedule;
pub(crate) mod stuck;
pub(crate) mod table;
mod tally;
pub(crate) mod truth;

use std::time::Duration;

pub use episode::{EPISODES_MAX, Episode};
pub use inventory::Inventory;
pub use message::Ends;
pub use options::LedgerOptions;
pub use promise::{BrokenPromise, INCIDENT, PromiseKind};
pub use report::LedgerReport;
pub use stuck::StuckRun;
pub use tally::Tally;

use self::export::ExportRecord;
use self::table::IncarnationIndex;
use self::truth::Truth;
use super::board::Board;
use super::calendar::WalkCalendar;
use super::instruments::Instruments;
use super::invariant::active_truth::{self, Sums};
use super::invariant::backlog_truth::Pages;
use super::invariant::blame::Causes;
use super::invariant::event_outbox::Outbox;
use super::invariant::fairness::Turns;
use super::invariant::liveness::Drain;
use super::invariant::notify_independent::NotifyWatch;
use super::invariant::plan_truth::Evaluator;
use super::invariant::scanner_manners::Manners;
use super::invariant::{
    applied_learned, cardinality, conservation, cron_once, liveness, no_loss, segment_once,
    stopping, told,
};
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
pub struct Ledger {
    truth: Truth,
    board: Board,
    memory: Memory,
    drain: Option<Drain>,
}

impl Ledger {
    /// An empty ledger.
    pub fn new(options: LedgerOptions) -> Self {
        let board = Board::new(options.violations_kept);
        Self {
            truth: Truth::new(options),
            board,
            memory: Memory::default(),
            drain: None,
        }
    }

    /// Attaches the instruments of an incarnation. They are let go when the incarnation ends.
    pub fn attach_metrics(
        &mut self,
        incarnation: &IncarnationId,
        instruments: Box<dyn Instruments>,
    ) {
        let incarnation = self.truth.incarnations.number(incarnation, self.truth.now);
        self.truth.incarnations.incarnations[incarnation].instruments = Some(instruments);
        self.truth.incarnations.is_instrumented = true;
    }

    /// Triggers have stopped and a core is healed at `at`: what is unfinished must drain within the
    /// allowance.
    pub fn expect_drain(&mut self, at: Timestamp, allowance: Duration) {
        let unfinished = self.truth.runs.unfinished.len();
        self.drain = Some(Drain {
            healed_at: at,
            allowance,
            unfinished,
        });
    }

    /// Whether nothing is left to do: no unfinished run, message (dead letters aside), intent,
    /// outbox row or unanswered commit. Cheap enough to ask after every event.
    pub fn is_quiescent(&self) -> bool {
        self.truth.is_idle() && self.memory.outbox.is_empty()
    }

    /// What each unfinished run waits for, oldest run first.
    pub fn explain_stuck(&self) -> Vec<StuckRun> {
        self.truth.explain_stuck()
    }

    /// Counts so far.
    pub fn tally(&self) -> &Tally {
        &self.truth.tally
    }

    /// What the invariants found so far.
    pub fn board(&self) -> &Board {
        &self.board
    }

    /// Runs the last checks and gives the report. `quiescent`: the world has come to rest, so that
    /// the checks that hold only then make sense.
    pub fn finish(mut self, at: Timestamp, quiescent: bool) -> LedgerReport {
        self.set_time(at);
        for incarnation in self.truth.incarnations.living.clone() {
            self.compare_all(incarnation);
        }
        self.compare_sums();
        for schedule in self.truth.schedules.table.indices() {
            cron_once::judge_undecided(&mut self.board, &mut self.truth, schedule, at);
        }
        self.memory.notify.judge(&mut self.board, &self.truth);
        let stuck = self.explain_stuck();
        if let Some(drain) = self.drain {
            liveness::finish(&mut self.board, &self.truth, drain, quiescent, &stuck);
        }
        if quiescent {
            applied_learned::finish(&mut self.board, &self.truth);
            segment_once::finish(&mut self.board, &self.truth);
            no_loss::finish(&mut self.board, &self.truth);
            self.memory.outbox.finish(&mut self.board);
        }
        LedgerReport::new(&mut self.truth, &self.board, stuck)
    }

    fn set_time(&mut self, at: Timestamp) {
        self.truth.now = at;
        self.board.set_time(at);
    }

    fn incarnation(&mut self, incarnation: &IncarnationId) -> IncarnationIndex {
        self.truth.incarnations.number(incarnation, self.truth.now)
    }

    fn incarnation_ended(&mut self, incarnation: &IncarnationId, end: IncarnationEnd) {
        let index = self.incarnation(incarnation);
        stopping::judge(&mut self.board, &self.truth, index, end);
        self.compare_all(index);
        for call in self.truth.calls.close_incarnation(index) {
            let is_segment = call.applied_at.is_some() && call.step == "segment";
            self.truth.tally.segments_lost_with_incarnation += u64::from(is_segment);
        }
        self.memory.turns.ended(index);
        self.truth.incarnations.end(index, self.truth.now);
    }

    fn schedule_changed(&mut self, schedule: &std::sync::Arc<Schedule>, change: ScheduleChange) {
        let now = self.truth.now;
        let index = self.truth.schedules.number(&schedule.id, now);
        cron_once::judge_undecided(&mut self.board, &mut self.truth, index, now);
        let record = &mut self.truth.schedules[index];
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
        self.truth.schedules.live += usize::from(is_live);
        self.truth.schedules.live -= usize::from(was_live);
    }

    fn scraped(&mut self, incarnation: &IncarnationId) {
        let index = self.incarnation(incarnation);
        self.compare_dirty();
        conservation::compare(
            &mut self.board,
            &mut self.truth.incarnations.incarnations[index],
            // The extensions' are compared when they should have changed, and at the end.
            conservation::GIVEN_COUNTERS,
        );
        active_truth::compare(
            &mut self.board,
            &self.truth.incarnations.incarnations[index],
        );
        self.memory
            .pages
            .scraped(&mut self.board, &self.truth, index);
        cardinality::scraped(&mut self.board, &self.truth, index);
        self.memory.notify.judge(&mut self.board, &self.truth);
    }

    fn fault(&mut self, kind: FaultKind, begins: bool) {
        self.compare_dirty();
        let now = self.truth.now;
        if begins {
            self.truth.faults.begin(kind, now);
        } else {
            self.memory.notify.judge(&mut self.board, &self.truth);
            self.truth.faults.end(kind, now);
        }
        self.memory.notify.reset(&self.truth);
    }
}

impl Observer for Ledger {
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
                self.truth.incarnations.incarnations[incarnation].permits_slow_at = Some(at);
            }
            Observation::GivenUp {
                incarnation,
                queue,
                step,
            } => self.given_up(incarnation, queue, step),
            Observation::MessageCorrupted { message, .. } => {
                if let Some(record) = self.truth.messages.records.get_mut(&message) {
                    record.is_spoiled = true;
                }
            }
            Observation::CommitSent { commit } => {
                let incarnation = self.incarnation(&commit.token.incarnation);
                let step = commit.step.name();
                let run = commit
                    .runs
                    .first()
                    .and_then(|write| self.truth.runs.table.find(&write.run.id));
                self.truth
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
                self.truth.calls.lost_at = at;
                self.truth
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
                    .read(&mut self.board, &mut self.truth, incarnation, waiting);
            }
            Observation::PlanningBegun { incarnation, run } => {
                let (incarnation, run) = (
                    self.incarnation(incarnation),
                    self.truth.runs.number(&run.id),
                );
                self.memory
                    .turns
                    .begun(&mut self.board, &self.truth, incarnation, run);
            }
            Observation::SegmentBegun { key, delivery, .. } => {
                let mut newest = delivery;
                self.truth.with_segment(key, |segment| {
                    segment.delivery = segment.delivery.max(delivery);
                    newest = segment.delivery;
                });
                if let Some(record) = self.truth.messages.deliveries.get_mut(&delivery) {
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
                if let Some(record) = self.truth.messages.deliveries.get_mut(&delivery) {
                    record.is_needless |= record.is_superseded;
                }
                if run.is_none() {
                    self.truth.learn_run_missing(incarnation, delivery, key);
                }
            }
            Observation::AdoptionLearned {
                incarnation,
                surrendered,
            } => {
                let incarnation = self.incarnation(incarnation);
                self.truth.learn_surrender(incarnation, surrendered);
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
                self.truth.incarnations.incarnations[incarnation].stopping_since = Some(at);
            }
            Observation::Paused { incarnation } => {
                let incarnation = self.incarnation(incarnation);
                self.truth.incarnations.pause(incarnation, true, at);
            }
            Observation::Resumed { incarnation } => {
                let incarnation = self.incarnation(incarnation);
                self.truth.incarnations.pause(incarnation, false, at);
            }
            Observation::CutOff { process, port } => {
                self.truth.incarnations.reach(process, port, false, at);
            }
            Observation::Reconnected { process, port } => {
                self.truth.incarnations.reach(process, port, true, at);
            }
            Observation::FaultBegan { kind, subject } => {
                self.fault(kind, true);
                self.truth.episodes.begin(kind, subject, at);
            }
            Observation::FaultEnded { kind, subject } => {
                self.fault(kind, false);
                self.truth.episodes.end(kind, subject, at);
            }
            Observation::FaultTriggered { kind } => self.truth.faults.hit(kind, at),
            Observation::ScheduleChanged { schedule, change } => {
                self.schedule_changed(schedule, change);
            }
            Observation::CancelRequested { run } => {
                let run = self.truth.runs.number(run);
                self.truth.runs[run].cancel_asked = true;
            }
            Observation::CancelDone { run } => {
                told::cancelled(&mut self.board, &mut self.truth, run);
            }
            Observation::CancelDeferred { run, asked_at } => {
                told::put_off(&mut self.board, &mut self.truth, run, asked_at);
            }
            Observation::CommandDeferred { command, asked_at } => {
                told::command_put_off(&mut self.board, &self.truth, command, asked_at);
            }
            Observation::ManualRunDone {
                schedule,
                occurrence,
                retried,
                asked_at,
            } => {
                let asked = told::Asked {
                    schedule,
                    occurrence,
                    retried,
                    asked_at,
                };
                told::made(&mut self.board, &mut self.truth, &asked);
            }
            Observation::Purged { run } => {
                let run = self.truth.runs.number(run);
                self.purged(run);
            }
            Observation::Exported {
                tenant, trigger, ..
            } => {
                self.truth.tally.exports += 1;
                let tenant = tenant.cloned();
                self.truth.exports.publish(ExportRecord { tenant, trigger });
            }
            Observation::ImageChanged {
                image,
                revision,
                added,
            } => self.truth.images.grow(image, revision, added),
            Observation::NotifyCalled { incarnation, role } => {
                NotifyWatch::called(&mut self.board, incarnation, role);
            }
            Observation::EventPublished { id } => {
                let is_first = self.memory.outbox.published(at, id);
                self.truth.tally.events += u64::from(is_first);
            }
            Observation::EventForgotten { id } => self.memory.outbox.forgotten(&mut self.board, id),
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
