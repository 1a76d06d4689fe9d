//! Actions of schedule owners, operators and retention.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::World;
use super::fault::queues;
use super::process::OperatorCommand;
use crate::model::observation::{Observation, ScheduleChange};
use crate::model::time::nanos_of;
use crate::model::{Run, RunId, Schedule, ScheduleId, Timestamp};
use crate::scenario::{OperationKind, Scenario, ScheduleChanges};
use crate::sim::arrival_times::arrival_times;
use crate::sim::draw_index;
use crate::sim::kernel::{ProcessId, RandomStream, Receiver, oneshot};

impl World {
    /// Creates the schedules that exist at the start.
    pub(super) fn create_schedules(self: &Rc<Self>, schedules: Vec<Arc<Schedule>>) {
        for schedule in schedules {
            self.create_schedule(schedule);
        }
    }

    /// Schedules the operations of a scenario, counted from now.
    pub(super) fn schedule_operations(self: &Rc<Self>, scenario: &Scenario) {
        let tenants = scenario.fleet.tenant_names();
        let first_tenant: Rc<str> = tenants.first().map_or("", String::as_str).into();
        for (index, operation) in scenario.operations.iter().enumerate() {
            let stream = &mut RandomStream::new(scenario.seed, &format!("operation.{index}"));
            let offsets = arrival_times(&operation.timing, scenario.duration.as_nanos(), stream);
            for (repetition, offset_ns) in offsets.into_iter().enumerate() {
                let (world, kind) = (Rc::clone(self), operation.kind.clone());
                let first_tenant = Rc::clone(&first_tenant);
                let occurrence = format!("operation-{}-{}", index + 1, repetition + 1);
                let at_ns = self.handle.now_ns().saturating_add(offset_ns);
                self.handle.schedule_at(at_ns, move || {
                    world.operate(&kind, &first_tenant, &occurrence);
                });
            }
        }
    }

    fn operate(self: &Rc<Self>, kind: &OperationKind, first_tenant: &str, occurrence: &str) {
        let id = |schedule: &String| ScheduleId::from(schedule.as_str());
        match kind {
            OperationKind::Create { definition } => {
                self.create_schedule(Arc::new(definition.definition(first_tenant)));
            }
            OperationKind::Enable { schedule } => self.enable_schedule(&id(schedule)),
            OperationKind::Disable { schedule } => self.disable_schedule(&id(schedule)),
            OperationKind::Edit { schedule, changes } => {
                self.edit_schedule(&id(schedule), changes);
            }
            OperationKind::Delete { schedule } => self.delete_schedule(&id(schedule)),
            OperationKind::Run { schedule } => {
                let command = OperatorCommand::Run {
                    schedule: id(schedule),
                    occurrence: occurrence.to_owned(),
                };
                self.ask_for_run(command, id(schedule), occurrence.to_owned(), None);
            }
            OperationKind::Cancel { schedule } => self.cancel_runs(&id(schedule)),
            OperationKind::Retry { schedule } => self.retry_last(&id(schedule), occurrence),
            OperationKind::Redrive { queue } => {
                let asked_at = self.now();
                queues(*queue).for_each(|queue| {
                    self.command(OperatorCommand::Redrive { queue }, move |world| {
                        world
                            .sink
                            .emit(&Observation::RedriveDone { queue, asked_at });
                    });
                });
            }
            OperationKind::Purge {
                schedule,
                older_than,
            } => {
                self.purge(schedule.as_ref().map(id).as_ref(), older_than.std());
            }
        }
    }

    /// Creates a schedule, unless its identifier is in use.
    pub fn create_schedule(self: &Rc<Self>, schedule: Arc<Schedule>) {
        if self.store.borrow().schedule(&schedule.id).is_none() {
            let now = self.now();
            self.store
                .borrow_mut()
                .define_schedule(Arc::clone(&schedule), now);
            self.note_schedule(&schedule, ScheduleChange::Created);
        }
    }

    fn enable_schedule(self: &Rc<Self>, id: &ScheduleId) {
        if let Some(old) = self.definition(id).filter(|old| !old.enabled) {
            let enabled = true;
            let schedule = Arc::new(Schedule {
                enabled,
                ..(*old).clone()
            });
            let now = self.now();
            self.store
                .borrow_mut()
                .define_schedule(Arc::clone(&schedule), now);
            self.note_schedule(&schedule, ScheduleChange::Enabled);
        }
    }

    fn disable_schedule(self: &Rc<Self>, id: &ScheduleId) {
        if let Some(old) = self.definition(id).filter(|old| old.enabled) {
            let enabled = false;
            let schedule = Arc::new(Schedule {
                enabled,
                ..(*old).clone()
            });
            self.store
                .borrow_mut()
                .redefine_schedule(Arc::clone(&schedule));
            self.note_schedule(&schedule, ScheduleChange::Disabled);
        }
    }

    fn edit_schedule(self: &Rc<Self>, id: &ScheduleId, changes: &ScheduleChanges) {
        if let Some(old) = self.definition(id) {
            let schedule = Arc::new(edited(&old, changes));
            let now = self.now();
            self.store
                .borrow_mut()
                .define_schedule(Arc::clone(&schedule), now);
            self.note_schedule(&schedule, ScheduleChange::Edited);
        }
    }

    /// Marks a schedule as deleted.
    pub fn delete_schedule(self: &Rc<Self>, id: &ScheduleId) {
        if let Some(schedule) = self.definition(id) {
            self.store.borrow_mut().delete_schedule(id);
            self.note_schedule(&schedule, ScheduleChange::Deleted);
        }
    }

