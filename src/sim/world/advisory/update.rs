//! Products that the fleet does not have, and updates of advisories: an update is an export of its
//! own, with more components or the KEV flag.

use std::collections::BTreeSet;

use super::arrival::AdvisoryArrival;
use crate::scenario::{Advisories, Scenario};
use crate::sim::distribution::DistributionError;
use crate::sim::kernel::RandomStream;
use crate::sim::sampler::Sampler;
use rehearsal_convert::Index;

/// Maximum number of components that an update adds.
const SPREAD_MAX: u64 = 3;

/// Adds unknown products and updates to the advisories of a scenario; returns all in order of time.
pub(super) fn updated(
    mut arrivals: Vec<AdvisoryArrival>,
    scenario: &Scenario,
    components: u32,
) -> Result<Vec<AdvisoryArrival>, DistributionError> {
    let Some(advisories) = &scenario.advisories else {
        return Ok(arrivals);
    };
    draw_unknown_products(&mut arrivals, advisories, scenario.seed);
    arrivals.extend(draw_updates(&arrivals, advisories, scenario, components)?);
    // Stable: advisories of one instant stay in their order.
    arrivals.sort_by_key(|arrival| arrival.offset_ns);
    Ok(arrivals)
}

/// Replaces components by products that no image contains.
fn draw_unknown_products(arrivals: &mut [AdvisoryArrival], advisories: &Advisories, seed: u64) {
    let stream = &mut RandomStream::new(seed, "advisories.unknown");
    for arrival in arrivals {
        let affected = arrival.components.len();
        arrival
            .components
            .retain(|_| !stream.chance(advisories.unknown_product_share.0));
        let unknown = affected - arrival.components.len();
        arrival.unknown_products = (unknown as u64).index_u32();
    }
}

/// Draws the updates that arrive before the end, in the order of the advisories.
fn draw_updates(
    arrivals: &[AdvisoryArrival],
    advisories: &Advisories,
    scenario: &Scenario,
    components: u32,
) -> Result<Vec<AdvisoryArrival>, DistributionError> {
    let stream = &mut RandomStream::new(scenario.seed, "advisories.updates");
    let delay = Sampler::of_durations(&advisories.update_delay)?;
    let mut updates = Vec::new();
    for arrival in arrivals {
        let spreads = stream.chance(advisories.spread_share.0);
        let is_late_kev = stream.chance(advisories.late_kev_share.0) && !arrival.kev;
        if !spreads && !is_late_kev {
            continue;
        }
        let mut affected: BTreeSet<u32> = arrival.components.iter().copied().collect();
        if spreads {
            let added = 1 + stream.below(SPREAD_MAX);
            affected.extend((0..added).map(|_| stream.below(u64::from(components)).index_u32()));
        }
        let update = AdvisoryArrival {
            offset_ns: arrival.offset_ns.saturating_add(delay.draw_whole(stream)),
            id: format!("{}-update", arrival.id).into(),
            kev: arrival.kev || is_late_kev,
            components: affected.into_iter().collect(),
            ..arrival.clone()
        };
        updates.extend((update.offset_ns < scenario.duration.as_nanos()).then_some(update));
    }
    Ok(updates)
}

#[cfg(test)]
mod tests {
    use super::super::arrival::plan_arrivals;
    use super::*;

    /// Returns the arrivals of a year, updates included.
    fn arrivals(keys: &str) -> Vec<AdvisoryArrival> {
        let text = format!("name = \"year\"\nduration = \"365d\"\nadvisories = {{ {keys} }}");
        let scenario: Scenario = toml::from_str(&text).unwrap();
        updated(plan_arrivals(&scenario, 10).unwrap(), &scenario, 10).unwrap()
    }

    #[test]
    fn unknown_products_replace_components() {
        let known = arrivals("components = 3");
        let some = arrivals("components = 3, unknownProductShare = 0.5");
        assert_eq!(known.len(), some.len());
        let mut counts = [0; 4];
        for (known, some) in known.iter().zip(&some) {
            let left = known.components.len() - some.components.len();
            assert_eq!(some.unknown_products as usize, left);
            assert!(
                some.components
                    .iter()
                    .all(|it| known.components.contains(it))
            );
            counts[left] += 1;
        }
        assert!(counts.iter().all(|count| *count > 50), "{counts:?}");
    }

    #[test]
    fn updates_add_components_or_the_kev_flag_and_move_no_other_draw() {
        let plain = arrivals("kevShare = 0.2");
        let keys = "kevShare = 0.2, spreadShare = 0.3, lateKevShare = 0.5, updateDelay = \"2h\"";
        let mut all = arrivals(keys);
        let updates: Vec<_> = all.extract_if(.., |it| it.id != it.vulnerability).collect();
        assert_eq!(all, plain);
        let (mut spread, mut late) = (0, 0);
        for update in &updates {
            let first = plain.iter().find(|first| first.id == update.vulnerability);
            let first = first.unwrap();
            assert_eq!(update.offset_ns, first.offset_ns + 7_200_000_000_000);
            assert!(
                first
                    .components
                    .iter()
                    .all(|it| update.components.contains(it))
            );
            assert!(update.kev || !first.kev);
            spread += usize::from(update.components.len() > first.components.len());
            late += usize::from(update.kev && !first.kev);
        }
        // Of 1,460 advisories a third spreads, and 40 % are flagged late.
        assert!((300..550).contains(&spread), "{spread}");
        assert!((450..700).contains(&late), "{late}");
        assert!(updates.len() < spread + late, "some updates do both");
    }
}
