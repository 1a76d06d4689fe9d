//! `plan-truth`: what a run plans is what a walk over the whole inventory gives.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::check::invariant_name::InvariantName::PlanTruth;
use crate::check::results::{CheckResults, ViolationDetail};
use crate::check::state::image::{Images, NO_SLOT};
use crate::check::state::table::{ScheduleIndex, TenantIndex};
use crate::check::state::{AcceptedCommit, RunChange, WorldState};
use crate::model::commit::PlanOutcome;
use crate::model::{CommitStep, ImageDigest, ImpactSet, Run, Schedule, Timestamp};

/// What a selector and products give.
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

/// Evaluates plans by brute force. It remembers what each schedule's selector gives, since the
/// inventory never changes.
#[derive(Debug, Default)]
pub(crate) struct Evaluator {
    known: FxHashMap<ScheduleIndex, (Arc<Schedule>, Candidates)>,
}

impl Evaluator {
    /// Looks at a plan. Gives the slots of its images. To be called before the plan is booked.
    pub fn judge(
        &mut self,
        results: &mut CheckResults,
        state: &WorldState,
        taken: &AcceptedCommit<'_>,
    ) -> Vec<u32> {
        let CommitStep::Plan { outcome, as_of } = taken.commit.step else {
            return Vec::new();
        };
        let Some(change) = taken
            .changes
            .first()
            .filter(|_| outcome != PlanOutcome::Failed)
        else {
            return Vec::new();
        };
        let empty = ImpactSet::default();
        let impact = taken.commit.impact.as_ref().unwrap_or(&empty);
        let record = &state.runs[change.run];
        let schedule = &state.schedules[record.schedule];
        // An edit between the planner's read and its commit leaves both definitions possible.
        let is_recent = schedule.changed_at >= record.created_at;
        let previous = schedule.previous.as_ref().filter(|_| is_recent);
        let definitions = schedule.definition.iter().chain(previous);
        let mut first_miss = None;
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
                let Some(plan) = plan(&state.images, definition, &candidates, as_of, inclusive)
                else {
                    return slots_of(state, record.tenant, impact);
                };
                if let Some(slots) = agree(state, record.tenant, &plan, impact, &change.after.stats)
                {
                    results.held(PlanTruth, 1, u64::from(!impact.digests.is_empty()));
                    return slots;
                }
                first_miss.get_or_insert((plan, candidates.clone()));
            }
        }
        if let Some((plan, candidates)) = first_miss {
            results.held(PlanTruth, 1, 1);
            results.violate(
                PlanTruth,
                complaint(state, change, &plan, &candidates, impact),
            );
        }
        slots_of(state, record.tenant, impact)
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

/// What of the candidates is to be planned; none if the reports of that time can't be told any more.
fn plan(
    images: &Images,
    schedule: &Schedule,
    candidates: &Candidates,
    as_of: Timestamp,
    inclusive: bool,
) -> Option<Plan> {
    let mut slots = candidates.slots.to_vec();
    let counted = candidates.entries.len() as u64;
    let deduped = counted - slots.len() as u64;
    let (older_than, limit) = (
        schedule.only_if.last_report_older_than,
        schedule.limits.max_jobs,
    );
    if older_than.is_some() || limit.is_some() {
        let earlier = images.reports_before(as_of, inclusive)?;
        // Zero stands for never, and sorts before all.
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
            slots.truncate(limit.get() as usize);
        }
    }
    Some(Plan {
        candidates: counted,
        deduped,
        slots,
    })
}

/// What a run should plan.
struct Plan {
    candidates: u64,
    deduped: u64,
    slots: Vec<u32>,
}

