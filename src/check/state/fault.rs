//! The faults on record: what may be blamed.

use crate::model::Timestamp;
use crate::model::fault::FaultKind;

/// One kind of fault.
#[derive(Debug, Clone, Copy, Default)]
struct FaultRecord {
    /// How many go on now.
    active: u32,
    /// How often it has begun.
    began: u64,
    /// How often it has bitten.
    hits: u64,
    /// When it last was active, began or bit; none: never.
    last: Option<Timestamp>,
}

/// All faults on record.
#[derive(Debug)]
pub(crate) struct FaultHistory {
    records: Vec<FaultRecord>,
    /// When something was last wrong in the world.
    last: Option<Timestamp>,
    active: u32,
}

impl Default for FaultHistory {
    fn default() -> Self {
        Self {
            records: vec![FaultRecord::default(); FaultKind::ALL.len()],
            last: None,
            active: 0,
        }
    }
}

impl FaultHistory {
    fn touch(&mut self, kind: FaultKind, now: Timestamp) -> &mut FaultRecord {
        self.last = Some(now);
        let record = &mut self.records[kind as usize];
        record.last = Some(now);
        record
    }

    /// A fault begins.
    pub fn begin(&mut self, kind: FaultKind, now: Timestamp) {
        self.active += 1;
        let record = self.touch(kind, now);
        record.active += 1;
        record.began += 1;
    }

    /// A fault ends.
    pub fn end(&mut self, kind: FaultKind, now: Timestamp) {
        self.active = self.active.saturating_sub(1);
        let record = self.touch(kind, now);
        record.active = record.active.saturating_sub(1);
    }

    /// A fault bites.
    pub fn hit(&mut self, kind: FaultKind, now: Timestamp) {
        self.touch(kind, now).hits += 1;
    }

    /// Whether one of these was active, or bit, at some instant since.
    pub fn any_since(&self, kinds: &[FaultKind], since: Timestamp) -> bool {
        kinds.iter().any(|kind| {
            let record = &self.records[*kind as usize];
            record.active > 0 || record.last.is_some_and(|last| last >= since)
        })
    }

    /// Whether anything was wrong in the world at some instant since.
    pub fn trouble_since(&self, since: Timestamp) -> bool {
        self.active > 0 || self.last.is_some_and(|last| last >= since)
    }

    /// Whether anything else than these was active, or bit, at some instant since.
    pub fn others_since(&self, kinds: &[FaultKind], since: Timestamp) -> bool {
        let others = FaultKind::ALL.iter().filter(|kind| !kinds.contains(kind));
        others.copied().any(|kind| self.any_since(&[kind], since))
    }

    /// Whether processes' own clocks may have been wrong since.
    pub fn clocks_wrong_since(&self, since: Timestamp) -> bool {
        self.any_since(&[FaultKind::ClockSkew], since)
    }

    /// Whether a fault of the kind goes on now.
    pub fn is_active(&self, kind: FaultKind) -> bool {
        self.records[kind as usize].active > 0
    }

    /// Whether any other fault than of this kind goes on now.
    pub fn others_active(&self, kind: FaultKind) -> bool {
        self.active > self.records[kind as usize].active
    }

    /// How often each kind that ever struck has begun and bitten.
    pub fn counts(&self) -> Vec<(FaultKind, u64, u64)> {
        FaultKind::ALL
            .iter()
            .map(|kind| (*kind, self.records[*kind as usize]))
            .filter(|(_, record)| record.began + record.hits > 0)
            .map(|(kind, record)| (kind, record.began, record.hits))
            .collect()
    }

    /// Kinds that go on now.
    pub fn active(&self) -> impl Iterator<Item = FaultKind> {
        FaultKind::ALL
            .iter()
            .copied()
            .filter(|kind| self.is_active(*kind))
    }
}
