//! Worker processes: start, pause, graceful stop and crash of their incarnations.

mod factory;
mod prober;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

pub use self::factory::{LocalFuture, OperatorCommand, ProcessFactory, ProcessHandle, Spawner};
use super::World;
use super::clock::ProcessClock;
use super::connection::{Connection, Incarnation};
use super::network::NetworkPort;
use super::ports::WorldPorts;
use super::timeout::timeout;
use crate::model::observation::{IncarnationEnd, Observation};
use crate::model::time::nanos_of;
use crate::model::{CallCounts, IncarnationId, ProcessName};
use crate::scenario::MessageSchema;
use crate::sim::kernel::{Handle, ProcessId, oneshot};
use crate::worker::Role;

/// All worker processes by number.
pub(super) struct SimProcesses {
    list: Vec<SimProcess>,
    factory: Rc<dyn ProcessFactory>,
    /// Calls of the incarnations that have ended.
    ended_calls: RefCell<CallCounts>,
}

/// Worker process over all its incarnations.
pub(super) struct SimProcess {
    pub name: ProcessName,
    pub roles: Vec<Role>,
    kernel: ProcessId,
    clock: ProcessClock,
    /// Version of the messages that it writes.
    schema: Cell<MessageSchema>,
    running: RefCell<Option<LiveIncarnation>>,
}

/// Current incarnation of a process.
#[derive(Clone)]
struct LiveIncarnation {
    incarnation: Rc<Incarnation>,
    process: Rc<dyn ProcessHandle>,
    is_paused: Rc<Cell<bool>>,
    is_stopping: Rc<Cell<bool>>,
}

impl SimProcesses {
    pub fn new(
        handle: &Handle,
        processes: Vec<(String, Vec<Role>)>,
        factory: Rc<dyn ProcessFactory>,
    ) -> Self {
        let process = |(name, roles): (String, Vec<Role>)| SimProcess {
            kernel: handle.process(&name),
            name: ProcessName::new(name),
            roles,
            clock: ProcessClock::default(),
            schema: Cell::default(),
            running: RefCell::new(None),
        };
        Self {
            list: processes.into_iter().map(process).collect(),
            factory,
            ended_calls: RefCell::default(),
        }
    }

    /// Version of the messages that a process writes.
    pub fn schema(&self, number: usize) -> MessageSchema {
        let process = self.list.get(number);
        process.map_or_else(Default::default, |process| process.schema.get())
    }

    /// Sets the version of the messages that a process writes.
    pub fn set_schema(&self, number: usize, schema: MessageSchema) {
        if let Some(process) = self.list.get(number) {
            process.schema.set(schema);
        }
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = &SimProcess> {
        self.list.iter()
    }

    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Returns the number of the process with this name.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.iter()
            .position(|process| process.name.as_str() == name)
    }
}

impl SimProcess {
    fn running(&self) -> Option<LiveIncarnation> {
        self.running.borrow().clone()
    }
}

impl World {
    /// Returns the clock of a process.
    pub(super) fn clock(&self, process: usize) -> &ProcessClock {
        &self.processes.list[process].clock
    }

    /// Returns the real time during which the clock of a process counts `own`.
    pub(super) fn real_time(&self, process: usize, own: Duration) -> Duration {
        Duration::from_nanos(self.clock(process).real_ns(nanos_of(own)))
    }

    /// Starts a process that is down and may recover.
    pub(super) fn start_process(self: &Rc<Self>, number: usize) {
        let process = &self.processes.list[number];
        if process.running.borrow().is_some() || !self.may_recover(&process.name) {
            return;
        }
        let incarnation = Rc::new(Incarnation {
            // A process that can't register does not start, so this takes no time of its own.
            id: self.store.borrow_mut().register(&process.name),
            process: number,
            random: RefCell::new(self.handle.stream(&format!("process.{}", process.name))),
            is_over: Cell::new(false),
            started_at: self.now(),
            calls: RefCell::default(),
            pools: self.stations.new_pools(),
            launched_tasks: Cell::default(),
        });
        self.sink.emit(&Observation::IncarnationStarted {
            incarnation: &incarnation.id,
        });
        let ports = WorldPorts::new(&Connection {
            world: Rc::clone(self),
            incarnation: Rc::clone(&incarnation),
        });
        let spawner = Spawner::new(self.handle.clone(), process.kernel);
        let factory = &self.processes.factory;
        let handle = factory.launch(&incarnation.id, &process.roles, ports, spawner);
        incarnation
            .launched_tasks
            .set(self.handle.count_tasks(process.kernel));
        *process.running.borrow_mut() = Some(LiveIncarnation {
            incarnation,
            process: handle,
            is_paused: Rc::default(),
            is_stopping: Rc::default(),
        });
    }

    /// Drops all incarnations without an observation, at the end of a rehearsal.
    pub fn forget_incarnations(&self) {
        for process in self.processes.iter() {
            process.running.take();
        }
    }

    /// Returns the calls of all incarnations so far.
    pub fn call_counts(&self) -> CallCounts {
        let mut all = self.processes.ended_calls.borrow().clone();
        for running in self.processes.iter().filter_map(SimProcess::running) {
            all.add(&running.incarnation.calls.borrow());
        }
        all
    }

    /// Reports the calls that the current incarnation of a process has begun so far.
    fn report_calls(self: &Rc<Self>, number: usize) {
        let Some(running) = self.processes.list[number].running() else {
            return;
        };
        let Incarnation {
            id,
            started_at,
            calls,
            ..
        } = &*running.incarnation;
        self.sink.emit(&Observation::CallsCounted {
            incarnation: id,
            elapsed: self.now().since(*started_at),
            counts: &calls.borrow(),
        });
    }

