//! `plan-truth`: the images that a run plans are those that a walk over the whole inventory gives.
//!
//! The walk has no index and shares no code with the worker's impact index. An index of its own
//! would be faster, and could share the worker's mistakes.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::{CheckContext, EvaluationTime, Invariant, InvariantDefinition, InvariantName};
use crate::check::invariant::InvariantName::PlanTruth;
use crate::check::invariant::results::ViolationDetail;
use crate::check::state::fact::RunChange;
use crate::check::state::image::{Images, NO_SLOT};
use crate::check::state::table::{ScheduleIndex, TenantIndex};
use crate::check::state::{AcceptedCommit, WorldState};
use crate::model::commit::PlanOutcome;
use crate::model::{CommitStep, ImageDigest, ImpactSet, Run, Schedule, Timestamp};
use rehearsal_convert::Index;

/// Name and documentation of `plan-truth`.
pub(crate) const PLAN_TRUTH: InvariantDefinition = InvariantDefinition {
    name: "plan-truth",
    evaluated: EvaluationTime::Always,
    meaning: "A run plans exactly the images that a brute-force evaluation gives, and its segments \
              partition them.",
    method: "The oracle walks over the whole inventory, applies selector, product keys, dedupe, \
             `onlyIf` with the reports as they were when the planner read them, and `maxJobs` with \
             the oldest report first. Set, `candidates`, `deduped` and `queued` must agree; the \
             dispatcher's segments must give the planned images in their order, each once. An edit \
             of the schedule while its run was planned leaves both definitions possible.",
    exercised_by: "runs with work",
};

/// Images that a selector and products give.
#[derive(Debug, Clone, Default)]
struct Candidates {
    /// Inventory entries, rising.
    entries: Arc<[u32]>,
    /// Slots, each once, rising.
    slots: Arc<[u32]>,
}

impl Candidates {
    fn of(images: &Images, entries: Vec<u32>) -> Self {
        let mut slots: Vec<u32> = entries
            .iter()
            .map(|entry| images.slot_of_entry(*entry))
            .collect();
        slots.sort_unstable();
        slots.dedup();
        Self {
            entries: entries.into(),
            slots: slots.into(),
        }
    }
}

/// Checks `plan-truth`; remembers the images that each schedule's selector gives, since the
/// inventory never changes.
#[derive(Debug, Default)]
pub(crate) struct PlanTruthCheck {
    known: FxHashMap<ScheduleIndex, (Arc<Schedule>, Candidates)>,
}

impl Invariant for PlanTruthCheck {
    fn names(&self) -> &[InvariantName] {
        &[PlanTruth]
    }

    fn commit_accepted(&mut self, context: &mut CheckContext<'_>, accepted: &AcceptedCommit<'_>) {
        match (&accepted.commit.step, accepted.changes.first()) {
            (CommitStep::Plan { outcome, as_of }, Some(change))
                if *outcome != PlanOutcome::Failed =>
            {
                self.check_plan(context, accepted, change, *as_of);
            }
            (CommitStep::Dispatch, Some(change)) => check_segments(context, accepted, change),
            _ => {}
        }
    }
}

impl PlanTruthCheck {
    /// Checks a plan against every plan that the schedule's recent definitions allow.
    fn check_plan(
        &mut self,
        context: &mut CheckContext<'_>,
        accepted: &AcceptedCommit<'_>,
        change: &RunChange<'_>,
        as_of: Timestamp,
    ) {
        let state = context.state;
        let empty = ImpactSet::default();
        let impact = accepted.commit.impact.as_ref().unwrap_or(&empty);
        let record = &state.runs[change.run];
        let schedule = &state.schedules[record.schedule];
        // An edit between the planner's read and its commit leaves both definitions possible.
        let definitions = schedule.definitions_since(record.created_at);
        let mut first_mismatch = None;
        for definition in definitions {
            let candidates = self.candidates(
                state,
                record.schedule,
                definition,
                change.after,
                record.tenant,
            );
            // A report committed in the very instant of the read may or may not have been seen.
            for inclusive in [false, true] {
                let plan = plan(&state.images, definition, &candidates, as_of, inclusive);
                let Some(plan) = plan else { return };
                if plan.agrees(impact, change.after.stats.queued, &accepted.slots) {
                    context.held(PlanTruth, 1, u64::from(!impact.digests.is_empty()));
                    return;
                }
                first_mismatch.get_or_insert((plan, candidates.clone()));
            }
        }
        if let Some((plan, candidates)) = first_mismatch {
            context.held(PlanTruth, 1, 1);
            let detail = mismatch(state, change, &plan, &candidates, (impact, &accepted.slots));
            context.violate(PlanTruth, detail);
        }
    }

    fn candidates(
        &mut self,
        state: &WorldState,
        index: ScheduleIndex,
        schedule: &Arc<Schedule>,
        run: &Run,
        tenant: TenantIndex,
    ) -> Candidates {
        let images = &state.images;
        let known = self
            .known
            .get(&index)
            .filter(|(of, _)| Arc::ptr_eq(of, schedule));
        let selected = known
            .map(|(_, candidates)| candidates.clone())
            .unwrap_or_else(|| {
                let tenant = &state.runs.tenants[tenant];
                let entries = images.inventory.selected(tenant, &schedule.selector);
                let candidates = Candidates::of(images, entries);
                self.known
                    .insert(index, (schedule.clone(), candidates.clone()));
                candidates
            });
        if run.product_keys.is_empty() {
            return selected;
        }
        let (products, usage_only) = (&run.product_keys, run.usage_only);
        let inventory = &images.inventory;
        Candidates::of(
            images,
            inventory.containing(&selected.entries, products, usage_only),
        )
    }
}

