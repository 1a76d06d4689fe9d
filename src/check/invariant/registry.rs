//! The contract's invariants: one list of names, one list of families.

use std::fmt;

use super::{EvaluationTime, Invariant, InvariantDefinition};
use super::{
    active_truth, applied_learned, backlog_truth, blame, call_budget, cardinality, command_ack,
    conservation, cron_once, delta_truth, event_outbox, fairness, gauge_truth, latency,
    lease_discipline, limits, liveness, no_leak, no_loss, notify_independent, parallelism,
    plan_truth, repair_cause, run_content, scanner_manners, scrape_recorded, segment_once,
    stage_latency, state_graph, stopping,
};

macro_rules! names {
    ($($name:ident = $definition:expr;)*) => {
        /// Name of an invariant: the contract's, or one of the library's user.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs, reason = "each family documents its names")]
        pub enum InvariantName {
            $($name,)*
            /// An invariant of the library's user.
            Custom(&'static str),
        }

        /// Positions of the contract's invariants.
        enum Position { $($name),* }

        impl InvariantName {
            /// Every invariant of the contract, in its order.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Name and documentation; none for an invariant of the library's user.
            pub const fn definition(self) -> Option<&'static InvariantDefinition> {
                match self {
                    $(Self::$name => Some(&$definition),)*
                    Self::Custom(_) => None,
                }
            }

            /// Position in [`InvariantName::ALL`]; none for an invariant of the library's user.
            #[inline]
            pub const fn index(self) -> Option<usize> {
                match self {
                    $(Self::$name => Some(Position::$name as usize),)*
                    Self::Custom(_) => None,
                }
            }
        }
    };
}

names! {
    CounterMonotone = conservation::COUNTER_MONOTONE;
    AppliedLearned = applied_learned::APPLIED_LEARNED;
    PlannerConservation = conservation::PLANNER_CONSERVATION;
    LatencyCount = latency::LATENCY_COUNT;
    LatencyQuantile = latency::LATENCY_QUANTILE;
    SegmentOnce = segment_once::SEGMENT_ONCE;
    ImageConservation = conservation::IMAGE_CONSERVATION;
    DeltaConservation = conservation::DELTA_CONSERVATION;
    DeltaTruth = delta_truth::DELTA_TRUTH;
    PlanTruth = plan_truth::PLAN_TRUTH;
    CronOnce = cron_once::CRON_ONCE;
    ActiveTruth = active_truth::ACTIVE_TRUTH;
    BacklogTruth = backlog_truth::BACKLOG_TRUTH;
    StateGraph = state_graph::STATE_GRAPH;
    Blame = blame::BLAME;
    ScannerManners = scanner_manners::SCANNER_MANNERS;
    Parallelism = parallelism::PARALLELISM;
    LeaseDiscipline = lease_discipline::LEASE_DISCIPLINE;
    NoLoss = no_loss::NO_LOSS;
    EventOutbox = event_outbox::EVENT_OUTBOX;
    NotifyIndependent = notify_independent::NOTIFY_INDEPENDENT;
    Fairness = fairness::FAIRNESS;
    Liveness = liveness::LIVENESS;
    Cardinality = cardinality::CARDINALITY;
    ScrapeRecorded = scrape_recorded::SCRAPE_RECORDED;
    Limits = limits::LIMITS_KEPT;
    CallBudget = call_budget::CALL_BUDGET;
    StageLatency = stage_latency::STAGE_LATENCY;
    NoLeak = no_leak::NO_LEAK;
    Determinism = DETERMINISM;
}

/// Checked by `rehearsal run --check-determinism`, which runs a scenario twice.
const DETERMINISM: InvariantDefinition = InvariantDefinition {
    name: "determinism",
    evaluated: EvaluationTime::Rerun,
    meaning: "The same scenario, seed and version give the same trace.",
    method: "`rehearsal run --check-determinism` runs a scenario twice and names the first event \
             that differs, with both sides.",
    exercised_by: "a second run",
};

impl InvariantName {
    /// Stable name in reports and scenarios.
    pub const fn as_str(self) -> &'static str {
        match (self, self.definition()) {
            (Self::Custom(name), _) => name,
            (_, Some(definition)) => definition.name,
            (_, None) => "",
        }
    }
}

impl fmt::Display for InvariantName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Declares [`InvariantSet`] and `each_family!`, which evaluates an expression for each field.
macro_rules! families {
    ($d:tt; $($field:ident: $type:ty,)*) => {
        /// Every family of the contract's invariants, and the invariants of the library's user.
        #[derive(Default)]
        pub struct InvariantSet {
            $(pub(super) $field: $type,)*
            pub(super) user: Vec<Box<dyn Invariant>>,
        }

        macro_rules! each_family {
            ($d set:ident, $d family:ident => $d body:expr) => {
                $({
                    let $d family = &mut $d set.$field;
                    $d body;
                })*
            };
        }

        pub(super) use each_family;
    };
}

families! { $;
    active_truth: active_truth::ActiveTruthCheck,
    applied_learned: applied_learned::AppliedLearnedCheck,
    backlog_truth: backlog_truth::BacklogTruthCheck,
    blame: blame::BlameCheck,
    cardinality: cardinality::CardinalityCheck,
    command_ack: command_ack::CommandAckCheck,
    conservation: conservation::ConservationCheck,
    cron_once: cron_once::CronOnceCheck,
    delta_truth: delta_truth::DeltaTruthCheck,
    call_budget: call_budget::CallBudgetCheck,
    event_outbox: event_outbox::EventOutboxCheck,
    fairness: fairness::FairnessCheck,
    gauge_truth: gauge_truth::GaugeTruthCheck,
    latency: latency::LatencyCheck,
    lease_discipline: lease_discipline::LeaseDisciplineCheck,
    limits: limits::LimitsCheck,
    liveness: liveness::LivenessCheck,
    no_leak: no_leak::NoLeakCheck,
    no_loss: no_loss::NoLossCheck,
    notify_independent: notify_independent::NotifyCheck,
    parallelism: parallelism::ParallelismCheck,
    plan_truth: plan_truth::PlanTruthCheck,
    repair_cause: repair_cause::RepairCauseCheck,
    run_content: run_content::RunContentCheck,
    scanner_manners: scanner_manners::ScannerCheck,
    scrape_recorded: scrape_recorded::ScrapeRecordedCheck,
    segment_once: segment_once::SegmentOnceCheck,
    state_graph: state_graph::StateGraphCheck,
    stage_latency: stage_latency::StageLatencyCheck,
    stopping: stopping::StoppingCheck,
}

impl InvariantSet {
    /// Adds an invariant of the library's user.
    pub(crate) fn add(&mut self, invariant: Box<dyn Invariant>) {
        self.user.push(invariant);
    }
}

impl fmt::Debug for InvariantSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InvariantSet").finish_non_exhaustive()
    }
}
