//! Begin and end of faults, for time lines and for alerts that are expected after a fault.

use serde::{Deserialize, Serialize};

use crate::model::Timestamp;
use crate::model::fault::FaultKind;

/// Maximum number of episodes that are kept; later ones still count in the report.
pub const EPISODES_MAX: usize = 20_000;

/// One fault, from its beginning to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FaultInterval {
    /// Kind of the fault.
    pub kind: FaultKind,
    /// Its target, for people.
    pub subject: String,
    /// When it began.
    pub began: Timestamp,
    /// When it ended; none if it never did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ended: Option<Timestamp>,
}

/// All episodes, in the order in which they began.
#[derive(Clone, Debug, Default)]
pub(crate) struct FaultIntervals {
    all: Vec<FaultInterval>,
    /// Positions in `all` of the active ones.
    open: Vec<usize>,
}

impl FaultIntervals {
    /// Records the begin of a fault.
    pub fn begin(&mut self, kind: FaultKind, subject: &str, now: Timestamp) {
        if self.all.len() < EPISODES_MAX {
            self.open.push(self.all.len());
            self.all.push(FaultInterval {
                kind,
                subject: subject.to_owned(),
                began: now,
                ended: None,
            });
        }
    }

    /// Records the end of a fault. Of two equal ones the earlier ends first.
    pub fn end(&mut self, kind: FaultKind, subject: &str, now: Timestamp) {
        let is_it = |place: &usize| {
            let episode = &self.all[*place];
            episode.kind == kind && episode.subject == subject
        };
        if let Some(found) = self.open.iter().position(is_it) {
            let place = self.open.remove(found);
            self.all[place].ended = Some(now);
        }
    }

    /// All that were kept.
    pub fn list(&self) -> Vec<FaultInterval> {
        self.all.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_episode_ends_with_its_own_kind_and_subject() {
        let mut episodes = FaultIntervals::default();
        let at = Timestamp::from_seconds;
        episodes.begin(FaultKind::ProcessPause, "worker-1", at(10));
        episodes.begin(FaultKind::ProcessPause, "worker-2", at(20));
        episodes.begin(FaultKind::ProcessPause, "worker-1", at(30));
        episodes.end(FaultKind::ProcessPause, "worker-1", at(40));
        episodes.end(FaultKind::ScannerSlow, "worker-2", at(50));
        let ends: Vec<_> = episodes
            .list()
            .iter()
            .map(|episode| episode.ended)
            .collect();
        assert_eq!(ends, [Some(at(40)), None, None]);
    }

    #[test]
    fn no_more_are_kept_than_the_limit() {
        let mut episodes = FaultIntervals::default();
        for second in 0..=EPISODES_MAX as u64 {
            let at = Timestamp::from_seconds(second);
            episodes.begin(FaultKind::QueueDelay, "both queues", at);
        }
        assert_eq!(episodes.list().len(), EPISODES_MAX);
        episodes.end(FaultKind::QueueDelay, "another", Timestamp::from_seconds(1));
        let kept = episodes.list();
        assert!(kept.iter().all(|episode| episode.ended.is_none()));
    }
}
