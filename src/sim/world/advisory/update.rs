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

/// Replaces components by products that no image contains.
pub(super) fn draw_unknown_products(
    arrivals: &mut [AdvisoryArrival],
    advisories: &Advisories,
    seed: u64,
) {
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
pub(super) fn draw_updates(
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
