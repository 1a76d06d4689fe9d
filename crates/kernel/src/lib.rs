//! A discrete-event simulation kernel: a single-threaded, deterministic executor of async tasks in
//! virtual time.
//!
//! Time is a `u64` of nanoseconds since the Unix epoch. The clock jumps to the next event. The
//! kernel uses no calendar, no wall clock and no threads.
//!
//! # Why an executor of its own
//!
//! The code under test is ordinary async code, so a run needs an executor. Three properties decide
//! between them. A run has to repeat event by event, also across builds. A process has to be killed
//! at any await. One core has to dispatch millions of timer events per second, because a sweep runs
//! thousands of seeds.
//!
//! - tokio with a paused clock has no seeded choice between ready tasks and no way to kill a set of
//!   tasks as one process.
//! - madsim replaces tokio by a build flag for the whole dependency tree, and reaches a fraction of
//!   the event rate.
//! - nexosim runs models with typed ports, not ordinary futures, and schedules on several threads.
//!
//! There is no reactor: nothing in a simulation waits for the operating system.
//!
//! ```text
//!            Handle: sleep, spawn, schedule_at, kill, pause, stream, record
//!                 |
//!   +-------------v---------------------------------------------------+
//!   |  queue (at_ns, key) --due--> timer --+--> task ready --choice--> poll
//!   |                                      +--> scheduled action ---> run
//!   |                                      +--> foreign waker ------> wake
//!   |  wakers ------------------------------->  task ready            |
//!   +---------------------------------------------------|-------------+
//!                                                       v
//!                              one cell per event -> trace hash
//! ```
//!
//! At each instant the kernel first fires all due timers in order of creation; scheduled actions
//! run as they fire. It then polls one ready task, drawn from a seeded stream. Seeds therefore
//! explore interleavings, and one seed repeats its own. The kernel repeats both steps until the
//! instant has nothing left, and then moves the clock.
//!
//! An *event* is one poll of a task, one scheduled action or one wake through a foreign waker.
//!
//! ```
//! use rehearsal_kernel::{Kernel, KernelOptions, ProcessId, Stop};
//!
//! let mut kernel = Kernel::new(KernelOptions { seed: 7, ..KernelOptions::default() });
//! let handle = kernel.handle();
//! let clock = handle.clone();
//! handle.spawn(ProcessId::WORLD, "sleeper", async move {
//!     clock.sleep_ns(1_000).await;
//!     assert_eq!(clock.now_ns(), 1_000);
//! });
//! assert_eq!(kernel.run_until(u64::MAX), Stop::Idle);
//! ```

mod core;
pub mod distribution;
pub mod divergence;
mod event_clock;
mod handle;
mod ids;
mod lifecycle;
mod notify;
mod oneshot;
mod prefetch;
mod process;
mod queue;
mod random_stream;
mod sleep;
mod state;
mod task;
mod timer;
mod trace;
mod waker;

use std::rc::Rc;

use self::core::KernelCore;
pub use self::handle::Handle;
pub use self::ids::{ProcessId, TASKS_MAX, TaskId};
pub use self::notify::{Notified, Notify};
pub use self::oneshot::{Receiver, Sender, oneshot};
pub use self::random_stream::RandomStream;
pub use self::sleep::Sleep;
use self::state::NextStep;

pub use self::timer::TIMERS_MAX;
pub use self::trace::{TraceBlock, TraceLine, TraceOptions};

/// Start and limits of a kernel.
#[derive(Clone, Debug)]
pub struct KernelOptions {
    /// Root seed of every random stream, and so of every choice.
    pub seed: u64,
    /// Virtual time at the start, in nanoseconds since the Unix epoch.
    pub start_ns: u64,
    /// Maximum number of events over all runs of the kernel.
    pub event_budget: u64,
    /// Maximum number of live tasks; at most [`TASKS_MAX`].
    pub tasks_max: u32,
    /// Maximum number of pending timers and scheduled actions; at most [`TIMERS_MAX`].
    pub timers_max: u32,
    /// Parts of the trace that are kept beside its hash.
    pub trace: TraceOptions,
}

