//! Removal of faults, operations, schedules, processes and images.

use toml::{Table, Value};

use super::intensify::intensified;
use super::toml_edit::{put, tables_mut};

/// Lists whose elements can be removed.
const LISTS: [&str; 4] = ["fault", "operation", "schedule", "expect"];

/// Removes elements of lists: a half of them, a quarter, and so on down to single ones. Also keeps
/// single schedules with a higher load, and applies edits of schedules from the start.
pub fn remove_elements(table: &Table) -> Vec<Table> {
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
    candidates.extend(one_schedule(table));
    candidates.extend(edited_from_the_start(table));
    candidates
}

/// Keeps each schedule alone, intensified.
fn one_schedule(table: &Table) -> Vec<Table> {
    let schedules = table.get("schedule").and_then(Value::as_array);
    let schedules = schedules.filter(|schedules| schedules.len() > 1);
    let alone = schedules.into_iter().flatten().map(|schedule| {
        let mut candidate = table.clone();
        candidate.insert("schedule".into(), Value::Array(vec![schedule.clone()]));
        candidate
    });
    alone.flat_map(|alone| intensified(&alone)).collect()
}

/// Applies each edit of a schedule before the start.
fn edited_from_the_start(table: &Table) -> Vec<Table> {
    let operations = table.get("operation").and_then(Value::as_array);
    let operations: &[Value] = operations.map_or(&[], Vec::as_slice);
    let mut candidates = Vec::new();
    for (index, operation) in operations.iter().enumerate() {
        let (Some(id), Some(Value::Table(changes))) =
            (operation.get("schedule"), operation.get("changes"))
        else {
            continue;
        };
        let mut candidate = table.clone();
        for schedule in tables_mut(&mut candidate, "schedule") {
            if schedule.get("id") == Some(id) {
                schedule.extend(changes.clone());
            }
        }
        if let Some(Value::Array(rest)) = candidate.get_mut("operation") {
            rest.remove(index);
        }
        candidates.push(candidate);
    }
    candidates
}

/// Reduced numbers of processes and images, also where the default is higher.
const FEW: [(&str, &str, &[i64]); 2] = [
    ("workers", "processes", &[1, 2]),
    ("fleet", "images", &[1, 2, 5, 10, 20, 50, 100, 200, 500]),
];

/// Maximum number of processes or images with which a candidate is also intensified.
const FEWEST: i64 = 5;

/// Lowers the number of processes and images; the smallest candidates are also intensified.
pub fn fewer_processes_and_images(table: &Table) -> Vec<Table> {
    let few = FEW.into_iter().flat_map(|(section, key, numbers)| {
        numbers.iter().map(move |number| {
            let mut candidate = table.clone();
            put(&mut candidate, section, key, (*number).into());
            (*number, candidate)
        })
    });
    let few: Vec<_> = few.collect();
    let fewest = few.iter().filter(|(number, _)| *number <= FEWEST);
    let harder = fewest.flat_map(|(_, candidate)| intensified(candidate));
    let harder: Vec<_> = harder.collect();
    few.into_iter()
        .map(|(_, candidate)| candidate)
        .chain(harder)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shrink::toml_edit::table;

    #[test]
    fn remove_elements_keeps_one_intensified_schedule() {
        let two = table("schedule = [{ id = 'x' }, { id = 'y' }]");
        let alone = table("schedule = [{ id = 'y', whenCron = '* * * * *', overlap = 'allow' }]");
        assert!(remove_elements(&two).contains(&alone));
        assert!(
            one_schedule(&alone).is_empty(),
            "there is one schedule only"
        );
    }

    #[test]
    fn edit_of_schedule_moves_to_the_start() {
        let later = table(
            "schedule = [{ id = 'x', mode = 'contentRefresh' }, { id = 'y' }]
            operation = [
                { at = '1m', kind = 'edit', schedule = 'x', changes = { overlap = 'skip' } },
                { at = '2m', kind = 'cancel', schedule = 'x' },
            ]",
        );
        let sooner = table(
            "schedule = [{ id = 'x', mode = 'contentRefresh', overlap = 'skip' }, { id = 'y' }]
            operation = [{ at = '2m', kind = 'cancel', schedule = 'x' }]",
        );
        assert_eq!(edited_from_the_start(&later), [sooner]);
    }

    #[test]
    fn fewer_images_are_intensified() {
        let many = table(
            "fleet.images = 500
            schedule = [{ id = 'x', limits = { ratePerSecond = 20.0 } }]",
        );
        let candidates = fewer_processes_and_images(&many);
        for expected in [
            "scanner.latency = '20s'
            schedule = [{ id = 'x', limits = { ratePerSecond = 20.0 } }]",
            "schedule = [{ id = 'x', limits = { ratePerSecond = 20.0 }, whenCron = '* * * * *' }]",
            "schedule = [{ id = 'x', limits = { ratePerSecond = 1.0 } }]
            workers.options.segmentSize = 1",
            "scanner.latency = '20s'
            advisories.interval = '1m'
            [[schedule]]
            id = 'x'
            whenCron = '* * * * *'
            overlap = 'allow'
            triggers = ['conselier']
            limits = { ratePerSecond = 20.0 }",
        ] {
            let expected = table(&format!("fleet.images = 2\n{expected}"));
            assert!(candidates.contains(&expected), "{expected}");
        }
    }

    #[test]
    fn fewer_processes_are_intensified() {
        let many = table(
            "duration = '1h5m'
            schedule = [{ id = 'x', whenCron = '*/30 * * * *' }]
            fault = [{ at = '1h', kind = 'store-outage', duration = '10s' }]",
        );
        let candidates = fewer_processes_and_images(&many);
        for expected in [
            "duration = '1h5m'
            schedule = [{ id = 'x', whenCron = '*/30 * * * *' }]
            fault = [{ at = '1h', kind = 'store-outage', duration = '1m' }]",
            "duration = '6m'
            schedule = [{ id = 'x', whenCron = '* * * * *' }]
            fault = [{ at = '1m', kind = 'store-outage', duration = '1m' }]",
        ] {
            let expected = table(&format!("workers.processes = 2\n{expected}"));
            assert!(candidates.contains(&expected), "{expected}");
        }
    }

    #[test]
    fn fewer_processes_without_key_are_below_default() {
        let first = &fewer_processes_and_images(&table("name = 'x'"))[0];
        assert_eq!(first, &table("name = 'x'\nworkers.processes = 1"));
    }
}
