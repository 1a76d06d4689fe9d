//! The store port: access to the store over the network.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::SimStore;
use crate::model::commit::Intent;
use crate::model::fault::FaultKind;
use crate::model::observation::{LearnedAnswer, Observation};
use crate::model::{
    Baseline, Commit, CommitAnswer, Event, EventId, ImageDigest, IncarnationId, PermitGrant,
    PermitRequest, PortCall, ProcessName, RunId, RunState, ScheduleId, SegmentKey, SharedList,
    TenantId, Timestamp,
};
use crate::sim::world::World;
use crate::sim::world::connection::Connection;
use crate::sim::world::network::NetworkPort;
use crate::sim::world::row_locks::StoredRow;
use crate::worker::ports::{
    self, BacklogSnapshot, CommitDecision, Export, HeartbeatAnswer, PortResult, RunDocument,
    ScheduleDocument, ScheduleEntry, SegmentDocument, StaleWork, Timestamped, WaitingRun,
};

/// Store port of an incarnation.
#[derive(Clone)]
pub struct StorePort(pub(in crate::sim::world) Connection);

impl StorePort {
    async fn read<T>(
        &self,
        call: PortCall,
        read: impl FnOnce(&mut SimStore, Timestamp) -> T,
    ) -> PortResult<T> {
        let look = |world: &World| read(&mut world.store.borrow_mut(), world.now());
        self.0.read(call, look).await
    }

    async fn read_stamped<T>(
        &self,
        call: PortCall,
        read: impl FnOnce(&mut SimStore, Timestamp) -> T,
    ) -> PortResult<Timestamped<T>> {
        let stamped = |store: &mut SimStore, now| Timestamped {
            now,
            value: read(store, now),
        };
        self.read(call, stamped).await
    }

    async fn write<T: 'static>(
        &self,
        call: PortCall,
        write: impl FnOnce(&mut SimStore, Timestamp) -> T + 'static,
    ) -> PortResult<T> {
        let serve =
            move |world: &Rc<World>| Some(write(&mut world.store.borrow_mut(), world.now()));
        self.0.call(call, serve).await
    }

    fn emit(&self, observation: &Observation<'_>) {
        self.0.world.sink.emit(observation);
    }
}

/// Guard that reports the answer to a commit as lost if it is dropped before the answer arrives.
struct PendingAnswer<'a> {
    connection: &'a Connection,
    commit: &'a Commit,
    is_answered: bool,
}

impl Drop for PendingAnswer<'_> {
    fn drop(&mut self) {
        if !self.is_answered {
            let token = &self.commit.token;
            let lost = Observation::CommitAnswerLost { token };
            self.connection.world.sink.emit(&lost);
        }
    }
}

impl World {
    /// Decides on a commit and applies it; `None` is a lost answer.
    fn serve_commit(self: &Rc<Self>, commit: &Commit) -> Option<CommitAnswer> {
        let now = self.now();
        let mut decision = self.store.borrow().decide(commit, now);
        if matches!(decision, CommitDecision::Apply(_))
            && self.draw_fault(FaultKind::CommitConflict)
        {
            decision = CommitDecision::Declined(CommitAnswer::Conflict);
        }
        let answer = match decision {
            CommitDecision::Repeat(answer) => answer,
            CommitDecision::Declined(answer) => {
                let answer_seen = &answer;
                self.sink.emit(&Observation::CommitDeclined {
                    commit,
                    answer: answer_seen,
                });
                answer
            }
            CommitDecision::Apply(applied) => {
                let stamped = self.store.borrow().stamped(commit, now);
                let answer = CommitAnswer::Applied(applied.clone());
                self.sink.emit(&Observation::CommitApplied {
                    commit: &stamped,
                    answer: &answer,
                });
                self.store.borrow_mut().apply(stamped, applied);
                answer
            }
        };
        (!self.draw_fault(FaultKind::CommitAnswerLost)).then_some(answer)
    }

    fn serve_begin_segment(
        self: &Rc<Self>,
        incarnation: &IncarnationId,
        key: &SegmentKey,
        delivery: u64,
    ) -> Timestamped<SegmentDocument> {
        let now = self.now();
        let mut store = self.store.borrow_mut();
        store.fence_segment(key, delivery, now);
        let value = store.segment(key);
        drop(store);
        self.sink.emit(&Observation::SegmentBegun {
            incarnation,
            key,
            delivery,
            run: value.run.as_ref().map(|document| &document.run.value),
        });
        Timestamped { now, value }
    }

