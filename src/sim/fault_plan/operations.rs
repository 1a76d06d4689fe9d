//! Operator actions drawn from a seed.

use std::num::NonZeroU32;

use super::FaultProfile;
use super::injection_times::InjectionTimes;
use super::schedule_generator::ScheduleGenerator;
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

/// Maximum number of created schedules.
const CREATED_MAX: u64 = 3;

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

/// Draws operations for `swarm` only, in the order of their times.
pub(super) fn draw(
    profile: FaultProfile,
    scenario: &Scenario,
    times: &InjectionTimes,
    seed: u64,
) -> Vec<OperationSpec> {
    if profile != FaultProfile::Swarm {
        return Vec::new();
    }
    let mut operations = draw_on_stated(scenario, times, seed);
    operations.extend(draw_created(scenario, times, seed));
    operations.sort_by_key(|operation| operation.timing.at);
    operations
}

/// Draws operations on the schedules of a scenario, for half of the seeds.
///
/// Each seed weighs the kinds anew, so that some are frequent in one seed and absent in another.
fn draw_on_stated(scenario: &Scenario, times: &InjectionTimes, seed: u64) -> Vec<OperationSpec> {
    let stream = &mut RandomStream::new(seed, "profile.operations");
    let mut edits = ScheduleGenerator::new(scenario, RandomStream::new(seed, "profile.edits"));
    let ids = schedule_ids(scenario);
    if ids.is_empty() || stream.below(2) == 0 {
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
    (0..count)
        .map(|_| {
            let at = times.draw(stream);
            let id = ids[draw_index(stream, ids.len())].clone();
            let mut ticket = stream.below(total);
            let drawn = weights.iter().position(|weight| {
                let is_drawn = ticket < *weight;
                ticket = ticket.saturating_sub(*weight);
                is_drawn
            });
            let mut kind = KINDS[drawn.unwrap_or_default()](id, stream);
            if let OperationKind::Edit { changes, .. } = &mut kind {
                edits.add_changes(changes);
            }
            operation(at, kind)
        })
        .collect()
}

/// Draws schedules that are created, for half of the seeds; half of them are deleted later.
fn draw_created(scenario: &Scenario, times: &InjectionTimes, seed: u64) -> Vec<OperationSpec> {
    let mut generator =
        ScheduleGenerator::new(scenario, RandomStream::new(seed, "profile.created"));
    if generator.stream.below(2) == 0 {
        return Vec::new();
    }
    let ids = schedule_ids(scenario);
    let count = 1 + generator.stream.below(CREATED_MAX);
    let mut operations = Vec::new();
    for id in (1..=count).map(|number| format!("created-{number}")) {
        let at = times.draw(&mut generator.stream);
        let definition = Box::new(generator.schedule(id.clone()));
        let rest_ns = scenario.duration.as_nanos() - at.as_nanos();
        let later_ns = at.as_nanos() + generator.stream.below(rest_ns);
        let is_deleted = generator.stream.below(2) == 0;
        if ids.contains(&id) {
            continue;
        }
        operations.push(operation(at, OperationKind::Create { definition }));
        let delete = OperationKind::Delete { schedule: id };
        operations.extend(is_deleted.then(|| operation(Duration::from_nanos(later_ns), delete)));
    }
    operations
}

fn operation(at: Duration, kind: OperationKind) -> OperationSpec {
    let timing = Timing {
        at: Some(at),
        ..Timing::default()
    };
    OperationSpec { timing, kind }
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
        let (mut kinds, mut changed) = (BTreeSet::new(), BTreeSet::new());
        for seed in 0..200 {
            let operations = draw(FaultProfile::Swarm, seed);
            assert!(operations.is_sorted_by_key(|operation| operation.timing.at));
            let mut known = BTreeSet::from(["often".to_owned()]);
            for operation in operations {
                if let OperationKind::Create { definition } = &operation.kind {
                    assert!(known.insert(definition.id.clone()));
                }
                let id = operation.kind.schedule();
                assert!(id.is_none_or(|id| known.contains(id)), "{operation:?}");
                assert!(operation.timing.at < Some(scenario.duration));
                let value = serde_json::to_value(&operation.kind).unwrap();
                kinds.insert(value["kind"].to_string());
                let changes = value["changes"].as_object().cloned().unwrap_or_default();
                changed.extend(changes.into_iter().map(|(key, _)| key));
            }
        }
        assert_eq!(kinds.len(), KINDS.len() + 1, "{kinds:?}");
        // All keys but the name.
        assert_eq!(changed.len(), 9, "{changed:?}");
        let drawn = (0..200).filter(|seed| !draw(FaultProfile::Swarm, *seed).is_empty());
        let drawn = drawn.count();
        assert!((120..180).contains(&drawn), "{drawn} of 200 seeds");
        for profile in [FaultProfile::None, FaultProfile::Light, FaultProfile::Heavy] {
            assert!((0..50).all(|seed| draw(profile, seed).is_empty()));
        }
    }
}
