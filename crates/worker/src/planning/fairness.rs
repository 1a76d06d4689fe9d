//! Fair share of a planner's batch between tenants: round robin.
//!
//! No tenant gets its (k+1)th place while another with a waiting run has had fewer than k. With
//! more tenants than places, the least recently served go first. Within a tenant the oldest run
//! goes first. First come, first served over all tenants was rejected: one tenant with a thousand
//! schedules would delay every other by a thousand runs.

use std::collections::BTreeMap;

use crate::ports::WaitingRun;

/// Chooses at most `places` of the waiting runs, and returns them in planning order.
pub fn choose(heads: Vec<WaitingRun>, places: usize) -> Vec<WaitingRun> {
    if heads.is_empty() {
        return heads;
    }
    let mut by_tenant: BTreeMap<_, Vec<WaitingRun>> = BTreeMap::new();
    for head in heads {
        by_tenant
            .entry((head.tenant_served, head.tenant.clone()))
            .or_default()
            .push(head);
    }
    let mut queues: Vec<_> = by_tenant
        .into_values()
        .map(|mut heads| {
            heads.sort_by(|a, b| (b.created_at, &b.run).cmp(&(a.created_at, &a.run)));
            heads
        })
        .collect();
    let mut chosen = Vec::new();
    while chosen.len() < places && !queues.is_empty() {
        let free = places - chosen.len();
        chosen.extend(queues.iter_mut().take(free).filter_map(Vec::pop));
        queues.retain(|queue| !queue.is_empty());
    }
    debug_assert!(chosen.len() <= places, "a batch has {places} places");
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;

    fn head(run: &str, created_at: u64, tenant_served: u64) -> WaitingRun {
        let tenant = run.split('-').next().unwrap_or_default().into();
        let created_at = Timestamp::from_seconds(created_at);
        WaitingRun {
            run: run.into(),
            tenant,
            created_at,
            tenant_served,
        }
    }

    fn chosen(heads: &[WaitingRun], places: usize) -> Vec<String> {
        choose(heads.to_vec(), places)
            .iter()
            .map(|head| head.run.to_string())
            .collect()
    }

    #[test]
    fn tenants_alternate_and_the_oldest_run_is_first() {
        let heads = [
            head("a-2", 2, 0),
            head("a-1", 1, 0),
            head("a-3", 3, 0),
            head("b-1", 9, 0),
        ];
        assert_eq!(chosen(&heads, 10), ["a-1", "b-1", "a-2", "a-3"]);
        assert_eq!(chosen(&heads, 2), ["a-1", "b-1"]);
    }

    #[test]
    fn too_few_places_go_to_the_least_recently_served() {
        let heads = [
            head("a-1", 1, 7),
            head("b-1", 2, 0),
            head("c-1", 3, 5),
            head("c-2", 4, 5),
        ];
        assert_eq!(chosen(&heads, 2), ["b-1", "c-1"]);
        assert_eq!(chosen(&heads, 4), ["b-1", "c-1", "a-1", "c-2"]);
    }
}
