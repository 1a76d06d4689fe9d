//! Schedules of a scenario: those that it states, and a synthetic population.

use std::sync::Arc;

use super::draw::digest_of;
use crate::model::{Mode, Schedule};
use crate::scenario::{self, Cadence, Population, Scenario, ScopeWeights, SelectorSpec};
use crate::sim::draw_index;
use crate::sim::kernel::RandomStream;
use rehearsal_convert::Index;

/// Maximum number of labels that a selector lists.
const LABELS_MAX: u64 = 2;

/// Returns all schedules at the start, in the order of the scenario. Equal arguments give equal
/// schedules.
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
    let mut stream = RandomStream::new(seed, "schedules");
    let scopes = SelectorScopes::new(&scenario.fleet, seed);
    let mut shared = RandomStream::new(seed, "schedules.shared");
    let mut cron_before: Option<String> = None;
    let schedule = |(number, id): (usize, String)| {
        let is_refresh = stream.chance(population.content_refresh_share.0);
        let own = draw_cron(population, &mut stream);
        let is_shared = shared.chance(population.shared_cron_share.0);
        let cron = cron_before.take().filter(|_| is_shared).unwrap_or(own);
        cron_before = Some(cron.clone());
        Schedule {
            tenant: turn(tenants, number).into(),
            id: id.as_str().into(),
            name: id,
            enabled: true,
            when_cron: Some(cron),
            time_zone: turn(&population.time_zones, number).to_owned(),
            mode: if is_refresh {
                Mode::ContentRefresh
            } else {
                Mode::AnalysisOnly
            },
            selector: scopes.draw(&population.scopes, &mut stream).definition(),
            only_if: population.only_if.definition(),
            limits: population.limits.definition(),
            notify: population.notify,
            triggers: population.triggers.clone(),
            overlap: population.overlap,
        }
    };
    population.ids().enumerate().map(schedule).collect()
}

/// Returns the names in turn, by number.
fn turn(names: &[String], number: usize) -> &str {
    names
        .get(number % names.len().max(1))
        .map_or("", String::as_str)
}

fn draw_cron(population: &Population, stream: &mut RandomStream) -> String {
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

/// Names and digests that selectors are drawn from.
pub struct SelectorScopes<'a> {
    fleet: &'a scenario::FleetSpec,
    namespaces: Vec<String>,
    repositories: Vec<String>,
    /// Seed of the fleet.
    seed: u64,
}

/// Function that draws one kind of selector.
type SelectorDraw<'a> = fn(&SelectorScopes<'a>, &mut RandomStream) -> SelectorSpec;

impl<'a> SelectorScopes<'a> {
    /// Collects the names of a fleet that is drawn with this seed.
    pub fn new(fleet: &'a scenario::FleetSpec, seed: u64) -> Self {
        Self {
            fleet,
            namespaces: fleet.namespace_names(),
            repositories: fleet.repository_names(),
            seed,
        }
    }

    /// Draws a selector; the weights are the relative frequencies of its kinds.
    pub fn draw(&self, weights: &ScopeWeights, stream: &mut RandomStream) -> SelectorSpec {
        let draws: [(f64, SelectorDraw<'a>); 4] = [
            (weights.namespaces, Self::draw_namespace),
            (weights.repositories, Self::draw_repositories),
            (weights.labels, Self::draw_labels),
            (weights.digests, Self::draw_digests),
        ];
        let mut ticket = stream.uniform() * weights.total();
        for (weight, draw) in draws {
            if ticket < weight {
                return draw(self, stream);
            }
            ticket -= weight;
        }
        SelectorSpec::All
    }

    fn draw_namespace(&self, stream: &mut RandomStream) -> SelectorSpec {
        SelectorSpec::Namespaces {
            namespaces: pick(&self.namespaces, stream)
                .cloned()
                .into_iter()
                .collect(),
        }
    }

    fn draw_repositories(&self, stream: &mut RandomStream) -> SelectorSpec {
        let count = 1 + stream.below(Population::REPOSITORIES_MAX);
        let mut repositories: Vec<String> = (0..count)
            .filter_map(|_| pick(&self.repositories, stream).cloned())
            .collect();
        repositories.sort();
        repositories.dedup();
        SelectorSpec::Repositories { repositories }
    }

    fn draw_labels(&self, stream: &mut RandomStream) -> SelectorSpec {
        let names: Vec<_> = self.fleet.labels.iter().collect();
        let count = 1 + stream.below(LABELS_MAX);
        let labels = (0..count).filter_map(|_| {
            let (name, values) = pick(&names, stream)?;
            let values: Vec<_> = values.keys().collect();
            let value = pick(&values, stream)?;
            Some(((*name).clone(), (*value).clone()))
        });
        SelectorSpec::Labels {
            labels: labels.collect(),
        }
    }

    fn draw_digests(&self, stream: &mut RandomStream) -> SelectorSpec {
        let count = 1 + stream.below(Population::DIGESTS_MAX);
        let digests = (0..count).map(|_| {
            let number = stream.below(self.fleet.images).index_u32();
            digest_of(number, self.seed)
        });
        SelectorSpec::Digests {
            digests: digests.collect(),
        }
    }
}

fn pick<'n, T>(of: &'n [T], stream: &mut RandomStream) -> Option<&'n T> {
    of.get(draw_index(stream, of.len()))
}
