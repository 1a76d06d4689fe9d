//! Cost of schedules, by cron and by operations.

use std::collections::BTreeMap;

use crate::model::calendar::Calendar;
use crate::model::{OverlapPolicy, Timestamp};
use crate::scenario::{
    Cadence, CountOrNames, Duration, FleetSpec, LimitsSpec, OnlyIfSpec, OperationKind, Population,
    Scenario, ScheduleChanges, ScheduleSpec, SelectorSpec,
};
use crate::worker::Role;

use super::arrivals::arrivals;
use super::mean::mean_seconds;
use super::part::{CostPart, CostSource, count};
use super::polls::SECONDS_PER_EVENT;

/// Events of a scan. For all three:
/// `rehearsal run scenarios/dst-change.toml --set workers.options.segmentSize=8`
const EVENTS_PER_SCAN: f64 = 1.0;
/// Events of a segment besides its scans.
const EVENTS_PER_SEGMENT: f64 = 33.0;
/// Events of a run besides its segments.
const EVENTS_PER_RUN: f64 = 20.0;
/// Events of a fault or an operation: 1 to 2 of most kinds, and 110 of a graceful stop, in a day
/// without a run and one arrival every 10 minutes.
const EVENTS_PER_ARRIVAL: f64 = 2.0;

/// Time of a scan besides its events, in seconds.
/// `rehearsal run scenarios/nightly-rescan.toml`
const SECONDS_PER_SCAN: f64 = 1.5e-6;
/// Time to plan a run, per image of the fleet, in seconds.
/// `rehearsal run scenarios/advisory-storm.toml`
const SECONDS_PER_PLANNED_IMAGE: f64 = 0.4e-6;

/// Memory of a scan. `/usr/bin/time -f %M rehearsal run scenarios/kev-2024.toml`
const BYTES_PER_SCAN: f64 = 100.0;
/// Memory of a run. `/usr/bin/time -f %M rehearsal run scenarios/advisory-storm.toml`
const BYTES_PER_RUN: f64 = 10_000.0;
/// Memory of a schedule: a minute with 50,000 of them, `cadence = "weekly"`.
/// `/usr/bin/time -f %M rehearsal run population.toml --set schedules.count=50000`
const BYTES_PER_SCHEDULE: f64 = 7_000.0;

/// Maximum number of fires counted for one schedule, and for all. More are extrapolated.
const FIRES_COUNTED: (f64, f64) = (2_000.0, 20_000.0);
/// Minimum number of fires counted for one schedule.
const FIRES_COUNTED_MIN: f64 = 16.0;

/// Cost of runs and their scans.
pub fn work(scenario: &Scenario, source: CostSource, runs: f64, scans: f64) -> CostPart {
    let segment_size = f64::from(scenario.workers.options.segment_size).max(1.0);
    // The last segment of a run is half full.
    let segments = scans / segment_size + scans.min(runs) / 2.0;
    let events = scans * EVENTS_PER_SCAN + segments * EVENTS_PER_SEGMENT + runs * EVENTS_PER_RUN;
    CostPart {
        runs,
        scans,
        events,
        seconds: events * SECONDS_PER_EVENT
            + scans * SECONDS_PER_SCAN
            + runs * count(scenario.fleet.images) * SECONDS_PER_PLANNED_IMAGE,
        bytes: scans * BYTES_PER_SCAN + runs * BYTES_PER_RUN,
        ..CostPart::of(source)
    }
}

