//! What happened over many seeds, by names that a person can read, and what never did.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How often something happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoverageMark {
    /// In how many seeds.
    pub seeds: u64,
    /// How many times in all of them.
    pub times: u64,
}

/// What happened, and what could have but did not.
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
    /// Something happened so many times in one seed; zero notes that it can happen.
    pub fn note(&mut self, name: &str, times: u64) {
        let one = CoverageMark {
            seeds: u64::from(times > 0),
            times,
        };
        self.add(name, one);
    }

    /// Adds what happened over other seeds. Returns whether any of it is new here.
    pub fn merge(&mut self, other: &Self) -> bool {
        let mut is_new = false;
        for (name, mark) in &other.marks {
            is_new |= self.add(name, *mark);
        }
        is_new
    }

    fn add(&mut self, name: &str, more: CoverageMark) -> bool {
        // Most names are known after the first seed.
        if !self.marks.contains_key(name) {
            self.marks.insert(name.to_owned(), CoverageMark::default());
        }
        let Some(mark) = self.marks.get_mut(name) else {
            return false;
        };
        let is_new = mark.seeds == 0 && more.seeds > 0;
        mark.seeds += more.seeds;
        mark.times += more.times;
        is_new
    }

    /// Everything that can happen, by name, with how often it did.
    pub fn marks(&self) -> impl Iterator<Item = (&str, CoverageMark)> {
        self.marks.iter().map(|(name, mark)| (name.as_str(), *mark))
    }

    /// What never happened, by name.
    pub fn never(&self) -> impl Iterator<Item = &str> {
        let never = self.marks().filter(|(_, mark)| mark.seeds == 0);
        never.map(|(name, _)| name)
    }
}