    /// Reports the resources that each living incarnation holds now.
    pub fn report_resources(&self) {
        for process in self.processes.iter() {
            let Some(running) = process.running() else {
                continue;
            };
            self.sink.emit(&Observation::ResourcesCounted {
                incarnation: &running.incarnation.id,
                launched: running.incarnation.launched_tasks.get(),
                tasks: self.handle.count_tasks(process.kernel),
                timers: self.handle.count_timers(process.kernel),
            });
        }
    }

    /// Ends the current incarnation of a process: drops its tasks at their current await points.
    pub(super) fn end_incarnation(self: &Rc<Self>, number: usize, end: IncarnationEnd) {
        let process = &self.processes.list[number];
        let Some(running) = process.running.take() else {
            return;
        };
        let incarnation = &running.incarnation.id;
        self.sink
            .emit(&Observation::IncarnationEnded { incarnation, end });
        let was_over = running.incarnation.is_over.replace(true);
        debug_assert!(!was_over, "an incarnation ends once");
        let calls = &running.incarnation.calls;
        self.processes.ended_calls.borrow_mut().add(&calls.borrow());
        self.handle.kill(process.kernel);
    }

    /// Kills a process; returns false if it is down already.
    pub(super) fn crash_process(self: &Rc<Self>, number: usize, downtime: Duration) -> bool {
        if self.processes.list[number].running.borrow().is_none() {
            return false;
        }
        self.end_incarnation(number, IncarnationEnd::Crashed);
        self.start_later(number, downtime);
        true
    }

    fn start_later(self: &Rc<Self>, number: usize, downtime: Duration) {
        let world = Rc::clone(self);
        let at = self.now().after(downtime);
        self.handle
            .schedule_at(at.nanos(), move || world.start_process(number));
    }

    /// Asks a process to stop, waits for it, ends its incarnation, and starts it again later.
    ///
    /// Completes when the incarnation has ended. Returns false if the process was down or stopping
    /// already.
    pub(super) async fn stop_process(self: &Rc<Self>, number: usize, downtime: Duration) -> bool {
        let process = &self.processes.list[number];
        let Some(running) = process.running() else {
            return false;
        };
        if running.is_stopping.replace(true) {
            return false;
        }
        let incarnation = &running.incarnation.id;
        self.sink.emit(&Observation::StopRequested { incarnation });
        running.process.stop();
        let time_limit = self.stop_grace + self.options.stop_margin;
        let limit = self.handle.sleep_ns(nanos_of(time_limit));
        // A task of the incarnation itself, so that it is paused and killed with it.
        let stopped = running.process.stopped();
        let (sender, receiver) = oneshot();
        let spawner = Spawner::new(self.handle.clone(), process.kernel);
        spawner.spawn("stop", async move {
            stopped.await;
            let _ = sender.send(());
        });
        let has_stopped = timeout(receiver, limit).await == Some(Some(()));
        if !running.incarnation.is_over.get() {
            let end = if has_stopped {
                IncarnationEnd::Stopped
            } else {
                IncarnationEnd::Crashed
            };
            self.end_incarnation(number, end);
            self.start_later(number, downtime);
        }
        true
    }

    /// Pauses a process; returns false if it is down or paused already.
    pub(super) fn pause_process(self: &Rc<Self>, number: usize, duration: Duration) -> bool {
        let process = &self.processes.list[number];
        let Some(running) = process.running() else {
            return false;
        };
        if running.is_paused.replace(true) {
            return false;
        }
        let incarnation = &running.incarnation.id;
        self.sink.emit(&Observation::Paused { incarnation });
        self.handle.pause(process.kernel);
        let world = Rc::clone(self);
        let until = self.now().after(duration);
        self.handle.schedule_at(until.nanos(), move || {
            world.resume_incarnation(number, &running);
        });
        true
    }

    fn resume_incarnation(self: &Rc<Self>, number: usize, running: &LiveIncarnation) {
        let process = &self.processes.list[number];
        let is_over = running.incarnation.is_over.get();
        if is_over || !self.may_recover(&process.name) || !running.is_paused.replace(false) {
            return;
        }
        self.handle.resume(process.kernel);
        let incarnation = &running.incarnation.id;
        self.sink.emit(&Observation::Resumed { incarnation });
    }

    /// Resumes a process that is paused.
    pub(super) fn resume_process(self: &Rc<Self>, number: usize) {
        if let Some(running) = self.processes.list[number].running() {
            self.resume_incarnation(number, &running);
        }
    }

    /// Returns the incarnation of a process if it can be scraped.
    fn scrapable(&self, number: usize) -> Option<IncarnationId> {
        let running = self.processes.list[number].running()?;
        let is_up =
            !running.is_paused.get() && self.network.cut(number, NetworkPort::Scrape).is_none();
        is_up.then(|| running.incarnation.id.clone())
    }

    /// Returns the processes that accept commands now, each with its spawner.
    pub(super) fn ready_processes(&self) -> Vec<(Rc<dyn ProcessHandle>, Spawner)> {
        let ready = |process: &SimProcess| {
            let running = process.running()?;
            let takes_commands = !running.is_paused.get() && !running.is_stopping.get();
            let spawner = Spawner::new(self.handle.clone(), process.kernel);
            takes_commands.then_some((running.process, spawner))
        };
        self.processes.iter().filter_map(ready).collect()
    }

    /// Starts all processes.
    pub(super) fn start_processes(self: &Rc<Self>) {
        for number in 0..self.processes.len() {
            self.start_process(number);
        }
    }
}