/// Costs of the stated schedules, the population, the operations and the faults.
pub fn costs(scenario: &Scenario) -> Vec<CostPart> {
    let timeline = Timeline::new(scenario);
    let stated = scenario.schedules.iter().enumerate();
    let stated = stated.map(|(index, schedule)| {
        let (runs, scans) = timeline.by_cron(Duration::ZERO, schedule);
        with_schedules(
            work(scenario, CostSource::Schedule(index), runs, scans),
            1.0,
        )
    });
    let population = scenario.population.iter().map(|population| {
        let number = f64::from(population.count);
        let runs = number * fires_of_population(scenario, population);
        let scans = runs * images_of_population(scenario, population, 1.0);
        with_schedules(work(scenario, CostSource::Population, runs, scans), number)
    });
    let operations = scenario.operations.iter().enumerate();
    let operations = operations.map(|(index, operation)| {
        let times = arrivals(&operation.timing, scenario.duration);
        let (runs, scans) = match &operation.kind {
            OperationKind::Create { definition } => {
                let at = operation.timing.at.unwrap_or(Duration::ZERO);
                timeline.by_cron(at, definition)
            }
            OperationKind::Run { schedule } | OperationKind::Retry { schedule } => {
                (times, times * timeline.images(schedule))
            }
            _ => (0.0, 0.0),
        };
        let part = work(scenario, CostSource::Operation(index), runs, scans);
        with_arrivals(part, times)
    });
    let faults = scenario.faults.iter().enumerate().map(|(index, fault)| {
        let times = arrivals(&fault.timing, scenario.duration);
        with_arrivals(CostPart::of(CostSource::Fault(index)), times)
    });
    stated
        .chain(population)
        .chain(operations)
        .chain(faults)
        .collect()
}

fn with_schedules(mut part: CostPart, number: f64) -> CostPart {
    part.bytes += number * BYTES_PER_SCHEDULE;
    part
}

fn with_arrivals(mut part: CostPart, times: f64) -> CostPart {
    part.events += times * EVENTS_PER_ARRIVAL;
    part.seconds += times * EVENTS_PER_ARRIVAL * SECONDS_PER_EVENT;
    part
}

/// Definitions of the schedules over time, as operations change them.
struct Timeline<'a> {
    scenario: &'a Scenario,
    /// Definitions that are stated or created, by identifier.
    definitions: BTreeMap<&'a str, &'a ScheduleSpec>,
    /// Times and operations that concern a schedule, by identifier, ascending.
    changes: BTreeMap<&'a str, Vec<(Duration, &'a OperationKind)>>,
    /// Maximum number of fires counted for one schedule.
    fires_counted: f64,
}

impl<'a> Timeline<'a> {
    fn new(scenario: &'a Scenario) -> Self {
        let mut definitions: BTreeMap<&str, &ScheduleSpec> = BTreeMap::new();
        let mut changes: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for schedule in &scenario.schedules {
            definitions.insert(&schedule.id, schedule);
        }
        for operation in &scenario.operations {
            if let OperationKind::Create { definition } = &operation.kind {
                definitions.insert(&definition.id, definition);
            }
            if let Some(schedule) = operation.kind.schedule() {
                let timing = &operation.timing;
                let first = timing.at.or(timing.every).or(timing.mean_interval);
                let first = first.unwrap_or_default();
                changes
                    .entry(schedule)
                    .or_default()
                    .push((first, &operation.kind));
            }
        }
        changes
            .values_mut()
            .for_each(|all| all.sort_by_key(|(at, _)| *at));
        let changed: usize = changes.values().map(Vec::len).sum();
        let calendars = count((definitions.len() + changed) as u64).max(1.0);
        Self {
            scenario,
            definitions,
            changes,
            fires_counted: (FIRES_COUNTED.1 / calendars).clamp(FIRES_COUNTED_MIN, FIRES_COUNTED.0),
        }
    }

    /// Images of one run of a schedule.
    fn images(&self, id: &str) -> f64 {
        let scenario = self.scenario;
        match (self.definitions.get(id), &scenario.population) {
            (Some(schedule), _) => {
                let share = selected_share(scenario, schedule);
                images_of(scenario, &schedule.limits, share)
            }
            (None, Some(population)) => images_of_population(scenario, population, 1.0),
            (None, None) => 0.0,
        }
    }

    /// Runs and scans that cron starts of a schedule that exists from an instant on.
    fn by_cron(&self, from: Duration, schedule: &ScheduleSpec) -> (f64, f64) {
        let mut definition = schedule.clone();
        let (mut since, mut sum) = (from, (0.0, 0.0));
        let mut add = |definition: &ScheduleSpec, since, until: Duration| {
            let (runs, scans) = self.between(definition, since, until.min(self.scenario.duration));
            sum = (sum.0 + runs, sum.1 + scans);
        };
        for (at, change) in self.changes.get(schedule.id.as_str()).into_iter().flatten() {
            let next = match change {
                OperationKind::Edit { changes, .. } => edited(definition.clone(), changes),
                OperationKind::Enable { .. } => ScheduleSpec {
                    enabled: true,
                    ..definition.clone()
                },
                OperationKind::Disable { .. } | OperationKind::Delete { .. } => ScheduleSpec {
                    enabled: false,
                    ..definition.clone()
                },
                _ => continue,
            };
            add(&definition, since, *at);
            (definition, since) = (next, *at);
        }
        add(&definition, since, self.scenario.duration);
        sum
    }

