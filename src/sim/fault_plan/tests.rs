//! The plan, and the page that describes it.

use crate::model::fault::FaultKind;
use crate::scenario::{FaultEffect, FaultSpec, Loader, Scenario};
use crate::sim::fault_plan::{FaultPlan, FaultProfile};

const PAGE: &str = include_str!("../../../docs/faults.md");

fn scenario(faults: &str) -> Scenario {
    let text = format!(
        "name = \"plan\"\nduration = \"1d\"\n[[schedule]]\nid = \"nightly\"\n\
         whenCron = \"0 2 * * *\"\n{faults}"
    );
    let scenario = Loader::default().parse("plan.toml", &text, None);
    scenario.unwrap_or_else(|problems| panic!("{problems}"))
}

/// The row of a fault: its name, its keys and the rest.
fn row(kind: FaultKind) -> Option<Vec<&'static str>> {
    let start = format!("| `{}` |", kind.as_str());
    let line = PAGE.lines().find(|line| line.starts_with(&start))?;
    Some(line.split('|').map(str::trim).collect())
}

#[test]
fn the_page_lists_every_fault_and_no_other() {
    for kind in FaultKind::ALL {
        assert!(
            row(*kind).is_some(),
            "docs/faults.md lacks {}",
            kind.as_str()
        );
    }
    let first_table = PAGE.split("\n## ").next().unwrap_or_default();
    let rows = first_table.lines().filter(|line| line.starts_with("| `"));
    assert_eq!(rows.count(), FaultKind::ALL.len());
}

#[test]
fn the_page_names_every_key_with_its_default() {
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

/// The keys of an effect, each with its value in brackets; a port has no default.
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
fn a_stated_fault_is_planned_for_each_occasion_and_process() {
    let scenario = scenario(
        "[[fault]]\nevery = \"6h\"\nkind = \"process-crash\"\nprocess = \"all\"\n\
         [[fault]]\nat = \"1h\"\nkind = \"process-pause\"\n",
    );
    let plan = FaultPlan::draw(&scenario, FaultProfile::None);
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
    let json = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<FaultPlan>(&json).unwrap(), plan);
}
