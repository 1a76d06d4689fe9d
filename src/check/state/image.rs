//! Images: owners, last committed reports, and growth of findings.

use std::collections::VecDeque;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::digest_index::DigestIndex;
use super::inventory::Inventory;
use super::table::{InternedTable, TenantIndex};
use crate::model::{
    DeltaCounts, FindingChange, FindingState, ImageDigest, Severity, TenantId, Timestamp,
};

/// No image of the inventory.
pub(crate) const NO_SLOT: u32 = u32::MAX;

/// Maximum number of committed reports that can be undone, to see an earlier instant.
const UNDO_MAX: usize = 1 << 18;

/// A report that was committed, for looking back.
#[derive(Debug, Clone, Copy)]
struct CommittedReport {
    at: Timestamp,
    slot: u32,
    before: Timestamp,
}

/// Each (tenant, digest) of the inventory has a slot: the first entry that has it.
#[derive(Debug)]
pub(crate) struct Images {
    pub inventory: Arc<Inventory>,
    /// By entry; none if every entry is the first of its kind.
    slot_of_entry: Option<Vec<u32>>,
    /// By entry.
    pub tenants: Vec<TenantIndex>,
    index: DigestIndex,
    /// The next slot with the same digest, of another tenant.
    next_same: FxHashMap<u32, u32>,
    /// By slot: one more than the revision of the last committed report; 0 if there is none.
    baselines: Vec<u32>,
    /// By slot: when a report was last committed; zero if there is none.
    committed_at: Vec<Timestamp>,
    undo: VecDeque<CommittedReport>,
    /// Reports before this instant are forgotten.
    undo_begins: Timestamp,
    /// By changed image: all changes since revision 0, each with its revision.
    changes: FxHashMap<ImageDigest, Vec<(u32, FindingChange)>>,
}

impl Images {
    pub fn new(
        inventory: Arc<Inventory>,
        tenants: &mut InternedTable<TenantId, TenantIndex, TenantId>,
    ) -> Self {
        let count = inventory.len() as usize;
        let mut images = Self {
            slot_of_entry: None,
            tenants: Vec::with_capacity(count),
            index: DigestIndex::with_capacity(count),
            next_same: FxHashMap::default(),
            baselines: vec![0; count],
            committed_at: vec![Timestamp::ZERO; count],
            undo: VecDeque::new(),
            undo_begins: Timestamp::ZERO,
            changes: FxHashMap::default(),
            inventory: inventory.clone(),
        };
        let mut slots = Vec::with_capacity(count);
        for entry in 0..inventory.len() {
            let tenant = inventory.tenant(entry);
            let tenant = tenants.number(tenant, || tenant.clone());
            images.tenants.push(tenant);
            slots.push(images.slot_of(entry));
        }
        if (0..).zip(&slots).any(|(entry, slot)| entry != *slot) {
            images.slot_of_entry = Some(slots);
        }
        images
    }

    /// The slot of a new entry: its own, or that of an equal one before it.
    fn slot_of(&mut self, entry: u32) -> u32 {
        let (tenant, digest) = (self.tenants[entry as usize], *self.digest(entry));
        let mut last = self.index.find(self.inventory.digests(), &digest);
        while let Some(slot) = last {
            if self.tenants[slot as usize] == tenant {
                return slot;
            }
            match self.next_same.get(&slot) {
                Some(next) => last = Some(*next),
                None => break,
            }
        }
        match last {
            Some(last) => {
                self.next_same.insert(last, entry);
            }
            None => self.index.insert(&digest, entry),
        }
        entry
    }

    /// The digest of a slot.
    #[inline]
    pub fn digest(&self, slot: u32) -> &ImageDigest {
        &self.inventory.digests()[slot as usize]
    }

    /// The slot of an inventory position.
    pub fn slot_of_entry(&self, entry: u32) -> u32 {
        self.slot_of_entry
            .as_ref()
            .map_or(entry, |slots| slots[entry as usize])
    }

    /// The slot of a tenant's image, or [`NO_SLOT`].
    pub fn find(&self, tenant: TenantIndex, digest: &ImageDigest) -> u32 {
        let mut slot = self.index.find(self.inventory.digests(), digest);
        while let Some(found) = slot {
            if self.tenants[found as usize] == tenant {
                return found;
            }
            slot = self.next_same.get(&found).copied();
        }
        NO_SLOT
    }

