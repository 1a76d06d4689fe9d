//! Arrivals of advisories: drawn at random, or replayed from a trace.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::model::time::nanos_of;
use crate::model::{Severity, TenantId, Trigger};
use crate::scenario::{Advisories, AdvisoryTrace, ComponentMapping, Scenario};
use crate::sim::distribution::DistributionError;
use crate::sim::draw_index;
use crate::sim::kernel::RandomStream;
use crate::sim::sampler::Sampler;
use crate::sim::world::scanner::{draw_severity, severities};
use rehearsal_convert::{Index, Nearest, Saturating};

/// Maximum number of advisories in a rehearsal, twice what a scenario may
/// expect.
const ARRIVALS_MAX: usize = 2_000_000;
const NANOS_PER_DAY: f64 = 86_400e9;

/// One advisory with the time of its arrival.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct AdvisoryArrival {
    /// Time since the start.
    pub offset_ns: u64,
    /// Identifier of the export.
    pub id: Arc<str>,
    /// Identifier of the advisory, which an update shares.
    pub vulnerability: Arc<str>,
    pub trigger: Trigger,
    pub severity: Severity,
    pub kev: bool,
    /// Numbers of the affected components, each once.
    pub components: Vec<u32>,
    /// Number of affected products that are no component of the fleet.
    pub unknown_products: u32,
    /// Whether only images whose entry point uses the component are affected.
    pub usage_only: bool,
    /// Tenant whose schedules alone react; `None` is all of them.
    pub tenant: Option<TenantId>,
}

/// Returns the advisories of a scenario in order of time, without their updates.
pub(super) fn plan_arrivals(
    scenario: &Scenario,
    components: u32,
) -> Result<Vec<AdvisoryArrival>, DistributionError> {
    let Some(advisories) = &scenario.advisories else {
        return Ok(Vec::new());
    };
    let mut planner = ArrivalPlanner {
        stream: RandomStream::new(scenario.seed, "advisories"),
        tenants: scenario.fleet.tenant_names(),
        tenant_stream: RandomStream::new(scenario.seed, "advisories.tenants"),
        severities: severities(&advisories.severities)?,
        advisories,
        components,
        duration_ns: scenario.duration.as_nanos(),
    };
    let mut arrivals = match &advisories.trace {
        Some(trace) => {
            let start = TimeZone::UTC.to_datetime(scenario.start.to_jiff());
            let since_midnight = start.time().duration_since(jiff::civil::Time::MIN);
            let since_midnight_ns = (nanos_of(since_midnight.unsigned_abs())).nearest_f64();
            planner.replay(trace, start.date(), since_midnight_ns)
        }
        None => planner.draw_arrivals()?,
    };
    // Stable: rows of one instant stay in the order of the trace.
    arrivals.sort_by_key(|arrival| arrival.offset_ns);
    Ok(arrivals)
}

struct ArrivalPlanner<'a> {
    stream: RandomStream,
    tenants: Vec<String>,
    tenant_stream: RandomStream,
    severities: crate::sim::distribution::Distribution,
    advisories: &'a Advisories,
    components: u32,
    duration_ns: u64,
}

