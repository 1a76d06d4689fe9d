//! The kernel: a single-threaded, deterministic executor of tasks in virtual time.
//!
//! Time is a `u64` of nanoseconds since the Unix epoch, and jumps to the next event. The kernel
//! knows no calendar, no wall clock, no thread.
//!
//! ```text
//!            Handle: sleep, spawn, schedule_at, kill, pause, stream, record
//!                 |
//!   +-------------v---------------------------------------------------+
//!   |  queue (at_ns, key) --due--> timer --+--> task ready --choice--> poll
//!   |                                      +--> posted action ------> run
//!   |                                      +--> foreign waker ------> wake
//!   |  wakers ------------------------------->  task ready            |
//!   +---------------------------------------------------|-------------+
//!                                                       v
//!                              one cell per event -> trace hash
//! ```
//!
//! At each instant, first all timers that are due fire, in the order of making; posted actions run
//! as they fire. Then one of the ready tasks is polled. Which one is drawn from a seeded stream, so
//! that seeds explore interleavings and one seed repeats its own. Then from the start, until
//! nothing is left at this instant, and the clock moves.
//!
//! An *event* is one poll of a task, one posted action or one wake through a foreign waker.
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
mod handle;
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
pub use self::notify::{Notified, Notify};
pub use self::oneshot::{Receiver, Sender, oneshot};
pub use self::process::ProcessId;
pub use self::random_stream::RandomStream;
pub use self::sleep::Sleep;
use self::state::NextStep;
pub use self::task::{TASKS_MAX, TaskId};
pub use self::timer::TIMERS_MAX;
pub use self::trace::{TraceBlock, TraceLine, TraceOptions};

/// How a kernel starts, and its limits.
#[derive(Clone, Debug)]
pub struct KernelOptions {
    /// The root seed: of every stream, and so of every choice.
    pub seed: u64,
    /// The virtual time at the start, in nanoseconds since the Unix epoch.
    pub start_ns: u64,
    /// The most events in the life of the kernel.
    pub event_budget: u64,
    /// The most tasks that live at once; at most [`TASKS_MAX`].
    pub tasks_max: u32,
    /// The most timers and posted actions that are pending at once; at most [`TIMERS_MAX`].
    pub timers_max: u32,
    /// What of the trace is kept beside its hash.
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

/// Why a run came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// All that was due by the deadline is done, and the clock stands at the deadline.
    Deadline,
    /// Nothing is left pending; the clock stands where the last event was. Tasks that wait for
    /// what nobody will do, and those that a paused process holds, are not pending.
    Idle,
    /// [`Handle::stop`] was called. The next run goes on.
    Requested,
    /// `event_budget` is spent. The kernel does not go on.
    EventBudget,
    /// More than `tasks_max` tasks; one was dropped. The kernel does not go on.
    TaskLimit,
    /// More than `timers_max` timers at once, or 2^40 in all; one was lost. The kernel does not
    /// go on.
    TimerLimit,
}

/// The kernel. Dropping it drops all tasks and posted actions.
///
/// A panic in a task passes through [`Kernel::run_until`]; afterwards that task is never polled
/// again.
pub struct Kernel {
    core: Rc<KernelCore>,
}

impl Kernel {
    /// A kernel with nothing to do.
    pub fn new(options: KernelOptions) -> Self {
        Self {
            core: KernelCore::new(options),
        }
    }

    /// A handle, for tasks and for the world.
    pub fn handle(&self) -> Handle {
        Handle::new(Rc::clone(&self.core))
    }

    /// Runs all that is due until `deadline_ns` inclusive, nanoseconds since the Unix epoch. May
    /// be called again and again. A deadline that is past does nothing.
    ///
    /// A task that never awaits can't be stopped; every other endless loop meets the deadline or
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

    /// The virtual time, in nanoseconds since the Unix epoch.
    pub fn now_ns(&self) -> u64 {
        self.core.now_ns.get()
    }

    /// How many events were dispatched.
    pub fn events(&self) -> u64 {
        self.core.events.get()
    }

    /// The hash of the whole trace so far, of the number of events and of every stream's draws.
    pub fn trace_hash(&self) -> u64 {
        let trace = self.core.state.borrow().trace.hash();
        self.core.streams.fold(trace ^ self.events())
    }

    /// The trace in blocks, if they were to be recorded.
    pub fn blocks(&self) -> Vec<TraceBlock> {
        self.core.state.borrow().trace.blocks(self.events())
    }

    /// Takes the lines of the readable trace, if there is one.
    pub fn take_trace(&mut self) -> Vec<TraceLine> {
        self.core.state.borrow_mut().trace.take_lines()
    }

    /// How many words were drawn from the streams of each name, in the order of names.
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
