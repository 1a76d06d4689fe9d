//! Observations of the store, of planning and of the owners' commands.

use super::Oracle;
use crate::check::state::export::ExportRecord;
use crate::check::state::{
    CommandAck, ManualRunAck, ObservedWaitingRun, PlannedRun, PlannerRead, RecordedCommit,
};
use crate::model::observation::Observation;
use crate::model::{Applied, Commit, CommitAnswer};

impl Oracle {
    pub(super) fn observe_store(&mut self, observation: &Observation<'_>) {
        match *observation {
            Observation::CommitSent { commit } => self.state.record_sent(commit),
            Observation::CommitApplied {
                commit,
                answer: CommitAnswer::Applied(applied),
            } => self.commit_accepted(commit, applied),
            Observation::CommitAnswerLost { token } => self.state.record_lost_answer(token),
            Observation::CommitLearned { commit, answer } => self.commit_learned(commit, answer),
            Observation::AdoptionLearned {
                incarnation,
                surrendered,
            } => {
                let incarnation = self.state.number(incarnation);
                self.state.acknowledge_surrender(incarnation, surrendered);
            }
            Observation::BacklogRead { incarnation, .. } => {
                self.state.record_backlog_read(incarnation);
            }
            _ => {}
        }
    }

    fn commit_accepted(&mut self, commit: &Commit, applied: &Applied) {
        let accepted = self.state.resolve_commit(commit, applied);
        self.check(|invariants, context| invariants.commit_accepted(context, &accepted));
        let recorded = RecordedCommit {
            rewritten: self.state.apply_commit(&accepted),
            accepted: &accepted,
        };
        self.check(|invariants, context| invariants.commit_recorded(context, &recorded));
    }

    fn commit_learned(&mut self, commit: &Commit, answer: &CommitAnswer) {
        let (incarnation, learned) = self.state.resolve_answer(commit, answer);
        self.check(|invariants, context| invariants.commit_learned(context, &learned));
        let is_true = learned.says_accepted() == learned.was_accepted();
        if is_true && self.state.incarnations[incarnation].is_alive {
            let pending = learned.pending.unwrap_or_default();
            self.state.acknowledge(incarnation, commit, answer, pending);
        }
    }

    pub(super) fn observe_work(&mut self, observation: &Observation<'_>) {
        match *observation {
            Observation::PlanningRead {
                incarnation,
                waiting,
            } => {
                let incarnation = self.state.resolve(incarnation);
                let mut resolved = std::mem::take(&mut self.waiting);
                resolved.extend(waiting.iter().map(|(run, tenant, created_at)| {
                    ObservedWaitingRun {
                        run: self.state.runs.number(run),
                        tenant: self.state.runs.tenant(tenant),
                        created_at: *created_at,
                    }
                }));
                let read = PlannerRead {
                    incarnation,
                    waiting: &resolved,
                };
                self.check(|invariants, context| invariants.planner_read(context, &read));
                resolved.clear();
                self.waiting = resolved;
            }
            Observation::PlanningBegun { incarnation, run } => {
                let planned = PlannedRun {
                    incarnation: self.state.resolve(incarnation),
                    run,
                    index: self.state.runs.number(&run.id),
                };
                self.check(|invariants, context| invariants.run_planned(context, &planned));
            }
            Observation::SegmentBegun { key, delivery, .. } => {
                self.state.record_segment_begun(key, delivery);
            }
            Observation::SegmentBegunLearned {
                incarnation,
                key,
                delivery,
                run,
            } => {
                let run = run.map(|run| run.state);
                self.state
                    .record_segment_begun_learned(incarnation, key, delivery, run);
            }
            _ => {}
        }
    }

    pub(super) fn observe_owner(&mut self, observation: &Observation<'_>) {
        let ack = match *observation {
            Observation::ScheduleChanged { schedule, change } => {
                let edit = self.state.resolve_edit(schedule, change);
                self.check(|invariants, context| invariants.schedule_changed(context, &edit));
                let now = self.state.now;
                let kept = self.state.options.history_kept();
                self.state
                    .schedules
                    .edit(edit.index, schedule, change, now, kept);
                return;
            }
            Observation::CancelRequested { run } => return self.state.record_cancel_request(run),
            Observation::ManualRunRequested {
                schedule,
                occurrence,
                retried,
            } => {
                return self.state.record_run_request(schedule, occurrence, retried);
            }
            Observation::Purged { run } => {
                self.check(|invariants, context| invariants.run_purged(context, run));
                return self.state.record_purge(run);
            }
            Observation::Exported {
                id,
                tenant,
                trigger,
                product_keys,
                usage_only,
                ..
            } => {
                return self.state.record_export(ExportRecord {
                    tenant: tenant.cloned(),
                    trigger,
                    id: id.clone(),
                    product_keys: product_keys.to_vec(),
                    usage_only,
                    published_at: self.state.now,
                });
            }
            Observation::RedriveDone { queue, asked_at } => {
                CommandAck::RedriveDone { queue, asked_at }
            }
            Observation::CancelDone { run } => CommandAck::CancelDone { run },
            Observation::CancelDeferred { run, asked_at } => {
                CommandAck::CancelDeferred { run, asked_at }
            }
            Observation::CommandDeferred { command, asked_at } => {
                CommandAck::CommandDeferred { command, asked_at }
            }
            Observation::ManualRunDone {
                schedule,
                occurrence,
                retried,
                asked_at,
            } => CommandAck::ManualRunDone(ManualRunAck {
                schedule,
                occurrence,
                retried,
                asked_at,
            }),
            _ => return,
        };
        self.check(|invariants, context| invariants.command_acknowledged(context, &ack));
    }
}
