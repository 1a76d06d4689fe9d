//! Labels and values of writes to the instruments, and how they are broken.

use rehearsal::metrics::{
    AttemptOutcome, Delta, EventKind, Fate, Mode, PlannerStatus, QueueName, ScannerOutcome,
    SegmentStatus,
};
use rehearsal::model::SharedList;
use rehearsal::model::commit::BacklogRow;

/// A label that can be wrong.
pub trait BreakableLabel: Copy + Send + 'static {
    /// Another value of the label.
    fn other(self) -> Self;
}

macro_rules! breakable_labels {
    ($($label:ty),+) => {$(
        impl BreakableLabel for $label {
            fn other(self) -> Self {
                <$label>::ALL[(self as usize + 1) % <$label>::ALL.len()]
            }
        }
    )+};
}

breakable_labels!(
    Mode,
    PlannerStatus,
    SegmentStatus,
    AttemptOutcome,
    ScannerOutcome,
    QueueName,
    EventKind,
    Fate
);

/// Whether the rows of the backlog have the modes of each other.
#[derive(Clone, Copy, Debug)]
pub struct ModesSwapped(pub bool);

impl BreakableLabel for ModesSwapped {
    fn other(self) -> Self {
        Self(!self.0)
    }
}

impl BreakableLabel for Delta {
    fn other(self) -> Self {
        Self(!self.0)
    }
}

/// Labels of a write.
pub trait BreakableLabels: Copy + Send + 'static {
    /// Number of labels.
    const COUNT: usize;
    /// The same with another value of one label.
    fn with_wrong(self, place: usize) -> Self;
}

impl BreakableLabels for () {
    const COUNT: usize = 0;

    fn with_wrong(self, _: usize) {}
}

impl<A: BreakableLabel> BreakableLabels for (A,) {
    const COUNT: usize = 1;

    fn with_wrong(self, _: usize) -> Self {
        (self.0.other(),)
    }
}

impl<A: BreakableLabel, B: BreakableLabel> BreakableLabels for (A, B) {
    const COUNT: usize = 2;

    fn with_wrong(self, place: usize) -> Self {
        match place {
            0 => (self.0.other(), self.1),
            _ => (self.0, self.1.other()),
        }
    }
}

/// A value that a write sets.
pub trait BreakableValue: Clone + Send + 'static {
    /// Twice the value.
    fn doubled(&self) -> Self;
}

impl BreakableValue for u64 {
    fn doubled(&self) -> Self {
        self * 2
    }
}

impl BreakableValue for f64 {
    fn doubled(&self) -> Self {
        self * 2.0
    }
}

impl BreakableValue for SharedList<BacklogRow> {
    fn doubled(&self) -> Self {
        let doubled = |row: &BacklogRow| BacklogRow {
            images: row.images * 2,
            ..row.clone()
        };
        self.iter().map(doubled).collect()
    }
}
