//! Random operations on a store and on the reference.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rehearsal::model::commit::{AdoptOrphanedCount, DocumentVersion};
use rehearsal::model::{
    Commit, CommitAnswer, CommitStep, CommitToken, IncarnationId, Mode, PermitRequest, Run, RunId,
    Schedule, ScheduleId, SegmentKey, TenantId, Timestamp, Trigger,
};
use rehearsal::scenario::FleetSpec;
use rehearsal::sim::fleet::Fleet;
use rehearsal::sim::world::SimStore;
use rehearsal::worker::ports::{Clock, Export, Ports, RunDocument, Store};
use rehearsal_port_contract::Bench;

use super::file::FileBench;
use super::reading::{Names, compare};
use super::store_action::{self, RUNS, RunChange, SEGMENTS, StoreAction, images};
use super::{CLIENTS, ModelBench, ServiceModel, Stepped, expect_same, half_after};
use crate::planted::PlantedFault;
use crate::simulated::SimulatedBench;

/// Two values of one thing: of the store and of the reference.
type Pair<T> = (T, T);

/// State of a client: the documents that it has read, and its last commit.
#[derive(Default)]
struct ModelClient {
    sequence: u64,
    /// Runs by number, with the revisions of the baselines of all images.
    views: BTreeMap<usize, (Pair<RunDocument>, Vec<Option<u64>>)>,
    last: Option<Pair<Arc<Commit>>>,
    orphaned: Vec<(IncarnationId, Pair<DocumentVersion>)>,
}

/// Store under test and the reference.
struct StoreModel<B: Bench> {
    bench: Rc<B>,
    ports: Vec<B::Ports>,
    reference: SimStore,
    clients: Vec<ModelClient>,
    schedules: Vec<Schedule>,
    runs: Vec<Run>,
    /// Newest time of the store's clock that is known.
    now: Timestamp,
    published: u32,
}

fn incarnation(client: usize) -> IncarnationId {
    IncarnationId::new(format!("client-{client}").as_str().into(), 1)
}

fn schedule(number: usize) -> Schedule {
    let (id, tenant) = [("first", "acme"), ("second", "globex")][number];
    Schedule {
        mode: Mode::ALL[number],
        ..Schedule::new(id.into(), tenant.into())
    }
}

impl<B: ModelBench> ServiceModel for StoreModel<B> {
    type Bench = B;
    type Action = StoreAction;

    /// Creates the schedules in both stores.
    async fn start(bench: Rc<B>) -> Stepped<Self> {
        let fleet = FleetSpec {
            images: 2,
            components: 1,
            ..FleetSpec::default()
        };
        let fleet = Fleet::draw(&fleet, 1).expect("a small fleet");
        let schedules: Vec<_> = (0..2).map(schedule).collect();
        let run = |number: usize| {
            let schedule = &schedules[number % schedules.len()];
            Run::new(schedule, Trigger::Manual, number)
        };
        let mut model = Self {
            ports: (0..CLIENTS).map(|process| bench.ports(process)).collect(),
            reference: SimStore::new(Rc::new(fleet)),
            clients: (0..CLIENTS).map(|_| ModelClient::default()).collect(),
            runs: (0..RUNS).map(run).collect(),
            schedules,
            now: Timestamp::ZERO,
            published: 0,
            bench,
        };
        for schedule in &model.schedules {
            model.bench.create_schedule(schedule.clone()).await;
            let read = model.ports[0].store().schedule(&schedule.id).await?;
            let cursor = read.value.map_or(read.now, |read| read.state.value.cursor);
            let definition = Arc::new(schedule.clone());
            model.reference.define_schedule(definition, cursor);
        }
        Ok(model)
    }

    async fn step(&mut self, client: usize, action: StoreAction) -> Stepped {
        self.perform(client, action).await?;
        let runs: Vec<RunId> = self.runs.iter().map(|run| run.id.clone()).collect();
        let schedules: Vec<ScheduleId> = self.schedules.iter().map(|s| s.id.clone()).collect();
        let tenants: Vec<TenantId> = self.schedules.iter().map(|s| s.tenant.clone()).collect();
        let names = Names {
            runs: &runs,
            schedules: &schedules,
            tenants: &tenants,
        };
        let limit = half_after(self.unit(), 2);
        let store = self.ports[client].store();
        compare(store, &mut self.reference, &names, limit).await
    }
}

impl<B: Bench> StoreModel<B> {
    fn unit(&self) -> Duration {
        self.bench.timing().lease / 2
    }

    fn token(&mut self, client: usize) -> CommitToken {
        let sequence = &mut self.clients[client].sequence;
        *sequence += 1;
        CommitToken {
            incarnation: incarnation(client),
            sequence: *sequence,
            delivery: 0,
        }
    }

    /// Reads the store's clock.
    async fn read_clock(&mut self) -> Stepped {
        self.now = self.ports[0].store().backlog().await?.now;
        Ok(())
    }

