//! `docs/metrics.md` is generated from the instrument catalogue, and `docs/pipeline.md` states when
//! each of these instruments moves.
//!
//! `UPDATE_GOLDEN=1 cargo test --test it metrics_docs` writes `docs/metrics.md`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use rehearsal::metrics::catalog::{EXTENSIONS, GIVEN, METER};
use rehearsal::metrics::registry_metrics::LAYER;
use rehearsal::metrics::{Definition, InstrumentKind, LabelDefinition, Unit};

use crate::instrument_writes;

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

Tags are the labels of the exposition. A process exposes counters and histograms with every
combination of the listed values from its start, at 0, so that `increase()` sees the first event.
Observable gauges appear with their first reading, and are withheld when it is too old. `scheduleId`
is open: it has one value per schedule that is not deleted. The scraper adds `job` and `instance`.

| tag | values | instruments |
|---|---|---|
";

const BOUNDS: &str = "
## Bucket bounds

Upper bounds, inclusive, in seconds. A last bucket, `+Inf`, holds every larger sample.

| instrument | bounds |
|---|---|
";

fn meter() -> String {
    format!(
        "\n## Meter\n\nAll instruments belong to the meter `{METER}`.\n\
         The exposition names it as an OpenTelemetry instrumentation scope:\n\n```text\n\
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
    let names = definition.labels.iter().map(|label| label.name);
    list(&names.collect::<Vec<_>>())
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

/// A tag with one set of values, and the instruments that have it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Tag(&'static str, &'static [&'static str]);

impl From<&LabelDefinition> for Tag {
    fn from(label: &LabelDefinition) -> Self {
        Self(label.name, label.values)
    }
}

impl Tag {
    fn values(&self) -> String {
        match self {
            // The page stays the same over versions.
            Self("version", _) => "the version of the worker".to_owned(),
            Self(_, []) => "open: one per schedule".to_owned(),
            Self(_, values) => list(values),
        }
    }
}

fn list(names: &[&str]) -> String {
    let names = names.iter().map(|name| format!("`{name}`"));
    names.collect::<Vec<_>>().join(", ")
}

/// A row per tag; a tag whose values depend on the instrument has several.
fn tag_rows(page: &mut String, definitions: &[Definition]) {
    let mut tags: BTreeMap<Tag, Vec<&str>> = BTreeMap::new();
    for definition in definitions {
        for label in definition.labels {
            tags.entry(label.into()).or_default().push(definition.name);
        }
    }
    for (tag, instruments) in &tags {
        let is_only = tags.keys().filter(|other| other.0 == tag.0).count() == 1;
        let instruments = match is_only {
            true => "all with this tag".to_owned(),
            false => list(instruments),
        };
        writeln!(page, "| `{}` | {} | {instruments} |", tag.0, tag.values()).unwrap();
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
    page.push_str(&instrument_writes::section());
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
