//! Numbers of incarnations, which the store assigns.
//!
//! A process can't number its own incarnations: a container that starts anew under its old name
//! would begin at 1 again, and the store would answer its commits as repeats of old ones.

use std::collections::BTreeMap;

use super::SimStore;
use crate::model::{IncarnationId, ProcessName};

/// Number of the newest incarnation of each process.
#[derive(Debug, Default)]
pub(super) struct IncarnationNumbers(BTreeMap<ProcessName, u32>);

impl SimStore {
    /// Registers a new incarnation of a process, with the next number.
    pub fn register(&mut self, process: &ProcessName) -> IncarnationId {
        let numbers = &mut self.incarnation_numbers.0;
        let newest = numbers.entry(process.clone()).or_default();
        *newest += 1;
        IncarnationId::new(process.clone(), *newest)
    }
}
