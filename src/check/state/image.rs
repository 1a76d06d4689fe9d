//! Images: owners, last committed reports, and growth of findings.

use std::collections::VecDeque;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::digest_index::DigestIndex;
use super::inventory::Inventory;
use super::table::{InternedTable, TenantIndex};
use crate::model::{DeltaCounts, ImageDigest, TenantId, Timestamp};

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
    /// By changed image: for each revision the sum of all growth since revision 0.
    growth: FxHashMap<ImageDigest, Vec<(u64, DeltaCounts)>>,
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
            growth: FxHashMap::default(),
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
    pub fn grow(&mut self, image: &ImageDigest, revision: u64, added: &DeltaCounts) {
        if revision == 0 {
            return;
        }
        let steps = self.growth.entry(*image).or_default();
        let mut sum = steps.last().map_or(DeltaCounts::default(), |(_, sum)| *sum);
        sum.add(added);
        steps.push((revision, sum));
    }

    /// Growth of an image's findings from one revision to a later one.
    pub fn growth(&self, image: &ImageDigest, from: u64, to: u64) -> DeltaCounts {
        let Some(steps) = self.growth.get(image) else {
            return DeltaCounts::default();
        };
        let at = |revision: u64| {
            let after = steps.partition_point(|(step, _)| *step <= revision);
            after
                .checked_sub(1)
                .map_or(DeltaCounts::default(), |last| steps[last].1)
        };
        let (from, to) = (at(from), at(to));
        DeltaCounts {
            new_findings: to.new_findings.saturating_sub(from.new_findings),
            new_criticals: to.new_criticals.saturating_sub(from.new_criticals),
            new_high: to.new_high.saturating_sub(from.new_high),
            new_medium: to.new_medium.saturating_sub(from.new_medium),
            new_low: to.new_low.saturating_sub(from.new_low),
            kev_hits: to.kev_hits.saturating_sub(from.kev_hits),
        }
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

    #[test]
    fn growth_adds_up_between_revisions() {
        let added = |new_findings| DeltaCounts {
            new_findings,
            ..DeltaCounts::default()
        };
        let mut images = images(&[image(1, "a")]);
        let digest = ImageDigest::new([1; 32]);
        images.grow(&digest, 0, &added(9));
        images.grow(&digest, 1, &added(2));
        images.grow(&digest, 2, &added(3));
        assert_eq!(images.growth(&digest, 0, 2).new_findings, 5);
        assert_eq!(images.growth(&digest, 1, 2).new_findings, 3);
        assert_eq!(images.growth(&digest, 2, 2).new_findings, 0);
    }
}
