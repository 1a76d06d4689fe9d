//! The reference in `docs/scenarios.md` is generated from the schema, so it contains every key.
//!
//! `UPDATE_GOLDEN=1 cargo test scenario_docs` regenerates it.

use std::fmt::Write;
use std::fs;

use rehearsal::scenario;
use serde_json::Value as Json;

const GUIDE: &str = "docs/scenarios.md";
const BEGIN: &str = "<!-- reference: made by tests/it/scenario_docs.rs -->\n";
const END: &str = "<!-- end of the reference -->\n";

/// Tables of the reference: heading, and JSON pointer into the schema.
const SECTIONS: [(&str, &str); 28] = [
    ("Top level", ""),
    ("`[fleet]`", "/$defs/FleetSpec"),
    ("`[[schedule]]`", "/$defs/ScheduleSpec"),
    ("`selector`", "/$defs/SelectorSpec"),
    ("`onlyIf`", "/$defs/OnlyIfSpec"),
    ("`limits`", "/$defs/LimitsSpec"),
    ("`notify`", "/$defs/NotifyPolicy"),
    ("`[schedules]`", "/$defs/Population"),
    ("`scopes`", "/$defs/ScopeWeights"),
    ("`[[operation]]`", "/$defs/OperationSpec"),
    ("`changes`", "/$defs/ScheduleChanges"),
    ("`[advisories]`", "/$defs/Advisories"),
    ("`trace`", "/$defs/AdvisoryTrace/anyOf/1"),
    ("`severities`", "/$defs/SeverityWeights"),
    ("`[scanner]`", "/$defs/ScannerSpec"),
    ("`[deltas]`", "/$defs/DeltaRates"),
    ("`[latency]`", "/$defs/LatencySpec"),
    ("`[store]`", "/$defs/StoreSpec"),
    ("`[queue]`", "/$defs/QueueSpec"),
    ("`[workers]`", "/$defs/WorkersSpec"),
    ("`processes`", "/$defs/ProcessGroup"),
    ("`[workers.options]`", "/$defs/WorkerOptions"),
    ("`[[fault]]`", "/$defs/FaultSpec"),
    ("`[[expect]]`", "/$defs/ExpectationSpec"),
    ("`[gates]`", "/$defs/Gates"),
    ("`popularity`", "/$defs/Popularity"),
    (
        "Distributions of durations",
        "/$defs/distribution-of-duration-text/anyOf/1",
    ),
    (
        "Distributions of counts",
        "/$defs/distribution-of-double/anyOf/1",
    ),
];

struct Reference {
    schema: Json,
    text: String,
}

impl Reference {
    fn write() -> String {
        let mut reference = Self {
            schema: scenario::schema(),
            text: String::new(),
        };
        for (heading, pointer) in SECTIONS {
            let section = reference.schema.pointer(pointer).unwrap().clone();
            reference.section(heading, &section);
        }
        reference.text
    }

    fn section(&mut self, heading: &str, section: &Json) {
        writeln!(self.text, "### {heading}\n").unwrap();
        if let Some(description) = section["description"].as_str() {
            writeln!(self.text, "{}\n", flat(description)).unwrap();
        }
        self.table(section, None);
        for variant in section["oneOf"].as_array().into_iter().flatten() {
            let (tag, word) = tag_of(variant);
            let description = flat(variant["description"].as_str().unwrap_or_default());
            writeln!(self.text, "**`{tag} = \"{word}\"`** {description}\n").unwrap();
            self.table(variant, Some(tag));
        }
    }

    fn table(&mut self, section: &Json, tag: Option<&str>) {
        let Some(properties) = section["properties"].as_object() else {
            return;
        };
        if properties.keys().all(|key| Some(key.as_str()) == tag) {
            return;
        }
        self.text
            .push_str("| key | value | default | meaning |\n|---|---|---|---|\n");
        for (key, property) in properties
            .iter()
            .filter(|(key, _)| Some(key.as_str()) != tag)
        {
            let required = section["required"].as_array();
            let required = required.is_some_and(|keys| keys.iter().any(|name| name == key));
            let default = match (&property["default"], required) {
                (_, true) => "required".to_owned(),
                (Json::Null, false) => String::new(),
                (default, false) => toml_of(default),
            };
            let meaning = flat(property["description"].as_str().unwrap_or_default());
            let value = format!("{}{}", self.value(property), duration_range(key, property));
            writeln!(self.text, "| `{key}` | {value} | {default} | {meaning} |").unwrap();
        }
        self.text.push('\n');
    }

