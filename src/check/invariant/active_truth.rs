//! `active-truth`: the active-run gauges of living processes add up to the open runs.
//!
//! The gauge of an incarnation is what it has acknowledged: its own entries and exits, the counts
//! that it adopted, less the counts that it knows others adopted from it. The counts in the store
//! add up to the open runs at every instant. The two sums therefore differ by three things only:
//! commits applied and not acknowledged, counts of ended incarnations, and adoptions that the
//! former owner does not know of. At a quiet instant there is none of them.

use std::time::Duration;

use super::stopping::STOPS;
use super::{CheckContext, EvaluationTime, Invariant, InvariantDefinition, InvariantName};
use crate::check::contract;
use crate::check::format::active_changes;
use crate::check::invariant::InvariantName::ActiveTruth;
use crate::check::invariant::results::ViolationDetail;
use crate::check::state::incarnation::IncarnationRecord;
use crate::check::state::table::IncarnationIndex;
use crate::check::state::{AcceptedCommit, IncarnationExit, PendingInstruments, WorldState};
use crate::model::fault::FaultKind;
use crate::model::observation::IncarnationEnd;
use crate::model::{Mode, Timestamp};
use rehearsal_convert::Index;
use rustc_hash::FxHashMap;

/// Name and documentation of `active-truth`.
pub(crate) const ACTIVE_TRUTH: InvariantDefinition = InvariantDefinition {
    name: "active-truth",
    evaluated: EvaluationTime::Always,
    meaning: "The active-run gauges of living processes add up to the open runs, but for commits \
              that are not acknowledged yet.",
    method: "A commit that takes a run into or out of {Queued, Running} must carry the change of \
             the active-run count. The gauge of each incarnation must be the count that it has \
             acknowledged. Over the fleet, the sum by mode must be the number of open runs, give \
             or take commits applied and not acknowledged, counts of ended incarnations that no \
             process has adopted, and adoptions that the former owner does not know of. At a \
             quiet instant there is none of these. Without faults, the count of an ended \
             incarnation must be adopted within four leases, and within one if it stopped in good \
             order, its last heartbeat was answered, and another process can read the store. A \
             process that reads the store, with its clock right, must learn within one lease that \
             others have adopted its count.",
    exercised_by: "quiet instants with open runs whose sums have changed",
};

/// Leases within which a living process adopts the count of an ended incarnation.
const ADOPTION_LEASES: u32 = 4;

/// Leases within which a process that reads the store learns that its count was adopted.
const AWARENESS_LEASES: u32 = 1;

/// Maximum time between the answer to a stopping process's last heartbeat and its end.
const HEARTBEAT_SLACK: Duration = Duration::from_millis(100);

/// Faults, besides a lost way to the store, that delay heartbeats.
const HEARTBEAT_LOSS: [FaultKind; 2] = [FaultKind::StoreOutage, FaultKind::ClockSkew];

/// Checks `active-truth`; remembers the sums, to see whether they have changed.
#[derive(Debug, Default)]
pub(crate) struct ActiveTruthCheck {
    seen: [(i64, u64); 2],
    /// Gauges of the living incarnations at their last comparisons. Each is compared when it
    /// changes and at each scrape, so the sum needs no reading of all.
    shown: FxHashMap<IncarnationIndex, [i64; 2]>,
    /// Sum of `shown`, by mode index.
    sum: [i64; 2],
    /// Incarnations that have ended, and may be in `shown`.
    ended: Vec<IncarnationIndex>,
}

impl Invariant for ActiveTruthCheck {
    fn names(&self) -> &[InvariantName] {
        &[ActiveTruth]
    }

    fn commit_accepted(&mut self, context: &mut CheckContext<'_>, accepted: &AcceptedCommit<'_>) {
        check_delta(context, accepted);
    }

    fn instruments_due(&mut self, context: &mut CheckContext<'_>, due: &PendingInstruments) {
        if due.active_runs {
            self.check_gauges(context, due);
        }
    }

    fn incarnation_ended(&mut self, _: &mut CheckContext<'_>, ended: &IncarnationExit<'_>) {
        self.ended.push(ended.incarnation.index);
    }

