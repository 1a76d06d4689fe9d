//! Runs with their segments and intents, and the orders in which they are read.

use std::collections::BTreeSet;

use crate::model::commit::{DocumentVersion, Intent};
use crate::model::{
    CommitToken, ImpactSet, Mode, Run, RunId, RunState, Segment, SegmentKey, TenantId, Timestamp,
};
use rustc_hash::FxHashMap;

/// Run with all that is purged with it.
#[derive(Debug)]
pub(super) struct StoredRun {
    pub run: Run,
    pub version: DocumentVersion,
    pub impact: Option<ImpactSet>,
    /// Segments by index.
    pub segments: Vec<Segment>,
    pub intent: Option<Intent>,
    /// Instant of the last change of its state or statistics.
    pub progress_at: Timestamp,
}

impl StoredRun {
    pub fn segment(&self, index: u32) -> Option<&Segment> {
        self.segments.get(index as usize)
    }

    pub fn segment_mut(&mut self, index: u32) -> Option<&mut Segment> {
        self.segments.get_mut(index as usize)
    }
}

/// All runs. Every operation is *O*(log runs) unless its documentation says otherwise.
#[derive(Debug, Default)]
pub(super) struct RunTable {
    records: FxHashMap<RunId, StoredRun>,
    /// Runs in `Planning`, by tenant and age.
    planning: BTreeSet<(TenantId, Timestamp, RunId)>,
    /// Planning and open runs, by age.
    unfinished: BTreeSet<(Timestamp, RunId)>,
    /// Terminal runs, by the time of their end.
    finished: BTreeSet<(Timestamp, RunId)>,
    /// Released and uncommitted segments of unfinished runs, by the time of their release.
    released: BTreeSet<(Timestamp, SegmentKey)>,
    /// Runs with an intent, by its age.
    intents: BTreeSet<(Timestamp, RunId)>,
    /// Open runs by their last progress, by mode index.
    progress: [BTreeSet<(Timestamp, RunId)>; 2],
}

impl RunTable {
    pub fn get(&self, id: &RunId) -> Option<&StoredRun> {
        self.records.get(id)
    }

    pub fn get_mut(&mut self, id: &RunId) -> Option<&mut StoredRun> {
        self.records.get_mut(id)
    }

    pub fn segment(&self, key: &SegmentKey) -> Option<&Segment> {
        self.get(&key.run)?.segment(key.index)
    }

    /// Writes a run, which may be new.
    pub fn write(&mut self, run: Run, now: Timestamp) {
        let id = run.id.clone();
        match self.records.get_mut(&id) {
            None => {
                self.index(&run);
                self.set_progress(&run, now, true);
                self.records.insert(id, StoredRun::new(run, now));
            }
            Some(record) => {
                let old = std::mem::replace(&mut record.run, run.clone());
                record.version += 1;
                if old.state != run.state || old.stats != run.stats {
                    let before = std::mem::replace(&mut record.progress_at, now);
                    self.set_progress(&old, before, false);
                    self.set_progress(&run, now, true);
                }
                if old.state != run.state {
                    self.unindex(&old);
                    self.index(&run);
                }
                if run.state.is_terminal() && !old.state.is_terminal() {
                    self.forget_releases(&id);
                }
            }
        }
    }

    /// Adds or removes the instant of the last progress of a run, if it is open.
    fn set_progress(&mut self, run: &Run, at: Timestamp, is_added: bool) {
        if !run.state.is_open() {
            return;
        }
        let (progress, key) = (&mut self.progress[run.mode.index()], (at, run.id.clone()));
        match is_added {
            true => progress.insert(key),
            false => progress.remove(&key),
        };
    }

    /// Returns the oldest instant of progress among the open runs of a mode.
    pub fn oldest_progress(&self, mode: Mode) -> Option<Timestamp> {
        self.progress[mode.index()].first().map(|(at, _)| *at)
    }

    fn index(&mut self, run: &Run) {
        let id = run.id.clone();
        if run.state == RunState::Planning {
            let key = (run.tenant.clone(), run.created_at, id.clone());
            self.planning.insert(key);
        }
        if run.state.is_terminal() {
            let ended_at = run.completed_at.unwrap_or_default();
            self.finished.insert((ended_at, id));
        } else {
            self.unfinished.insert((run.created_at, id));
        }
    }

