//! State of each incarnation of a process.

use std::cell::RefCell;
use std::collections::BTreeMap;

use rehearsal::model::IncarnationId;

/// One `T` per incarnation, created at its first use.
#[derive(Default)]
pub struct PerIncarnation<T>(RefCell<BTreeMap<IncarnationId, T>>);

impl<T: Default> PerIncarnation<T> {
    /// Reads or changes the state of an incarnation.
    pub fn with<R>(&self, incarnation: &IncarnationId, act: impl FnOnce(&mut T) -> R) -> R {
        act(self.0.borrow_mut().entry(incarnation.clone()).or_default())
    }
}