    fn serve_forget_events(self: &Rc<Self>, events: &[EventId]) {
        for &id in events {
            let is_forgotten = self.store.borrow_mut().forget_event(id);
            if is_forgotten {
                self.sink.emit(&Observation::EventForgotten { id });
            }
        }
    }
}

impl ports::Store for StorePort {
    async fn schedules(&self) -> PortResult<Timestamped<SharedList<ScheduleEntry>>> {
        self.read_stamped(PortCall::Schedules, |store, _| store.schedules())
            .await
    }

    async fn schedule(&self, id: &ScheduleId) -> PortResult<Timestamped<Option<ScheduleDocument>>> {
        self.read_stamped(PortCall::Schedule, |store, _| store.schedule(id))
            .await
    }

    async fn exports(&self, limit: usize) -> PortResult<Timestamped<(u64, Vec<Export>)>> {
        self.read_stamped(PortCall::Exports, |store, _| store.exports(limit))
            .await
    }

    async fn planning_runs(&self, per_tenant: usize) -> PortResult<Timestamped<Vec<WaitingRun>>> {
        let heads = self
            .read_stamped(PortCall::PlanningRuns, |store, now| {
                store.planning_runs(per_tenant, now)
            })
            .await?;
        let waiting: Vec<_> = heads
            .value
            .iter()
            .map(|head| (head.run.clone(), head.tenant.clone(), head.created_at))
            .collect();
        self.emit(&Observation::PlanningRead {
            incarnation: &self.0.incarnation.id,
            waiting: &waiting,
        });
        Ok(heads)
    }

    async fn begin_planning(&self, run: &RunId) -> PortResult<Timestamped<Option<RunDocument>>> {
        let document = self
            .read_stamped(PortCall::BeginPlanning, |store, _| store.run(run))
            .await?;
        let run = document.value.as_ref().map(|document| &document.run.value);
        if let Some(run) = run.filter(|run| run.state == RunState::Planning) {
            self.emit(&Observation::PlanningBegun {
                incarnation: &self.0.incarnation.id,
                run,
            });
        }
        Ok(document)
    }

    async fn run(&self, run: &RunId) -> PortResult<Timestamped<Option<RunDocument>>> {
        self.read_stamped(PortCall::Run, |store, _| store.run(run))
            .await
    }

    async fn last_reports(
        &self,
        tenant: &TenantId,
        images: &[ImageDigest],
    ) -> PortResult<Timestamped<Vec<Option<Timestamp>>>> {
        self.read_stamped(PortCall::LastReports, |store, _| {
            store.last_reports(tenant, images)
        })
        .await
    }

    async fn begin_segment(
        &self,
        key: &SegmentKey,
        delivery: u64,
    ) -> PortResult<Timestamped<SegmentDocument>> {
        let (incarnation, sent) = (self.0.incarnation.id.clone(), key.clone());
        let serve =
            move |world: &Rc<World>| Some(world.serve_begin_segment(&incarnation, &sent, delivery));
        let document = self.0.call(PortCall::BeginSegment, serve).await?;
        let run = document.value.run.as_ref();
        self.emit(&Observation::SegmentBegunLearned {
            incarnation: &self.0.incarnation.id,
            key,
            delivery,
            run: run.map(|document| &document.run.value),
        });
        Ok(document)
    }

    async fn segment(&self, key: &SegmentKey) -> PortResult<Timestamped<SegmentDocument>> {
        self.read_stamped(PortCall::Segment, |store, _| store.segment(key))
            .await
    }

    async fn baselines(
        &self,
        tenant: &TenantId,
        images: &[ImageDigest],
    ) -> PortResult<Vec<Option<Baseline>>> {
        self.read(PortCall::Baselines, |store, _| {
            store.baselines(tenant, images)
        })
        .await
    }