impl ArrivalPlanner<'_> {
    fn draw_arrivals(&mut self) -> Result<Vec<AdvisoryArrival>, DistributionError> {
        let interval = Sampler::of_durations(&self.advisories.interval)?;
        let count = Sampler::of_counts(&self.advisories.components)?;
        let mut arrivals = Vec::new();
        let mut offset_ns = interval.draw_whole(&mut self.stream);
        while offset_ns < self.duration_ns && arrivals.len() < ARRIVALS_MAX {
            let wanted = count.draw_whole(&mut self.stream);
            let wanted = wanted.clamp(1, u64::from(self.components));
            let mut components = BTreeSet::new();
            for _ in 0..wanted {
                components.insert((self.stream.below(u64::from(self.components))).index_u32());
            }
            let id: Arc<str> = format!("ADV-{:06}", arrivals.len() + 1).into();
            arrivals.push(AdvisoryArrival {
                offset_ns,
                id: Arc::clone(&id),
                vulnerability: id,
                trigger: self.advisories.trigger,
                severity: draw_severity(&self.severities, &mut self.stream),
                kev: self.stream.chance(self.advisories.kev_share.0),
                components: components.into_iter().collect(),
                unknown_products: 0,
                usage_only: self.draw_usage_only(),
                tenant: self.draw_tenant(),
            });
            let gap_ns = interval.draw_whole(&mut self.stream);
            offset_ns = offset_ns.saturating_add(gap_ns.max(1));
        }
        Ok(arrivals)
    }

    /// Replays the rows of a trace, whose first day falls on the day of the start.
    fn replay(
        &mut self,
        trace: &AdvisoryTrace,
        start: Date,
        since_midnight_ns: f64,
    ) -> Vec<AdvisoryArrival> {
        let components = map_components(trace, self.components);
        let first_day = trace.from.unwrap_or(start);
        let mut seen = BTreeSet::new();
        let mut arrivals = Vec::new();
        for row in &trace.rows {
            let component = components[row.product.as_str()];
            if !seen.insert((row.id.as_str(), component)) {
                continue;
            }
            let days = row.date.duration_since(first_day).as_secs_f64() / 86_400.0;
            let spread_ns = trace.spread.as_nanos().nearest_f64() * self.stream.uniform();
            let at_ns = days / trace.speed * NANOS_PER_DAY
                + trace.time_of_day.as_nanos().nearest_f64()
                + spread_ns
                - since_midnight_ns;
            let severity = draw_severity(&self.severities, &mut self.stream);
            arrivals.push(AdvisoryArrival {
                // A row from before the start arrives at the start.
                offset_ns: at_ns.saturating_u64(),
                id: row.id.as_str().into(),
                vulnerability: row.id.as_str().into(),
                trigger: self.advisories.trigger,
                severity: row.severity.unwrap_or(severity),
                kev: row.kev,
                components: vec![component],
                unknown_products: 0,
                usage_only: self.draw_usage_only(),
                tenant: self.draw_tenant(),
            });
        }
        arrivals.retain(|arrival| arrival.offset_ns < self.duration_ns);
        arrivals
    }

    fn draw_usage_only(&mut self) -> bool {
        self.stream.chance(self.advisories.usage_only_share.0)
    }

    fn draw_tenant(&mut self) -> Option<TenantId> {
        let stream = &mut self.tenant_stream;
        if !stream.chance(self.advisories.tenant_share.0) {
            return None;
        }
        let number = draw_index(stream, self.tenants.len());
        self.tenants.get(number).map(|name| name.as_str().into())
    }
}

/// Maps each product of a trace to a component. Component 0 is the most popular.
fn map_components(trace: &AdvisoryTrace, components: u32) -> BTreeMap<&str, u32> {
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for row in &trace.rows {
        *counts.entry(&row.product).or_default() += 1;
    }
    if trace.mapping == ComponentMapping::Hash {
        let hash = |product: &str| xxhash_rust::xxh3::xxh3_64(product.as_bytes());
        return counts
            .into_keys()
            .map(|product| (product, (hash(product) % u64::from(components)).index_u32()))
            .collect();
    }
    let mut by_count: Vec<(&str, u32)> = counts.into_iter().collect();
    // Stable: products that occur equally often stay in the order of their names.
    by_count.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    (0..)
        .zip(by_count)
        .map(|(rank, (product, _)): (u32, _)| (product, rank % components))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrivals(keys: &str) -> Vec<AdvisoryArrival> {
        let text = format!(
            "name = \"year\"\nduration = \"365d\"\nfleet = {{ tenants = [\"a\", \"b\"] }}\n\
             advisories = {{ {keys} }}"
        );
        let scenario: Scenario = toml::from_str(&text).unwrap();
        plan_arrivals(&scenario, 10).unwrap()
    }

    /// Returns the arrivals of a year, and by tenant the number of those that only it reacts to.
    fn year(tenant_share: f64) -> (Vec<AdvisoryArrival>, BTreeMap<TenantId, usize>) {
        let arrivals = arrivals(&format!("tenantShare = {tenant_share}"));
        let mut by_tenant = BTreeMap::new();
        for tenant in arrivals.iter().filter_map(|arrival| arrival.tenant.clone()) {
            *by_tenant.entry(tenant).or_default() += 1;
        }
        (arrivals, by_tenant)
    }

    #[test]
    fn tenant_share_is_split_evenly_and_moves_no_other_draw() {
        let (for_all, none) = year(0.0);
        assert!(none.is_empty());
        let (mut some, by_tenant) = year(0.5);
        let count = (some.len() as u64).nearest_f64();
        for tenant in ["a", "b"] {
            let share = (by_tenant[&TenantId::from(tenant)] as u64).nearest_f64() / count;
            assert!((0.2..0.3).contains(&share), "{tenant}: {share}");
        }
        some.iter_mut().for_each(|arrival| arrival.tenant = None);
        assert_eq!(some, for_all);
    }
}
