//! Event budget of a `swarm` seed: fewer images where the expected load is high.
//!
//! A seed of a large scenario may contain its main wave, and drawn operations may start a run each
//! minute. Such a seed would take a hundred times as long as its neighbours and show nothing that a
//! smaller fleet does not show.
//!
//! ```text
//! scans  = Σ over schedules: runs × min(maxJobs, images × share of the tenant × of the selector)
//! events = scans × (events per scan + events per segment / segmentSize)
//! images := images × min(1, EVENTS_MAX / events)
//! ```
//!
//! Runs that advisories start are not counted: they scan the images of a component.

use std::collections::BTreeSet;

use super::injection_times::cron_fires;
use crate::scenario::{
    Cadence, OperationKind, Population, Scenario, ScheduleSpec, edited, images_of, selected_share,
};
use crate::sim::arrival_times::arrival_times;
use crate::sim::kernel::RandomStream;
use crate::worker::duration::Duration;
use rehearsal_convert::{Nearest, Saturating};

/// Maximum of the expected number of kernel events that scans cause in a seed.
const EVENTS_MAX: f64 = 200_000.0;

/// Events of a scan, and of a segment besides its scans. Measured: one hourly schedule over 4,000
/// and then 8,000 images causes 34.2, 4.5 and 1.5 more events per scan at `segmentSize` 1, 8, 64.
const EVENTS_PER: (f64, f64) = (1.0, 33.0);

/// Number of images with which the expected number of events is in the budget; `None` if it is with
/// those of the scenario, which has the drawn operations and options.
pub(super) fn limited_images(scenario: &Scenario) -> Option<u64> {
    let segment_size = f64::from(scenario.workers.options.segment_size);
    let events_per_scan = EVENTS_PER.0 + EVENTS_PER.1 / segment_size;
    let events = expected_scans(scenario) * events_per_scan;
    let factor = EVENTS_MAX / events;
    (factor < 1.0).then(|| {
        let images = scenario.fleet.images.nearest_f64() * factor;
        images.saturating_u64().max(1)
    })
}

/// Scans that the schedules of a scenario ask for, by cron and by operations.
fn expected_scans(scenario: &Scenario) -> f64 {
    let stated = scenario.schedules.iter().cloned();
    let stated = stated.map(|schedule| scans_of(scenario, Duration::ZERO, schedule));
    let created = scenario.operations.iter().map(|operation| {
        let at = operation.timing.at.unwrap_or(Duration::ZERO);
        match &operation.kind {
            OperationKind::Create { definition } => scans_of(scenario, at, (**definition).clone()),
            _ => 0.0,
        }
    });
    let drawn = scenario.population.iter().map(|population| {
        let share = 1.0 / scenario.fleet.tenants.count().nearest_f64();
        let images = images_of(scenario, &population.limits, share);
        let by_cron =
            images * f64::from(population.count) * fires_of_population(scenario, population);
        by_cron + scans_by_operations(scenario, population)
    });
    stated.chain(created).chain(drawn).sum()
}

/// Scans of one schedule that exists from an instant on: at most the runs of the definition that
/// fires most often, each with the images of the definition that selects the most.
fn scans_of(scenario: &Scenario, from: Duration, schedule: ScheduleSpec) -> f64 {
    let own = || {
        let operations = scenario.operations.iter();
        operations.filter(|operation| operation.kind.schedule() == Some(&schedule.id))
    };
    let (mut images, mut fires, mut runs): (f64, f64, f64) = (0.0, 0.0, 0.0);
    let mut consider = |from: Duration, definition: &ScheduleSpec| {
        let share = selected_share(scenario, definition);
        images = images.max(images_of(scenario, &definition.limits, share));
        let start = scenario.start.after(from.std());
        let end = scenario.start.after(scenario.duration.std());
        let count = cron_fires(definition, start, end).count();
        fires = fires.max(count.nearest_f64());
    };
    consider(from, &schedule);
    let mut definition = schedule.clone();
    for operation in own() {
        match &operation.kind {
            OperationKind::Run { .. } | OperationKind::Retry { .. } => {
                // The times do not matter, only their number does.
                let stream = &mut RandomStream::new(scenario.seed, "profile.load");
                let duration_ns = scenario.duration.as_nanos();
                let times = arrival_times(&operation.timing, duration_ns, stream);
                runs += times.len().nearest_f64();
            }
            OperationKind::Edit { changes, .. } => {
                definition = edited(definition, changes);
                consider(operation.timing.at.unwrap_or(Duration::ZERO), &definition);
            }
            _ => {}
        }
    }
    images * (fires + runs)
}

