//! The bench's table in aligned Markdown.

use rehearsal_convert::Nearest;
use std::path::Path;
use std::time::Duration;
use std::{env, fs};

use rehearsal::scenario::Scenario;

use crate::bench::{Bug, on_all_cores, quickstart};
use crate::list;

/// Minimum number of seeds for the share that finds a defect; a larger budget replaces it.
const SHARE_SEEDS_MIN: u64 = 200;

/// Share of seeds below which a defect is rare.
const RARE: f64 = 0.05;

/// Environment variable that restricts the table to one defect.
const ONLY: &str = "BUG";

/// Directory for the shrunk scenarios.
const SCENARIOS: &str = env!("CARGO_TARGET_TMPDIR");

const HEAD: [&str; 8] = [
    "defect",
    "found by",
    "needs",
    "share of seeds",
    "seeds to find",
    "s",
    "after shrinking",
    "s",
];

/// Measurements of one defect.
struct Line {
    cells: [String; HEAD.len()],
    share: f64,
    took: Duration,
}

/// Prints a line for each defect when it is measured, then the table. Writes the shrunk scenarios.
pub fn print() {
    let only = env::var(ONLY).ok();
    let scenario = quickstart();
    let bugs = list::ALL.iter();
    let bugs = bugs.filter(|bug| only.as_ref().is_none_or(|only| bug.name == only));
    let bugs: Vec<_> = bugs.collect();
    let lines = on_all_cores(&bugs, |bug| measure(bug, &scenario));
    let lines: Vec<_> = lines.into_iter().flatten().collect();
    let cells = lines.iter().map(|line| line.cells.clone());
    let head = [HEAD.map(String::from), HEAD.map(|_| "---".into())];
    let rows: Vec<_> = head.into_iter().chain(cells).collect();
    println!("\n{}\n{}", aligned(&rows), summary(bugs.len(), &lines));
}

/// Finds a defect, shrinks the failing seed, and counts the seeds that find it.
fn measure(bug: &Bug, scenario: &Scenario) -> Option<Line> {
    let Some(found) = bug.find(scenario) else {
        println!("{}: not found in {} seeds", bug.name, bug.budget_seeds);
        return None;
    };
    let (shrunk, shrinking) = bug.shrink(scenario, &found);
    let file = Path::new(SCENARIOS).join(format!("{}.toml", bug.name));
    let text = format!("# {}\n\n{}", shrunk.message, shrunk.text);
    fs::write(&file, text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    println!("{}: {}; {}", bug.name, shrunk.size, file.display());
    let seeds = bug.budget_seeds.max(SHARE_SEEDS_MIN);
    let share = bug.count(scenario, 0..seeds).nearest_f64() / seeds.nearest_f64();
    Some(Line {
        cells: [
            bug.name.into(),
            found.failure.cause.name,
            needs(bug),
            format!("{:.1} % of {seeds}", share * 100.0),
            (found.seed + 1).to_string(),
            format!("{:.1}", found.took.as_secs_f64()),
            shrunk.size.to_string(),
            format!("{:.0}", shrinking.as_secs_f64()),
        ],
        share,
        took: found.took,
    })
}

/// Summary line of the bench.
fn summary(count: usize, lines: &[Line]) -> String {
    let mut took: Vec<_> = lines.iter().map(|line| line.took).collect();
    took.sort_unstable();
    let seconds = |took: Option<&Duration>| took.map_or(0.0, Duration::as_secs_f64);
    format!(
        "{} of {count} found, the median in {:.1} s, the last in {:.1} s; \
         {} by fewer than {:.0} % of seeds",
        lines.len(),
        seconds(took.get(took.len() / 2)),
        seconds(took.last()),
        lines.iter().filter(|line| line.share < RARE).count(),
        RARE * 100.0
    )
}

/// Names of alternative kinds, or their number if there are many.
fn needs(bug: &Bug) -> String {
    let kinds = bug.needs.iter().map(|kinds| match kinds {
        [one] => (*one).to_owned(),
        kinds => format!("one of {}", kinds.len()),
    });
    kinds.collect::<Vec<_>>().join(" and ")
}

fn aligned(rows: &[[String; HEAD.len()]]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or(0)
    };
    let line = |row: &[String; HEAD.len()]| {
        let cells = row.iter().enumerate();
        let cells = cells.map(|(column, cell)| format!("| {cell:<0$} ", width(column)));
        cells.collect::<String>() + "|\n"
    };
    rows.iter().map(line).collect()
}
