//! Ways to make a scenario smaller, each as a list of candidates, the boldest first.

use std::str::FromStr;

use toml::{Table, Value};

use crate::scenario::Duration;
use crate::scenario::write::{Step, find_mut, remove};

/// A way to make a scenario smaller.
pub type Reduction = fn(&Table) -> Vec<Table>;

/// All ways, in the order in which they are tried.
pub const REDUCTIONS: [(&str, Reduction); 6] = [
    (
        "leaving out faults, operations and schedules",
        fewer_elements,
    ),
    ("a shorter time", shorter_duration),
    ("smaller numbers", smaller_numbers),
    ("defaults", fewer_keys),
    ("constants for distributions", constants),
    ("round values", rounder_values),
];

/// Lists of which elements can be left out.
const LISTS: [&str; 4] = ["fault", "operation", "schedule", "expect"];

/// Leaves out elements of lists: the half of them, a quarter, ..., single ones.
fn fewer_elements(table: &Table) -> Vec<Table> {
    let mut candidates = Vec::new();
    for list in LISTS {
        let Some(elements) = table.get(list).and_then(Value::as_array) else {
            continue;
        };
        let mut chunk = elements.len();
        while chunk > 0 {
            for start in (0..elements.len()).step_by(chunk) {
                let mut rest = elements.clone();
                rest.drain(start..elements.len().min(start + chunk));
                let mut candidate = table.clone();
                match rest.is_empty() {
                    true => drop(candidate.remove(list)),
                    false => drop(candidate.insert(list.into(), Value::Array(rest))),
                }
                candidates.push(candidate);
            }
            chunk /= 2;
        }
    }
    candidates
}

/// Ends sooner.
fn shorter_duration(table: &Table) -> Vec<Table> {
    let Some(duration) = table.get("duration").and_then(duration_of) else {
        return Vec::new();
    };
    let seconds = duration.std().as_secs();
    [8, 4, 2]
        .into_iter()
        .map(|part| seconds / part)
        .chain([seconds * 3 / 4, seconds * 9 / 10])
        .map(|seconds| Duration::from_secs(round_seconds(seconds.max(1))))
        .map(|shorter| {
            with(
                table,
                &[Step::Key("duration".into())],
                shorter.to_string().into(),
            )
        })
        .collect()
}

/// Puts a smaller number for every whole number above 1: 1, a few, the half, one less.
fn smaller_numbers(table: &Table) -> Vec<Table> {
    let mut candidates = Vec::new();
    for path in paths(table) {
        let Some(&Value::Integer(number)) = find(table, &path) else {
            continue;
        };
        let is_seed = path == [Step::Key("seed".into())];
        let mut smaller = vec![1, 2, 5, number / 10, number / 2, number - 1];
        smaller.retain(|smaller| (1..number).contains(smaller) && !is_seed);
        smaller.dedup();
        candidates.extend(
            smaller
                .into_iter()
                .map(|number| with(table, &path, number.into())),
        );
    }
    // A list of named processes or tenants becomes a number of them.
    for key in ["processes", "tenants", "namespaces", "repositories"] {
        for section in ["workers", "fleet"] {
            let path = [Step::Key(section.into()), Step::Key(key.into())];
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

/// Leaves out single keys and whole tables, so that their defaults hold.
fn fewer_keys(table: &Table) -> Vec<Table> {
    let without = |path: &Vec<Step>| {
        let mut candidate = table.clone();
        remove(&mut candidate, path).then_some(candidate)
    };
    let is_key = |path: &&Vec<Step>| matches!(path.last(), Some(Step::Key(_)));
    paths(table)
        .iter()
        .filter(is_key)
        .filter_map(without)
        .collect()
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

/// Times in whole hours, ten minutes, minutes, ten seconds and seconds, below and above.
fn rounder_times(time: Duration) -> Vec<Value> {
    let nanos = time.as_nanos();
    let units_seconds = [3_600, 600, 60, 10, 1];
    let rounded = units_seconds.into_iter().flat_map(|unit| {
        let unit = unit * 1_000_000_000;
        [nanos / unit * unit, nanos.div_ceil(unit) * unit]
    });
    let differs = |rounded: &u64| *rounded > 0 && *rounded != nanos;
    let text = |nanos| Duration::from_nanos(nanos).to_string().into();
    rounded.filter(differs).map(text).collect()
}

/// A number of seconds of which a person would think.
fn round_seconds(seconds: u64) -> u64 {
    let unit = match seconds {
        0..60 => 1,
        60..3_600 => 60,
        3_600..86_400 => 600,
        _ => 3_600,
    };
    seconds.div_ceil(unit) * unit
}

fn duration_of(value: &Value) -> Option<Duration> {
    Duration::from_str(value.as_str()?).ok()
}

fn find<'t>(table: &'t Table, path: &[Step]) -> Option<&'t Value> {
    let (Step::Key(first), rest) = path.split_first()? else {
        return None;
    };
    rest.iter()
        .try_fold(table.get(first)?, |value, step| match step {
            Step::Key(key) => value.as_table()?.get(key),
            Step::Index(index) => value.as_array()?.get(*index),
        })
}

fn with(table: &Table, path: &[Step], value: Value) -> Table {
    let mut candidate = table.clone();
    if let Some(place) = find_mut(&mut candidate, path) {
        *place = value;
    }
    candidate
}

/// The ways to all values, the outer before the inner.
fn paths(table: &Table) -> Vec<Vec<Step>> {
    let mut found = Vec::new();
    for (key, value) in table {
        walk(value, &mut vec![Step::Key(key.clone())], &mut found);
    }
    found
}

fn walk(value: &Value, path: &mut Vec<Step>, found: &mut Vec<Vec<Step>>) {
    found.push(path.clone());
    let mut into = |step: Step, value: &Value| {
        path.push(step);
        walk(value, path, found);
        path.pop();
    };
    match value {
        Value::Table(table) => table
            .iter()
            .for_each(|(key, value)| into(Step::Key(key.clone()), value)),
        Value::Array(values) => values
            .iter()
            .enumerate()
            .for_each(|(index, value)| into(Step::Index(index), value)),
        _ => {}
    }
}
