//! Something that each incarnation of a process has for itself.

use std::cell::RefCell;
use std::collections::BTreeMap;

use rehearsal::model::IncarnationId;

/// One `T` per incarnation, made when it is first asked for.
#[derive(Default)]
pub struct PerIncarnation<T>(RefCell<BTreeMap<IncarnationId, T>>);

impl<T: Default> PerIncarnation<T> {
    /// Reads or changes what an incarnation has.
    pub fn with<R>(&self, incarnation: &IncarnationId, act: impl FnOnce(&mut T) -> R) -> R {
        act(self.0.borrow_mut().entry(incarnation.clone()).or_default())
    }
}
