//! Readers of external files, each as a function of any bytes: it ends in a result or in an error.
//!
//! Fuzz targets call these functions, and so do the tests with mutated files.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use flate2::Compression;
use flate2::write::GzEncoder;
use rehearsal::alerts::slos_of;
use rehearsal::check::scenario_loader;
use rehearsal::comparison::{self, Comparison, ComparisonSide};
use rehearsal::metrics::{Labels, TimeSeriesStore};
use rehearsal::promql::Semantics;
use rehearsal::promql::rules::{EvaluationRange, Rule, RuleFile, Template, evaluate};
use rehearsal::replay::ReplayCase;
use rehearsal::report::{Dashboard, RecordedRun, html, read_recording};
use rehearsal::sweep::{self, Bug, SweepResult, read_sweep};

/// Folder of this process for the files that readers are given. Cargo names one for tests.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let base = option_env!("CARGO_TARGET_TMPDIR").map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = base.join(format!("rehearsal-fuzz-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder for files");
    folder
});

/// Two hours of two images.
static RUN: LazyLock<(RecordedRun, TimeSeriesStore)> = LazyLock::new(|| {
    let recording = "tests/compatibility/v0.1/compatibility-3.run";
    let mut roots = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let path = roots.find_map(|root| Some(root.join(recording)).filter(|path| path.exists()));
    read_recording(&path.expect("the file of an old version")).expect("a recording")
});

/// Writes a file into the folder. Returns its path.
fn write(name: &str, content: &[u8]) -> PathBuf {
    let path = FOLDER.join(name);
    fs::write(&path, content).expect("the folder can be written");
    path
}

fn parse_rules(text: &str) -> RuleFile {
    RuleFile::parse(text, "rules.yaml", Semantics::default()).expect("valid rules")
}

const SCENARIO: &str = "name = \"fuzzed\"\nduration = \"1h\"\nstart = 2024-05-06T00:00:00Z\n\
                        [fleet]\nimages = 2\n[[schedule]]\nid = \"s\"\nwhenCron = \"0 * * * *\"\n";

const TRACES: [&str; 3] = [
    "[advisories]\ntrace = { file = \"input\", from = 1900-01-01 }\n",
    "[latency]\nstore = { kind = \"empirical\", file = \"input\" }\n",
    "[deltas]\nnewFindings = { kind = \"empirical\", file = \"input\" }\n",
];

/// Reads a file that a scenario refers to: an advisory trace or an empirical distribution.
pub fn trace(input: &[u8]) {
    write("input", input);
    for trace in TRACES {
        let text = format!("{SCENARIO}{trace}");
        let read = scenario_loader(&[]).parse("fuzzed.toml", &text, Some(&FOLDER));
        if let Err(diagnostics) = read {
            let message = diagnostics.render(true);
            // Otherwise the scenario is wrong, and the file is not read.
            assert!(message.contains("`input` can't be used"), "{message}");
        }
    }
}

/// Parses a rule file and evaluates it over ten minutes of a run, or over 40 intervals if they are
/// shorter.
pub fn rules(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else {
        return;
    };
    let Ok(rules) = RuleFile::parse(text, "fuzzed.yaml", Semantics::default()) else {
        return;
    };
    let (run, series) = &*RUN;
    let intervals = rules.groups.iter().filter_map(|group| group.interval_ms);
    let shortest_ms = intervals.min().unwrap_or(15_000).min(15_000);
    let span = EvaluationRange {
        start_ms: run.start_ms,
        end_ms: run.start_ms + 40 * shortest_ms,
        interval_ms: 15_000,
    };
    for rule in rules.rules() {
        if let Rule::Alert(alert) = rule {
            let _ = slos_of(alert);
        }
    }
    if let Ok(timeline) = evaluate(&rules, series, span) {
        for alert in &timeline.alerts {
            alert.firing(span.end_ms).for_each(drop);
        }
    }
}

const VALUES: [f64; 8] = [
    0.0,
    -0.0,
    1.5,
    -1e-300,
    1e300,
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
];

/// Parses and expands a template of an annotation.
pub fn template(input: &[u8]) {
    let text = str::from_utf8(input).ok();
    let Some(Ok(template)) = text.map(str::parse::<Template>) else {
        return;
    };
    let labels = [("job", "a"), ("seconds", "90"), ("name", "\u{202e}\u{0}")];
    let labels = labels.map(|(name, value)| (name.into(), value.into()));
    let labels = Labels::of_pairs(labels);
    for value in VALUES {
        template.expand(&labels, value);
    }
}

/// Reads a dashboard and renders it over a run.
pub fn dashboard(input: &[u8]) {
    let text = str::from_utf8(input).ok();
    if let Some(Ok(dashboard)) = text.map(Dashboard::parse) {
        let (run, series) = &*RUN;
        html(run, series, &dashboard, &parse_rules("groups: []"));
    }
}

const DASHBOARD: &str = r#"{"panels": [
    {"type": "timeseries", "targets": [{"expr": "sum by (job) (rate({__name__=~\".+\"}[5m]))"}]},
    {"type": "stat", "targets": [{"expr": "up", "instant": true}]}
]}"#;

const RULES: &str = "groups: [{name: g, rules: [{alert: A, expr: up == 0, for: 1m}]}]";

/// Reads a recording and renders its report. Text is packed before, as a fuzzer can't guess
/// checksums.
pub fn recording(input: &[u8]) {
    let path = match input.starts_with(&[0x1f]) {
        true => write("fuzzed.run", input),
        false => {
            let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
            packed.write_all(input).expect("memory");
            write("fuzzed.run", &packed.finish().expect("memory"))
        }
    };
    if let Ok((run, series)) = read_recording(&path) {
        let dashboard = Dashboard::parse(DASHBOARD).expect("a dashboard");
        html(&run, &series, &dashboard, &parse_rules(RULES));
    }
}

/// Reads a result of a sweep and its rows, with a zero byte between the two files.
pub fn sweep(input: &[u8]) {
    let end = input.iter().position(|byte| *byte == 0);
    let (result, rows) = input.split_at(end.unwrap_or(input.len()));
    let path = write("sweep.json", result);
    write("seeds.jsonl", rows.get(1..).unwrap_or_default());
    let _ = read_sweep(&FOLDER);
    let result = str::from_utf8(result).ok();
    let Some(Ok(mut result)) = result.map(|text| SweepResult::parse(&path, text)) else {
        return;
    };
    sweep::text(&result, |_| None);
    result.exit_code();
    // The same result of other seeds, or it would be refused.
    let mut other = result.clone();
    other.seeds = Default::default();
    let _ = other.merge(result.clone());
    // A fuzzer can't guess the checksum of the rows.
    result.row_checksum = None;
    write("sweep.json", result.to_json().as_bytes());
    if let Ok((result, rows)) = read_sweep(&FOLDER) {
        let side = ComparisonSide::of_sweep("a".into(), &result, rows);
        if let Ok(comparison) = Comparison::of(&side, &side) {
            comparison::text(&comparison);
            comparison.to_json();
        }
    }
}

/// Reads a bug file as `replay` does.
pub fn bug(input: &[u8]) {
    let path = write("bug.toml", input);
    let Ok(case) = ReplayCase::read(&path) else {
        return;
    };
    case.start();
    if let Some(bug) = case.bug {
        let again = Bug::parse(&path, &bug.to_toml());
        assert_eq!(again.expect("a bug file"), bug);
    }
}
