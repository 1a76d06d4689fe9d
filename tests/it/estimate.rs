//! Estimates of cost: near what was measured, quick for every scenario, and the reason for warnings
//! and refusals.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use rehearsal::check::scenario_loader;
use rehearsal::scenario::{CostEstimate, Scenario};

use crate::program::{run, scratch, text};

/// Factor within which an estimate is exact enough.
const FACTOR: f64 = 3.0;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Number before a word of a golden file, as in `10 scanned`, or after it, as in `events 10`.
fn golden(text: &str, before: &str, after: &str) -> f64 {
    let (_, rest) = text.split_once(before).unwrap();
    let (number, _) = rest.split_once(after).unwrap();
    number.trim().parse().unwrap()
}

#[test]
fn estimates_of_bundled_scenarios_are_near_their_golden_counts() {
    let mut far = Vec::new();
    for entry in fs::read_dir(root().join("scenarios")).unwrap().flatten() {
        let path = entry.path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let scenario = scenario_loader(&[]).load(&path).unwrap();
        let name = &scenario.name;
        let found = root().join("reports/golden").join(format!("{name}.txt"));
        let found = fs::read_to_string(found).unwrap();
        let runs = golden(&found, "\nruns ", " completed")
            + golden(&found, " completed, ", " without work");
        let estimate = CostEstimate::of(&scenario);
        for (what, expected, found) in [
            ("events", estimate.events, golden(&found, "\nevents ", "\n")),
            (
                "scans",
                estimate.scans,
                golden(&found, "\nimages ", " scanned"),
            ),
            ("runs", estimate.runs, runs),
        ] {
            let factor = expected / found;
            if !(1.0 / FACTOR..FACTOR).contains(&factor) {
                far.push(format!(
                    "{name}: {expected:.0} {what}, found {found}: {factor:.2}"
                ));
            }
        }
    }
    assert_eq!(far, [""; 0]);
}