/// The slots of the planned images in their order, if they are those of the plan.
fn agree(
    state: &WorldState,
    tenant: TenantIndex,
    plan: &Plan,
    impact: &ImpactSet,
    stats: &crate::model::RunStats,
) -> Option<Vec<u32>> {
    let numbers = (impact.candidates, impact.deduped, stats.queued);
    let due = (plan.candidates, plan.deduped, plan.slots.len() as u64);
    if numbers != due || impact.digests.len() != plan.slots.len() {
        return None;
    }
    let mut pairs = plan.slots.iter().zip(impact.digests.iter());
    if pairs.all(|(slot, digest)| state.images.digest(*slot) == digest) {
        return Some(plan.slots.clone());
    }
    // The order is the planner's own affair, as long as the set is right.
    let slots = slots_of(state, tenant, impact);
    let (mut planned, mut due) = (slots.clone(), plan.slots.clone());
    planned.sort_unstable();
    due.sort_unstable();
    (planned == due).then_some(slots)
}

fn slots_of(state: &WorldState, tenant: TenantIndex, impact: &ImpactSet) -> Vec<u32> {
    impact
        .digests
        .iter()
        .map(|digest| state.images.find(tenant, digest))
        .collect()
}

fn complaint(
    state: &WorldState,
    change: &RunChange<'_>,
    plan: &Plan,
    candidates: &Candidates,
    impact: &ImpactSet,
) -> ViolationDetail {
    let record = &state.runs[change.run];
    let slots = slots_of(state, record.tenant, impact);
    let due: FxHashSet<u32> = plan.slots.iter().copied().collect();
    let planned: FxHashSet<u32> = slots.iter().copied().collect();
    let wrong = slots
        .iter()
        .zip(impact.digests.iter())
        .find(|(slot, _)| !due.contains(slot));
    let missing = plan.slots.iter().find(|slot| !planned.contains(slot));
    let what = match (wrong, missing) {
        (Some((slot, digest)), _) => {
            format!(
                "it plans image {digest}, {}",
                why_not(state, *slot, digest, candidates)
            )
        }
        (None, Some(slot)) => {
            format!("it leaves out image {}", state.images.digest(*slot))
        }
        (None, None) if slots.len() != planned.len() => "it plans an image twice".to_owned(),
        (None, None) => "its candidates, deduped or queued are miscounted".to_owned(),
    };
    let numbers = |candidates, deduped, planned| {
        format!("{planned} images ({candidates} candidates, {deduped} deduped)")
    };
    ViolationDetail::new(format_args!("run {}", change.after.id), what).expected(
        numbers(plan.candidates, plan.deduped, plan.slots.len()),
        numbers(impact.candidates, impact.deduped, slots.len()),
    )
}

fn why_not(
    state: &WorldState,
    slot: u32,
    digest: &ImageDigest,
    candidates: &Candidates,
) -> &'static str {
    if slot == NO_SLOT && state.images.is_known(digest) {
        "which is another tenant's"
    } else if slot == NO_SLOT {
        "which nobody has"
    } else if candidates.slots.binary_search(&slot).is_err() {
        "which its selector and products do not give"
    } else {
        "which onlyIf or maxJobs leaves out"
    }
}

/// Looks whether the segments of a run partition its planned images, in their order.
pub(crate) fn judge_cut(
    results: &mut CheckResults,
    state: &WorldState,
    taken: &AcceptedCommit<'_>,
) {
    let (CommitStep::Dispatch, Some(change)) = (&taken.commit.step, taken.changes.first()) else {
        return;
    };
    let work = state.runs[change.run].work.as_ref();
    let Some(planned) = work.and_then(|work| work.digests.as_ref()) else {
        return;
    };
    let segments = &taken.commit.segments;
    let cut = segments.iter().flat_map(|segment| segment.digests.iter());
    let count: usize = segments.iter().map(|segment| segment.digests.len()).sum();
    let is_numbered = (0..)
        .zip(segments)
        .all(|(index, segment)| segment.key.index == index);
    let holds = count == planned.len() && is_numbered && cut.eq(planned.iter());
    results.check(PlanTruth, true, holds, || {
        let what = "its segments do not partition its planned images in their order";
        ViolationDetail::new(format_args!("run {}", change.after.id), what).expected(
            format_args!("{} images", planned.len()),
            format_args!("{count} images in {} segments", segments.len()),
        )
    });
}