    /// Description of the values of a property.
    fn value(&self, property: &Json) -> String {
        if let Some(pointer) = property["$ref"].as_str() {
            let name = pointer.rsplit('/').next().unwrap();
            return match name {
                "duration-text" => "duration".into(),
                "distribution-of-duration-text" => {
                    "[distribution](#distributions-of-durations) or a duration".into()
                }
                "distribution-of-double" => {
                    "[distribution](#distributions-of-counts) or a number".into()
                }
                "AdvisoryTrace" => "a path, or a [table](#trace)".into(),
                _ => match SECTIONS
                    .iter()
                    .find(|(_, at)| at.ends_with(&format!("/{name}")))
                {
                    Some((heading, _)) => format!("[table](#{})", anchor(heading)),
                    None => self.value(self.schema.pointer(&pointer[1..]).unwrap()),
                },
            };
        }
        if let Some(words) = words(property) {
            return words
                .iter()
                .map(|word| format!("`{word}`"))
                .collect::<Vec<_>>()
                .join(", ");
        }
        if let Some(branches) = property["anyOf"].as_array() {
            return branches
                .iter()
                .map(|branch| self.value(branch))
                .collect::<Vec<_>>()
                .join(", or ");
        }
        match property["type"].as_str() {
            Some("array") => format!("list of {}", self.value(&property["items"])),
            Some("object") => format!(
                "names with {}",
                self.value(&property["additionalProperties"])
            ),
            Some("boolean") => "`true`, `false`".into(),
            Some("integer") => format!("whole number{}", range(property)),
            Some("number") => format!("number{}", range(property)),
            _ => match property["format"].as_str() {
                Some("date-time") => "date and time in UTC".into(),
                Some("date") => "date".into(),
                Some("cron") => "five cron fields".into(),
                Some("time-zone") => "IANA time zone".into(),
                Some("query") => "[query](#expectations)".into(),
                Some("slug") => "lower-case letters, digits, `-`".into(),
                Some("identifier") => "letters, digits, `.` `_` `-`".into(),
                Some("image-digest") => "`sha256:` and 64 hex digits".into(),
                _ => "text".into(),
            },
        }
    }
}

/// Range of a worker's duration. Only the worker's validation has it, so it is taken from an error
/// message.
fn duration_range(key: &str, property: &Json) -> String {
    let is_duration = property["$ref"]
        .as_str()
        .is_some_and(|at| at.ends_with("/duration-text"));
    let text = "name = \"x\"\nduration = \"1d\"\n[[schedule]]\nid = \"x\"\n";
    let ask = |place: &str| {
        let loader = scenario::Loader {
            known_names: scenario::KnownNames::default(),
            overrides: vec![format!("{place}{key}=99w")],
        };
        let message = loader.parse("x", text, None).err()?.to_string();
        let range = message.split("must be from ").nth(1)?.lines().next()?;
        Some(format!(", {range}"))
    };
    let worker = ["workers.options.", "workers."]
        .iter()
        .find_map(|place| ask(place));
    if is_duration {
        worker.unwrap_or_default()
    } else {
        String::new()
    }
}

fn flat(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").replace('|', "\\|")
}

fn anchor(heading: &str) -> String {
    let kept = heading
        .chars()
        .filter(|c| c.is_alphanumeric() || " .".contains(*c));
    kept.collect::<String>()
        .to_lowercase()
        .replace(' ', "-")
        .replace('.', "")
}

