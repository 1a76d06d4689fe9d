//! Processes: sets of tasks that are killed, paused and resumed as one.

use std::rc::Rc;

use super::ids::{ProcessId, TaskId};
use rehearsal_convert::Index;

pub(super) struct ProcessEntry {
    pub(super) name: Rc<str>,
    pub(super) is_paused: bool,
    /// Set during a kill: tasks that destructors spawn into the process are refused.
    pub(super) is_dying: bool,
    /// Tasks that became ready during a pause, in that order.
    pub(super) held: Vec<TaskId>,
}

pub(super) struct ProcessTable(Vec<ProcessEntry>);

impl ProcessTable {
    /// Creates a table with the world alone.
    pub(super) fn new() -> Self {
        let mut processes = Self(Vec::new());
        processes.add("world".into());
        processes
    }

    pub(super) fn add(&mut self, name: Rc<str>) -> ProcessId {
        debug_assert!(
            self.0.len() < u32::MAX as usize,
            "process numbers have 32 bits"
        );
        self.0.push(ProcessEntry {
            name,
            is_paused: false,
            is_dying: false,
            held: Vec::new(),
        });
        ProcessId(self.0.len().index_u32() - 1)
    }

    pub(super) fn get(&self, id: ProcessId) -> Option<&ProcessEntry> {
        self.0.get(id.0 as usize)
    }

    pub(super) fn get_mut(&mut self, id: ProcessId) -> Option<&mut ProcessEntry> {
        self.0.get_mut(id.0 as usize)
    }

    /// Returns a process that may be killed or paused: any existing one except the world.
    pub(super) fn mortal(&mut self, id: ProcessId) -> Option<&mut ProcessEntry> {
        if id == ProcessId::WORLD {
            None
        } else {
            self.get_mut(id)
        }
    }
}
