//! Cost of the runs that advisories start.

use std::collections::BTreeMap;

use crate::model::Trigger;
use crate::scenario::{
    Advisories, AdvisoryTrace, ComponentMapping, FleetSpec, Popularity, Scenario,
};

use super::mean::{harmonic, mean_count, mean_seconds};
use super::part::{CostPart, CostSource, count};
use super::schedules;

/// Cost of the runs that the exports of a scenario start.
pub fn cost(scenario: &Scenario) -> Option<CostPart> {
    let advisories = scenario.advisories.as_ref()?;
    let (exports, share) = match &advisories.trace {
        Some(trace) => replayed(scenario, trace),
        None => drawn(scenario, advisories),
    };
    let later =
        advisories.spread_share.0 + (1.0 - advisories.kev_share.0) * advisories.late_kev_share.0;
    let used = 1.0 - advisories.usage_only_share.0 * (1.0 - scenario.fleet.entrypoint_share.0);
    let known = 1.0 - advisories.unknown_product_share.0;
    let tenants = count(scenario.fleet.tenants.count() as u64).max(1.0);
    let concerned = 1.0 - advisories.tenant_share.0 * (1.0 - 1.0 / tenants);
    let exports = exports * (1.0 + later);
    let source = CostSource::Advisories;
    let (subscribers, images) = subscribers(scenario, advisories.trigger, share * used * known);
    let runs = exports * concerned;
    Some(schedules::work(
        scenario,
        source,
        runs * subscribers,
        runs * images,
    ))
}

/// Expected number of drawn exports, and share of images that one concerns.
fn drawn(scenario: &Scenario, advisories: &Advisories) -> (f64, f64) {
    let interval = mean_seconds(&advisories.interval).max(1e-9);
    let exports = scenario.duration.as_secs_f64() / interval;
    let components = mean_count(&advisories.components).max(1.0);
    // Advisories draw components evenly.
    let share = contents(&scenario.fleet) * components / count(scenario.fleet.components);
    (exports, share.min(1.0))
}

/// Number of exports of a trace within the duration, and mean share of images that one concerns.
fn replayed(scenario: &Scenario, trace: &AdvisoryTrace) -> (f64, f64) {
    let days = scenario.duration.as_secs_f64() / 86_400.0 * trace.speed;
    let first = trace.rows.iter().map(|row| row.date).min();
    let is_in = |date: jiff::civil::Date| {
        let since = first.map_or(0.0, |first| date.duration_since(first).as_secs_f64());
        since / 86_400.0 < days
    };
    let rows = trace.rows.iter().filter(|row| is_in(row.date));
    let mut products: BTreeMap<&str, u64> = BTreeMap::new();
    rows.for_each(|row| *products.entry(&row.product).or_default() += 1);
    let mut rows: Vec<f64> = products.into_values().map(count).collect();
    rows.sort_by(|a, b| b.total_cmp(a));
    let total: f64 = rows.iter().sum();
    let fleet = &scenario.fleet;
    let share = match trace.mapping {
        ComponentMapping::Hash => (contents(fleet) / count(fleet.components)).min(1.0),
        ComponentMapping::Popularity => {
            let shares = (0..)
                .zip(&rows)
                .map(|(rank, rows)| rows * share_of_rank(fleet, rank));
            shares.sum::<f64>() / total.max(1.0)
        }
    };
    (total, share)
}

/// Share of images that contain the component with this rank of popularity.
fn share_of_rank(fleet: &FleetSpec, rank: u64) -> f64 {
    let components = count(fleet.components);
    let exponent = match fleet.popularity {
        Popularity::Uniform => 0.0,
        Popularity::Zipf { exponent } => exponent,
    };
    let weight = libm::pow(count(rank % fleet.components.max(1)) + 1.0, -exponent);
    let chance = (weight / harmonic(components, exponent)).clamp(0.0, 1.0);
    1.0 - libm::pow(1.0 - chance, contents(fleet))
}

/// Mean number of components of an image.
fn contents(fleet: &FleetSpec) -> f64 {
    mean_count(&fleet.components_per_image).clamp(1.0, count(fleet.components))
}

/// Number of schedules that subscribe to a trigger, and images of all their runs after one export
/// that concerns a share of all images.
fn subscribers(scenario: &Scenario, trigger: Trigger, share: f64) -> (f64, f64) {
    let stated = scenario.schedules.iter().map(|schedule| (1.0, schedule));
    let stated = stated.filter(|(_, schedule)| schedule.triggers.contains(&trigger));
    let mut found = stated.fold((0.0, 0.0), |(number, images), (one, schedule)| {
        let selected = schedules::selected_share(scenario, schedule) * share;
        let more = schedules::images_of(scenario, &schedule.limits, selected);
        (number + one, images + more)
    });
    if let Some(population) = &scenario.population
        && population.triggers.contains(&trigger)
    {
        let number = f64::from(population.count);
        found.0 += number;
        found.1 += number * schedules::images_of_population(scenario, population, share);
    }
    found
}
