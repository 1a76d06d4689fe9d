//! The schedules of a scenario: those that it writes out, and a synthetic population.

use std::sync::Arc;

use crate::model::{Mode, Schedule};
use crate::scenario::{Cadence, Population, Scenario, ScopeWeights, Selector};
use crate::sim::kernel::Stream;

/// "A few" repositories are so many at most.
const REPOSITORIES_MAX: u64 = 3;

/// All schedules at the start, in the order of the scenario. The same scenario and seed give the
/// same schedules.
pub fn schedules(scenario: &Scenario, seed: u64) -> Vec<Arc<Schedule>> {
    let tenants = scenario.fleet.tenant_names();
    let first = tenants.first().map_or("", String::as_str);
    let stated = scenario
        .schedules
        .iter()
        .map(|schedule| schedule.definition(first));
    let population = scenario
        .population
        .iter()
        .flat_map(|population| populate(population, scenario, &tenants, seed));
    stated.chain(population).map(Arc::new).collect()
}

fn populate(
    population: &Population,
    scenario: &Scenario,
    tenants: &[String],
    seed: u64,
) -> Vec<Schedule> {
    let mut stream = Stream::new(seed, "schedules");
    let namespaces = scenario.fleet.namespace_names();
    let repositories = scenario.fleet.repository_names();
    let schedule = |(number, id): (usize, String)| {
        let is_refresh = stream.chance(population.content_refresh_share.0);
        Schedule {
            tenant: turn(tenants, number).into(),
            id: id.as_str().into(),
            name: id,
            enabled: true,
            when_cron: Some(draw_cron(population, &mut stream)),
            time_zone: turn(&population.time_zones, number).to_owned(),
            mode: if is_refresh {
                Mode::ContentRefresh
            } else {
                Mode::AnalysisOnly
            },
            selector: draw_selector(&population.scopes, &namespaces, &repositories, &mut stream)
                .definition(),
            only_if: population.only_if.definition(),
            limits: population.limits.definition(),
            notify: population.notify,
            triggers: population.triggers.clone(),
            overlap: population.overlap,
        }
    };
    population.ids().enumerate().map(schedule).collect()
}

fn turn(names: &[String], number: usize) -> &str {
    names
        .get(number % names.len().max(1))
        .map_or("", String::as_str)
}

fn draw_cron(population: &Population, stream: &mut Stream) -> String {
    let minute = stream.below(60);
    let hours = population.until_hour.saturating_sub(population.from_hour);
    let hour = u64::from(population.from_hour) + stream.below(u64::from(hours));
    let day = stream.below(7);
    match population.cadence {
        Cadence::Hourly => format!("{minute} * * * *"),
        Cadence::Daily => format!("{minute} {hour} * * *"),
        Cadence::Weekly => format!("{minute} {hour} * * {day}"),
    }
}

fn draw_selector(
    weights: &ScopeWeights,
    namespaces: &[String],
    repositories: &[String],
    stream: &mut Stream,
) -> Selector {
    let draw = |names: &[String], stream: &mut Stream| {
        let number = stream.below(names.len() as u64) as usize;
        names.get(number).cloned()
    };
    let total = weights.all + weights.namespaces + weights.repositories;
    let ticket = stream.uniform() * total;
    if ticket < weights.namespaces {
        Selector::Namespaces {
            namespaces: draw(namespaces, stream).into_iter().collect(),
        }
    } else if ticket < weights.namespaces + weights.repositories {
        let count = 1 + stream.below(REPOSITORIES_MAX);
        let mut chosen: Vec<String> = (0..count)
            .filter_map(|_| draw(repositories, stream))
            .collect();
        chosen.sort();
        chosen.dedup();
        Selector::Repositories {
            repositories: chosen,
        }
    } else {
        Selector::All
    }
}
