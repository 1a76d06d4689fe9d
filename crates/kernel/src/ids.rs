//! Identifiers of processes and tasks.

use rehearsal_convert::LowBits;

const INDEX_BITS: u32 = 24;

/// Maximum number of live tasks of a kernel.
pub const TASKS_MAX: u32 = 1 << INDEX_BITS;

/// Identifier of one process of one kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessId(pub(super) u32);

impl ProcessId {
    /// The simulated world: servers, faults, observers. Never killed and never paused.
    pub const WORLD: Self = Self(0);

    /// Returns the number in order of creation; the world is 0.
    pub fn index(self) -> u32 {
        self.0
    }
}

/// Identifier of one task of one kernel. No other task of that kernel has it, until a slot's
/// generation wraps after 2^32 tasks in one slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId {
    pub(super) index: u32,
    pub(super) generation: u32,
}

impl TaskId {
    /// Identifier of no task: the result of a refused spawn.
    pub(super) const NONE: Self = Self {
        index: u32::MAX,
        generation: 0,
    };

    /// Returns the number in the trace, in the low 56 bits.
    pub(super) fn trace_word(self) -> u64 {
        (u64::from(self.generation) & 0xFF_FFFF) << 32 | u64::from(self.index)
    }
}

/// Task reference of wakers and timers: the slot in 24 bits, and the low 16 bits of the generation
/// above. One number, so that the copy for each event stays in a register.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct TaskKey(u64);

impl TaskKey {
    /// 40 bits.
    pub(super) fn bits(self) -> u64 {
        self.0
    }

    pub(super) fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(super) fn index(self) -> usize {
        (self.0.low_u32() % TASKS_MAX) as usize
    }

    pub(super) fn generation(self) -> u16 {
        (self.0 >> INDEX_BITS).low_u16()
    }
}

impl From<TaskId> for TaskKey {
    fn from(id: TaskId) -> Self {
        Self(u64::from(id.generation.low_u16()) << INDEX_BITS | u64::from(id.index % TASKS_MAX))
    }
}