    /// Sends a commit to both stores.
    async fn commit(&mut self, client: usize, commit: Pair<Commit>) -> Stepped {
        let commit = (Arc::new(commit.0), Arc::new(commit.1));
        self.clients[client].last = Some(commit.clone());
        let found = self.ports[client].store().commit(&commit.0).await?;
        if let CommitAnswer::Applied(applied) = &found {
            self.now = self.now.max(applied.at);
        }
        let at = match &found {
            CommitAnswer::Applied(applied) => applied.at,
            _ => self.now,
        };
        let known = self.reference.commit(&commit.1, at);
        let object = format!("the answer to {:?}", commit.0);
        expect_same(&object, &found, &known)
    }

    /// Sends one commit that names no version to both stores.
    async fn commit_same(&mut self, client: usize, commit: Commit) -> Stepped {
        self.commit(client, (commit.clone(), commit)).await
    }

    async fn perform(&mut self, client: usize, action: StoreAction) -> Stepped {
        match action {
            StoreAction::Read(run) => self.read(client, run).await,
            StoreAction::Create(run) => self.create(client, run).await,
            StoreAction::Change(run, change, reads_first) => {
                if reads_first {
                    self.read(client, run).await?;
                }
                self.change(client, run, &change).await
            }
            StoreAction::Repeat => match self.clients[client].last.clone() {
                Some((own, known)) => {
                    let commit = (Arc::unwrap_or_clone(own), Arc::unwrap_or_clone(known));
                    self.commit(client, commit).await
                }
                None => Ok(()),
            },
            StoreAction::Requeue(run, index) => {
                let token = self.token(client);
                let commit = store_action::requeue(token, &self.runs[run].id, index);
                self.commit_same(client, commit).await
            }
            StoreAction::Begin(run, index, delivery) => {
                self.begin(client, run, index, delivery).await
            }
            StoreAction::Count(mode, change) => {
                let token = self.token(client);
                self.commit_same(client, store_action::count(token, mode, change))
                    .await
            }
            StoreAction::Heartbeat { stopping } => self.beat(client, stopping).await,
            StoreAction::Adopt => self.adopt(client).await,
            StoreAction::Permits(schedule, request) => {
                self.permits(client, schedule, request).await
            }
            StoreAction::HandleExports => self.handle_exports(client).await,
            other => self.administrate(client, other).await,
        }
    }

    async fn create(&mut self, client: usize, run: usize) -> Stepped {
        let token = self.token(client);
        let commit = store_action::creation(token, self.runs[run].clone());
        self.commit_same(client, commit).await
    }

    /// Reads a run into the view of a client, if the run exists.
    async fn read(&mut self, client: usize, run: usize) -> Stepped {
        let id = &self.runs[run].id;
        let store = self.ports[client].store();
        let found = store.run(id).await?.value;
        if let Some((found, known)) = found.zip(self.reference.run(id)) {
            let all: Vec<_> = (0..SEGMENTS).flat_map(images).collect();
            let baselines = store.baselines(&found.run.value.tenant, &all).await?;
            let revision = |known: Option<rehearsal::model::Baseline>| known.map(|k| k.revision);
            let revisions = baselines.into_iter().map(revision).collect();
            let view = ((found, known), revisions);
            self.clients[client].views.insert(run, view);
        }
        Ok(())
    }

    /// Changes a run over the version in the view of a client; creates it if there is none.
    async fn change(&mut self, client: usize, run: usize, change: &RunChange) -> Stepped {
        if !self.clients[client].views.contains_key(&run) {
            return self.create(client, run).await;
        }
        let token = self.token(client);
        let (now, unit) = (self.now, self.unit());
        let not_before = |units| now.after(half_after(unit, units));
        let ((own, known), revisions) = &self.clients[client].views[&run];
        let change = change.fitting(own.run.value.state);
        let build = |document| {
            store_action::commit(token.clone(), document, &change, revisions, not_before)
        };
        match build(own).zip(build(known)) {
            Some(commit) => self.commit(client, commit).await,
            None => Ok(()),
        }
    }

    async fn begin(&mut self, client: usize, run: usize, index: u32, delivery: u64) -> Stepped {
        let key = SegmentKey {
            run: self.runs[run].id.clone(),
            index,
        };
        let begun = self.ports[client]
            .store()
            .begin_segment(&key, delivery)
            .await?;
        self.reference.fence_segment(&key, delivery, begun.now);
        let known = self.reference.segment(&key);
        expect_same("the begun segment", &begun.value.segment, &known.segment)
    }

    async fn beat(&mut self, client: usize, stopping: bool) -> Stepped {
        let limit = half_after(self.unit(), 3);
        let id = incarnation(client);
        let store = self.ports[client].store();
        let found = store.heartbeat(&id, limit, stopping).await?;
        self.read_clock().await?;
        let known = self.reference.heartbeat(&id, limit, stopping, self.now);
        expect_same(
            "the surrendered count",
            &found.surrendered,
            &known.surrendered,
        )?;
        let ids = |all: &[(IncarnationId, DocumentVersion)]| -> Vec<_> {
            all.iter().map(|(id, _)| id.clone()).collect()
        };
        let mut orphaned = (found.orphaned, known.orphaned);
        orphaned.0.sort();
        orphaned.1.sort();
        expect_same(
            "the list of orphaned counts",
            &ids(&orphaned.0),
            &ids(&orphaned.1),
        )?;
        let pairs = orphaned.0.into_iter().zip(orphaned.1);
        let pairs = pairs.map(|((id, own), (_, known))| (id, (own, known)));
        self.clients[client].orphaned = pairs.collect();
        Ok(())
    }