impl Default for KernelOptions {
    fn default() -> Self {
        Self {
            seed: 0,
            start_ns: 0,
            event_budget: 100_000_000_000,
            tasks_max: TASKS_MAX,
            timers_max: TIMERS_MAX,
            trace: TraceOptions::default(),
        }
    }
}

/// Reason for which [`Kernel::run_until`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// All events due by the deadline are done. The clock is at the deadline.
    Deadline,
    /// Nothing is pending; the clock is at the last event. Tasks that no timer will wake and tasks
    /// of paused processes are not pending.
    Idle,
    /// [`Handle::stop`] was called. The next run goes on.
    Requested,
    /// `event_budget` is exhausted. Further runs return at once.
    EventBudget,
    /// More than `tasks_max` tasks; one was dropped. Further runs return at once.
    TaskLimit,
    /// More than `timers_max` pending timers, or 2^40 in all; one was dropped. Further runs return
    /// at once.
    TimerLimit,
}

/// Executor, clock and event queue. Dropping the kernel drops all tasks and scheduled actions.
///
/// A panic in a task passes through [`Kernel::run_until`]; afterwards that task is never polled
/// again.
pub struct Kernel {
    core: Rc<KernelCore>,
}

impl Kernel {
    /// Creates a kernel without tasks.
    pub fn new(options: KernelOptions) -> Self {
        Self {
            core: KernelCore::new(options),
        }
    }

    /// Returns a handle for tasks and for the simulated world.
    pub fn handle(&self) -> Handle {
        Handle::new(Rc::clone(&self.core))
    }

    /// Dispatches all events due until `deadline_ns` inclusive, nanoseconds since the Unix epoch.
    /// Repeated calls continue the run. A deadline in the past does nothing.
    ///
    /// A task that never awaits cannot be stopped. Any other endless loop meets the deadline or
    /// the event budget.
    pub fn run_until(&mut self, deadline_ns: u64) -> Stop {
        if self.now_ns() > deadline_ns {
            return Stop::Deadline;
        }
        loop {
            if let Some(stop) = self.core.halted() {
                return stop;
            }
            match self.core.next_step(deadline_ns) {
                NextStep::Poll(task, future) => self.core.poll(task, future),
                NextStep::Run(action) => action(),
                NextStep::Wake(waker) => waker.wake(),
                NextStep::Stop(stop) => return stop,
            }
        }
    }

    /// Returns the virtual time in nanoseconds since the Unix epoch.
    pub fn now_ns(&self) -> u64 {
        self.core.clock.now_ns.get()
    }

    /// Returns the number of dispatched events.
    pub fn events(&self) -> u64 {
        self.core.clock.events.get()
    }

    /// Returns the hash of the trace so far, the number of events and the draws of every stream.
    pub fn trace_hash(&self) -> u64 {
        let trace = self.core.state.borrow().trace.hash();
        self.core.streams.fold(trace ^ self.events())
    }

    /// Returns the trace in blocks; empty unless [`TraceOptions`] asks for them.
    pub fn blocks(&self) -> Vec<TraceBlock> {
        self.core.state.borrow().trace.blocks(self.events())
    }

    /// Takes the lines of the readable trace; empty unless [`TraceOptions`] asks for one.
    pub fn take_trace(&mut self) -> Vec<TraceLine> {
        self.core.state.borrow_mut().trace.take_lines()
    }

    /// Returns the number of words drawn from the streams of each name, sorted by name.
    pub fn draws(&self) -> Vec<(String, u64)> {
        self.core.streams.draws()
    }
}

impl Drop for Kernel {
    fn drop(&mut self) {
        self.core.close();
    }
}

#[cfg(test)]
mod tests;