    /// Runs and scans that cron starts of a definition between two instants.
    fn between(&self, schedule: &ScheduleSpec, since: Duration, until: Duration) -> (f64, f64) {
        let scenario = self.scenario;
        if !schedule.enabled || since >= until {
            return (0.0, 0.0);
        }
        let begin = scenario.start.after(since.std());
        let end = scenario.start.after(until.std());
        let fires = self.fires(schedule, begin, end);
        let images = images_of(
            scenario,
            &schedule.limits,
            selected_share(scenario, schedule),
        );
        let seconds = until.as_secs_f64() - since.as_secs_f64();
        let runs = match schedule.overlap {
            OverlapPolicy::Allow => fires,
            // A fire during a run is skipped, or waits for its end.
            OverlapPolicy::Skip | OverlapPolicy::QueueOne => {
                let run = images * seconds_per_scan(scenario, &schedule.limits);
                fires.min(1.0 + seconds / run.max(1e-9))
            }
        };
        (
            runs,
            runs * images * fresh_share(&schedule.only_if, runs, seconds),
        )
    }

    /// Number of cron fires after one instant and before another.
    fn fires(&self, schedule: &ScheduleSpec, begin: Timestamp, end: Timestamp) -> f64 {
        let expression = schedule.when_cron.as_deref();
        let calendar = expression.and_then(|text| Calendar::new(text, &schedule.time_zone).ok());
        let Some(calendar) = calendar else {
            return 0.0;
        };
        let (mut fires, mut last) = (0.0, begin);
        while let Some(next) = calendar.next_after(last).filter(|next| *next < end) {
            (fires, last) = (fires + 1.0, next);
            if fires >= self.fires_counted {
                let counted = last.since(begin).as_secs_f64();
                return fires * end.since(begin).as_secs_f64() / counted;
            }
        }
        fires
    }
}

/// Share of images whose report is old enough to be scanned again, with this many runs in a time.
fn fresh_share(only_if: &OnlyIfSpec, runs: f64, seconds: f64) -> f64 {
    let age = only_if.last_report_older_than;
    let age = age.map_or(0.0, Duration::as_secs_f64);
    match age > 0.0 {
        true => ((1.0 + seconds / age) / runs.max(1.0)).min(1.0),
        false => 1.0,
    }
}

/// Returns a definition with those changes of an edit that concern the load.
pub(crate) fn edited(definition: ScheduleSpec, changes: &ScheduleChanges) -> ScheduleSpec {
    let cron = changes.when_cron.clone();
    ScheduleSpec {
        when_cron: cron.or(definition.when_cron),
        limits: changes.limits.unwrap_or(definition.limits),
        selector: changes.selector.clone().unwrap_or(definition.selector),
        ..definition
    }
}

/// Mean time of a scan in a run that has all runners for itself, in seconds.
fn seconds_per_scan(scenario: &Scenario, limits: &LimitsSpec) -> f64 {
    let (scanner, options) = (&scenario.scanner, &scenario.workers.options);
    let timeout = options.scanner_timeout.as_secs_f64();
    let slow = scanner.slow_share.0 * mean_seconds(&scanner.slow_latency).min(timeout);
    let latency = mean_seconds(&scanner.latency).min(timeout) * (1.0 - scanner.slow_share.0);
    let processes = scenario.workers.processes.list();
    let runners = processes
        .iter()
        .filter(|(_, roles)| roles.contains(&Role::Runner));
    let segments = count(runners.count() as u64) * f64::from(options.segments_at_once);
    let parallelism = limits
        .parallelism
        .map_or(f64::INFINITY, |most| f64::from(most.get()));
    let by_rate = limits.rate_per_second.map_or(0.0, |rate| 1.0 / rate);
    ((slow + latency) / segments.min(parallelism).max(1.0)).max(by_rate)
}

