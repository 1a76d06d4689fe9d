//! Reductions of a scenario: each yields candidates, the largest steps first.

use toml::{Table, Value};

use super::remove::{fewer_processes_and_images, remove_elements};
use super::shorten::{duration_of, shorter_duration, with_default_start};
use super::toml_edit::{find, paths, tables_mut, with};
use crate::scenario::Duration;
use crate::scenario::PathSegment;
use crate::scenario::write::remove;
use rehearsal_convert::Saturating;

/// Reduction: a kind of edit that makes a scenario smaller.
pub struct Reduction {
    /// Name in progress messages.
    pub name: &'static str,
    /// Returns the candidates of a scenario.
    pub candidates: fn(&Table) -> Vec<Table>,
    /// Number of events after which no further seed is tried on a candidate. So small candidates
    /// get more seeds.
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

/// All reductions, in the order of their use.
pub const REDUCTIONS: [Reduction; 7] = [
    Reduction::new("removing faults, operations and schedules", remove_elements)
        .with_event_limit(400_000),
    Reduction::new("fewer processes and images", fewer_processes_and_images)
        .with_event_limit(400_000),
    Reduction::new("shorter durations", shorter_duration),
    Reduction::new("smaller numbers", smaller_numbers),
    Reduction::new("defaults", remove_keys),
    Reduction::new("constants for distributions", constants),
    Reduction::new("round values", rounded_values),
];

/// Lowers each integer above 1 to 1, 2, 5, 10 and so on, or by one.
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
    // Shortens lists of named processes or tenants.
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

/// Removes single keys and whole tables, so that their defaults apply. Tenants are removed together
/// with the references to them; the start, with a shift of all times.
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

/// Replaces each distribution by a constant.
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

/// Rounds numbers and durations.
fn rounded_values(table: &Table) -> Vec<Table> {
    let mut candidates = Vec::new();
    for path in paths(table) {
        let rounder = match find(table, &path) {
            Some(Value::Float(number)) => rounded_numbers(*number),
            Some(value) => duration_of(value)
                .map(rounded_durations)
                .unwrap_or_default(),
            None => Vec::new(),
        };
        candidates.extend(rounder.into_iter().map(|value| with(table, &path, value)));
    }
    candidates
}

fn rounded_numbers(number: f64) -> Vec<Value> {
    let to_digits = |digits: i32| {
        let unit = 10_f64.powi(digits - 1 - number.abs().log10().floor().saturating_i32());
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

/// Rounds a duration down and up to hours, ten minutes, minutes, ten seconds, seconds and tenths.
fn rounded_durations(time: Duration) -> Vec<Value> {
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
    fn smaller_numbers_of_integer_are_round() {
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
    fn without_tenants_removes_references() {
        let named = table("fleet.tenants = ['a', 'b']\nschedule = [{ id = 'x', tenant = 'b' }]");
        let plain = table("fleet = {}\nschedule = [{ id = 'x' }]");
        assert_eq!(without_tenants(&named), plain);
    }
}