    fn unindex(&mut self, run: &Run) {
        let id = run.id.clone();
        let key = (run.tenant.clone(), run.created_at, id.clone());
        self.planning.remove(&key);
        let ended_at = run.completed_at.unwrap_or_default();
        self.finished.remove(&(ended_at, id.clone()));
        self.unfinished.remove(&(run.created_at, id));
    }

    /// Removes the segments of a run from the released ones. *O*(segments of the run).
    fn forget_releases(&mut self, id: &RunId) {
        let Some(record) = self.records.get(id) else {
            return;
        };
        for segment in &record.segments {
            if let Some(at) = segment.released_at {
                self.released.remove(&(at, segment.key.clone()));
            }
        }
    }

    /// Inserts a segment into its run, in the order of indices.
    pub fn cut(&mut self, segment: Segment) {
        if let Some(record) = self.records.get_mut(&segment.key.run) {
            let position = record
                .segments
                .partition_point(|other| other.key.index < segment.key.index);
            record.segments.insert(position, segment);
        }
    }

    /// Records the release of an uncommitted segment of an unfinished run.
    pub fn release(&mut self, key: &SegmentKey, is_requeue: bool, now: Timestamp) {
        let Some(record) = self.records.get_mut(&key.run) else {
            return;
        };
        let is_terminal = record.run.state.is_terminal();
        let Some(segment) = record.segment_mut(key.index) else {
            return;
        };
        if is_terminal || segment.committed_by.is_some() {
            return;
        }
        if let Some(before) = segment.released_at.replace(now) {
            self.released.remove(&(before, key.clone()));
        }
        segment.requeued += u32::from(is_requeue);
        self.released.insert((now, key.clone()));
    }

    /// Marks a segment as committed.
    pub fn commit_segment(&mut self, key: &SegmentKey, token: &CommitToken, next: &[SegmentKey]) {
        let segment = self.records.get_mut(&key.run);
        let Some(segment) = segment.and_then(|record| record.segment_mut(key.index)) else {
            return;
        };
        debug_assert!(
            segment.committed_by.is_none(),
            "a segment is committed once"
        );
        segment.committed_by = Some(token.clone());
        segment.released_next = next.to_vec();
        if let Some(at) = segment.released_at {
            self.released.remove(&(at, key.clone()));
        }
    }

    /// Sets or removes the intent of a run.
    pub fn set_intent(&mut self, id: &RunId, intent: Option<Intent>) {
        let Some(record) = self.records.get_mut(id) else {
            return;
        };
        let since = intent.as_ref().map(|intent| intent.since);
        let before = std::mem::replace(&mut record.intent, intent);
        if let Some(before) = before {
            self.intents.remove(&(before.since, id.clone()));
        }
        if let Some(since) = since {
            self.intents.insert((since, id.clone()));
        }
    }

    /// Returns runs in `Planning`, by tenant and then oldest first.
    pub fn planning(&self) -> impl Iterator<Item = &StoredRun> {
        self.planning.iter().filter_map(|(_, _, id)| self.get(id))
    }

    /// Returns planning and open runs, oldest first.
    pub fn unfinished(&self) -> impl Iterator<Item = &StoredRun> {
        self.unfinished.iter().filter_map(|(_, id)| self.get(id))
    }

    /// Returns terminal runs in the order of their ends.
    pub fn finished(&self) -> impl DoubleEndedIterator<Item = &StoredRun> {
        self.finished.iter().filter_map(|(_, id)| self.get(id))
    }

    /// Returns intents, oldest first.
    pub fn intents(&self) -> impl Iterator<Item = &Intent> {
        self.intents
            .iter()
            .filter_map(|(_, id)| self.get(id)?.intent.as_ref())
    }

    /// Returns released and uncommitted segments of unfinished runs, the longest released first.
    pub fn released(&self) -> impl Iterator<Item = &Segment> {
        self.released
            .iter()
            .filter_map(|(_, key)| self.segment(key))
    }

    /// Removes a run with its segments and its intent.
    pub fn remove(&mut self, id: &RunId) -> Option<StoredRun> {
        self.forget_releases(id);
        self.set_intent(id, None);
        let record = self.records.remove(id)?;
        self.unindex(&record.run);
        self.set_progress(&record.run, record.progress_at, false);
        Some(record)
    }
}

impl StoredRun {
    fn new(run: Run, now: Timestamp) -> Self {
        Self {
            run,
            version: 1,
            impact: None,
            segments: Vec::new(),
            intent: None,
            progress_at: now,
        }
    }
}