    async fn adopt(&mut self, client: usize) -> Stepped {
        let Some((from, (own, known))) = self.clients[client].orphaned.first().cloned() else {
            return Ok(());
        };
        let token = self.token(client);
        let commit = |expected| {
            let mut commit = Commit::new(token.clone(), CommitStep::AdoptOrphanedCount);
            let from = from.clone();
            commit.adoption = Some(AdoptOrphanedCount { from, expected });
            commit
        };
        self.commit(client, (commit(own), commit(known))).await
    }

    async fn permits(&mut self, client: usize, schedule: usize, request: PermitRequest) -> Stepped {
        let id = &self.schedules[schedule].id;
        let store = self.ports[client].store();
        let found = store.reserve_permits(id, request).await?;
        let known = self.reference.reserve_permits(id, request, found.now);
        expect_same("the grant of permits", &found, &known)
    }

    async fn handle_exports(&mut self, client: usize) -> Stepped {
        let (cursor, waiting) = self.ports[client].store().exports(2).await?.value;
        let Some(last) = waiting.last().map(|export| export.sequence) else {
            return Ok(());
        };
        let mut commit = Commit::new(self.token(client), CommitStep::Export);
        commit.exports = Some((cursor, last));
        self.commit_same(client, commit).await
    }

    async fn administrate(&mut self, client: usize, action: StoreAction) -> Stepped {
        match action {
            StoreAction::Register(process) => {
                let process = ["first", "second"][process].into();
                let found = self.ports[client].store().register(&process).await?;
                let known = self.reference.register(&process);
                expect_same("the registered incarnation", &found, &known)?;
            }
            StoreAction::MarkIntent(run) => {
                let run = [self.runs[run].id.clone()];
                self.ports[client].store().intents_enqueued(&run).await?;
                self.reference.note_enqueued(&run);
            }
            StoreAction::Forget(count) => {
                let events = self.ports[client].store().outbox(count).await?;
                let ids: Vec<_> = events.iter().map(|event| event.event_id).collect();
                self.ports[client].store().forget_events(&ids).await?;
                for id in ids {
                    self.reference.forget_event(id);
                }
            }
            StoreAction::Publish => {
                self.published += 1;
                let export = Export {
                    sequence: 0,
                    id: format!("export-{}", self.published).into(),
                    trigger: Trigger::Policy,
                    tenant: None,
                    product_keys: Vec::new(),
                    usage_only: false,
                };
                self.bench.publish_export(export.clone()).await;
                self.reference.publish_export(export);
            }
            StoreAction::Delete(schedule) => {
                let id = &self.schedules[schedule].id;
                self.bench.delete_schedule(id).await;
                if self.reference.definition(id).is_some() {
                    self.reference.delete_schedule(id);
                }
            }
            StoreAction::Purge { units } => {
                let older_than = half_after(self.unit(), units);
                self.bench.purge(older_than).await;
                self.read_clock().await?;
                self.reference.purge(None, older_than, self.now);
                // A run that is created again may have a version that an earlier one had.
                self.clients
                    .iter_mut()
                    .for_each(|client| client.views.clear());
            }
            StoreAction::Wait { units } => {
                self.ports[client].clock().sleep(self.unit() * units).await;
                self.read_clock().await?;
            }
            _ => {}
        }
        Ok(())
    }
}

fn agree<B: ModelBench>(planted: Option<PlantedFault>) -> Result<(), String> {
    super::agree::<StoreModel<B>>(64, 59, store_action::action(), planted)
}

#[test]
fn random_operations_on_a_store_agree_with_the_reference() {
    if let Err(difference) = agree::<SimulatedBench>(None) {
        panic!("{difference}");
    }
}

#[test]
fn random_operations_on_a_store_in_a_file_agree_with_the_reference() {
    if let Err(difference) = agree::<FileBench>(None) {
        panic!("{difference}");
    }
}

#[test]
fn random_operations_on_a_store_in_a_file_find_planted_faults() {
    for fault in [PlantedFault::FenceNotRaised, PlantedFault::StopIgnored] {
        assert!(agree::<FileBench>(Some(fault)).is_err(), "{fault:?}");
    }
}

#[test]
fn random_operations_on_a_store_find_planted_faults() {
    for fault in [
        PlantedFault::CommitWithoutVersionCheck,
        PlantedFault::FenceNotRaised,
        PlantedFault::ExportGap,
        PlantedFault::BacklogBeforeCommit,
        PlantedFault::StopIgnored,
    ] {
        assert!(agree::<SimulatedBench>(Some(fault)).is_err(), "{fault:?}");
    }
}
