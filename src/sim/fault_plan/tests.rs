//! The plan, and the document that describes its faults.

use crate::model::fault::FaultKind;
use crate::scenario::{FaultEffect, FaultSpec, Loader, Scenario, SelectorSpec};
use crate::sim::fault_plan::schedule_generator::ScheduleGenerator;
use crate::sim::fault_plan::{FaultProfile, PlannedScenario};
use crate::sim::kernel::RandomStream;

const DOCUMENT: &str = include_str!("../../../docs/faults.md");

fn scenario(faults: &str) -> Scenario {
    let text = format!(
        "name = \"plan\"\nduration = \"1d\"\n[[schedule]]\nid = \"nightly\"\n\
         whenCron = \"0 2 * * *\"\n{faults}"
    );
    let scenario = Loader::default().parse("plan.toml", &text, None);
    scenario.unwrap_or_else(|problems| panic!("{problems}"))
}

/// Returns the row of a fault: its name, its keys and the rest.
fn row(kind: FaultKind) -> Option<Vec<&'static str>> {
    let start = format!("| `{}` |", kind.as_str());
    let line = DOCUMENT.lines().find(|line| line.starts_with(&start))?;
    Some(line.split('|').map(str::trim).collect())
}

#[test]
fn faults_document_lists_every_kind_and_no_other() {
    for kind in FaultKind::ALL {
        assert!(
            row(*kind).is_some(),
            "docs/faults.md lacks {}",
            kind.as_str()
        );
    }
    let first_table = DOCUMENT.split("\n## ").next().unwrap_or_default();
    let rows = first_table.lines().filter(|line| line.starts_with("| `"));
    assert_eq!(rows.count(), FaultKind::ALL.len());
}

#[test]
fn faults_document_names_every_key_with_its_default() {
    for kind in FaultKind::ALL {
        let port = if *kind == FaultKind::Partition {
            "port = \"store\"\n"
        } else {
            ""
        };
        let text = format!(
            "[[fault]]\nat = \"1h\"\nkind = \"{}\"\n{port}",
            kind.as_str()
        );
        let FaultSpec { effect, .. } = &scenario(&text).faults[0];
        let keys = row(*kind).unwrap()[2];
        let mut expected: Vec<String> = shown(effect).collect();
        let mut stated: Vec<String> = keys.split(", ").map(|key| key.replace('`', "")).collect();
        expected.sort();
        stated.sort();
        assert_eq!(stated, expected, "keys of {}", kind.as_str());
    }
}

/// Returns the keys of an effect, each with its value in brackets; a port has no default.
fn shown(effect: &FaultEffect) -> impl Iterator<Item = String> {
    let value = serde_json::to_value(effect).unwrap();
    let keys = value.as_object().unwrap().clone();
    keys.into_iter()
        .filter(|(key, _)| key != "kind")
        .map(|(key, value)| match value {
            _ if key == "port" => key,
            serde_json::Value::String(text) => format!("{key} ({text})"),
            serde_json::Value::Number(number) => {
                let number = number.as_f64().unwrap();
                format!("{key} ({number})")
            }
            other => panic!("a default of another kind: {other}"),
        })
}

#[test]
fn stated_faults_are_planned_for_each_occurrence_and_process() {
    let scenario = scenario(
        "[[fault]]\nevery = \"6h\"\nkind = \"process-crash\"\nprocess = \"all\"\n\
         [[fault]]\nat = \"1h\"\nkind = \"process-pause\"\n",
    );
    let PlannedScenario { plan, .. } = PlannedScenario::draw(&scenario, FaultProfile::None, 1);
    assert_eq!(plan.faults.len(), 1 + 3 * 3);
    assert_eq!(
        plan.faults[0].to_string().split(" of ").next(),
        Some("1h after the start: process-pause")
    );
    assert!(
        plan.faults
            .iter()
            .all(|planned| planned.process().is_some())
    );
    assert!(plan.faults.is_sorted_by_key(|planned| planned.at));
}

#[test]
fn planned_scenario_without_profile_differs_by_its_seed_only() {
    let scenario = scenario("[[fault]]\nat = \"1h\"\nkind = \"process-pause\"\n");
    let planned = PlannedScenario::draw(&scenario, FaultProfile::None, 7);
    assert_eq!(planned.plan.slice, None);
    let expected = Scenario {
        seed: 7,
        ..scenario
    };
    assert_eq!(planned.scenario, expected);
}

#[test]
fn stated_scenario_has_the_expectations_that_the_profile_requires() {
    let scenario = scenario(
        "[[expect]]\nquery = 'min(up) == 1'\nwhen = \"always\"\n\
         [[expect]]\nquery = 'max(up) == 1'\nwhen = \"at_end\"\nunder = \"any-profile\"\n",
    );
    let queries = |profile| {
        let stated = PlannedScenario::draw(&scenario, profile, 1).into_stated();
        let queries = stated.expectations.into_iter();
        queries
            .filter_map(|expectation| expectation.query)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        queries(FaultProfile::None),
        ["min(up) == 1", "max(up) == 1"]
    );
    assert_eq!(queries(FaultProfile::Swarm), ["max(up) == 1"]);
    assert_eq!(queries(FaultProfile::Light), ["max(up) == 1"]);
}

#[test]
fn stated_scenario_without_profile_gives_the_plan_of_swarm() {
    let scenario = scenario("[[fault]]\nevery = \"2m\"\nkind = \"process-pause\"\n");
    for seed in 1..20 {
        let planned = PlannedScenario::draw(&scenario, FaultProfile::Swarm, seed);
        let stated = planned.clone().into_stated();
        let again = PlannedScenario::draw(&stated, FaultProfile::None, seed);
        assert_eq!(again.plan.faults, planned.plan.faults);
        assert_eq!(again.scenario.operations, planned.scenario.operations);
        assert_eq!(again.scenario.workers, planned.scenario.workers);
        assert_eq!(again.scenario.start, planned.scenario.start);
        assert_eq!(again.scenario.duration, planned.scenario.duration);
    }
}

#[test]
fn selectors_by_labels_sometimes_have_a_label_that_no_image_carries() {
    let labels = "[fleet]\nlabels = { tier = { back = 0.5, front = 0.5 } }\n";
    let scenario = scenario(labels);
    let stream = RandomStream::new(1, "selectors");
    let mut generator = ScheduleGenerator::new(&scenario, stream);
    let mut with_unknown = [0; 2];
    for number in 0..200 {
        let schedule = generator.schedule(format!("s{number}"));
        if let SelectorSpec::Labels { labels } = schedule.selector {
            with_unknown[usize::from(labels.contains_key("unknown"))] += 1;
        }
    }
    assert!(
        with_unknown[0] > 10 && with_unknown[1] > 2,
        "{with_unknown:?}"
    );
}
