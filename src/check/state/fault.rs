//! The faults on record, to which failures may be attributed.

use crate::model::Timestamp;
use crate::model::fault::FaultKind;
use crate::model::observation::PortName;

/// One kind of fault.
#[derive(Debug, Clone, Copy, Default)]
struct FaultRecord {
    /// Number of active faults.
    active: u32,
    /// Number of begins.
    began: u64,
    /// Number of triggers.
    hits: u64,
    /// When it was last active or triggered; none: never.
    last: Option<Timestamp>,
}

/// All faults on record.
#[derive(Debug)]
pub(crate) struct FaultHistory {
    records: Vec<FaultRecord>,
    /// When any fault was last active or triggered, or a slow call under way.
    last: Option<Timestamp>,
    active: u32,
    /// Until when the last slow call of each port was under way; none: there was none.
    slow_until: [Option<Timestamp>; PORTS],
}

/// Number of ports.
const PORTS: usize = PortName::Scrape as usize + 1;

impl Default for FaultHistory {
    fn default() -> Self {
        Self {
            records: vec![FaultRecord::default(); FaultKind::ALL.len()],
            last: None,
            active: 0,
            slow_until: [None; PORTS],
        }
    }
}

impl FaultHistory {
    fn touch(&mut self, kind: FaultKind, now: Timestamp) -> &mut FaultRecord {
        self.last = self.last.max(Some(now));
        let record = &mut self.records[kind as usize];
        record.last = Some(now);
        record
    }

    /// Records the begin of a fault.
    pub fn begin(&mut self, kind: FaultKind, now: Timestamp) {
        self.active += 1;
        let record = self.touch(kind, now);
        record.active += 1;
        record.began += 1;
    }

    /// Records the end of a fault.
    pub fn end(&mut self, kind: FaultKind, now: Timestamp) {
        self.active = self.active.saturating_sub(1);
        let record = self.touch(kind, now);
        record.active = record.active.saturating_sub(1);
    }

    /// Records that a fault was triggered.
    pub fn hit(&mut self, kind: FaultKind, now: Timestamp) {
        self.touch(kind, now).hits += 1;
    }

    /// Records a slow call, which is under way until then.
    pub fn slow_call(&mut self, port: PortName, until: Timestamp) {
        let slow_until = &mut self.slow_until[port as usize];
        *slow_until = (*slow_until).max(Some(until));
        self.last = self.last.max(Some(until));
    }

    /// Whether a slow call of one of the ports was under way at some instant since.
    pub fn slow_calls_since(&self, ports: &[PortName], since: Timestamp) -> bool {
        let mut latest = ports.iter().map(|port| self.slow_until[*port as usize]);
        latest.any(|until| until.is_some_and(|until| until >= since))
    }

    /// Whether one of these was active or triggered at some instant since.
    pub fn any_since(&self, kinds: &[FaultKind], since: Timestamp) -> bool {
        kinds.iter().any(|kind| {
            let record = &self.records[*kind as usize];
            record.active > 0 || record.last.is_some_and(|last| last >= since)
        })
    }

    /// Whether any fault was active or triggered, or a slow call under way, at some instant since.
    pub fn trouble_since(&self, since: Timestamp) -> bool {
        self.active > 0 || self.last.is_some_and(|last| last >= since)
    }

    /// Whether a fault of another kind was active or triggered, or a slow call under way, at some
    /// instant since.
    pub fn others_since(&self, kinds: &[FaultKind], since: Timestamp) -> bool {
        let others = FaultKind::ALL.iter().filter(|kind| !kinds.contains(kind));
        let is_slow = self
            .slow_until
            .iter()
            .flatten()
            .any(|until| *until >= since);
        is_slow || others.copied().any(|kind| self.any_since(&[kind], since))
    }

    /// Whether processes' own clocks may have been wrong since.
    pub fn clocks_wrong_since(&self, since: Timestamp) -> bool {
        self.any_since(&[FaultKind::ClockSkew], since)
    }

    /// Whether a fault of the kind is active.
    pub fn is_active(&self, kind: FaultKind) -> bool {
        self.records[kind as usize].active > 0
    }

    /// Whether a fault of another kind is active.
    pub fn others_active(&self, kind: FaultKind) -> bool {
        self.active > self.records[kind as usize].active
    }

    /// Numbers of begins and triggers of each kind on record.
    pub fn counts(&self) -> Vec<(FaultKind, u64, u64)> {
        FaultKind::ALL
            .iter()
            .map(|kind| (*kind, self.records[*kind as usize]))
            .filter(|(_, record)| record.began + record.hits > 0)
            .map(|(kind, record)| (kind, record.began, record.hits))
            .collect()
    }

    /// Kinds that are active.
    pub fn active(&self) -> impl Iterator<Item = FaultKind> {
        FaultKind::ALL
            .iter()
            .copied()
            .filter(|kind| self.is_active(*kind))
    }
}