/// Scans of the runs that operations start of the schedules of a population.
fn scans_by_operations(scenario: &Scenario, population: &Population) -> f64 {
    let ids = scenario.operations.iter();
    let ids = ids.filter_map(|operation| operation.kind.schedule());
    let drawn: BTreeSet<&str> = ids.collect();
    let all: BTreeSet<String> = match drawn.is_empty() {
        true => BTreeSet::new(),
        false => population.ids().collect(),
    };
    let drawn = drawn.into_iter().filter(|id| all.contains(*id));
    let scans = drawn.map(|id| {
        let schedule = ScheduleSpec {
            limits: population.limits,
            ..ScheduleSpec::new(id)
        };
        scans_of(scenario, Duration::ZERO, schedule)
    });
    scans.sum()
}

/// Mean number of fires of one schedule of a population.
fn fires_of_population(scenario: &Scenario, population: &Population) -> f64 {
    let hours = scenario.duration.as_secs_f64() / 3_600.0;
    let open_hours = f64::from(
        population
            .until_hour
            .saturating_sub(population.from_hour)
            .max(1),
    );
    match population.cadence {
        Cadence::Hourly => hours,
        // The slice may lie in the hours in which all schedules fire.
        Cadence::Daily => (hours / open_hours).min(1.0) + (hours / 24.0).floor(),
        Cadence::Weekly => (hours / open_hours).min(1.0) / 7.0 + (hours / 168.0).floor(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Loader;

    fn scenario(text: &str) -> Scenario {
        let text = format!(
            "name = \"load\"\nstart = 2024-05-06T00:00:00Z\nduration = \"2h\"\n\
             [fleet]\nimages = 80000\ntenants = [\"a\", \"b\"]\ntenantWeights = {{ a = 3 }}\n{text}"
        );
        let scenario = Loader::default().parse("load.toml", &text, None);
        scenario.unwrap_or_else(|problems| panic!("{problems}"))
    }

    fn scans(text: &str) -> f64 {
        expected_scans(&scenario(text)).round()
    }

    #[test]
    fn expected_scans_follow_fires_limits_and_selectors() {
        let hourly = "[[schedule]]\nid = \"s\"\nwhenCron = \"30 * * * *\"\n";
        assert!((scans(hourly) - 120_000.0).abs() < 0.5);
        let limited = format!("{hourly}limits = {{ maxJobs = 100 }}\n");
        assert!((scans(&limited) - 200.0).abs() < 0.5);
        let namespace = "selector = { scope = \"namespaces\", namespaces = [\"namespace-1\"] }\n";
        assert!((scans(&format!("{hourly}{namespace}")) - 30_000.0).abs() < 0.5);
        let run = "[[operation]]\nkind = \"run\"\nschedule = \"s\"\nat = \"1h\"\n";
        assert!((scans(&format!("{hourly}{run}")) - 180_000.0).abs() < 0.5);
        let edit = "[[operation]]\nkind = \"edit\"\nschedule = \"s\"\nat = \"1h\"\n\
                    changes = { whenCron = \"* * * * *\" }\n";
        // From 01:01 to 01:59.
        assert!((scans(&format!("{hourly}{edit}")) - 59.0 * 60_000.0).abs() < 0.5);
        let wider = format!(
            "{hourly}{namespace}[[operation]]\nkind = \"edit\"\nschedule = \"s\"\nat = \"1h\"\n\
             changes = {{ selector = {{ scope = \"all\" }} }}\n"
        );
        assert!((scans(&wider) - 120_000.0).abs() < 0.5);
        let create = "[[operation]]\nkind = \"create\"\nat = \"1h\"\n\
                      definition = { id = \"new\", tenant = \"b\", whenCron = \"*/20 * * * *\" }\n";
        // At 01:20 and 01:40.
        assert!((scans(&format!("{hourly}{create}")) - 160_000.0).abs() < 0.5);
        let population = "[schedules]\ncount = 10\ncadence = \"daily\"\n";
        let by_cron = 10.0 * 40_000.0 / 12.0;
        assert!((scans(population) - by_cron).abs() < 1.0);
        let run = run.replace("\"s\"", "\"schedule-3\"");
        assert!((scans(&format!("{population}{run}")) - by_cron - 60_000.0).abs() < 1.0);
    }

    #[test]
    fn limited_images_keep_the_expected_events_in_the_budget() {
        let cron =
            |minutes: &str| format!("[[schedule]]\nid = \"s\"\nwhenCron = \"{minutes} * * * *\"\n");
        let light = scenario(&format!("{}limits = {{ maxJobs = 100 }}\n", cron("30")));
        assert_eq!(limited_images(&light), None);
        let mut heavy = scenario(&cron("*/5"));
        heavy.fleet.images = limited_images(&heavy).unwrap();
        let scans = expected_scans(&heavy);
        assert!((120_000.0..140_000.0).contains(&scans), "{scans} scans");
        let mut small = scenario(&format!(
            "{}[workers]\noptions.segmentSize = 1\n",
            cron("*/5")
        ));
        small.fleet.images = limited_images(&small).unwrap();
        assert!(expected_scans(&small) < scans / 3.0);
    }
}
