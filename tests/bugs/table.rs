//! The table of the bench, as Markdown that is aligned.

use std::env;

use crate::bench::{Bug, quickstart};
use crate::list;

/// Of so many seeds the table gives the share that find a defect.
const SHARE_SEEDS: u64 = 400;

/// Names one defect, of which the small scenario is printed too.
const ONLY: &str = "BUG";

const HEAD: [&str; 8] = [
    "defect",
    "found by",
    "seeds",
    "s",
    "share",
    "smallest scenario",
    "s",
    "needs",
];

/// Prints a line for each defect as soon as it is known, and at the end the table.
pub fn print() {
    let only = env::var(ONLY).ok();
    let scenario = quickstart();
    let bugs = list::ALL.iter();
    let bugs = bugs.filter(|bug| only.as_ref().is_none_or(|only| bug.name == only));
    let mut rows = vec![HEAD.map(String::from), HEAD.map(|_| "---".into())];
    for bug in bugs {
        let Some(found) = bug.find(&scenario) else {
            println!("{}: not found in {} seeds", bug.name, bug.budget_seeds);
            continue;
        };
        let (shrunk, took) = bug.shrink(&scenario, &found);
        let share = bug.count(&scenario, 0..SHARE_SEEDS) as f64 / SHARE_SEEDS as f64;
        println!("{}: {}", bug.name, shrunk.size);
        if only.is_some() {
            println!("\n{}\n\n{}", shrunk.message, shrunk.text);
        }
        rows.push([
            bug.name.into(),
            found.failure.cause.name,
            (found.seed + 1).to_string(),
            format!("{:.1}", found.took.as_secs_f64()),
            format!("{:.1} %", share * 100.0),
            shrunk.size.to_string(),
            format!("{:.0}", took.as_secs_f64()),
            needs(bug),
        ]);
    }
    println!("\n{}", aligned(&rows));
}

/// How many things have to happen.
fn needs(bug: &Bug) -> String {
    let kinds = bug.needs.iter().map(|kinds| match kinds {
        [one] => (*one).to_owned(),
        kinds => format!("one of {}", kinds.len()),
    });
    kinds.collect::<Vec<_>>().join(" and ")
}

fn aligned(rows: &[[String; 8]]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or(0)
    };
    let line = |row: &[String; 8]| {
        let cells = row.iter().enumerate();
        let cells = cells.map(|(column, cell)| format!("| {cell:<0$} ", width(column)));
        cells.collect::<String>() + "|\n"
    };
    rows.iter().map(line).collect()
}