/// The candidates to be planned; none if the reports of that time are forgotten.
fn plan(
    images: &Images,
    schedule: &Schedule,
    candidates: &Candidates,
    as_of: Timestamp,
    inclusive: bool,
) -> Option<ExpectedPlan> {
    let mut slots = candidates.slots.to_vec();
    let counted = candidates.entries.len() as u64;
    let deduped = counted - slots.len() as u64;
    let (older_than, limit) = (
        schedule.only_if.last_report_older_than,
        schedule.limits.max_jobs,
    );
    if older_than.is_some() || limit.is_some() {
        let earlier = images.reports_before(as_of, inclusive)?;
        // Zero means never, and sorts before all.
        let last = |slot: &u32| {
            earlier
                .get(slot)
                .copied()
                .unwrap_or_else(|| images.last_report(*slot))
        };
        if let Some(age) = older_than {
            slots.retain(|slot| {
                let last = last(slot);
                last == Timestamp::ZERO || as_of.since(last) > age
            });
        }
        if let Some(limit) = limit {
            slots.sort_by_key(last);
            slots.truncate(limit.get().to_index());
        }
    }
    Some(ExpectedPlan {
        candidates: counted,
        deduped,
        slots,
    })
}

/// Images that a run should plan.
struct ExpectedPlan {
    candidates: u64,
    deduped: u64,
    slots: Vec<u32>,
}

impl ExpectedPlan {
    /// Whether a plan with these counts and slots is this one, in any order.
    fn agrees(&self, impact: &ImpactSet, queued: u64, slots: &[u32]) -> bool {
        let counts = (impact.candidates, impact.deduped, queued);
        let due = (self.candidates, self.deduped, self.slots.len() as u64);
        if counts != due || slots.len() != self.slots.len() {
            return false;
        }
        if slots == self.slots {
            return true;
        }
        let (mut planned, mut due) = (slots.to_vec(), self.slots.clone());
        planned.sort_unstable();
        due.sort_unstable();
        planned == due
    }
}

/// Violation by a plan that differs from the expected one.
fn mismatch(
    state: &WorldState,
    change: &RunChange<'_>,
    plan: &ExpectedPlan,
    candidates: &Candidates,
    (impact, slots): (&ImpactSet, &[u32]),
) -> ViolationDetail {
    let due: FxHashSet<u32> = plan.slots.iter().copied().collect();
    let planned: FxHashSet<u32> = slots.iter().copied().collect();
    let mut pairs = slots.iter().zip(impact.digests.iter());
    let wrong = pairs.find(|(slot, _)| !due.contains(slot));
    let missing = plan.slots.iter().find(|slot| !planned.contains(slot));
    let reason = match (wrong, missing) {
        (Some((slot, digest)), _) => {
            let reason = why_not(state, *slot, digest, candidates);
            format!("planned image {digest} {reason}")
        }
        (None, Some(slot)) => {
            format!("image {} is left out", state.images.digest(*slot))
        }
        (None, None) if slots.len() != planned.len() => "an image is planned twice".to_owned(),
        (None, None) => "the counts of candidates, deduped or queued are wrong".to_owned(),
    };
    let counts = |candidates, deduped, planned| {
        format!("{planned} images ({candidates} candidates, {deduped} deduped)")
    };
    ViolationDetail::of(format_args!("the plan of run {}", change.after.id))
        .is(counts(impact.candidates, impact.deduped, slots.len()))
        .expected(counts(plan.candidates, plan.deduped, plan.slots.len()))
        .because(reason)
}

fn why_not(
    state: &WorldState,
    slot: u32,
    digest: &ImageDigest,
    candidates: &Candidates,
) -> &'static str {
    if slot == NO_SLOT && state.images.is_known(digest) {
        "belongs to another tenant"
    } else if slot == NO_SLOT {
        "is not in the inventory"
    } else if candidates.slots.binary_search(&slot).is_err() {
        "does not match selector and products"
    } else {
        "is left out by onlyIf or maxJobs"
    }
}

/// Checks that the segments of a run partition its planned images, in their order.
fn check_segments(
    context: &mut CheckContext<'_>,
    accepted: &AcceptedCommit<'_>,
    change: &RunChange<'_>,
) {
    let work = context.state.runs[change.run].work.as_ref();
    let Some(planned) = work.and_then(|work| work.digests.as_ref()) else {
        return;
    };
    let segments = &accepted.commit.segments;
    let cut = segments.iter().flat_map(|segment| segment.digests.iter());
    let count: usize = segments.iter().map(|segment| segment.digests.len()).sum();
    let mut numbered = (0..).zip(segments);
    let is_numbered = numbered.all(|(index, segment)| segment.key.index == index);
    let holds = count == planned.len() && is_numbered && cut.eq(planned.iter());
    context.check(PlanTruth, true, holds, || {
        ViolationDetail::of(format_args!("the segments of run {}", change.after.id))
            .is(format_args!(
                "{count} images in {} segments",
                segments.len()
            ))
            .expected(format_args!(
                "the {} planned images in order",
                planned.len()
            ))
            .because("segments partition the planned images in their order")
    });
}
