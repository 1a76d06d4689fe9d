//! State shared by a kernel, its handles and its sleeps.
//!
//! One rule keeps it sound: no borrow of [`KernelState`] lasts while user code may run. User code
//! is a poll, a scheduled closure, a foreign waker (cloned, woken or dropped), and any destructor
//! of these.

use std::cell::{Cell, RefCell};
use std::mem::ManuallyDrop;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::event_clock::EventClock;
use super::ids::TaskId;
use super::random_stream::RandomStreams;
use super::state::{KernelState, NextStep};
use super::task::TaskFuture;
use super::timer::{TimerEffect, TimerKey};
use super::trace::TraceEventKind;
use super::waker::Wakes;
use super::{KernelOptions, Stop};

/// Name of the stream that chooses among ready tasks.
const CHOICE_STREAM: &str = "kernel.choice";

pub(super) struct KernelCore {
    pub(super) clock: EventClock,
    /// Task being polled.
    pub(super) running: Cell<Option<TaskId>>,
    /// Event number at which the run loop stops. One comparison covers the event budget and
    /// requests to stop.
    halt_at: Cell<u64>,
    /// Reason to stop, unless it is the event budget.
    halt: Cell<Option<Stop>>,
    event_budget: u64,
    wakes: Rc<Wakes>,
    pub(super) streams: RandomStreams,
    pub(super) state: RefCell<KernelState>,
}

impl KernelCore {
    pub(super) fn new(options: KernelOptions) -> Rc<Self> {
        let streams = RandomStreams::new(options.seed);
        let choice = streams.open(CHOICE_STREAM);
        let window = options.trace.window.clone().unwrap_or(0..0);
        Rc::new(Self {
            clock: EventClock::new(options.start_ns, (window.start, window.end)),
            running: Cell::new(None),
            halt_at: Cell::new(options.event_budget),
            halt: Cell::new(None),
            event_budget: options.event_budget,
            wakes: Wakes::register(),
            streams,
            state: RefCell::new(KernelState::new(options, choice)),
        })
    }

    /// Returns the reason to stop now, if any. A limit remains set; a request is cleared.
    #[inline]
    pub(super) fn halted(&self) -> Option<Stop> {
        if self.clock.events.get() < self.halt_at.get() {
            return None;
        }
        let halt = self.halt.get().unwrap_or(Stop::EventBudget);
        if halt == Stop::Requested {
            self.halt.set(None);
            self.halt_at.set(self.event_budget);
        }
        Some(halt)
    }

    /// Stops the kernel before its next event. The first limit that is exceeded stays.
    #[cold]
    pub(super) fn halt(&self, stop: Stop) {
        if self.halt.get().is_none_or(|halt| halt == Stop::Requested) {
            self.halt.set(Some(stop));
            self.halt_at.set(0);
        }
    }

    /// Returns the next step, and moves the clock if nothing is left at this instant.
    #[inline]
    pub(super) fn next_step(&self, deadline_ns: u64) -> NextStep {
        let state = &mut *self.state.borrow_mut();
        self.wakes.drain(|task| state.enqueue(task));
        loop {
            let (now_ns, has_ready) = (self.clock.now_ns.get(), !state.ready.is_empty());
            // Due timers fire before the choice, so that the choice is among all ready tasks.
            if !has_ready || !state.timers.is_idle_at(now_ns) {
                match state.timers.peek() {
                    Some((at_ns, key)) if at_ns <= now_ns || !has_ready => {
                        if at_ns > deadline_ns {
                            debug_assert!(deadline_ns >= now_ns, "the clock never falls");
                            self.clock.now_ns.set(deadline_ns);
                            return NextStep::Stop(Stop::Deadline);
                        }
                        self.clock.now_ns.set(now_ns.max(at_ns));
                        if let Some(step) = state.fire(&self.clock, key) {
                            return step;
                        }
                        continue;
                    }
                    None if !has_ready => return NextStep::Stop(Stop::Idle),
                    _ => {}
                }
            }
            if let Some((task, future)) = state.choose(&self.clock) {
                return NextStep::Poll(task, future);
            }
        }
    }

