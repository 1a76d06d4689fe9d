//! Start, pause and end of tasks and processes.

use super::Stop;
use super::core::KernelCore;
use super::ids::ProcessId;
use super::ids::{TaskId, TaskKey};
use super::state::KernelState;
use super::task::TaskFuture;
use super::trace::TraceEventKind;

impl KernelCore {
    pub(super) fn spawn(
        &self,
        process: ProcessId,
        name: &'static str,
        future: TaskFuture,
    ) -> TaskId {
        // A refused future is dropped as the function ends, after the borrow.
        let state = &mut *self.state.borrow_mut();
        let is_open = !state.is_closed
            && state
                .processes
                .get(process)
                .is_some_and(|process| !process.is_dying);
        if is_open && state.tasks.is_full() {
            self.halt(Stop::TaskLimit);
        } else if is_open {
            let task = state.tasks.insert(process, name, future);
            state.fold(&self.clock, TraceEventKind::Spawn, task.trace_word());
            state.enqueue(task.into());
            return task;
        }
        TaskId::NONE
    }

    pub(super) fn make_process(&self, name: &str) -> ProcessId {
        let state = &mut *self.state.borrow_mut();
        let process = state.processes.add(name.into());
        self.fold_process(state, TraceEventKind::Process, process);
        process
    }

    pub(super) fn kill(&self, process: ProcessId) {
        let tasks: Vec<TaskId> = {
            let state = &mut *self.state.borrow_mut();
            let Some(dying) = state.processes.mortal(process).filter(|it| !it.is_dying) else {
                return;
            };
            dying.is_dying = true;
            dying.is_paused = false;
            dying.held.clear();
            self.fold_process(state, TraceEventKind::Kill, process);
            let tasks = &state.tasks;
            state
                .ready
                .retain(|&task| tasks.process(task) != Some(process));
            tasks.of_process(process).collect()
        };
        let running = self.running.get();
        for &task in tasks.iter().filter(|&&task| Some(task) != running) {
            let future = self.state.borrow_mut().tasks.remove(task);
            drop(future);
        }
        let state = &mut *self.state.borrow_mut();
        match running.filter(|running| tasks.contains(running)) {
            // The task ends after its poll; until then the process takes no new tasks.
            Some(running) => state.tasks.kill_after_poll(running),
            None => {
                if let Some(process) = state.processes.get_mut(process) {
                    process.is_dying = false;
                }
            }
        }
    }

    pub(super) fn pause(&self, process: ProcessId) {
        let state = &mut *self.state.borrow_mut();
        let Some(paused) = state.processes.mortal(process).filter(|it| !it.is_paused) else {
            return;
        };
        paused.is_paused = true;
        let tasks = &state.tasks;
        let of_process = |task: &mut TaskId| tasks.process(*task) == Some(process);
        paused.held.extend(state.ready.extract_if(.., of_process));
        self.fold_process(state, TraceEventKind::Pause, process);
    }

    pub(super) fn resume(&self, process: ProcessId) {
        let state = &mut *self.state.borrow_mut();
        let Some(paused) = state.processes.mortal(process).filter(|it| it.is_paused) else {
            return;
        };
        paused.is_paused = false;
        state.ready.append(&mut paused.held);
        self.fold_process(state, TraceEventKind::Resume, process);
    }

    fn fold_process(&self, state: &mut KernelState, kind: TraceEventKind, process: ProcessId) {
        state.fold(&self.clock, kind, u64::from(process.index()));
        if self.clock.is_readable() {
            let name = state.processes.get(process).map_or("", |it| &it.name);
            let line = self.clock.line(format!("{kind:?} {name}"));
            state.trace.write(line);
        }
    }

    pub(super) fn count_tasks(&self, process: ProcessId) -> usize {
        self.state.borrow().tasks.of_process(process).count()
    }

    pub(super) fn count_timers(&self, process: ProcessId) -> usize {
        let state = self.state.borrow();
        let tasks: Vec<TaskKey> = state.tasks.of_process(process).map(TaskKey::from).collect();
        state.timers.count(|task| tasks.contains(&task))
    }

    /// Returns the name of the task being polled; empty between polls.
    pub(super) fn task_name(&self) -> &'static str {
        let state = self.state.borrow();
        self.running.get().map_or("", |task| state.tasks.name(task))
    }

    pub(super) fn is_live(&self, task: TaskId) -> bool {
        self.state.borrow().tasks.is_live(task)
    }
}
