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
    /// Outcome of planning a run. Cancelled runs record nothing.
    pub enum PlannerStatus: "status" {
        /// A snapshot was written and the run was queued.
        Enqueued = "enqueued",
        /// No image was affected; the run completed at once.
        NoWork = "no_work",
        /// Planning failed permanently.
        Failed = "failed",
    }
}

static_label! {
    /// Outcome of a segment. The mixed spelling is the contract's.
    pub enum SegmentStatus: "status" {
        /// Committed, with its images and deltas.
        Completed = "Completed",
        /// The commit was refused permanently.
        PersistFailed = "persist_failed",
        /// The run does not exist.
        RunMissing = "RunMissing",
    }
}

static_label! {
    /// Result of a run. Only success has a duration.
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
    /// Outcome of one attempt to plan a run (extension).
    pub enum AttemptOutcome: "outcome" {
        /// The run was queued.
        Enqueued = "enqueued",
        /// No image was affected.
        NoWork = "no_work",
        /// Planning failed permanently.
        Failed = "failed",
        /// A transient fault; another attempt follows.
        Retried = "retried",
        /// Another planner planned the run first.
        Conflict = "conflict",
    }
}

static_label! {
    /// Outcome of a request to the Scanner (extension).
    pub enum ScannerOutcome: "outcome" {
        /// The Scanner answered with a report.
        Succeeded = "succeeded",
        /// No answer in time.
        TimedOut = "timed_out",
        /// A 5xx answer.
        ServerError = "server_error",
        /// A 429 answer.
        RateLimited = "rate_limited",
        /// Permanent refusal: 404 or 422.
        Refused = "refused",
        /// No connection.
        Unreachable = "unreachable",
    }
}
