//! Ways to make a scenario smaller, each as a list of candidates, the boldest first.

use toml::{Table, Value};

use super::remove::{fewer_processes_and_images, remove_elements};
use super::shorten::{duration_of, shorter_duration, with_default_start};
use super::toml_edit::{find, paths, tables_mut, with};
use crate::scenario::Duration;
use crate::scenario::PathSegment;
use crate::scenario::write::remove;

/// A way to make a scenario smaller.
pub struct Reduction {
    /// What it does.
    pub name: &'static str,
    /// Smaller scenarios.
    pub candidates: fn(&Table) -> Vec<Table>,
    /// After so many events in vain no further seed is tried on a candidate: small ones get more seeds,
    /// and those that make the most difference.
    pub event_limit: u64,
}

impl Reduction {
    const fn new(name: &'static str, candidates: fn(&Table) -> Vec<Table>) -> Self {
        Self {
            name,
            candidates,
            event_limit: 200_000,
        }
    }

    const fn with_event_limit(self, event_limit: u64) -> Self {
        Self {
            event_limit,
            ..self
        }
    }
}

/// All ways, in the order in which they are tried.
pub const REDUCTIONS: [Reduction; 7] = [
    Reduction::new(
        "leaving out faults, operations and schedules",
        remove_elements,
    )
    .with_event_limit(400_000),
    Reduction::new("fewer processes and images", fewer_processes_and_images)
        .with_event_limit(400_000),
    Reduction::new("a shorter time", shorter_duration),
    Reduction::new("smaller numbers", smaller_numbers),
    Reduction::new("defaults", remove_keys),
    Reduction::new("constants for distributions", constants),
    Reduction::new("round values", rounder_values),
];

/// Puts a smaller number for every whole number above 1: 1, 2, 5, 10, and so on, or one less.
fn smaller_numbers(table: &Table) -> Vec<Table> {
    let mut candidates = Vec::new();
    for path in paths(table) {
        let Some(&Value::Integer(number)) = find(table, &path) else {
            continue;
        };
        if path == [PathSegment::Key("seed".into())] {
            continue;
        }
        let powers = (0..18).map(|digits| 10_i64.pow(digits));
        let rounds = powers.flat_map(|power| [power, 2 * power, 5 * power]);
        let one_less = (3..=10).contains(&number).then_some(number - 1);
        let smaller = rounds.take_while(|round| *round < number).chain(one_less);
        candidates.extend(smaller.map(|number| with(table, &path, number.into())));
    }
    // A list of named processes or tenants becomes a number of them.
    for key in ["processes", "tenants", "namespaces", "repositories"] {
        for section in ["workers", "fleet"] {
            let path = [
                PathSegment::Key(section.into()),
                PathSegment::Key(key.into()),
            ];
            if let Some(Value::Array(elements)) = find(table, &path) {
                for count in 1..elements.len().min(3) {
                    let fewer = elements[..count].to_vec();
                    candidates.push(with(table, &path, Value::Array(fewer)));
                }
            }
        }
    }
    candidates
}

/// LeafCounts out single keys and whole tables, so that their defaults hold. The tenants go with those who
/// name them, and the start with the minutes that were before it.
fn remove_keys(table: &Table) -> Vec<Table> {
    let without = |path: &Vec<PathSegment>| {
        let mut candidate = table.clone();
        remove(&mut candidate, path).then_some(candidate)
    };
    let is_key = |path: &&Vec<PathSegment>| matches!(path.last(), Some(PathSegment::Key(_)));
    let paths = paths(table);
    let single = paths.iter().filter(is_key).filter_map(without);
    single
        .chain([without_tenants(table)])
        .chain(with_default_start(table))
        .collect()
}

fn without_tenants(table: &Table) -> Table {
    let mut candidate = table.clone();
    if let Some(Value::Table(fleet)) = candidate.get_mut("fleet") {
        fleet.remove("tenants");
    }
    tables_mut(&mut candidate, "schedule").for_each(|schedule| drop(schedule.remove("tenant")));
    candidate
}

/// Puts a constant in the place of each distribution.
fn constants(table: &Table) -> Vec<Table> {
    let mut candidates = Vec::new();
    for path in paths(table) {
        let Some(Value::Table(distribution)) = find(table, &path) else {
            continue;
        };
        let typical = ["mean", "median", "min", "scale", "value"];
        let value = typical.iter().find_map(|key| distribution.get(*key));
        if let (true, Some(value)) = (distribution.contains_key("kind"), value) {
            candidates.push(with(table, &path, value.clone()));
        }
    }
    candidates
}

/// Puts rounder numbers and times for those that are not.
fn rounder_values(table: &Table) -> Vec<Table> {
    let mut candidates = Vec::new();
    for path in paths(table) {
        let rounder = match find(table, &path) {
            Some(Value::Float(number)) => rounder_numbers(*number),
            Some(value) => duration_of(value).map(rounder_times).unwrap_or_default(),
            None => Vec::new(),
        };
        candidates.extend(rounder.into_iter().map(|value| with(table, &path, value)));
    }
    candidates
}

fn rounder_numbers(number: f64) -> Vec<Value> {
    let to_digits = |digits: i32| {
        let unit = 10_f64.powi(digits - 1 - number.abs().log10().floor() as i32);
        (number * unit).round() / unit
    };
    let rounded = [number.round(), to_digits(1), to_digits(2)];
    let differs = |rounded: &f64| rounded.is_finite() && rounded != &number;
    rounded
        .into_iter()
        .filter(differs)
        .map(Value::Float)
        .collect()
}

/// Times in whole hours, ten minutes, minutes, ten seconds, seconds and tenths, below and above.
fn rounder_times(time: Duration) -> Vec<Value> {
    let nanos = time.as_nanos();
    let units_tenths = [36_000, 6_000, 600, 100, 10, 1];
    let rounded = units_tenths.into_iter().flat_map(|unit| {
        let unit = unit * 100_000_000;
        [nanos / unit * unit, nanos.div_ceil(unit) * unit]
    });
    let differs = |rounded: &u64| *rounded > 0 && *rounded != nanos;
    let text = |nanos| Duration::from_nanos(nanos).to_string().into();
    rounded.filter(differs).map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shrink::toml_edit::table;

    #[test]
    fn large_numbers_become_round_ones() {
        let images = |table: &Table| table["fleet"]["images"].as_integer();
        let smaller = |text| {
            smaller_numbers(&table(text))
                .iter()
                .filter_map(images)
                .collect()
        };
        let found: Vec<i64> = smaller("fleet.images = 600");
        assert_eq!(found, [1, 2, 5, 10, 20, 50, 100, 200, 500]);
        let found: Vec<i64> = smaller("fleet.images = 4");
        assert_eq!(found, [1, 2, 3]);
    }

    #[test]
    fn tenants_go_with_those_who_name_them() {
        let named = table("fleet.tenants = ['a', 'b']\nschedule = [{ id = 'x', tenant = 'b' }]");
        let plain = table("fleet = {}\nschedule = [{ id = 'x' }]");
        assert_eq!(without_tenants(&named), plain);
    }
}
