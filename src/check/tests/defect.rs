//! Planted defects, and the golden file with their violations: for each defect the first violation
//! of each place in the source that makes one.
//!
//! `UPDATE_GOLDEN=1 cargo test --lib check::tests` writes the file anew.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::{
    active_truth, applied_learned, backlog_truth, blame, call_budget, cardinality, command_ack,
    conservation, cron_once, delta_truth, event_outbox, fairness, gauge_truth, latency,
    lease_discipline, limits, liveness, no_leak, no_loss, notify_independent, parallelism,
    plan_truth, repair_cause, run_content, scanner_manners, scrape_recorded, segment_once,
    stage_latency, state_graph, stopping,
};
use crate::check::invariant::results::Violation;
use crate::check::{InvariantName, OracleReport};

/// A defect, and the invariant that it violates.
pub struct Defect {
    pub invariant: InvariantName,
    pub name: &'static str,
    pub run: fn() -> OracleReport,
}

impl Defect {
    pub const fn new(
        invariant: InvariantName,
        name: &'static str,
        run: fn() -> OracleReport,
    ) -> Self {
        Self {
            invariant,
            name,
            run,
        }
    }
}

/// Every defect, in the order of the contract's invariants.
pub fn all() -> Vec<&'static Defect> {
    let families: [&[Defect]; 30] = [
        active_truth::DEFECTS,
        applied_learned::DEFECTS,
        backlog_truth::DEFECTS,
        blame::DEFECTS,
        call_budget::DEFECTS,
        cardinality::DEFECTS,
        command_ack::DEFECTS,
        conservation::DEFECTS,
        cron_once::DEFECTS,
        delta_truth::DEFECTS,
        event_outbox::DEFECTS,
        fairness::DEFECTS,
        gauge_truth::DEFECTS,
        latency::DEFECTS,
        lease_discipline::DEFECTS,
        limits::DEFECTS,
        liveness::DEFECTS,
        no_leak::DEFECTS,
        no_loss::DEFECTS,
        notify_independent::DEFECTS,
        parallelism::DEFECTS,
        plan_truth::DEFECTS,
        repair_cause::DEFECTS,
        run_content::DEFECTS,
        scanner_manners::DEFECTS,
        scrape_recorded::DEFECTS,
        segment_once::DEFECTS,
        stage_latency::DEFECTS,
        state_graph::DEFECTS,
        stopping::DEFECTS,
    ];
    let mut all: Vec<&Defect> = families.into_iter().flatten().collect();
    all.sort_by_key(|defect| defect.invariant);
    all
}

/// First violation of the invariant that a defect is planted for.
pub fn first_violation(defect: &Defect) -> Option<Violation> {
    let report = (defect.run)();
    let findings = report.findings_of(defect.invariant)?;
    findings.violations.first().cloned()
}

/// Compares a file with its text, or writes it.
pub fn check_golden(path: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, text).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    let mut pairs = golden.lines().zip(text.lines());
    let difference = pairs.find(|(golden, found)| golden != found);
    assert!(
        golden == text,
        "{} differs from the code, first at {difference:?}; UPDATE_GOLDEN=1 writes it anew",
        path.display()
    );
}

#[test]
fn violations_of_all_defects_match_the_golden_file() {
    let mut text =
        String::from("Violations of all planted defects, by invariant. Generated: do not edit.\n");
    for defect in all() {
        let _ = writeln!(text, "\n# {}: {}", defect.invariant, defect.name);
        let mut sites = BTreeSet::new();
        let findings = (defect.run)().findings;
        for violation in findings.iter().flat_map(|findings| &findings.violations) {
            if sites.insert((violation.source.file(), violation.source.line())) {
                let _ = writeln!(text, "{violation}");
            }
        }
    }
    check_golden("src/check/tests/violations.golden", &text);
}

#[test]
fn defects_violate_their_invariants() {
    for defect in all() {
        let first = first_violation(defect);
        assert!(first.is_some(), "{}: {}", defect.invariant, defect.name);
    }
    let covered: BTreeSet<_> = all().iter().map(|defect| defect.invariant).collect();
    let missing = InvariantName::ALL
        .iter()
        .filter(|name| !covered.contains(name));
    assert_eq!(
        missing.collect::<Vec<_>>(),
        [&InvariantName::Determinism],
        "it takes two rehearsals"
    );
}

/// Places in the source that make a violation, as `file:line`.
fn sites_in_source() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/check/invariant");
    let mut sites = BTreeSet::new();
    collect_sites(&folder, &mut sites);
    sites
}

fn collect_sites(folder: &Path, sites: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect_sites(&path, sites);
            continue;
        }
        let file = path.file_name().unwrap().to_str().unwrap();
        if file == "results.rs" {
            // It defines the type, and its doc tests make examples.
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for (number, line) in (1..).zip(text.lines()) {
            if line.contains("ViolationDetail::of(") {
                sites.insert(format!("{file}:{number}"));
            }
        }
    }
}

#[test]
fn violation_sites_in_the_source_are_each_in_the_golden_file() {
    let mut seen = BTreeSet::new();
    for defect in all() {
        let report = (defect.run)();
        for violation in report.findings.iter().flat_map(|one| &one.violations) {
            let file = Path::new(violation.source.file()).file_name().unwrap();
            let file = file.to_str().unwrap();
            seen.insert(format!("{file}:{}", violation.source.line()));
        }
    }
    let sites = sites_in_source();
    assert!(sites.len() > 80, "{sites:?}");
    let unseen: Vec<_> = sites.difference(&seen).collect();
    assert!(unseen.is_empty(), "no defect shows the texts of {unseen:?}");
}

#[test]
fn violation_texts_have_all_four_parts() {
    for defect in all() {
        let report = (defect.run)();
        for violation in report.findings.iter().flat_map(|one| &one.violations) {
            let parts = [
                &violation.object,
                &violation.found,
                &violation.expected,
                &violation.reason,
            ];
            assert!(parts.iter().all(|part| !part.is_empty()), "{violation}");
        }
    }
}