    /// Whether any tenant has the image.
    pub fn is_known(&self, digest: &ImageDigest) -> bool {
        self.index.find(self.inventory.digests(), digest).is_some()
    }

    /// When a report of the image was last committed.
    pub fn last_report(&self, slot: u32) -> Timestamp {
        self.committed_at[slot as usize]
    }

    /// The revision of the last committed report.
    #[inline]
    pub fn baseline(&self, slot: u32) -> Option<u64> {
        u64::from(self.baselines[slot as usize]).checked_sub(1)
    }

    /// Records a report. One that is older than the baseline does not change the revision.
    #[inline]
    pub fn commit_report(&mut self, slot: u32, revision: u64, at: Timestamp) {
        let baseline = &mut self.baselines[slot as usize];
        *baseline = (*baseline).max(u32::try_from(revision + 1).unwrap_or(u32::MAX));
        let before = std::mem::replace(&mut self.committed_at[slot as usize], at);
        if self.undo.len() == UNDO_MAX
            && let Some(oldest) = self.undo.pop_front()
        {
            self.undo_begins = oldest.at;
        }
        self.undo.push_back(CommittedReport { at, slot, before });
    }

    /// Time of the last report before `instant` of each image that was reported after it; none if
    /// the reports of that time are forgotten. `inclusive`: reports of the very instant count as
    /// after it.
    pub fn reports_before(
        &self,
        instant: Timestamp,
        inclusive: bool,
    ) -> Option<FxHashMap<u32, Timestamp>> {
        if instant < self.undo_begins {
            return None;
        }
        let is_after = |at| {
            if inclusive {
                at >= instant
            } else {
                at > instant
            }
        };
        let mut before = FxHashMap::default();
        for undo in self.undo.iter().rev().take_while(|undo| is_after(undo.at)) {
            before.insert(undo.slot, undo.before);
        }
        Some(before)
    }

    /// Records that the world changed an image.
    pub fn change(&mut self, image: &ImageDigest, revision: u64, changes: &[FindingChange]) {
        if revision > 0 {
            let all = self.changes.entry(*image).or_default();
            let revision = u32::try_from(revision).unwrap_or(u32::MAX);
            all.extend(changes.iter().map(|change| (revision, *change)));
        }
    }

    /// Growth of an image's findings from one revision to a later one: what a report of the later
    /// one has, and one of the earlier one has not.
    pub fn growth(&self, image: &ImageDigest, from: u64, to: u64) -> DeltaCounts {
        let mut growth = DeltaCounts::default();
        let Some(all) = self.changes.get(image) else {
            return growth;
        };
        let up_to = |last: u64| all.partition_point(|(revision, _)| u64::from(*revision) <= last);
        let (from, to) = (up_to(from), up_to(to));
        let mut changes = all.get(from..to).unwrap_or_default().to_vec();
        // Stable: the changes of one finding stay in the order of their revisions.
        changes.sort_by_key(|(_, change)| change.finding);
        for of_finding in changes.chunk_by(|(_, a), (_, b)| a.finding == b.finding) {
            if let [(_, first), ..] = of_finding
                && let [.., (_, last)] = of_finding
            {
                count_growth(&mut growth, first.before, last.after);
            }
        }
        growth
    }
}

