//! The invariants by name.

use std::fmt;

/// EvaluationTime an invariant is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EvaluationTime {
    /// At every observation that concerns it.
    Always,
    /// At quiescence: no open run, message, intent, outbox row or unanswered call.
    Quiescence,
    /// Between two rehearsals, by whoever runs them.
    Rerun,
}

impl EvaluationTime {
    /// The letter of the contract's table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Always => "A",
            Self::Quiescence => "Q",
            Self::Rerun => "–",
        }
    }
}

macro_rules! invariant_names {
    ($($name:ident = $text:literal, $when:ident: $meaning:literal;)*) => {
        /// An invariant of the contract. `docs/invariants.md` tells how each is checked.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum InvariantName {
            $(#[doc = $meaning] $name,)*
        }

        impl InvariantName {
            /// Every invariant, in the contract's order.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The stable name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// What it means, in one line.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning,)* }
            }

            /// EvaluationTime it is checked.
            pub const fn checked(self) -> EvaluationTime {
                match self { $(Self::$name => EvaluationTime::$when,)* }
            }

            /// Position in [`InvariantName::ALL`].
            pub const fn index(self) -> usize {
                self as usize
            }
        }
    };
}

invariant_names! {
    CounterMonotone = "counter-monotone", Always:
        "No counter falls within one life of a process.";
    AppliedLearned = "applied-learned", Always:
        "Every commit that the store took is learned by the life that sent it, unless that life ends first.";
    PlannerConservation = "planner-conservation", Always:
        "Planner counters equal the learned outcomes; every run that leaves Planning has exactly one outcome.";
    LatencyCount = "latency-count", Always:
        "Histograms hold exactly the learned samples: count, sum and cumulative buckets agree.";
    LatencyQuantile = "latency-quantile", Quiescence:
        "The bucket chosen for a quantile holds the exact sample of that rank.";
    SegmentOnce = "segment-once", Always:
        "A segment is committed once and counted once; each failed delivery is counted once.";
    ImageConservation = "image-conservation", Always:
        "Images counted equal the images of counted segments, split rightly by delta.";
    DeltaConservation = "delta-conservation", Always:
        "Delta counters equal the learned meaningful deltas, and severities add up.";
    DeltaTruth = "delta-truth", Quiescence:
        "Per image, committed deltas add up to what the world changed between its reports.";
    PlanTruth = "plan-truth", Always:
        "A run plans exactly the images that a brute-force evaluation gives, and its segments partition them.";
    CronOnce = "cron-once", Quiescence:
        "By an independent calendar, each due fire is exactly one of run, coalesced, skipped, queued.";
    ActiveTruth = "active-truth", Always:
        "The active counters of live processes add up to the open runs, but for what is not learned yet.";
    BacklogTruth = "backlog-truth", Always:
        "Every backlog shown was true within the last refresh, and none is missing without cause.";
    StateGraph = "state-graph", Always:
        "Runs follow the state graph, terminal states are final, and statistics only grow.";
    Blame = "blame", Quiescence:
        "Every Error, Cancelled, dead letter and failed image has its cause in the world's record.";
    ScannerManners = "scanner-manners", Always:
        "Requests keep to the schedule's rate, to their permits, to Retry-After and to the attempt limit.";
    Parallelism = "parallelism", Always:
        "The segments of a schedule worked under a live lease never exceed its parallelism.";
    LeaseDiscipline = "lease-discipline", Always:
        "Nothing is believed of a holder whose lease has ended, and it calls no scanner after its deadline.";
    NoLoss = "no-loss", Quiescence:
        "Every image of a Completed run is committed exactly once, and no message vanishes.";
    EventOutbox = "event-outbox", Quiescence:
        "Each committed report and each delta that passes the filter has exactly one event, and no other exists.";
    NotifyIndependent = "notify-independent", Always:
        "Only the relay waits for Notify, and work goes on while Notify is down.";
    Fairness = "fairness", Always:
        "In a planner's batch tenants take turns, the least recently served first, each with its oldest run.";
    Liveness = "liveness", Quiescence:
        "Once triggers stop and a core is healed, all work drains within the allowance.";
    Cardinality = "cardinality", Always:
        "A process shows no more series than the closed set and two per live schedule.";
    Determinism = "determinism", Rerun:
        "The same scenario, seed and version give the same trace.";
}

impl fmt::Display for InvariantName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
