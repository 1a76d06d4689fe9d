//! The handle: what tasks and the world ask of the kernel.

use std::future::Future;
use std::rc::Rc;

use super::Stop;
use super::core::KernelCore;
use super::process::ProcessId;
use super::random_stream::RandomStream;
use super::sleep::Sleep;
use super::task::TaskId;

/// A handle to a kernel. Cloning is cheap. It may outlive its kernel: time then stands still,
/// sleeps never end, and what is spawned or posted is dropped.
#[derive(Clone)]
pub struct Handle {
    core: Rc<KernelCore>,
}

impl Handle {
    pub(super) fn new(core: Rc<KernelCore>) -> Self {
        Self { core }
    }

    /// The virtual time, in nanoseconds since the Unix epoch.
    #[inline]
    pub fn now_ns(&self) -> u64 {
        self.core.now_ns.get()
    }

    /// How many events the kernel has dispatched, the current one included.
    pub fn events(&self) -> u64 {
        self.core.events.get()
    }

    /// Sleeps for `duration_ns` nanoseconds from now, where now is this call and not the first
    /// poll. An end past what `u64` holds is never reached in practice: year 2554.
    #[inline]
    pub fn sleep_ns(&self, duration_ns: u64) -> Sleep {
        self.sleep_until_ns(self.now_ns().saturating_add(duration_ns))
    }

    /// Sleeps until `at_ns`, nanoseconds since the Unix epoch. If that is past, it ends at the
    /// present instant, after one turn of the queue. *O*(1) amortised.
    #[inline]
    pub fn sleep_until_ns(&self, at_ns: u64) -> Sleep {
        Sleep::new(Rc::clone(&self.core), at_ns)
    }

    /// Adds a task to a process; it is ready at once. `name` is for the readable trace.
    ///
    /// The future is dropped instead, and the id answered is that of no live task, if the process
    /// is unknown or just being killed, or if the kernel is gone. Past `tasks_max` the kernel
    /// stops with [`Stop::TaskLimit`].
    pub fn spawn(
        &self,
        process: ProcessId,
        name: &'static str,
        future: impl Future<Output = ()> + 'static,
    ) -> TaskId {
        self.core.spawn(process, name, Box::pin(future))
    }

    /// Runs `action` at `at_ns`, or at the present instant if that is past. It belongs to no
    /// process: a server's answer goes out whether or not the caller still lives. At one instant
    /// posted actions run in the order of posting, before any ready task.
    pub fn schedule_at(&self, at_ns: u64, action: impl FnOnce() + 'static) {
        self.core.schedule_at(at_ns, Box::new(action));
    }

    /// Opens the random stream of that name. Opened again, the same name gives another stream, as
    /// reproducible as the first.
    pub fn stream(&self, name: &str) -> RandomStream {
        self.core.streams.open(name)
    }

    /// Makes a process with no tasks.
    pub fn process(&self, name: &str) -> ProcessId {
        self.core.make_process(name)
    }

    /// Drops all tasks of a process, in slot order, at whatever await they stand. If one of them
    /// is running, it is dropped at the end of its poll. What their destructors spawn into the
    /// process is dropped as well. Afterwards the process is empty, not paused, and may be given
    /// new tasks. The world can't be killed: nothing happens. *O*(tasks of the kernel).
    pub fn kill(&self, process: ProcessId) {
        self.core.kill(process);
    }

    /// Stops polling a process's tasks. Its timers run on, and what becomes ready is held until
    /// [`Handle::resume`]. A task of it that is running goes on to its next await. The world can't
    /// be paused: nothing happens.
    pub fn pause(&self, process: ProcessId) {
        self.core.pause(process);
    }

    /// Lets a paused process go on: what was held is ready now.
    pub fn resume(&self, process: ProcessId) {
        self.core.resume(process);
    }

    /// The number of live tasks of a process. *O*(tasks of the kernel).
    pub fn count_tasks(&self, process: ProcessId) -> usize {
        self.core.count_tasks(process)
    }

    /// True until the task has ended or was killed.
    pub fn is_live(&self, task: TaskId) -> bool {
        self.core.is_live(task)
    }

    /// The name of the task that is being polled; empty outside of any.
    pub fn task_name(&self) -> &'static str {
        self.core.task_name()
    }

    /// Makes the kernel stop before its next event, with [`Stop::Requested`].
    pub fn stop(&self) {
        self.core.halt(Stop::Requested);
    }

    /// Folds a record of the world into the trace hash.
    pub fn record(&self, kind: u16, a: u64, b: u64) {
        self.core.record(kind, a, b);
    }

    /// Writes a line to the readable trace. `line` is called only if the trace is on and the
    /// current event stands in its window.
    #[inline]
    pub fn trace(&self, line: impl FnOnce() -> String) {
        if self.core.is_readable() {
            self.core.write(line());
        }
    }
}