fn tag_of(variant: &Json) -> (&str, &str) {
    let properties = variant["properties"].as_object().unwrap();
    let (tag, schema) = properties
        .iter()
        .find(|(_, schema)| schema.get("const").is_some())
        .unwrap();
    (tag, schema["const"].as_str().unwrap())
}

fn words(property: &Json) -> Option<Vec<&str>> {
    if let Some(words) = property["enum"].as_array() {
        return words.iter().map(Json::as_str).collect();
    }
    property["oneOf"]
        .as_array()?
        .iter()
        .map(|branch| branch["const"].as_str())
        .collect()
}

fn range(property: &Json) -> String {
    let bound = |key: &str| property.get(key).map(ToString::to_string);
    match (
        bound("minimum"),
        bound("maximum"),
        bound("exclusiveMinimum"),
    ) {
        (Some(min), Some(max), _) => format!(", {min} to {max}"),
        (Some(min), None, _) => format!(", {min} or more"),
        (None, _, Some(above)) => format!(", more than {above}"),
        _ => String::new(),
    }
}

/// Default in TOML. The default of a whole table is described in its own section.
fn toml_of(default: &Json) -> String {
    match default {
        Json::Object(table) if table.contains_key("kind") || table.contains_key("scope") => {
            let pairs = table.iter().map(|(key, value)| format!("{key} = {value}"));
            format!("`{{ {} }}`", pairs.collect::<Vec<_>>().join(", "))
        }
        Json::Object(_) => String::new(),
        plain => format!("`{plain}`"),
    }
}

#[test]
fn scenario_reference_is_current() {
    let guide = fs::read_to_string(GUIDE).unwrap();
    let (head, rest) = guide
        .split_once(BEGIN)
        .expect("the guide has a place for the reference");
    let (found, tail) = rest.split_once(END).expect("the reference has an end");
    let reference = format!("\n{}", Reference::write());
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(GUIDE, [head, BEGIN, &reference, END, tail].concat()).unwrap();
        return;
    }
    assert!(
        found == reference,
        "{GUIDE} is stale; UPDATE_GOLDEN=1 cargo test writes it anew"
    );
}

#[test]
fn scenario_reference_covers_every_key() {
    fn collect(schema: &Json, keys: &mut Vec<String>) {
        match schema {
            Json::Object(object) => {
                if let Some(Json::Object(properties)) = object.get("properties") {
                    let plain = properties
                        .iter()
                        .filter(|(_, schema)| schema.get("const").is_none());
                    keys.extend(plain.map(|(key, _)| key.clone()));
                }
                object.values().for_each(|value| collect(value, keys));
            }
            Json::Array(values) => values.iter().for_each(|value| collect(value, keys)),
            _ => {}
        }
    }
    let guide = fs::read_to_string(GUIDE).unwrap();
    let mut keys = Vec::new();
    collect(&scenario::schema(), &mut keys);
    assert!(keys.len() > 100);
    for key in keys {
        assert!(
            guide.contains(&format!("| `{key}` |")),
            "`{key}` is not in {GUIDE}"
        );
    }
}

#[test]
fn scenario_guide_examples_are_valid() {
    let guide = fs::read_to_string(GUIDE).unwrap();
    let frame = "name = \"example\"\nduration = \"7d\"\nstart = 2024-01-01T00:00:00Z\n";
    let schedule = "[[schedule]]\nid = \"nightly\"\nwhenCron = \"0 2 * * *\"\n";
    let loader = rehearsal::check::scenario_loader(&[]);
    let mut count = 0;
    for example in guide.split("```toml\n").skip(1) {
        let example = example.split("```").next().unwrap();
        let framed = match (
            example.contains("name = \"example\""),
            example.contains("[[schedule]]"),
        ) {
            (true, _) => example.to_owned(),
            (false, true) => format!("{frame}{example}"),
            (false, false) => format!("{frame}{example}\n{schedule}"),
        };
        let parsed = loader.parse("example", &framed, None);
        assert!(parsed.is_ok(), "{}\n{framed}", parsed.unwrap_err());
        count += 1;
    }
    assert!(count >= 8);
}
