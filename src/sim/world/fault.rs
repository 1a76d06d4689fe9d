//! Faults: the active ones, and the draws that decide whether each affects a call.
//!
//! Each kind of fault draws from a stream of its own, so that one more fault of one kind moves no
//! draw of another.

mod conditions;
mod heal;
mod inject;

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;

use self::conditions::FaultConditions;
pub(super) use self::conditions::queues;
use self::inject::ActiveFault;
use super::World;
use crate::model::ProcessName;
use crate::model::fault::FaultKind;
use crate::model::observation::{Observation, QueueName};
use crate::sim::kernel::{Handle, RandomStream};

/// Number of kinds with a stream. Those after them draw nothing, and one stream more would change
/// the hash of every trace.
const DRAWING_KINDS: usize = FaultKind::SlowQueue as usize + 1;

/// Active faults, and a random stream for each kind of fault that draws.
pub(super) struct FaultEngine {
    active: RefCell<Vec<ActiveFault>>,
    /// Combined effect of the active faults.
    pub conditions: RefCell<FaultConditions>,
    /// Whether the world has healed: no fault begins any more.
    is_healed: Cell<bool>,
    /// Processes that may recover after healing; `None` before it.
    core: RefCell<Option<BTreeSet<ProcessName>>>,
    streams: Vec<RefCell<RandomStream>>,
}

impl FaultEngine {
    pub fn new(handle: &Handle) -> Self {
        let stream = |kind: &FaultKind| handle.stream(&format!("fault.{}", kind.as_str()));
        Self {
            active: RefCell::default(),
            conditions: RefCell::default(),
            is_healed: Cell::new(false),
            core: RefCell::default(),
            streams: FaultKind::ALL[..DRAWING_KINDS]
                .iter()
                .map(|kind| RefCell::new(stream(kind)))
                .collect(),
        }
    }

    fn chance(&self, kind: FaultKind, probability: f64) -> bool {
        // Most of the time there is no fault, and nothing is drawn.
        probability > 0.0 && self.streams[kind as usize].borrow_mut().chance(probability)
    }
}

impl World {
    /// Records that a fault had an effect.
    pub(super) fn hit(self: &Rc<Self>, kind: FaultKind) {
        self.sink.emit(&Observation::FaultTriggered { kind });
    }

    /// Draws whether a fault affects this call, and records a hit if so.
    pub(super) fn draw_fault(self: &Rc<Self>, kind: FaultKind) -> bool {
        let probability = self.faults.conditions.borrow().probability(kind);
        self.draw_fault_with(kind, probability)
    }

    /// Draws whether a fault of one queue affects this call, and records a hit if so.
    pub(super) fn draw_queue_fault(self: &Rc<Self>, queue: QueueName, kind: FaultKind) -> bool {
        let probability = self.faults.conditions.borrow().of_queue(queue, kind);
        self.draw_fault_with(kind, probability)
    }

    fn draw_fault_with(self: &Rc<Self>, kind: FaultKind, probability: f64) -> bool {
        let is_drawn = self.faults.chance(kind, probability);
        if is_drawn {
            self.hit(kind);
        }
        is_drawn
    }

    /// Draws a number below `bound` from the stream of a fault.
    pub(super) fn draw_below(&self, kind: FaultKind, bound: u64) -> u64 {
        self.faults.streams[kind as usize].borrow_mut().below(bound)
    }

    /// Draws the delay after which a message becomes ready, in nanoseconds.
    pub(super) fn draw_queue_delay_ns(self: &Rc<Self>, queue: QueueName) -> u64 {
        if !self.draw_queue_fault(queue, FaultKind::QueueDelay) {
            return 0;
        }
        let stream = &self.faults.streams[FaultKind::QueueDelay as usize];
        let conditions = self.faults.conditions.borrow();
        conditions.queue_delay_ns(queue, &mut stream.borrow_mut())
    }

    /// Draws the Retry-After of a 429 that a fault causes, in nanoseconds.
    pub(super) fn draw_retry_after_ns(&self) -> u64 {
        let stream = &self.faults.streams[FaultKind::ScannerThrottle as usize];
        let conditions = self.faults.conditions.borrow();
        conditions.retry_after_ns(&mut stream.borrow_mut())
    }
}
