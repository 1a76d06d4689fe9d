//! Operations of tasks and of the simulated world on the kernel.

use std::future::Future;
use std::rc::Rc;

use super::Stop;
use super::core::KernelCore;
use super::ids::ProcessId;
use super::ids::TaskId;
use super::random_stream::RandomStream;
use super::sleep::Sleep;

/// Handle to a kernel; cheap to clone. After the kernel is dropped, time stands still, sleeps stay
/// pending, and new tasks and actions are dropped.
#[derive(Clone)]
pub struct Handle {
    core: Rc<KernelCore>,
}

impl Handle {
    pub(super) fn new(core: Rc<KernelCore>) -> Self {
        Self { core }
    }

    /// Returns the virtual time in nanoseconds since the Unix epoch.
    #[inline]
    pub fn now_ns(&self) -> u64 {
        self.core.clock.now_ns.get()
    }

    /// Returns the number of dispatched events, the current one included.
    pub fn events(&self) -> u64 {
        self.core.clock.events.get()
    }

    /// Sleeps for `duration_ns` nanoseconds, counted from this call and not from the first poll.
    /// The end saturates at `u64::MAX`, in the year 2554.
    #[inline]
    pub fn sleep_ns(&self, duration_ns: u64) -> Sleep {
        self.sleep_until_ns(self.now_ns().saturating_add(duration_ns))
    }

    /// Sleeps until `at_ns`, nanoseconds since the Unix epoch. A time in the past ends the sleep at
    /// the present instant, after one pass through the queue. *O*(1) amortised.
    #[inline]
    pub fn sleep_until_ns(&self, at_ns: u64) -> Sleep {
        Sleep::new(Rc::clone(&self.core), at_ns)
    }

    /// Adds a task to a process. The task is ready at once. `name` appears in the readable trace.
    ///
    /// The future is dropped and the id names no live task if the process is unknown or being
    /// killed, or if the kernel was dropped. Above `tasks_max` the kernel stops with
    /// [`Stop::TaskLimit`].
    pub fn spawn(
        &self,
        process: ProcessId,
        name: &'static str,
        future: impl Future<Output = ()> + 'static,
    ) -> TaskId {
        self.core.spawn(process, name, Box::pin(future))
    }

    /// Schedules `action` for `at_ns`, or for the present instant if that is past. The action
    /// belongs to no process: a server answers whether or not the caller still lives. Actions of
    /// one instant run in order of scheduling, before any ready task.
    pub fn schedule_at(&self, at_ns: u64, action: impl FnOnce() + 'static) {
        self.core.schedule_at(at_ns, Box::new(action));
    }

    /// Opens the random stream of that name. Opening a name again gives another stream, as
    /// reproducible as the first.
    pub fn stream(&self, name: &str) -> RandomStream {
        self.core.streams.open(name)
    }

    /// Creates a process without tasks.
    pub fn process(&self, name: &str) -> ProcessId {
        self.core.make_process(name)
    }

    /// Drops all tasks of a process in slot order, at their current await. A running task is
    /// dropped at the end of its poll. Tasks that destructors spawn into the process are dropped
    /// too. Afterwards the process is empty and not paused, and takes new tasks. Killing the world
    /// has no effect. *O*(tasks of the kernel).
    pub fn kill(&self, process: ProcessId) {
        self.core.kill(process);
    }

    /// Stops polling the tasks of a process until [`Handle::resume`]. Its timers continue, and
    /// tasks that become ready wait. A running task continues to its next await. Pausing the world
    /// has no effect.
    pub fn pause(&self, process: ProcessId) {
        self.core.pause(process);
    }

    /// Resumes a paused process: its waiting tasks are ready now.
    pub fn resume(&self, process: ProcessId) {
        self.core.resume(process);
    }

    /// Returns the number of live tasks of a process. *O*(tasks of the kernel).
    pub fn count_tasks(&self, process: ProcessId) -> usize {
        self.core.count_tasks(process)
    }

    /// Returns the number of pending timers of tasks of a process. *O*(timers of the kernel).
    pub fn count_timers(&self, process: ProcessId) -> usize {
        self.core.count_timers(process)
    }

    /// Returns whether the task has neither ended nor been killed.
    pub fn is_live(&self, task: TaskId) -> bool {
        self.core.is_live(task)
    }

    /// Returns the name of the task being polled; empty between polls.
    pub fn task_name(&self) -> &'static str {
        self.core.task_name()
    }

    /// Stops the kernel before its next event, with [`Stop::Requested`].
    pub fn stop(&self) {
        self.core.halt(Stop::Requested);
    }

    /// Adds a record of the simulated world to the trace hash.
    pub fn record(&self, kind: u16, a: u64, b: u64) {
        self.core.record(kind, a, b);
    }

    /// Appends a line to the readable trace. `line` is called only if the current event lies in the
    /// window of the trace.
    #[inline]
    pub fn trace(&self, line: impl FnOnce() -> String) {
        if self.core.clock.is_readable() {
            self.core.write(line());
        }
    }
}
