//! Which waiting runs a planner takes into a batch.
//!
//! No tenant gets its (k+1)th place while another with a waiting run has had fewer than k; with more
//! tenants than places, the least recently served go first; within a tenant the oldest go first.

use std::collections::BTreeMap;

use super::ports::WaitingRun;

/// Chooses at most `places` of the waiting runs, in the order in which to plan them.
pub fn choose(heads: Vec<WaitingRun>, places: usize) -> Vec<WaitingRun> {
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
        let room = places - chosen.len();
        chosen.extend(queues.iter_mut().take(room).filter_map(Vec::pop));
        queues.retain(|queue| !queue.is_empty());
    }
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
    fn tenants_take_turns_and_the_oldest_run_goes_first() {
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
    fn with_too_few_places_the_least_recently_served_go_first() {
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
