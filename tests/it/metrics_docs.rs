//! `docs/metrics.md` is generated from the instrument catalogue, and `docs/pipeline.md` says of each
//! of these instruments when it moves.
//!
//! `UPDATE_GOLDEN=1 cargo test --test it metrics_docs` writes `docs/metrics.md`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use rehearsal::metrics::catalog::{EXTENSIONS, GIVEN, METER};
use rehearsal::metrics::registry_metrics::LAYER;
use rehearsal::metrics::{Definition, InstrumentKind, LabelDefinition, Unit};

const PAGE: &str = "docs/metrics.md";

const HEAD: &str = "\
# Metrics

<!-- Generated from crates/worker/src/metrics/catalog.rs by tests/it/metrics_docs.rs. To change it:
     UPDATE_GOLDEN=1 cargo test --test it metrics_docs -->

Every instrument of a Scheduler Worker process. [pipeline.md](pipeline.md) says in which step each
of them moves.
";

const CONTRACT: &str = "
## Contract instruments

Name, type, tags and meaning of these eleven instruments are given by the worker's observability
contract and do not change.
";

const EXTENSION: &str = "
## Extensions

Additional instruments of this project, in the same style. They are not part of the contract.
";

const OWN: &str = "
## Instruments of the metrics layer

Every registry reports on itself with these, whatever service it belongs to.
";

const TAGS: &str = "
## Tags

Tags are the labels of the exposition. A process exposes every combination of the listed values from
its start, with the value 0, so that `increase()` sees the first event. `scheduleId` is open: it has
one value per schedule that is not deleted. The scraper adds `job` and `instance`.

| tag | values |
|---|---|
";

const BOUNDS: &str = "
## Bucket bounds

Upper bounds, inclusive, in seconds. A last bucket, `+Inf`, holds every larger sample.

| instrument | bounds |
|---|---|
";

fn meter() -> String {
    format!(
        "\n## Meter\n\nAll instruments belong to the meter `{METER}`. The exposition names it as an \
         OpenTelemetry\ninstrumentation scope:\n\n```text\n\
         otel_scope_info{{otel_scope_name=\"{METER}\"}} 1\n```\n"
    )
}

fn kind(definition: &Definition) -> &'static str {
    match definition.kind {
        InstrumentKind::Counter => "counter",
        InstrumentKind::UpDownCounter => "up/down counter",
        InstrumentKind::Gauge => "observable gauge",
        InstrumentKind::Histogram => "histogram",
        InstrumentKind::Info => "info",
    }
}

fn unit(definition: &Definition) -> &'static str {
    match (definition.kind, definition.unit) {
        (InstrumentKind::Info, _) => "none",
        (_, Unit::None) => "count",
        (_, unit) => unit.as_str(),
    }
}

fn tags(definition: &Definition) -> String {
    let names = definition
        .labels
        .iter()
        .map(|label| format!("`{}`", label.name));
    names.collect::<Vec<_>>().join(", ")
}

fn table(page: &mut String, definitions: &[Definition]) {
    page.push_str("\n| instrument | type | tags | unit | description |\n|---|---|---|---|---|\n");
    for definition in definitions {
        writeln!(
            page,
            "| `{}` | {} | {} | {} | {} |",
            definition.name,
            kind(definition),
            tags(definition),
            unit(definition),
            definition.help
        )
        .unwrap();
    }
}

/// The values of a tag; those that depend on the instrument are listed together.
fn tag_values(label: &LabelDefinition, page: &mut BTreeMap<&str, Vec<&str>>) {
    let values = page.entry(label.name).or_default();
    for value in label.values {
        if !values.contains(value) {
            values.push(value);
        }
    }
}

fn tag_rows(page: &mut String, definitions: &[Definition]) {
    let mut tags = BTreeMap::new();
    for label in definitions.iter().flat_map(|definition| definition.labels) {
        tag_values(label, &mut tags);
    }
    for (name, values) in tags {
        let values = match (name, values.as_slice()) {
            ("version", _) => "the version of the worker".to_owned(),
            (_, []) => "open: one per schedule".to_owned(),
            (_, values) => {
                let values = values.iter().map(|value| format!("`{value}`"));
                values.collect::<Vec<_>>().join(", ")
            }
        };
        writeln!(page, "| `{name}` | {values} |").unwrap();
    }
}

fn bound_rows(page: &mut String, definitions: &[Definition]) {
    let histograms = definitions
        .iter()
        .filter(|definition| definition.kind == InstrumentKind::Histogram);
    for definition in histograms {
        let bounds = definition.bounds.iter().map(ToString::to_string);
        let bounds = bounds.collect::<Vec<_>>().join(", ");
        writeln!(page, "| `{}` | {bounds} |", definition.name).unwrap();
    }
}

fn all() -> Vec<Definition> {
    [&GIVEN[..], &EXTENSIONS, &LAYER].concat()
}

fn page() -> String {
    let mut page = HEAD.to_owned();
    page.push_str(&meter());
    page.push_str(CONTRACT);
    table(&mut page, &GIVEN);
    page.push_str(EXTENSION);
    table(&mut page, &EXTENSIONS);
    page.push_str(OWN);
    table(&mut page, &LAYER);
    page.push_str(TAGS);
    tag_rows(&mut page, &all());
    page.push_str(BOUNDS);
    bound_rows(&mut page, &all());
    page
}

#[test]
fn metrics_page_is_current() {
    let expected = page();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(PAGE, &expected).unwrap();
    }
    let found = fs::read_to_string(PAGE).unwrap_or_default();
    assert!(
        found == expected,
        "{PAGE} is not up to date; run: UPDATE_GOLDEN=1 cargo test --test it metrics_docs"
    );
}

/// `scheduler_runner_delta_*` stand there with their full names too.
#[test]
fn pipeline_page_names_every_instrument_of_the_worker() {
    let pipeline = fs::read_to_string("docs/pipeline.md").unwrap();
    let missing: Vec<&str> = GIVEN
        .iter()
        .chain(&EXTENSIONS)
        .map(|definition| definition.name)
        .filter(|name| !pipeline.contains(&format!("`{name}")))
        .collect();
    assert!(
        missing.is_empty(),
        "docs/pipeline.md does not mention {missing:?}"
    );
}
