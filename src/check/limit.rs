//! Limits: what each option of the worker bounds, and which invariant checks it.
//!
//! A test compares this table with the options, so that a new option without an entry fails. Each
//! entry has a planted defect that breaks the bound.

use super::InvariantName as N;

/// Manner in which an option bounds what it limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// The value is a maximum.
    AtMost,
    /// The value is a minimum.
    AtLeast,
    /// Something happens within the value, plus a slack that the invariant states.
    Within,
    /// The value chooses between two behaviours.
    Switch,
}

impl Bound {
    /// The words of tables and violations.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AtMost => "at most",
            Self::AtLeast => "at least",
            Self::Within => "within",
            Self::Switch => "if set",
        }
    }
}

/// Limit that an option of the worker states.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// Key of the option.
    pub option: &'static str,
    /// Manner of the bound.
    pub bound: Bound,
    /// Value that is bounded.
    pub meaning: &'static str,
    /// Invariant that checks the bound.
    pub invariant: N,
}

macro_rules! limits {
    ($($name:ident = $option:literal, $bound:ident, $meaning:literal, $invariant:ident;)*) => {
        $(
            #[doc = concat!("Limit of `", $option, "`.")]
            pub const $name: Limit = Limit {
                option: $option,
                bound: Bound::$bound,
                meaning: $meaning,
                invariant: N::$invariant,
            };
        )*

        /// The limit of each option, in the order of the options.
        pub const LIMITS: &[Limit] = &[$($name),*];
    };
}

limits! {
    TRIGGER_POLL = "triggerPoll", Within, "the decision of a due fire", Limits;
    PLANNER_POLL = "plannerPoll", AtLeast,
        "the time between two batches of a planner, unless the first was full", Limits;
    PLANNER_BATCH = "plannerBatch", AtMost, "the runs of a batch", Fairness;
    PLANNER_ATTEMPTS = "plannerAttempts", AtMost, "the failed attempts to plan a run", Blame;
    SEGMENT_SIZE = "segmentSize", AtMost, "the images of a segment", Limits;
    SEGMENTS_AT_ONCE = "segmentsAtOnce", AtMost, "the segments that a process holds", Limits;
    LEASE = "lease", AtLeast, "three times the time between two renewals of a lease", Limits;
    LEASE_PATIENCE = "leasePatience", AtMost,
        "the wait for a message, which a stop awaits", LeaseDiscipline;
    MAX_DELIVERY_ATTEMPTS = "maxDeliveryAttempts", AtMost,
        "the counted deliveries of a message", Blame;
    DEAD_LETTER_ENABLED = "deadLetterEnabled", Switch,
        "a poison message becomes a dead letter, else it is dropped", Limits;
    BACKOFF_INITIAL = "backoffInitial", AtMost,
        "the delay after the first failed attempt to plan", Limits;
    BACKOFF_MAX = "backoffMax", AtMost, "the delay after any failed attempt to plan", Limits;
    BACKOFF_FACTOR = "backoffFactor", AtMost,
        "the growth of the delay from one attempt to the next", Limits;
    SCANNER_TIMEOUT = "scannerTimeout", AtMost, "the wait for an answer of the Scanner", Limits;
    SCANNER_ATTEMPTS = "scannerAttempts", AtMost,
        "the requests per image and delivery", ScannerManners;
    RELAY_POLL = "relayPoll", Within, "the enqueue of a planned run", Limits;
    RELAY_BATCH = "relayBatch", AtMost, "the events of a call of Notify", Limits;
    BACKLOG_REFRESH = "backlogRefresh", AtMost, "the age of an exposed backlog", BacklogTruth;
    SWEEP_INTERVAL = "sweepInterval", AtLeast, "the time between two repairs of a process", Limits;
    RUN_TIMEOUT = "runTimeout", AtLeast, "the age of a run that times out", Blame;
    STOP_GRACE = "stopGrace", AtMost, "the work of a stopping process", LeaseDiscipline;
    PERMIT_TOLERANCE = "permitTolerance", AtMost,
        "the age of a permit that is used, apart from the trail of its grant", ScannerManners;
}