    fn instruments_compared(&mut self, context: &mut CheckContext<'_>, _: Timestamp) {
        self.forget_ended(context);
        check_adoption(context);
        check_former_owners(context);
        for mode in Mode::ALL {
            self.check_sum(context, mode);
        }
    }
}

/// Checks that a commit carries the entry or exit of its run.
fn check_delta(context: &mut CheckContext<'_>, accepted: &AcceptedCommit<'_>) {
    let mut due = [0; 2];
    for change in &accepted.changes {
        let was_open = change.before.is_some_and(contract::is_open);
        due[change.after.mode.index()] +=
            i64::from(contract::is_open(change.after.state)) - i64::from(was_open);
    }
    let mut found = [0; 2];
    if let Some(delta) = accepted.commit.active_runs_delta {
        found[delta.mode.index()] += delta.change;
    }
    if due == [0; 2] && found == [0; 2] {
        return;
    }
    context.check(ActiveTruth, true, due == found, || {
        let commit = accepted.commit;
        let runs = accepted.changes.iter();
        let runs: Vec<_> = runs.map(|change| change.after.id.to_string()).collect();
        ViolationDetail::of(format_args!(
            "the active-run delta of the {} commit of {} for {}",
            commit.step.name(),
            commit.token.incarnation,
            runs.join(", ")
        ))
        .is(active_changes(found))
        .expected(active_changes(due))
        .because("a commit carries each entry into and exit from {Queued, Running}")
    });
}

/// Checks that no count of an ended incarnation waits longer for its adoption than it takes to miss
/// the incarnation and to send one more heartbeat, without faults.
fn check_adoption(context: &mut CheckContext<'_>) {
    let state = context.state;
    let lease = state.options.worker.lease;
    let allowed = lease * ADOPTION_LEASES;
    let is_quiet = !state.faults.trouble_since(state.now.before(allowed));
    for index in &state.incarnations.orphaned {
        let incarnation = &state.incarnations[*index];
        let waits = incarnation.ended_at.map(|ended| state.now.since(ended));
        let violation = |allowed: Duration, reason| {
            ViolationDetail::of(format_args!("the active-run count of {}", incarnation.id))
                .is(format_args!(
                    "{} after {} s",
                    active_changes(incarnation.balance),
                    waits.unwrap_or_default().as_secs()
                ))
                .expected(format_args!("adopted within {} s", allowed.as_secs()))
                .because(reason)
        };
        let is_overdue = |allowed| waits.is_some_and(|waits| waits > allowed);
        if is_quiet {
            context.check(ActiveTruth, true, !is_overdue(allowed), || {
                violation(
                    allowed,
                    "the incarnation has ended and no fault is on record",
                )
            });
        }
        if is_overdue(lease) && has_heir(state, incarnation) {
            let reason = "the incarnation has stopped in good order, and others read the store";
            context.violate(ActiveTruth, violation(lease, reason));
        }
    }
}

/// Returns whether a process stopped in good order without other faults, and another can read the
/// store for a lease. A process says with its last heartbeat that it stops, and others see that in
/// their next one. It ends when that heartbeat is answered, or without an answer much later.
fn has_heir(state: &WorldState, ended: &IncarnationRecord) -> bool {
    let lease = state.options.worker.lease;
    let is_alone = |at: Timestamp| {
        let heartbeat = ended.heartbeat_at;
        heartbeat.is_some_and(|heartbeat| at.since(heartbeat) <= HEARTBEAT_SLACK)
            && !state.faults.others_since(&STOPS, at.before(lease))
    };
    let mut living = state.incarnations.living.iter();
    let since = state.now.before(lease);
    let reads_since = |index: &IncarnationIndex| state.incarnations[*index].reads_store_since;
    ended.end == Some(IncarnationEnd::Stopped)
        && ended.ended_at.is_some_and(is_alone)
        && living.any(|index| reads_since(index).is_some_and(|reads| reads <= since))
}