    async fn commit(&self, commit: &Arc<Commit>) -> PortResult<CommitAnswer> {
        let open = self.0.connect(PortCall::Commit).await?;
        self.emit(&Observation::CommitSent { commit });
        let mut pending = PendingAnswer {
            connection: &self.0,
            commit,
            is_answered: false,
        };
        let sent = Arc::clone(commit);
        let serve = move |world: &Rc<World>| world.serve_commit(&sent);
        let station = self.0.world.stations.of(NetworkPort::Store);
        let rows = station.map_or_else(Vec::new, |_| StoredRow::of_commit(commit));
        let answer = self.0.send(open, rows, serve).await?;
        pending.is_answered = true;
        let answer_seen = &answer;
        self.emit(&Observation::CommitLearned {
            commit,
            answer: answer_seen,
        });
        Ok(answer)
    }

    async fn intents(&self, limit: usize) -> PortResult<Vec<Intent>> {
        self.read(PortCall::Intents, |store, _| store.intents(limit))
            .await
    }

    async fn intents_enqueued(&self, runs: &[RunId]) -> PortResult<()> {
        let runs = runs.to_vec();
        self.write(PortCall::IntentsEnqueued, move |store, _| {
            store.note_enqueued(&runs);
        })
        .await
    }

    async fn outbox(&self, limit: usize) -> PortResult<Vec<Arc<Event>>> {
        self.read(PortCall::Outbox, |store, _| store.outbox(limit))
            .await
    }

    async fn forget_events(&self, events: &[EventId]) -> PortResult<()> {
        let events = events.to_vec();
        let serve = move |world: &Rc<World>| {
            world.serve_forget_events(&events);
            Some(())
        };
        self.0.call(PortCall::ForgetEvents, serve).await
    }

    async fn reserve_permits(
        &self,
        schedule: &ScheduleId,
        request: PermitRequest,
    ) -> PortResult<PermitGrant> {
        let granted_to = schedule;
        let schedule = schedule.clone();
        let Connection { world, incarnation } = &self.0;
        let sent_at = world.now();
        let reserve =
            move |store: &mut SimStore, now| store.reserve_permits(&schedule, request, now);
        let permits = self.write(PortCall::ReservePermits, reserve).await?;
        self.emit(&Observation::AnswerLearned {
            incarnation: &incarnation.id,
            answer: LearnedAnswer::PermitsGranted {
                schedule: granted_to,
                granted_at: permits.now,
                first: permits.first,
                interval: permits.interval,
                count: permits.count,
                trail: permits.trail,
            },
        });
        if world.now().since(sent_at) > world.permit_tolerance {
            self.emit(&Observation::PermitsSlow {
                incarnation: &incarnation.id,
            });
        }
        Ok(permits)
    }

    async fn backlog(&self) -> PortResult<Timestamped<BacklogSnapshot>> {
        let Timestamped { now, value } = self
            .read_stamped(PortCall::Backlog, |store, _| {
                (store.backlog(), store.backlog_images())
            })
            .await?;
        let (backlog, images) = value;
        self.emit(&Observation::BacklogRead {
            incarnation: &self.0.incarnation.id,
            rows: &backlog.rows,
            images,
        });
        Ok(Timestamped {
            now,
            value: backlog,
        })
    }

    async fn heartbeat(
        &self,
        incarnation: &IncarnationId,
        abandoned_after: Duration,
        stopping: bool,
    ) -> PortResult<HeartbeatAnswer> {
        let sender = incarnation.clone();
        let heartbeat = self
            .write(PortCall::Heartbeat, move |store, now| {
                store.heartbeat(&sender, abandoned_after, stopping, now)
            })
            .await?;
        self.emit(&Observation::AdoptionLearned {
            incarnation,
            surrendered: heartbeat.surrendered,
        });
        Ok(heartbeat)
    }

    async fn register(&self, process: &ProcessName) -> PortResult<IncarnationId> {
        let process = process.clone();
        let register = move |store: &mut SimStore, _| store.register(&process);
        self.write(PortCall::Register, register).await
    }

    async fn stale_work(
        &self,
        stale_after: Duration,
        run_timeout: Duration,
    ) -> PortResult<Timestamped<StaleWork>> {
        self.read_stamped(PortCall::StaleWork, |store, now| {
            store.stale_work(stale_after, run_timeout, now)
        })
        .await
    }
}
