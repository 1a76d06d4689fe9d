//! Tasks: the futures that the kernel polls, in a slab.

use std::future::Future;
use std::pin::Pin;

use super::ids::{ProcessId, TASKS_MAX, TaskId, TaskKey};
use super::prefetch::prefetch;
use rehearsal_convert::{Index, LowBits};

pub(super) type TaskFuture = Pin<Box<dyn Future<Output = ()>>>;

/// Entry of the slab. One cache line: with a million tasks this line is the cost.
#[repr(align(64))]
struct TaskSlot {
    /// `None` while the task is being polled, and in a free slot.
    future: Option<TaskFuture>,
    name: &'static str,
    process: ProcessId,
    generation: u32,
    is_live: bool,
    /// Set while the task is ready, or waits in a paused process. Also set in a free slot, so that
    /// no wake queues it.
    is_queued: bool,
    /// Set if the task was killed during its poll; it ends after the poll.
    is_killed: bool,
}

/// Slab of tasks. Every operation is *O*(1) unless stated otherwise.
pub(super) struct Tasks {
    slots: Vec<TaskSlot>,
    free: Vec<u32>,
    live_max: u32,
}

impl Tasks {
    pub(super) fn new(live_max: u32) -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            live_max: live_max.min(TASKS_MAX),
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.free.is_empty() && self.slots.len() >= self.live_max as usize
    }

    /// Adds a task. The slab must not be full.
    pub(super) fn insert(
        &mut self,
        process: ProcessId,
        name: &'static str,
        future: TaskFuture,
    ) -> TaskId {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(TaskSlot::vacant());
            self.slots.len().index_u32() - 1
        });
        let slot = &mut self.slots[index as usize];
        let id = TaskId {
            index,
            generation: slot.generation,
        };
        debug_assert!(
            !slot.is_live && slot.future.is_none(),
            "task slot {index} is free"
        );
        *slot = TaskSlot {
            future: Some(future),
            name,
            process,
            generation: slot.generation,
            is_live: true,
            is_queued: false,
            is_killed: false,
        };
        id
    }

    /// Returns a free slot, whose generation no identifier has yet.
    fn slot(&self, id: TaskId) -> Option<&TaskSlot> {
        let slot = self.slots.get(id.index as usize)?;
        (slot.generation == id.generation).then_some(slot)
    }

    pub(super) fn is_live(&self, id: TaskId) -> bool {
        self.slot(id).is_some()
    }

    pub(super) fn name(&self, id: TaskId) -> &'static str {
        self.slot(id).map_or("", |slot| slot.name)
    }

    pub(super) fn process(&self, id: TaskId) -> Option<ProcessId> {
        self.slot(id).map(|slot| slot.process)
    }

    /// Prefetches the slot of a task.
    #[inline]
    pub(super) fn prefetch(&self, key: TaskKey) {
        if let Some(slot) = self.slots.get(key.index()) {
            prefetch(slot);
        }
    }

    /// Prefetches the future of a task.
    #[inline]
    pub(super) fn prefetch_future(&self, key: TaskKey) {
        let slot = self.slots.get(key.index());
        if let Some(future) = slot.and_then(|slot| slot.future.as_ref()) {
            prefetch(&**future);
        }
    }

    /// Marks the task as queued; returns it with its process if the caller has to queue it.
    #[inline]
    pub(super) fn enqueue(&mut self, key: TaskKey) -> Option<(TaskId, ProcessId)> {
        let slot = self.slots.get_mut(key.index())?;
        if slot.generation.low_u16() != key.generation() || slot.is_queued {
            return None;
        }
        slot.is_queued = true;
        let id = TaskId {
            index: key.index().index_u32(),
            generation: slot.generation,
        };
        Some((id, slot.process))
    }

    /// Takes the future of a live task, so that no borrow lasts during the poll. The task is no
    /// longer queued. `None` if an earlier poll panicked.
    #[inline]
    pub(super) fn start(&mut self, id: TaskId) -> Option<TaskFuture> {
        let slot = &mut self.slots[id.index as usize];
        debug_assert!(
            slot.is_live && slot.is_queued,
            "a started task is live and queued"
        );
        slot.is_queued = false;
        slot.future.take()
    }

    /// Restores the future after a pending poll; returns it if the task was killed meanwhile. The
    /// slot of a running task is not freed.
    #[inline]
    pub(super) fn park(&mut self, id: TaskId, future: TaskFuture) -> Option<TaskFuture> {
        let slot = &mut self.slots[id.index as usize];
        debug_assert!(
            slot.is_live && slot.future.is_none(),
            "a parked task was running"
        );
        if slot.is_killed {
            return Some(future);
        }
        slot.future = Some(future);
        None
    }

    /// Marks the running task as killed: it ends after this poll.
    pub(super) fn kill_after_poll(&mut self, id: TaskId) {
        let slot = &mut self.slots[id.index as usize];
        debug_assert!(slot.is_live && slot.future.is_none(), "the task is running");
        slot.is_killed = true;
    }

    /// Frees the slot of a task. Dropping the returned future runs user code.
    pub(super) fn remove(&mut self, id: TaskId) -> Option<TaskFuture> {
        self.slot(id)?;
        let slot = &mut self.slots[id.index as usize];
        slot.generation = slot.generation.wrapping_add(1);
        slot.is_live = false;
        slot.is_queued = true;
        self.free.push(id.index);
        slot.future.take()
    }

    /// Returns the live tasks of a process in slot order. *O*(slots): kills are rare, and every
    /// spawn and end would have to maintain a list per process.
    pub(super) fn of_process(&self, process: ProcessId) -> impl Iterator<Item = TaskId> + '_ {
        self.ids()
            .filter(move |&id| self.slots[id.index as usize].process == process)
    }

    /// Returns all live tasks in slot order.
    pub(super) fn ids(&self) -> impl Iterator<Item = TaskId> + '_ {
        self.slots
            .iter()
            .enumerate()
            .filter(|(_, slot)| slot.is_live)
            .map(|(index, slot)| TaskId {
                index: index.index_u32(),
                generation: slot.generation,
            })
    }
}

impl TaskSlot {
    fn vacant() -> Self {
        Self {
            future: None,
            name: "",
            process: ProcessId::WORLD,
            generation: 0,
            is_live: false,
            is_queued: true,
            is_killed: false,
        }
    }
}
