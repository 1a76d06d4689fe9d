//! Valid scenario files: read, written, overridden, and checked against the JSON Schema.

use std::fs;
use std::path::{Path, PathBuf};

use rehearsal::scenario::{self, FaultEffect, FaultSpec, Loader, ProcessTarget, Scenario};
use serde_json::Value as Json;

const SCHEMA: &str = "scenarios/scenario.schema.json";
const EVERYTHING: &str = "tests/scenarios/everything.toml";

fn loader() -> Loader {
    rehearsal::check::scenario_loader(&[])
}

/// Paths of all scenario files that must be valid.
pub fn sound_files() -> Vec<PathBuf> {
    let bundled = fs::read_dir("scenarios")
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = bundled
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .chain([PathBuf::from(EVERYTHING)])
        .collect();
    files.sort();
    files
}

fn load(path: &Path) -> Scenario {
    loader()
        .load(path)
        .unwrap_or_else(|error| panic!("{error}"))
}

/// Converts TOML to JSON; dates become strings.
fn to_json(text: &str) -> Json {
    fn convert(value: &toml::Value) -> Json {
        match value {
            toml::Value::Datetime(datetime) => Json::String(datetime.to_string()),
            toml::Value::Array(values) => values.iter().map(convert).collect(),
            toml::Value::Table(table) => Json::Object(
                table
                    .iter()
                    .map(|(key, value)| (key.clone(), convert(value)))
                    .collect(),
            ),
            plain => serde_json::to_value(plain).unwrap(),
        }
    }
    convert(&toml::Value::Table(text.parse().unwrap()))
}

/// Errors of an independent validator for a scenario.
pub struct Validator {
    schemas: boon::Schemas,
    root: boon::SchemaIndex,
}

impl Validator {
    pub fn new() -> Self {
        let mut compiler = boon::Compiler::new();
        compiler
            .add_resource("file:///scenario", scenario::schema())
            .unwrap();
        let mut schemas = boon::Schemas::new();
        let root = compiler.compile("file:///scenario", &mut schemas).unwrap();
        Self { schemas, root }
    }

    pub fn check(&self, text: &str) -> Result<(), String> {
        self.schemas
            .validate(&to_json(text), self.root)
            .map_err(|error| error.to_string())
    }
}

#[test]
fn schema_checked_in_is_current() {
    let schema = format!(
        "{}\n",
        serde_json::to_string_pretty(&scenario::schema()).unwrap()
    );
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(SCHEMA, &schema).unwrap();
    }
    let found = fs::read_to_string(SCHEMA).unwrap_or_default();
    assert!(
        found == schema,
        "{SCHEMA} is stale; UPDATE_GOLDEN=1 cargo test writes it anew"
    );
}

#[test]
fn valid_files_load_and_satisfy_schema() {
    let validator = Validator::new();
    for path in sound_files() {
        load(&path);
        let text = fs::read_to_string(&path).unwrap();
        validator
            .check(&text)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

#[test]
fn malformed_files_mostly_violate_schema() {
    let validator = Validator::new();
    let refused = fs::read_dir("tests/malformed")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .filter_map(|path| fs::read_to_string(path).ok())
        .filter(|text| text.parse::<toml::Table>().is_ok())
        .filter(|text| validator.check(text).is_err())
        .count();
    assert!(
        refused >= 20,
        "the schema refuses only {refused} malformed files"
    );
}

#[test]
fn scenario_written_and_read_is_unchanged() {
    for path in sound_files() {
        let scenario = load(&path);
        let text = toml::to_string(&scenario).unwrap();
        let directory = path.parent().unwrap();
        let again = loader()
            .parse("written", &text, Some(directory))
            .unwrap_or_else(|problems| {
                panic!("{}:\n{problems}\n{text}", path.display());
            });
        assert_eq!(again, scenario, "{}", path.display());
    }
}

#[test]
fn scenario_with_file_references_reads_them() {
    let scenario = load(Path::new(EVERYTHING));
    let trace = scenario.advisories.unwrap().trace.unwrap();
    assert_eq!(trace.rows.len(), 21);
    assert_eq!(trace.rows[0].date.to_string(), "2024-01-02");
    let scenario::DistributionSpec::Empirical { values, .. } = scenario.deltas.new_findings else {
        panic!("not empirical");
    };
    assert_eq!(*values, [1.0, 1.0, 2.0, 5.0]);
}

fn with(overrides: &[&str]) -> Result<Scenario, String> {
    let overrides = overrides.iter().copied().map(String::from).collect();
    let loader = Loader {
        overrides,
        ..loader()
    };
    loader
        .load(Path::new(EVERYTHING))
        .map_err(|error| error.to_string())
}

#[test]
fn override_of_each_key_changes_value() {
    let scenario = with(&[
        "fleet.images=77",
        "duration=3d",
        "schedule.nightly.limits.parallelism=9",
        "schedule.1.enabled = false",
        "scanner.latency = { kind = \"constant\", value = \"1s\" }",
        "fault.0.process=runner-3",
        "workers.options.lease=2m",
    ])
    .unwrap();
    assert_eq!(scenario.fleet.images, 77);
    assert_eq!(scenario.duration, scenario::Duration::from_hours(72));
    assert_eq!(scenario.schedules[0].limits.parallelism.unwrap().get(), 9);
    assert!(!scenario.schedules[1].enabled);
    assert_eq!(
        scenario.scanner.latency,
        scenario::Duration::from_secs(1).into()
    );
    let FaultSpec {
        effect: FaultEffect::ProcessCrash { process, .. },
        ..
    } = &scenario.faults[0]
    else {
        panic!("the first fault is a crash");
    };
    assert_eq!(*process, ProcessTarget::Named("runner-3".into()));
}

#[test]
fn override_with_error_reports_position() {
    for (text, expected) in [
        ("fleet.imagez=77", "did you mean `images`?"),
        ("fleet.images", "an override must be `key=value`"),
        (
            "fleet.images=many",
            "expected a whole number, found a string",
        ),
        ("duration=3 days", "did you mean `3d`?"),
        ("schedule.nightlx.enabled=false", "did you mean `nightly`?"),
        ("schedule.99.enabled=false", "the list has no element"),
        ("fault.0.process=runner-9", "there is no process `runner-9`"),
        ("=5", "invalid TOML"),
        ("a.=5", "invalid TOML"),
        ("name.first=x", "expected a string, found a table"),
    ] {
        let error = with(&[text]).unwrap_err();
        assert!(error.contains(expected), "--set '{text}' gives:\n{error}");
        assert!(
            error.contains("--> --set:1:"),
            "--set '{text}' gives:\n{error}"
        );
    }
}
