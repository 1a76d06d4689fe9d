//! State of a kernel: tasks, processes, timers, and the choice of the next task.

use std::task::Waker;

use super::event_clock::EventClock;
use super::ids::ProcessId;
use super::ids::{TaskId, TaskKey};
use super::process::ProcessTable;
use super::random_stream::RandomStream;
use super::task::{TaskFuture, Tasks};
use super::timer::{FiredTimer, TimerEffect, TimerKey, Timers};
use super::trace::{Trace, TraceEventKind};
use super::{KernelOptions, Stop};
use rehearsal_convert::Index;

pub(super) struct KernelState {
    pub(super) tasks: Tasks,
    pub(super) processes: ProcessTable,
    pub(super) timers: Timers,
    /// Tasks that may be polled now: live, and in no paused process.
    pub(super) ready: Vec<TaskId>,
    choice: RandomStream,
    pub(super) trace: Trace,
    /// Set when the kernel is dropped: new tasks and actions are dropped.
    pub(super) is_closed: bool,
}

/// Next step of the run loop.
pub(super) enum NextStep {
    Poll(TaskId, TaskFuture),
    Run(Box<dyn FnOnce()>),
    Wake(Waker),
    Stop(Stop),
}

impl KernelState {
    pub(super) fn new(options: KernelOptions, choice: RandomStream) -> Self {
        Self {
            tasks: Tasks::new(options.tasks_max),
            processes: ProcessTable::new(),
            timers: Timers::new(options.timers_max),
            ready: Vec::new(),
            choice,
            trace: Trace::new(options.trace),
            is_closed: false,
        }
    }

    /// Queues a woken task, if it is live and not queued.
    #[inline]
    pub(super) fn enqueue(&mut self, key: TaskKey) {
        let Some((task, process)) = self.tasks.enqueue(key) else {
            return;
        };
        match self.processes.get_mut(process) {
            Some(process) if process.is_paused => process.held.push(task),
            _ => self.ready.push(task),
        }
    }

    /// Fires the due timer; returns a step if that runs user code.
    #[inline]
    pub(super) fn fire(&mut self, clock: &EventClock, key: TimerKey) -> Option<NextStep> {
        let fired = self.timers.fire(key);
        self.look_ahead();
        match fired {
            FiredTimer::Task(task) => {
                self.enqueue(task);
                None
            }
            FiredTimer::TimerEffect(TimerEffect::Wake(waker)) => {
                self.dispatch(clock, TraceEventKind::ForeignWake, key.sequence(), |_| {
                    String::new()
                });
                Some(NextStep::Wake(waker))
            }
            FiredTimer::TimerEffect(TimerEffect::Post(action)) => {
                self.dispatch(clock, TraceEventKind::Post, key.sequence(), |_| {
                    String::new()
                });
                Some(NextStep::Run(action))
            }
            FiredTimer::TimerEffect(TimerEffect::Vacant) => None,
        }
    }

    /// Prefetches the memory of the next timers. Each step needs the memory of the step before, and
    /// has the time of a few events for it.
    #[inline]
    fn look_ahead(&self) {
        if !self.timers.sees_ahead() {
            return;
        }
        self.timers.prefetch(12);
        if let Some(task) = self.timers.task_ahead(8) {
            self.tasks.prefetch(task);
        }
        if let Some(task) = self.timers.task_ahead(4) {
            self.tasks.prefetch_future(task);
        }
    }

    /// Chooses one of the ready tasks. A single ready task costs no draw.
    #[inline]
    pub(super) fn choose(&mut self, clock: &EventClock) -> Option<(TaskId, TaskFuture)> {
        let task = match self.ready.len() {
            0 | 1 => self.ready.pop()?,
            ready => self
                .ready
                .swap_remove((self.choice.below(ready as u64)).to_index()),
        };
        let future = self.tasks.start(task)?;
        self.dispatch(clock, TraceEventKind::Poll, task.trace_word(), |state| {
            let process = state.tasks.process(task).unwrap_or(ProcessId::WORLD);
            let process = state.processes.get(process).map_or("", |it| &it.name);
            format!("{process}/{}", state.tasks.name(task))
        });
        Some((task, future))
    }

    /// Counts and records an event.
    #[inline]
    fn dispatch(
        &mut self,
        clock: &EventClock,
        kind: TraceEventKind,
        value: u64,
        name: impl Fn(&Self) -> String,
    ) {
        clock.events.set(clock.events.get() + 1);
        self.fold(clock, kind, value);
        if clock.is_readable() {
            self.write_event(clock, kind, value, &name(self));
        }
    }

    /// Adds a cell to the trace hash.
    #[inline]
    pub(super) fn fold(&mut self, clock: &EventClock, kind: TraceEventKind, value: u64) {
        self.trace
            .fold(clock.events.get(), clock.now_ns.get(), kind, value);
    }

    #[cold]
    fn write_event(&mut self, clock: &EventClock, kind: TraceEventKind, value: u64, name: &str) {
        let line = clock.line(format!("{kind:?} {value:#x} {name}").trim_end().to_owned());
        self.trace.write(line);
    }
}