/// Images that one run scans.
pub(crate) fn images_of(scenario: &Scenario, limits: &LimitsSpec, share: f64) -> f64 {
    let images = count(scenario.fleet.images) * share;
    limits
        .max_jobs
        .map_or(images, |jobs| images.min(f64::from(jobs.get())))
}

/// Share of the fleet that a schedule selects: that of its tenant, and of its selector in it.
pub(crate) fn selected_share(scenario: &Scenario, schedule: &ScheduleSpec) -> f64 {
    let fleet = &scenario.fleet;
    let weights = &fleet.tenant_weights;
    let tenants = fleet.tenants.count();
    // The names of many tenants are not listed here. Each weight is of one of them.
    let others = count(tenants.saturating_sub(weights.len()) as u64);
    let all = (others + weights.values().sum::<f64>()).max(f64::MIN_POSITIVE);
    let first = match &fleet.tenants {
        CountOrNames::Count(_) => "tenant-1",
        CountOrNames::List(names) => names.first().map_or("", String::as_str),
    };
    let own = schedule.tenant.as_deref().unwrap_or(first);
    let tenant = weights.get(own).copied().unwrap_or(1.0) / all;
    let part = |selected: usize, of: usize| (count(selected as u64) / count(of as u64)).min(1.0);
    let selector = match &schedule.selector {
        SelectorSpec::Namespaces { namespaces } => part(namespaces.len(), fleet.namespaces.count()),
        SelectorSpec::Repositories { repositories } => {
            part(repositories.len(), fleet.repositories.count())
        }
        SelectorSpec::Digests { digests } => {
            return count(digests.len() as u64) / count(fleet.images);
        }
        SelectorSpec::All | SelectorSpec::Labels { .. } => 1.0,
    };
    tenant * selector
}

/// Mean images of one run of a population, of those that a share of the fleet concerns.
pub fn images_of_population(scenario: &Scenario, population: &Population, share: f64) -> f64 {
    let fleet = &scenario.fleet;
    let scopes = &population.scopes;
    let part = |names: usize| (1.0 / count(names as u64).max(1.0)).min(1.0);
    // A drawn selector lists between one name and the maximum.
    let mean = |most: u64| f64::midpoint(1.0, count(most));
    let in_two = 1.0 / count(FleetSpec::SECOND_NAMESPACE_ONE_IN);
    let namespaces = part(fleet.namespaces.count()) * (1.0 + in_two);
    let repositories = part(fleet.repositories.count()) * mean(Population::REPOSITORIES_MAX);
    let labels = fleet.labels.values().flat_map(|values| values.values());
    let labels: Vec<f64> = labels.map(|share| share.0).collect();
    let label = labels.iter().sum::<f64>() / count(labels.len() as u64).max(1.0);
    let weighted = scopes.all
        + scopes.namespaces * namespaces.min(1.0)
        + scopes.repositories * repositories.min(1.0)
        + scopes.labels * label;
    let tenant = part(fleet.tenants.count());
    let digests = scopes.digests * mean(Population::DIGESTS_MAX) / count(fleet.images).max(1.0);
    let selected = (weighted + digests) / scopes.total().max(f64::MIN_POSITIVE) * tenant;
    images_of(scenario, &population.limits, selected * share)
}

/// Mean number of fires of one schedule of a population within the duration.
fn fires_of_population(scenario: &Scenario, population: &Population) -> f64 {
    let hours = scenario.duration.as_secs_f64() / 3_600.0;
    let (from, until) = (
        f64::from(population.from_hour),
        f64::from(population.until_hour),
    );
    let open = (until - from).max(1.0);
    let hour = (count(scenario.start.nanos()) / 3_600e9) % 24.0;
    // The first day counts by the hours that it has in common with the schedules' hours.
    let common = |begin: f64, end: f64| (end.min(until) - begin.max(from)).max(0.0) / open;
    let days = match hour + hours <= 48.0 {
        true => common(hour, hour + hours) + common(0.0, hour + hours - 24.0),
        false => hours / 24.0,
    };
    match population.cadence {
        Cadence::Hourly => hours,
        Cadence::Daily => days,
        Cadence::Weekly => days / 7.0,
    }
}