    /// Disables every schedule, so that no run is created any more. Open runs may finish.
    pub fn stop_triggers(self: &Rc<Self>) {
        let definitions = self.store.borrow().definitions();
        for schedule in definitions {
            self.disable_schedule(&schedule.id);
        }
    }

    fn definition(&self, id: &ScheduleId) -> Option<Arc<Schedule>> {
        self.store.borrow().definition(id)
    }

    fn note_schedule(self: &Rc<Self>, schedule: &Arc<Schedule>, change: ScheduleChange) {
        self.sink
            .emit(&Observation::ScheduleChanged { schedule, change });
    }

    fn cancel_runs(self: &Rc<Self>, schedule: &ScheduleId) {
        let of_schedule = |run: &&Run| run.schedule == *schedule;
        let runs: Vec<_> = {
            let store = self.store.borrow();
            let chosen = store.unfinished().filter(of_schedule);
            chosen.map(|run| run.id.clone()).collect()
        };
        for run in runs {
            self.sink.emit(&Observation::CancelRequested { run: &run });
            let command = OperatorCommand::Cancel { run: run.clone() };
            self.command(command, move |world| {
                world.sink.emit(&Observation::CancelDone { run: &run });
            });
        }
    }

    fn retry_last(self: &Rc<Self>, schedule: &ScheduleId, occurrence: &str) {
        if let Some(run) = self.store.borrow().last_run(schedule).cloned() {
            let command = OperatorCommand::Retry {
                run: run.id.clone(),
                occurrence: occurrence.to_owned(),
            };
            self.ask_for_run(command, run.schedule, occurrence.to_owned(), Some(run.id));
        }
    }

    fn ask_for_run(
        self: &Rc<Self>,
        command: OperatorCommand,
        schedule: ScheduleId,
        occurrence: String,
        retried: Option<RunId>,
    ) {
        self.sink.emit(&Observation::ManualRunRequested {
            schedule: &schedule,
            occurrence: &occurrence,
            retried: retried.as_ref(),
        });
        let asked_at = self.now();
        self.command(command, move |world| {
            world.sink.emit(&Observation::ManualRunDone {
                schedule: &schedule,
                occurrence: &occurrence,
                retried: retried.as_ref(),
                asked_at,
            });
        });
    }

    /// Purges terminal runs, and returns their number.
    pub(super) fn purge(
        self: &Rc<Self>,
        schedule: Option<&ScheduleId>,
        older_than: Duration,
    ) -> usize {
        let now = self.now();
        let purged = self.store.borrow_mut().purge(schedule, older_than, now);
        for run in &purged {
            self.sink.emit(&Observation::Purged { run });
        }
        purged.len()
    }

    /// Sends a command to one worker after the other until one acknowledges it.
    fn command(self: &Rc<Self>, command: OperatorCommand, done: impl FnOnce(&Self) + 'static) {
        let world = Rc::clone(self);
        let retry_ns = nanos_of(self.options.operator_retry_delay);
        self.handle.spawn(ProcessId::WORLD, "operator", async move {
            loop {
                let asked_at = world.now();
                let answer = match world.ask_worker(&command) {
                    Some(answer) => answer.await,
                    None => None,
                };
                match answer {
                    Some(true) => return done(&world),
                    Some(false) => world.sink.emit(&put_off(&command, asked_at)),
                    None => {}
                }
                world.handle.sleep_ns(retry_ns).await;
            }
        });
    }

    /// Sends a command to a worker that accepts commands; its answer is `None` if the incarnation
    /// ends.
    fn ask_worker(&self, command: &OperatorCommand) -> Option<Receiver<bool>> {
        let ready = self.ready_processes();
        let number = draw_index(&mut self.operator.borrow_mut(), ready.len());
        let (process, spawner) = ready.get(number)?;
        let (sender, receiver) = oneshot();
        let work = process.command(command);
        spawner.spawn("command", async move {
            let _ = sender.send(work.await);
        });
        Some(receiver)
    }
}

/// Returns the observation that a worker could not carry out a command now.
fn put_off(command: &OperatorCommand, asked_at: Timestamp) -> Observation<'_> {
    match command {
        OperatorCommand::Cancel { run } => Observation::CancelDeferred { run, asked_at },
        other => Observation::CommandDeferred {
            command: other.as_str(),
            asked_at,
        },
    }
}

/// Returns a definition with the changes of an edit.
fn edited(old: &Schedule, changes: &ScheduleChanges) -> Schedule {
    let mut schedule = old.clone();
    let ScheduleChanges {
        name,
        when_cron,
        time_zone,
        mode,
        selector,
        only_if,
        limits,
        notify,
        triggers,
        overlap,
    } = changes.clone();
    schedule.name = name.unwrap_or(schedule.name);
    schedule.when_cron = when_cron.or(schedule.when_cron);
    schedule.time_zone = time_zone.unwrap_or(schedule.time_zone);
    schedule.mode = mode.unwrap_or(schedule.mode);
    schedule.notify = notify.unwrap_or(schedule.notify);
    schedule.triggers = triggers.unwrap_or(schedule.triggers);
    schedule.overlap = overlap.unwrap_or(schedule.overlap);
    if let Some(selector) = selector {
        schedule.selector = selector.definition();
    }
    if let Some(only_if) = only_if {
        schedule.only_if = only_if.definition();
    }
    if let Some(limits) = limits {
        schedule.limits = limits.definition();
    }
    schedule
}
