//! Processes: what is killed, paused and resumed as one.

use std::rc::Rc;

use super::task::TaskId;

/// Names one process of one kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessId(u32);

impl ProcessId {
    /// The world itself: servers, faults, observers. It is never killed and never paused.
    pub const WORLD: Self = Self(0);

    /// Its number, in the order in which processes were made; the world is 0.
    pub fn index(self) -> u32 {
        self.0
    }
}

pub(super) struct ProcessEntry {
    pub(super) name: Rc<str>,
    pub(super) is_paused: bool,
    /// Being killed: what its tasks' destructors spawn into it is refused.
    pub(super) is_dying: bool,
    /// Tasks that became ready during a pause, in that order.
    pub(super) held: Vec<TaskId>,
}

pub(super) struct ProcessTable(Vec<ProcessEntry>);

impl ProcessTable {
    /// The world and nothing else.
    pub(super) fn new() -> Self {
        let mut processes = Self(Vec::new());
        processes.add("world".into());
        processes
    }

    pub(super) fn add(&mut self, name: Rc<str>) -> ProcessId {
        self.0.push(ProcessEntry {
            name,
            is_paused: false,
            is_dying: false,
            held: Vec::new(),
        });
        ProcessId(self.0.len() as u32 - 1)
    }

    pub(super) fn get(&self, id: ProcessId) -> Option<&ProcessEntry> {
        self.0.get(id.0 as usize)
    }

    pub(super) fn get_mut(&mut self, id: ProcessId) -> Option<&mut ProcessEntry> {
        self.0.get_mut(id.0 as usize)
    }

    /// A process that may be killed or paused: one that exists and isn't the world.
    pub(super) fn mortal(&mut self, id: ProcessId) -> Option<&mut ProcessEntry> {
        if id == ProcessId::WORLD {
            None
        } else {
            self.get_mut(id)
        }
    }
}
