//! Coverage of a sweep: counts of named events, and the events that never occurred.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Counts of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoverageMark {
    /// Number of seeds in which the event occurred.
    pub seeds: u64,
    /// Number of occurrences in all seeds.
    pub times: u64,
}

/// Counts of all events that can occur, by name.
///
/// ```
/// use rehearsal::sweep::Coverage;
///
/// let mut coverage = Coverage::default();
/// coverage.note("run Planning → Queued", 3);
/// coverage.note("run Running → Error", 0);
/// assert_eq!(coverage.never().collect::<Vec<_>>(), ["run Running → Error"]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Coverage {
    marks: BTreeMap<String, CoverageMark>,
}

impl Coverage {
    /// Adds the occurrences of an event in one seed. 0 records that the event can occur.
    pub fn note(&mut self, name: &str, times: u64) {
        let one = CoverageMark {
            seeds: u64::from(times > 0),
            times,
        };
        self.add(name, one);
    }

    /// Merges the coverage of other seeds. Returns whether an event occurred for the first time.
    pub fn merge(&mut self, other: &Self) -> bool {
        let mut is_new = false;
        for (name, mark) in &other.marks {
            is_new |= self.add(name, *mark);
        }
        is_new
    }

    fn add(&mut self, name: &str, more: CoverageMark) -> bool {
        // After the first seed, most names are known: no allocation.
        if !self.marks.contains_key(name) {
            self.marks.insert(name.to_owned(), CoverageMark::default());
        }
        let Some(mark) = self.marks.get_mut(name) else {
            return false;
        };
        let is_new = mark.seeds == 0 && more.seeds > 0;
        mark.seeds = mark.seeds.saturating_add(more.seeds);
        mark.times = mark.times.saturating_add(more.times);
        is_new
    }

    /// Events that can occur, by name, with their counts.
    pub fn marks(&self) -> impl Iterator<Item = (&str, CoverageMark)> {
        self.marks.iter().map(|(name, mark)| (name.as_str(), *mark))
    }

    /// Names of the events that never occurred.
    pub fn never(&self) -> impl Iterator<Item = &str> {
        let never = self.marks().filter(|(_, mark)| mark.seeds == 0);
        never.map(|(name, _)| name)
    }
}
