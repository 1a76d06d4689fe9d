//! Operator actions drawn from a seed.

use std::num::NonZeroU32;

use super::FaultProfile;
use super::injection_times::InjectionTimes;
use crate::model::OverlapPolicy;
use crate::scenario::{
    LimitsSpec, OperationKind, OperationSpec, QueueTarget, Scenario, ScheduleChanges, Timing,
};
use crate::sim::draw_index;
use crate::sim::kernel::RandomStream;
use crate::worker::duration::Duration;
use rehearsal_convert::Index;

/// Maximum number of drawn operations.
const OPERATIONS_MAX: u64 = 12;

/// Constructors of every kind that is drawn, given the identifier of a schedule.
const KINDS: [fn(String, &mut RandomStream) -> OperationKind; 9] = [
    |schedule, _| OperationKind::Enable { schedule },
    |schedule, _| OperationKind::Disable { schedule },
    |schedule, stream| OperationKind::Edit {
        schedule,
        changes: Box::new(draw_changes(stream)),
    },
    |schedule, _| OperationKind::Delete { schedule },
    |schedule, _| OperationKind::Run { schedule },
    |schedule, _| OperationKind::Cancel { schedule },
    |schedule, _| OperationKind::Retry { schedule },
    |_, _| OperationKind::Redrive {
        queue: QueueTarget::All,
    },
    |_, stream| OperationKind::Purge {
        schedule: None,
        older_than: draw_age(stream),
    },
];

/// Draws operations on the schedules of a scenario, for half of the seeds of `swarm` only.
///
/// Each seed weighs the kinds anew, so that some are frequent in one seed and absent in another.
pub(super) fn draw(
    profile: FaultProfile,
    scenario: &Scenario,
    times: &InjectionTimes,
    seed: u64,
) -> Vec<OperationSpec> {
    let stream = &mut RandomStream::new(seed, "profile.operations");
    let ids = schedule_ids(scenario);
    if profile != FaultProfile::Swarm || ids.is_empty() || stream.below(2) == 0 {
        return Vec::new();
    }
    let weights: Vec<u64> = KINDS
        .iter()
        .map(|_| stream.below(2) * (1 + stream.below(10)))
        .collect();
    let total: u64 = weights.iter().sum();
    if total == 0 {
        return Vec::new();
    }
    let count = 1 + stream.below(OPERATIONS_MAX);
    let mut operations: Vec<OperationSpec> = (0..count)
        .map(|_| {
            let at = times.draw(stream);
            let id = ids[draw_index(stream, ids.len())].clone();
            let mut ticket = stream.below(total);
            let drawn = weights.iter().position(|weight| {
                let is_drawn = ticket < *weight;
                ticket = ticket.saturating_sub(*weight);
                is_drawn
            });
            OperationSpec {
                timing: Timing {
                    at: Some(at),
                    ..Timing::default()
                },
                kind: KINDS[drawn.unwrap_or_default()](id, stream),
            }
        })
        .collect();
    operations.sort_by_key(|operation| operation.timing.at);
    operations
}

fn schedule_ids(scenario: &Scenario) -> Vec<String> {
    let stated = scenario
        .schedules
        .iter()
        .map(|schedule| schedule.id.clone());
    let drawn = scenario
        .population
        .iter()
        .flat_map(crate::scenario::Population::ids);
    stated.chain(drawn).collect()
}

/// Draws the minimum age of purged runs; half of all purges spare no ended run.
fn draw_age(stream: &mut RandomStream) -> Duration {
    let seconds = stream.below(600);
    Duration::from_secs(seconds * stream.below(2))
}

/// Draws other limits, or fires so close to one another that runs overlap.
fn draw_changes(stream: &mut RandomStream) -> ScheduleChanges {
    let limits = LimitsSpec {
        parallelism: NonZeroU32::new(1 + stream.below(8).index_u32()),
        ..LimitsSpec::default()
    };
    let overlaps = [
        OverlapPolicy::Skip,
        OverlapPolicy::Allow,
        OverlapPolicy::QueueOne,
    ];
    let overlap = overlaps[draw_index(stream, overlaps.len())];
    let fires_often = stream.chance(0.5);
    ScheduleChanges {
        limits: (!fires_often).then_some(limits),
        when_cron: fires_often.then(|| "* * * * *".into()),
        overlap: fires_often.then_some(overlap),
        ..ScheduleChanges::default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::scenario::Loader;

    #[test]
    fn swarm_operations_have_every_kind_and_known_schedules() {
        let text = "name = \"drawn\"\nduration = \"1h\"\n[[schedule]]\nid = \"often\"\n\
                    whenCron = \"*/5 * * * *\"\n";
        let scenario = Loader::default().parse("drawn.toml", text, None).unwrap();
        let draw = |profile, seed| {
            let times = InjectionTimes::new(&scenario, profile);
            draw(profile, &scenario, &times, seed)
        };
        let mut kinds = BTreeSet::new();
        for seed in 0..200 {
            for operation in draw(FaultProfile::Swarm, seed) {
                assert!(operation.kind.schedule().is_none_or(|id| id == "often"));
                assert!(operation.timing.at < Some(scenario.duration));
                let value = serde_json::to_value(&operation.kind).unwrap();
                kinds.insert(value["kind"].to_string());
            }
        }
        assert_eq!(kinds.len(), KINDS.len(), "{kinds:?}");
        let drawn = (0..200).filter(|seed| !draw(FaultProfile::Swarm, *seed).is_empty());
        let drawn = drawn.count();
        assert!((70..130).contains(&drawn), "{drawn} of 200 seeds");
        for profile in [FaultProfile::None, FaultProfile::Light, FaultProfile::Heavy] {
            assert!((0..50).all(|seed| draw(profile, seed).is_empty()));
        }
    }
}
