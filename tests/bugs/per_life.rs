//! Something that each life of a process has for itself.

use std::cell::RefCell;
use std::collections::BTreeMap;

use rehearsal::model::LifeId;

/// One `T` per life, made when it is first asked for.
#[derive(Default)]
pub struct PerLife<T>(RefCell<BTreeMap<LifeId, T>>);

impl<T: Default> PerLife<T> {
    /// Reads or changes what a life has.
    pub fn with<R>(&self, life: &LifeId, act: impl FnOnce(&mut T) -> R) -> R {
        act(self.0.borrow_mut().entry(life.clone()).or_default())
    }
}
