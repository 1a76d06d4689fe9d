//! The worker's static labels.

use rehearsal_metrics::{StaticLabel, impl_static_label, static_label};

pub use crate::model::commit::FireOutcome as Fate;
pub use crate::model::observation::QueueName;
pub use crate::model::{EventKind, Mode};

impl_static_label!(Mode, "mode");
impl_static_label!(QueueName, "queue");
impl_static_label!(EventKind, "kind");
impl_static_label!(Fate, "fate");

static_label! {
    /// How planning a run ended. Cancelled runs have no status: they record nothing.
    pub enum PlannerStatus: "status" {
        /// A snapshot was written and the run was queued.
        Enqueued = "enqueued",
        /// No image was affected; the run completed at once.
        NoWork = "no_work",
        /// Planning failed for good.
        Failed = "failed",
    }
}

static_label! {
    /// What became of a segment. The mixed spelling is the contract.
    pub enum SegmentStatus: "status" {
        /// Committed, with its images and deltas.
        Completed = "Completed",
        /// The commit was refused for good.
        PersistFailed = "persist_failed",
        /// The run doesn't exist any more.
        RunMissing = "RunMissing",
    }
}

static_label! {
    /// How a run ended. Only success has a duration.
    pub enum RunResult: "result" {
        /// Every image was completed or failed.
        Completed = "completed",
    }
}

/// Whether an image had a meaningful delta.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Delta(pub bool);

impl StaticLabel for Delta {
    const NAME: &'static str = "delta";
    const VALUES: &'static [&'static str] = &["false", "true"];
    #[inline]
    fn index(self) -> usize {
        usize::from(self.0)
    }
}

static_label! {
    /// How one attempt to plan a run ended (extension).
    pub enum AttemptOutcome: "outcome" {
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

static_label! {
    /// How a request to the scanner ended (extension).
    pub enum ScannerOutcome: "outcome" {
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