/// Counts a finding that is new or known to be exploited since an earlier report.
fn count_growth(
    growth: &mut DeltaCounts,
    before: Option<FindingState>,
    after: Option<FindingState>,
) {
    let Some(after) = after else { return };
    let was_kev = before.is_some_and(|before| before.kev);
    growth.kev_hits += u64::from(after.kev && !was_kev);
    if before.is_none() {
        growth.new_findings += 1;
        *match after.severity {
            Severity::Critical => &mut growth.new_criticals,
            Severity::High => &mut growth.new_high,
            Severity::Medium => &mut growth.new_medium,
            Severity::Low => &mut growth.new_low,
        } += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Image;

    fn image(digest: u8, tenant: &str) -> Image {
        Image {
            digest: ImageDigest::new([digest; 32]),
            tenant: tenant.into(),
            registry: "r".into(),
            repository: "p".into(),
            namespaces: Vec::new(),
            tags: Vec::new(),
            labels: std::collections::BTreeMap::new(),
            components: Vec::new(),
        }
    }

    fn images(list: &[Image]) -> Images {
        Images::new(
            Arc::new(list.iter().cloned().collect()),
            &mut InternedTable::default(),
        )
    }

    #[test]
    fn a_digest_has_a_slot_for_each_tenant() {
        let images = images(&[image(1, "a"), image(2, "a"), image(1, "b"), image(1, "a")]);
        let digest = ImageDigest::new([1; 32]);
        assert_eq!(images.find(TenantIndex(0), &digest), 0);
        assert_eq!(images.find(TenantIndex(1), &digest), 2);
        assert_eq!(images.find(TenantIndex(2), &digest), NO_SLOT);
        assert_eq!(
            (0..4)
                .map(|entry| images.slot_of_entry(entry))
                .collect::<Vec<_>>(),
            [0, 1, 2, 0]
        );
    }

    #[test]
    fn one_can_look_back() {
        let at = Timestamp::from_seconds;
        let mut images = images(&[image(1, "a"), image(2, "a")]);
        images.commit_report(0, 0, at(10));
        images.commit_report(0, 3, at(20));
        images.commit_report(0, 2, at(30));
        assert_eq!(
            images.baseline(0),
            Some(3),
            "an older report leaves the baseline be"
        );
        assert_eq!(images.last_report(0), at(30));
        let before = |instant, inclusive| {
            images
                .reports_before(at(instant), inclusive)
                .unwrap()
                .get(&0)
                .copied()
        };
        assert_eq!(before(15, false), Some(at(10)));
        assert_eq!(before(20, false), Some(at(20)));
        assert_eq!(before(20, true), Some(at(10)));
        assert_eq!(before(30, false), None);
    }

    /// Finding, state before and state after.
    type Change = (u64, Option<FindingState>, Option<FindingState>);

    fn state(kev: bool) -> FindingState {
        let severity = Severity::High;
        FindingState { severity, kev }
    }

    /// Growth of an image between revisions, from the changes of each revision from 1 on.
    fn growth(revisions: &[&[Change]], from: u64, to: u64) -> (u64, u64, u64) {
        let mut images = images(&[image(1, "a")]);
        let digest = ImageDigest::new([1; 32]);
        for (revision, changes) in (1..).zip(revisions) {
            let change = |&(finding, before, after)| FindingChange {
                finding,
                before,
                after,
            };
            let changes: Vec<_> = changes.iter().map(change).collect();
            images.change(&digest, revision, &changes);
        }
        let growth = images.growth(&digest, from, to);
        assert!(growth.is_consistent());
        (growth.new_findings, growth.new_high, growth.kev_hits)
    }

    #[test]
    fn growth_adds_up_between_revisions() {
        let (absent, known) = (None, Some(state(false)));
        let revisions: [&[_]; 2] = [
            &[(1, absent, known), (2, absent, Some(state(true)))],
            &[(3, absent, known)],
        ];
        assert_eq!(growth(&revisions, 0, 2), (3, 3, 1));
        assert_eq!(growth(&revisions, 1, 2), (1, 1, 0));
        assert_eq!(growth(&revisions, 2, 2), (0, 0, 0));
    }

    #[test]
    fn growth_has_no_finding_that_was_fixed_or_came_back() {
        let (absent, known) = (None, Some(state(false)));
        let fixed: [&[_]; 2] = [&[(1, absent, known)], &[(1, known, absent)]];
        assert_eq!(growth(&fixed, 0, 2), (0, 0, 0));
        assert_eq!(growth(&fixed, 1, 2), (0, 0, 0));
        let back: [&[_]; 2] = [&[(1, known, absent)], &[(1, absent, known)]];
        assert_eq!(growth(&back, 0, 2), (0, 0, 0));
        assert_eq!(growth(&back, 1, 2), (1, 1, 0));
    }

    #[test]
    fn growth_by_a_late_kev_flag_is_a_hit_without_new_finding() {
        let (absent, known) = (None, Some(state(false)));
        let late: [&[_]; 2] = [&[(1, absent, known)], &[(1, known, Some(state(true)))]];
        assert_eq!(growth(&late, 1, 2), (0, 0, 1));
        assert_eq!(growth(&late, 0, 2), (1, 1, 1));
        let back: [&[_]; 2] = [&[(1, known, absent)], &[(1, absent, Some(state(true)))]];
        assert_eq!(growth(&back, 0, 2), (0, 0, 1));
    }
}
