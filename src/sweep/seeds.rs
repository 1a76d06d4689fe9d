//! Sets of seeds, and shards of seed ranges.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Set of seeds, as sorted, disjoint, non-adjacent and non-empty ranges.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<[u64; 2]>", into = "Vec<[u64; 2]>")]
pub struct SeedSet {
    ranges: Vec<Range<u64>>,
}

impl SeedSet {
    /// Inserts one seed.
    pub fn insert(&mut self, seed: u64) {
        self.insert_range(seed..seed.saturating_add(1));
    }

    /// Inserts a range of seeds.
    pub fn insert_range(&mut self, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        let first = self.ranges.partition_point(|r| r.end < range.start);
        let last = self.ranges.partition_point(|r| r.start <= range.end);
        let touched = &self.ranges[first..last];
        let start = touched
            .first()
            .map_or(range.start, |r| r.start.min(range.start));
        let end = touched.last().map_or(range.end, |r| r.end.max(range.end));
        self.ranges.splice(first..last, std::iter::once(start..end));
    }

    /// Whether the set contains a seed.
    pub fn contains(&self, seed: u64) -> bool {
        let after = self.ranges.partition_point(|range| range.end <= seed);
        self.ranges
            .get(after)
            .is_some_and(|range| range.contains(&seed))
    }

    /// First seed that is in both sets.
    pub fn common(&self, other: &Self) -> Option<u64> {
        let starts = self.ranges.iter().chain(&other.ranges);
        starts
            .map(|range| range.start)
            .find(|seed| self.contains(*seed) && other.contains(*seed))
    }

    /// Number of seeds.
    pub fn len(&self) -> u64 {
        self.ranges
            .iter()
            .map(|range| range.end - range.start)
            .sum()
    }

    /// Whether the set has no seeds.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Ranges of the set, ascending.
    pub fn ranges(&self) -> &[Range<u64>] {
        &self.ranges
    }
}

impl From<Vec<[u64; 2]>> for SeedSet {
    fn from(pairs: Vec<[u64; 2]>) -> Self {
        let mut set = Self::default();
        for [start, end] in pairs {
            set.insert_range(start..end);
        }
        set
    }
}

impl From<SeedSet> for Vec<[u64; 2]> {
    fn from(set: SeedSet) -> Self {
        set.ranges
            .iter()
            .map(|range| [range.start, range.end])
            .collect()
    }
}

impl fmt::Display for SeedSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, range) in self.ranges.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{}..{}", range.start, range.end)?;
        }
        Ok(())
    }
}

/// One of several equal parts of a seed range, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    number: u64,
    of: u64,
}

impl Shard {
    /// Creates shard `number` of `of`.
    ///
    /// # Errors
    /// `number` is not from 1 to `of`.
    pub fn new(number: u64, of: u64) -> Result<Self, String> {
        if number == 0 || number > of {
            return Err(format!(
                "there is no shard {number} of {of}: the shards are 1/{of} to {of}/{of}"
            ));
        }
        Ok(Self { number, of })
    }

    /// Shard of the environment: an array task of Slurm, or a pod of a Kubernetes Indexed Job with
    /// `REHEARSAL_SHARDS` pods. `variable` reads an environment variable.
    ///
    /// # Errors
    /// A variable is invalid or missing.
    pub fn from_environment(
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, String> {
        let number = |name: &str| match variable(name) {
            None => Ok(None),
            Some(text) => match text.parse::<u64>() {
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(format!("{name} is `{text}`, which is not a number")),
            },
        };
        let of = |name: &str, index: u64| match number(name)? {
            Some(of) => Self::new(index + 1, of).map(Some),
            None => Err(format!(
                "this is task {index} of an array, but {name}, the number of tasks, is not set; \
                 set it, or use --shard"
            )),
        };
        if let Some(task) = number("SLURM_ARRAY_TASK_ID")? {
            let first = number("SLURM_ARRAY_TASK_MIN")?.unwrap_or(0);
            return of("SLURM_ARRAY_TASK_COUNT", task.saturating_sub(first));
        }
        match number("JOB_COMPLETION_INDEX")? {
            Some(index) => of("REHEARSAL_SHARDS", index),
            None => Ok(None),
        }
    }

    /// Part of a range. The parts of all shards partition the range.
    pub fn part(self, seeds: &Range<u64>) -> Range<u64> {
        let length = u128::from(seeds.end.saturating_sub(seeds.start));
        let bound = |number: u64| {
            let offset = length * u128::from(number) / u128::from(self.of);
            // At most the length, which fits in a u64.
            seeds.start + u64::try_from(offset).unwrap_or(u64::MAX)
        };
        bound(self.number - 1)..bound(self.number)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/');
        let numbers = parts.and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
        let (number, of) = numbers
            .ok_or_else(|| format!("`{text}` is not a shard: write 2/8 for the second of eight"))?;
        Self::new(number, of)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn seed_set_with_adjacent_ranges_merges_them() {
        let mut set = SeedSet::default();
        for range in [10..20, 0..5, 30..40, 5..10, 19..31] {
            set.insert_range(range);
        }
        assert_eq!(set.to_string(), "0..40");
    }

    #[test]
    fn shard_from_environment_reads_slurm_and_kubernetes() {
        let read = |pairs: &'static [(&str, &str)]| {
            Shard::from_environment(|name| {
                let found = pairs.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(read(&[]), Ok(None));
        let slurm = read(&[
            ("SLURM_ARRAY_TASK_ID", "12"),
            ("SLURM_ARRAY_TASK_MIN", "10"),
            ("SLURM_ARRAY_TASK_COUNT", "4"),
        ]);
        assert_eq!(slurm, Ok(Some(Shard { number: 3, of: 4 })));
        let pod = read(&[("JOB_COMPLETION_INDEX", "0"), ("REHEARSAL_SHARDS", "8")]);
        assert_eq!(pod, Ok(Some(Shard { number: 1, of: 8 })));
        let lone = read(&[("JOB_COMPLETION_INDEX", "3")]).unwrap_err();
        assert!(
            lone.contains("REHEARSAL_SHARDS, the number of tasks, is not set"),
            "{lone}"
        );
        assert!(read(&[("SLURM_ARRAY_TASK_ID", "x")]).is_err());
    }

    #[test]
    fn shard_from_invalid_text_is_refused() {
        for text in ["", "1", "0/4", "5/4", "a/b", "1/0"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn shards_of_range_partition_it(
            start in 0_u64..1000, length in 0_u64..1000, of in 1_u64..20,
        ) {
            let seeds = start..start + length;
            let mut next = start;
            for number in 1..=of {
                let part = Shard::new(number, of).unwrap().part(&seeds);
                prop_assert_eq!(part.start, next);
                next = part.end;
            }
            prop_assert_eq!(next, seeds.end);
        }

        #[test]
        fn seed_set_equals_model(
            ranges in prop::collection::vec((0_u64..60, 0_u64..9), 0..12),
        ) {
            let mut set = SeedSet::default();
            let mut plain = std::collections::BTreeSet::new();
            for (start, length) in ranges {
                set.insert_range(start..start + length);
                plain.extend(start..start + length);
            }
            for seed in 0..80 {
                prop_assert_eq!(set.contains(seed), plain.contains(&seed));
            }
            prop_assert_eq!(set.len(), plain.len() as u64);
            let apart = set.ranges().windows(2).all(|pair| pair[0].end < pair[1].start);
            prop_assert!(apart);
        }
    }
}