/// Checks that no process that can read the store is unaware for longer that others have adopted
/// its count: it sends a heartbeat after each third of a lease.
fn check_former_owners(context: &mut CheckContext<'_>) {
    let state = context.state;
    let allowed = state.options.worker.lease * AWARENESS_LEASES;
    for index in &state.incarnations.unaware {
        let owner = &state.incarnations[*index];
        let unaware_since = owner.surrender_unknown_since.zip(owner.reads_store_since);
        let Some(since) = unaware_since.map(|(adopted, reads)| adopted.max(reads)) else {
            continue;
        };
        let is_overdue =
            state.now.since(since) > allowed && !state.faults.any_since(&HEARTBEAT_LOSS, since);
        context.check(ActiveTruth, true, !is_overdue, || {
            ViolationDetail::of(format_args!("the surrendered count of {}", owner.id))
                .is(format_args!(
                    "unknown to it after {} s",
                    state.now.since(since).as_secs()
                ))
                .expected(format_args!("known within {} s", allowed.as_secs()))
                .because(format_args!(
                    "others have adopted the count, and the process reads the store since {since}"
                ))
        });
    }
}

impl ActiveTruthCheck {
    /// Checks the gauges of an incarnation against the commits that it acknowledged.
    fn check_gauges(&mut self, context: &mut CheckContext<'_>, due: &PendingInstruments) {
        let incarnation = &context.state.incarnations[due.incarnation];
        let Some(instruments) = incarnation.read(due.view) else {
            return;
        };
        for mode in Mode::ALL {
            let shown = instruments.runs_active(mode);
            let known = &mut self.shown.entry(due.incarnation).or_default()[mode.index()];
            self.sum[mode.index()] += shown - std::mem::replace(known, shown);
            let expected = incarnation.expected.active[mode.index()];
            let is_exercised = incarnation.expected.dirty_active && expected != 0;
            context.check(ActiveTruth, is_exercised, shown == expected, || {
                ViolationDetail::of(format_args!(
                    "scheduler_runs_active{{mode=\"{}\"}} of {}",
                    mode.as_str(),
                    incarnation.id
                ))
                .is(shown)
                .expected(expected)
                .because("the commits that the process acknowledged add up to that count")
            });
        }
    }

    fn forget_ended(&mut self, context: &CheckContext<'_>) {
        let incarnations = &context.state.incarnations;
        let (shown, sum) = (&mut self.shown, &mut self.sum);
        self.ended.retain(|index| {
            if incarnations[*index].is_alive {
                return true;
            }
            for (sum, shown) in sum.iter_mut().zip(shown.remove(index).unwrap_or_default()) {
                *sum -= shown;
            }
            false
        });
    }

    /// Checks the sum over living processes against the open runs.
    fn check_sum(&mut self, context: &mut CheckContext<'_>, mode: Mode) {
        let incarnations = &context.state.incarnations;
        if incarnations.attached < incarnations.living.len() {
            return;
        }
        let sum = self.sum[mode.index()];
        let open = context.state.open_runs(mode);
        let seen = &mut self.seen[mode.index()];
        let has_changed = std::mem::replace(seen, (sum, open)) != (sum, open);
        let unlearned = context.state.pending.weight;
        let orphaned = incarnations.orphaned.iter();
        let orphaned =
            orphaned.map(|index| incarnations[*index].balance[mode.index()].unsigned_abs());
        let unknown = incarnations.unaware.iter();
        let unknown = unknown.map(|index| incarnations[*index].unknown_surrender().unsigned_abs());
        let slack = unlearned + orphaned.sum::<u64>() + unknown.sum::<u64>();
        let difference = (sum - open.index_i64()).unsigned_abs();
        let is_exercised = has_changed && open > 0 && slack == 0;
        context.check(ActiveTruth, is_exercised, difference <= slack, || {
            let instant = if slack == 0 {
                "no commit answer is in flight"
            } else {
                "commit answers in flight explain no larger difference"
            };
            ViolationDetail::of(format_args!(
                "scheduler_runs_active{{mode=\"{}\"}} over the fleet",
                mode.as_str()
            ))
            .is(sum)
            .expected(format_args!("{open} (± {slack})"))
            .because(format_args!("{open} runs are open and {instant}"))
        });
    }
}