    /// Polls a task, and puts it back or ends it.
    #[inline]
    pub(super) fn poll(&self, task: TaskId, mut future: TaskFuture) {
        self.running.set(Some(task));
        let guard = NotRunning(&self.running);
        // A waker of this kernel owns nothing; dropping it would be a call without effect.
        let waker = ManuallyDrop::new(self.wakes.waker(task.into()));
        let poll = future.as_mut().poll(&mut Context::from_waker(&waker));
        drop(guard);
        let ended = match poll {
            Poll::Ready(()) => Some(future),
            Poll::Pending => self.state.borrow_mut().tasks.park(task, future),
        };
        if ended.is_some() {
            self.end(task, ended);
        }
    }

    /// Ends a task that has just been polled.
    fn end(&self, task: TaskId, future: Option<TaskFuture>) {
        let process = {
            let state = &mut *self.state.borrow_mut();
            state.fold(&self.clock, TraceEventKind::End, task.trace_word());
            state.tasks.process(task)
        };
        drop(future);
        let state = &mut *self.state.borrow_mut();
        // The future has been taken out of the slot before: nothing is dropped here.
        let _ = state.tasks.remove(task);
        if let Some(process) = process.and_then(|process| state.processes.get_mut(process)) {
            process.is_dying = false;
        }
    }

    /// Drops every task and every timer's target, and refuses new ones from here on.
    pub(super) fn close(&self) {
        self.wakes.unregister();
        let tasks: Vec<TaskId> = {
            let mut state = self.state.borrow_mut();
            state.is_closed = true;
            state.ready.clear();
            state.tasks.ids().collect()
        };
        for task in tasks {
            let future = self.state.borrow_mut().tasks.remove(task);
            drop(future);
        }
        let others = self.state.borrow_mut().timers.clear();
        drop(others);
    }

    pub(super) fn schedule_at(&self, at_ns: u64, action: Box<dyn FnOnce()>) {
        // The refused target is dropped after the borrow.
        let _ = self.start_other_timer(at_ns, TimerEffect::Post(action));
    }

    /// Starts a timer that wakes `waker`; `None` at the limit or after the kernel is dropped.
    #[inline]
    pub(super) fn start_timer(&self, at_ns: u64, waker: &Waker) -> Option<TimerKey> {
        let Some(task) = self.wakes.task_of(waker) else {
            return self
                .start_other_timer(at_ns, TimerEffect::Wake(waker.clone()))
                .ok();
        };
        let state = &mut *self.state.borrow_mut();
        let key = state.timers.insert_task(at_ns, task);
        if key.is_none() {
            self.halt(Stop::TimerLimit);
        }
        key
    }

    fn start_other_timer(&self, at_ns: u64, other: TimerEffect) -> Result<TimerKey, TimerEffect> {
        let state = &mut *self.state.borrow_mut();
        if state.is_closed {
            return Err(other);
        }
        let inserted = state.timers.insert_other(at_ns, other);
        if inserted.is_err() {
            self.halt(Stop::TimerLimit);
        }
        inserted
    }

    /// Returns the key of a pending timer that wakes `waker` from now on; the timer may be replaced
    /// for that. `None` if it has fired.
    #[inline]
    pub(super) fn keep_timer(&self, key: TimerKey, at_ns: u64, waker: &Waker) -> Option<TimerKey> {
        {
            let state = &*self.state.borrow();
            if !state.timers.is_pending(key) {
                return None;
            }
            if state.timers.wakes(key, self.wakes.task_of(waker), waker) {
                return Some(key);
            }
        }
        self.cancel_timer(key);
        self.start_timer(at_ns, waker)
    }

    #[inline]
    pub(super) fn cancel_timer(&self, key: TimerKey) {
        let fired = self.state.borrow_mut().timers.cancel(key);
        // A foreign waker is dropped after the borrow.
        drop(fired);
    }

    pub(super) fn record(&self, kind: u16, a: u64, b: u64) {
        let trace = &mut self.state.borrow_mut().trace;
        trace.fold_record(self.clock.events.get(), self.clock.now_ns.get(), kind, a, b);
    }

    /// Appends a line to the readable trace.
    pub(super) fn write(&self, what: String) {
        let line = self.clock.line(what);
        self.state.borrow_mut().trace.write(line);
    }
}

/// Guard that clears the running task, also when a poll panics.
struct NotRunning<'a>(&'a Cell<Option<TaskId>>);

impl Drop for NotRunning<'_> {
    fn drop(&mut self) {
        self.0.set(None);
    }
}
