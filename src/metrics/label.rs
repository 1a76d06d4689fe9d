//! Labels whose values are known at compile time, and sets of them.
//!
//! A label of a closed set is an enum, and a set of such labels is a small integer: recording
//! with labels costs one multiplication and one addition, never a look-up.

use std::fmt;

pub use crate::model::commit::FireFate as Fate;
pub use crate::model::observation::QueueName;
pub use crate::model::{EventKind, Mode};

/// A label with a fixed, small set of values.
///
/// ```
/// use rehearsal::metrics::{ClosedLabel, Definition, Registry};
///
/// #[derive(Clone, Copy)]
/// enum Door { Front, Back }
///
/// impl ClosedLabel for Door {
///     const NAME: &'static str = "door";
///     const VALUES: &'static [&'static str] = &["front", "back"];
///     fn index(self) -> usize { self as usize }
/// }
///
/// const VISITS: Definition = Definition::counter("visits_total", "Visits.").labelled::<Door>();
/// let visits = Registry::new().counters(&VISITS)?;
/// visits.increment(Door::Back);
/// assert_eq!((visits.get(Door::Front), visits.get(Door::Back)), (0, 1));
/// # Ok::<(), rehearsal::metrics::RegisterError>(())
/// ```
pub trait ClosedLabel: Copy + 'static {
    /// The label's name on the page.
    const NAME: &'static str;
    /// The label's values on the page, by [`index`](Self::index).
    const VALUES: &'static [&'static str];
    /// This value's place in [`VALUES`](Self::VALUES).
    fn index(self) -> usize;
}

/// A closed label as plain data: its name and every value it can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LabelDefinition {
    /// The label's name on the page.
    pub name: &'static str,
    /// Every value, in the order of the indices. Empty for a label with open values.
    pub values: &'static [&'static str],
}

/// A combination of closed labels, which together name one series of an instrument.
pub trait LabelSet: Copy {
    /// The labels, in the order in which [`index`](Self::index) counts: the last varies fastest.
    const LABELS: &'static [LabelDefinition];
    /// How many combinations there are.
    const COUNT: usize;
    /// This combination's number, below [`COUNT`](Self::COUNT).
    fn index(self) -> usize;
}

impl LabelSet for () {
    const LABELS: &'static [LabelDefinition] = &[];
    const COUNT: usize = 1;
    #[inline]
    fn index(self) -> usize {
        0
    }
}

impl<A: ClosedLabel> LabelSet for A {
    const LABELS: &'static [LabelDefinition] = &[LabelDefinition {
        name: A::NAME,
        values: A::VALUES,
    }];
    const COUNT: usize = A::VALUES.len();
    #[inline]
    fn index(self) -> usize {
        ClosedLabel::index(self)
    }
}

impl<A: ClosedLabel, B: ClosedLabel> LabelSet for (A, B) {
    const LABELS: &'static [LabelDefinition] = &[
        LabelDefinition {
            name: A::NAME,
            values: A::VALUES,
        },
        LabelDefinition {
            name: B::NAME,
            values: B::VALUES,
        },
    ];
    const COUNT: usize = A::VALUES.len() * B::VALUES.len();
    #[inline]
    fn index(self) -> usize {
        self.0.index() * B::VALUES.len() + self.1.index()
    }
}

/// Declares an enum that is a closed label: its name, its values and their spelling on the page.
macro_rules! closed_label {
    ($(#[$meta:meta])* $name:ident, $label:literal { $($(#[$doc:meta])* $value:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$doc])* $value),+ }

        impl $name {
            /// Every value, in the order of [`index`](Self::index).
            pub const ALL: &'static [Self] = &[$(Self::$value),+];

            /// The spelling on the page.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$value => $text),+ }
            }

            /// The place in [`ALL`](Self::ALL).
            pub const fn index(self) -> usize {
                self as usize
            }
        }

        impl ClosedLabel for $name {
            const NAME: &'static str = $label;
            const VALUES: &'static [&'static str] = &[$($text),+];
            #[inline]
            fn index(self) -> usize {
                self as usize
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(self.as_str())
            }
        }
    };
}

/// Makes an enum of the model a closed label.
macro_rules! model_label {
    ($name:ident, $label:literal) => {
        impl ClosedLabel for $name {
            const NAME: &'static str = $label;
            const VALUES: &'static [&'static str] = &{
                let mut values = [""; $name::ALL.len()];
                let mut index = 0;
                while index < values.len() {
                    values[index] = $name::ALL[index].as_str();
                    index += 1;
                }
                values
            };
            #[inline]
            fn index(self) -> usize {
                self as usize
            }
        }
    };
}

model_label!(Mode, "mode");
model_label!(QueueName, "queue");
model_label!(EventKind, "kind");
model_label!(Fate, "fate");

closed_label! {
    /// How planning a run ended. Cancelled runs have no status: they record nothing.
    PlannerStatus, "status" {
        /// A snapshot was written and the run was queued.
        Enqueued = "enqueued",
        /// No image was affected; the run completed at once.
        NoWork = "no_work",
        /// Planning failed for good.
        Failed = "failed",
    }
}

closed_label! {
    /// What became of a segment. The mixed spelling is the contract.
    SegmentStatus, "status" {
        /// Committed, with its images and deltas.
        Completed = "Completed",
        /// The commit was refused for good.
        PersistFailed = "persist_failed",
        /// The run doesn't exist any more.
        RunMissing = "RunMissing",
    }
}

closed_label! {
    /// How a run ended. Only success has a duration.
    RunResult, "result" {
        /// Every image was completed or failed.
        Completed = "completed",
    }
}

/// Whether an image had a meaningful delta.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Delta(pub bool);

impl ClosedLabel for Delta {
    const NAME: &'static str = "delta";
    const VALUES: &'static [&'static str] = &["false", "true"];
    #[inline]
    fn index(self) -> usize {
        usize::from(self.0)
    }
}

closed_label! {
    /// How one attempt to plan a run ended (extension).
    AttemptOutcome, "outcome" {
        /// The run was queued.
        Enqueued = "enqueued",
        /// No image was affected.
        NoWork = "no_work",
        /// Planning failed for good.
        Failed = "failed",
        /// A transient fault; another attempt follows.
        Retried = "retried",
        /// Another planner was faster.
        Conflict = "conflict",
    }
}

closed_label! {
    /// How a request to the scanner ended (extension).
    ScannerOutcome, "outcome" {
        /// A report.
        Succeeded = "succeeded",
        /// No answer in time.
        TimedOut = "timed_out",
        /// A 5xx answer.
        ServerError = "server_error",
        /// A 429 answer.
        RateLimited = "rate_limited",
        /// Refused for good: 404 or 422.
        Refused = "refused",
        /// No connection.
        Unreachable = "unreachable",
    }
}

closed_label! {
    /// Why a sample was refused by a histogram.
    SampleFault, "reason" {
        /// Not a number.
        NotANumber = "nan",
        /// Positive or negative infinity.
        Infinite = "infinite",
        /// Below zero.
        Negative = "negative",
    }
}
