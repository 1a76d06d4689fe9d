//! Key figures of fixed seeds against a checked-in baseline.
//!
//! No invariant states how many events, calls or seconds a run takes. A change that doubles the
//! polls or makes every run a fifth longer violates nothing, so it must show here.
//!
//! `UPDATE_KEY_FIGURES=1 cargo test --test it key_figures` writes the baseline anew. Its commit
//! says why a figure moved.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use rehearsal::check::scenario_loader;
use rehearsal::rehearsal::{RunOptions, run};
use rehearsal::report::{RunReport, SeriesSummaryValue};
use rehearsal::sim::fault_plan::FaultProfile;

/// Scenarios, each with the profile under which its seeds are run.
const SCENARIOS: [(&str, FaultProfile); 6] = [
    ("every-selector", FaultProfile::None),
    ("every-selector", FaultProfile::Swarm),
    ("lost-acknowledgements", FaultProfile::None),
    ("quickstart", FaultProfile::None),
    ("quickstart", FaultProfile::Swarm),
    ("store-conflicts", FaultProfile::None),
];

const SEEDS: std::ops::Range<u64> = 0..2;

/// Fleet that makes a seed cheap without optimisation.
const SMALL_FLEET: &str = "fleet.images=200";

/// Share by which a figure may differ from its baseline.
const TOLERANCE: f64 = 0.05;

/// Amount by which it may differ in any case: a rare event more or less means nothing.
const SLACK: f64 = 3.0;

/// Figures by name: those of one scenario, summed or averaged over the seeds.
type Figures = BTreeMap<String, f64>;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn baseline() -> PathBuf {
    root().join("tests/key_figures.tsv")
}

fn reports(name: &str, profile: FaultProfile) -> Vec<RunReport> {
    let path = root().join("scenarios").join(format!("{name}.toml"));
    let loader = scenario_loader(&[SMALL_FLEET.to_owned()]);
    let scenario = loader.load(&path).unwrap_or_else(|error| panic!("{error}"));
    let rehearse = |seed| {
        let options = RunOptions {
            seed: Some(seed),
            profile,
            ..RunOptions::default()
        };
        let finished = run(&scenario, &options, |_| {}).unwrap();
        RunReport::new(&finished, String::new(), None)
    };
    SEEDS.map(rehearse).collect()
}

/// Figures of some seeds.
fn figures(reports: &[RunReport]) -> Figures {
    let mut figures = Figures::new();
    let mut add = |name: String, value: f64| *figures.entry(name).or_default() += value;
    for report in reports {
        add("events".into(), as_f64(report.events));
        for (call, counts) in &report.calls {
            add(format!("calls of {call}"), as_f64(counts.begun));
        }
        for (name, quantiles) in &report.latency {
            let seeds = as_f64(reports.len() as u64);
            add(
                format!("{name} p50 ms"),
                quantiles.p50_seconds * 1_000.0 / seeds,
            );
            add(
                format!("{name} p95 ms"),
                quantiles.p95_seconds * 1_000.0 / seeds,
            );
        }
        let counters = report.instruments.iter();
        for (name, counter) in counters.filter(|(_, instrument)| instrument.kind == "counter") {
            for series in &counter.series {
                if let SeriesSummaryValue::Number { value } = series.value {
                    add(name.clone(), value);
                }
            }
        }
    }
    figures
}

fn as_f64(number: u64) -> f64 {
    f64::from(u32::try_from(number).expect("a small fleet"))
}

/// Figures that differ from their baseline, one line each.
fn differences(expected: &Figures, found: &Figures) -> Vec<String> {
    let names = expected.keys().chain(found.keys());
    let names: std::collections::BTreeSet<_> = names.collect();
    let of = |figures: &Figures, name: &String| figures.get(name).copied().unwrap_or(0.0);
    let differing = names.into_iter().filter_map(|name| {
        let (expected, found) = (of(expected, name), of(found, name));
        let is_near = (found - expected).abs() <= (TOLERANCE * expected).max(SLACK);
        let share = 100.0 * (found / expected - 1.0);
        let line = || format!("{name:64} {expected:>12.1} {found:>12.1} {share:>+8.1} %");
        (!is_near).then(line)
    });
    differing.collect()
}

fn parse(text: &str) -> Figures {
    let entry = |line: &str| {
        let (name, value) = line.rsplit_once('\t').unwrap();
        (name.to_owned(), value.parse().unwrap())
    };
    text.lines().map(entry).collect()
}

#[test]
fn key_figures_of_fixed_seeds_are_near_their_baseline() {
    let mut found = Figures::new();
    for (name, profile) in SCENARIOS {
        let under = profile.as_str();
        let figures = figures(&reports(name, profile));
        found.extend(
            figures
                .into_iter()
                .map(|(figure, value)| (format!("{name} {under}: {figure}"), value)),
        );
    }
    if std::env::var_os("UPDATE_KEY_FIGURES").is_some() {
        let lines = found.iter().fold(String::new(), |mut text, (name, value)| {
            let _ = writeln!(text, "{name}\t{value:.1}");
            text
        });
        fs::write(baseline(), lines).unwrap();
    }
    let differences = differences(&parse(&fs::read_to_string(baseline()).unwrap()), &found);
    assert!(
        differences.is_empty(),
        "figures that moved, with their baseline:\n{}\nif that is intended, \
         `UPDATE_KEY_FIGURES=1 cargo test --test it key_figures` writes the baseline anew",
        differences.join("\n")
    );
}

#[test]
fn differences_name_figures_that_moved() {
    let expected = parse("events\t1000.0\np95 ms\t100.0\nrare\t1.0\n");
    assert_eq!(differences(&expected, &expected), [""; 0]);
    let near = parse("events\t1049.0\np95 ms\t95.5\nrare\t4.0\n");
    assert_eq!(differences(&expected, &near), [""; 0]);
    let moved = parse("events\t1051.0\np95 ms\t113.0\nnew\t9.0\n");
    let names: Vec<_> = differences(&expected, &moved)
        .iter()
        .map(|line| line.split_whitespace().next().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["events", "new", "p95"]);
}