/// Scenario with extreme numbers, which need not be one that makes sense.
fn extreme() -> impl Strategy<Value = String> {
    let durations = ["1ns", "1s", "90m", "1d", "400d", "36525d"];
    let crons = ["* * * * *", "0 2 * * *", "*/7 1-3 * * 1", "0 0 29 2 *"];
    let distributions = [
        "{ kind = \"pareto\", min = 1.0, shape = 0.1 }",
        "{ kind = \"pareto\", min = 1e9, shape = 100.0 }",
        "{ kind = \"lognormal\", median = 1e-9, p99 = 1e15 }",
        "{ kind = \"zipf\", scale = 1.0, ranks = 1000000000000, exponent = 0.5 }",
        "{ kind = \"zipf\", scale = 1.0, ranks = 1, exponent = 100.0 }",
        "0.0",
    ];
    let pick = |from: &'static [&'static str]| prop::sample::select(from);
    (
        pick(Vec::leak(durations.to_vec())),
        pick(Vec::leak(crons.to_vec())),
        pick(Vec::leak(distributions.to_vec())),
        prop::sample::select(vec![1_u64, 1_000, 10_000_000]),
        prop::sample::select(vec![1_u32, 100_000]),
        prop::sample::select(vec!["hourly", "daily", "weekly"]),
        pick(Vec::leak(durations.to_vec())),
        1_u32..30,
    )
        .prop_map(
            |(duration, cron, distribution, images, count, cadence, interval, stated)| {
                let mut text = format!(
                    "name = \"extreme\"\nduration = \"{duration}\"\n\
                     fleet = {{ images = {images}, components = {images}, \
                     componentsPerImage = {distribution}, tenants = {count} }}\n\
                     schedules = {{ count = {count}, cadence = \"{cadence}\", triggers = \
                     [\"conselier\"] }}\n\
                     advisories = {{ interval = \"{interval}\", components = {distribution} }}\n\
                     workers = {{ scrapeInterval = \"{interval}\", processes = 1000 }}\n"
                );
                text.extend((0..stated).map(|number| {
                    format!(
                        "[[schedule]]\nid = \"s{number}\"\nwhenCron = \"{cron}\"\n\
                         onlyIf = {{ lastReportOlderThan = \"{interval}\" }}\n\
                         [[operation]]\nkind = \"run\"\nevery = \"{interval}\"\n\
                         schedule = \"s{number}\"\n"
                    )
                }));
                text
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn estimate_is_quick_and_finite(text in extreme()) {
        let scenario: Scenario = toml::from_str(&text).unwrap();
        let began = Instant::now();
        let estimate = CostEstimate::of(&scenario);
        // Without optimisation, and on a busy machine.
        prop_assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
        let figures = [
            estimate.runs, estimate.scans, estimate.events, estimate.seconds, estimate.bytes,
        ];
        for figure in figures {
            prop_assert!(figure >= 0.0, "{estimate:?}");
        }
        // Texts of every size are short.
        prop_assert!(estimate.to_string().len() < 200, "{estimate}");
        let warning = estimate.warning(&scenario).unwrap_or_default();
        prop_assert!(warning.len() < 500, "{warning}");
    }
}

/// Scenario file with these keys after the name.
fn file(name: &str, keys: &str) -> String {
    let path = scratch(name).join("it.toml");
    fs::write(&path, format!("name = \"it\"\n{keys}")).unwrap();
    path.to_str().unwrap().to_owned()
}

const MINUTELY: &str = "[[schedule]]\nid = \"minutely\"\nwhenCron = \"* * * * *\"\n";

#[test]
fn absurd_scenarios_are_refused_by_check_and_run() {
    let century = format!("duration = \"36525d\"\n{MINUTELY}");
    let crowd = format!("duration = \"30d\"\n[fleet]\nimages = 10000000\n{MINUTELY}");
    let crowd = crowd + "overlap = \"allow\"\n";
    let large = "duration = \"1h\"\n[fleet]\nimages = 10000000\ncomponentsPerImage = 5000.0\n\
                 components = 10000\n[[schedule]]\nid = \"s\"\n";
    let polls = "duration = \"3650d\"\n[workers]\nprocesses = 1000\n[[schedule]]\nid = \"s\"\n";
    let cases = [
        (
            century.as_str(),
            "it.toml:5:12",
            "schedule `minutely`: 53 million runs",
        ),
        (
            &crowd,
            "it.toml:7:12",
            "schedule `minutely`: 43200 runs and 432 billion scans",
        ),
        (large, "it.toml:4:10", "10 million images"),
        (polls, "it.toml:2:12", "the polls of all processes in 3650d"),
    ];
    for (keys, place, part) in cases {
        let path = file("estimate-absurd", keys);
        let checked = run(&["scenario", "check", &path]);
        let error = text(&checked.stderr);
        assert_eq!(checked.status.code(), Some(2), "{error}");
        for words in [
            place,
            part,
            "too expensive",
            "and the limit is 2 billion events",
        ] {
            assert!(error.contains(words), "{words}: {error}");
        }
        let ran = run(&["run", &path]);
        assert_eq!(ran.status.code(), Some(2));
        assert_eq!(text(&ran.stderr), error);
        for command in ["sweep", "alerts", "replay"] {
            assert_eq!(run(&[command, &path]).status.code(), Some(2), "{command}");
        }
        let compared = run(&["compare", &path, "--set-b", "seed=2"]);
        assert_eq!(compared.status.code(), Some(2));
    }
}

#[test]
fn expensive_scenarios_are_announced_with_part_and_remedy() {
    let keys = "duration = \"2h\"\n[schedules]\ncount = 100000\ncadence = \"hourly\"\n";
    let path = file("estimate-expensive", keys);
    let output = run(&["scenario", "check", &path]);
    assert_eq!(output.status.code(), Some(0));
    let valid = text(&output.stdout);
    assert!(
        valid.contains(": valid\n  about 200000 runs, 200 million scans, "),
        "{valid}"
    );
    let warning = text(&output.stderr);
    assert!(
        warning.starts_with("warning: one run of it takes about 200000 runs"),
        "{warning}"
    );
    assert!(
        warning.contains("mostly for the population of schedules: "),
        "{warning}"
    );
    assert!(
        warning.contains("choose a smaller `schedules.count`"),
        "{warning}"
    );
    let small = run(&["scenario", "check", "scenarios/quickstart.toml"]);
    assert_eq!(text(&small.stderr), "");
}
