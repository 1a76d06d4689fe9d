//! `call-budget`: each call is made once too often, and as often as there are reasons for it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use super::defect::{Defect, check_golden};
use super::fixture::Fixture;
use crate::check::InvariantName::CallBudget;
use crate::check::OracleReport;
use crate::check::call_limit::{CALL_LIMITS, CallReasons, FleetWork, IncarnationWork};
use crate::model::observation::Observation;
use crate::model::{CallCount, CallCounts, PortCall};
use crate::worker::options::WorkerOptions;

const MINUTE: Duration = Duration::from_secs(60);

pub const DEFECTS: &[Defect] = &[
    Defect::new(CallBudget, "heartbeats without a pause", || {
        calls(PortCall::Heartbeat, 1_000, 0)
    }),
    Defect::new(CallBudget, "commits repeated without a backoff", || {
        calls(PortCall::Commit, 100_000, 100_000)
    }),
];

/// The process of a fixture has begun such calls in its first minute, and no others.
pub fn count_calls(fixture: &mut Fixture, call: PortCall, count: CallCount) {
    let mut counts = CallCounts::default();
    *counts.of_mut(call) = count;
    let incarnation = fixture.incarnation.clone();
    fixture.see(&Observation::CallsCounted {
        incarnation: &incarnation,
        elapsed: MINUTE,
        counts: &counts,
    });
}

/// An idle process begins calls in its first minute, of which some fail.
fn calls(call: PortCall, begun: u64, failed: u64) -> OracleReport {
    let mut fixture = Fixture::new();
    fixture.wait(60);
    count_calls(&mut fixture, call, CallCount { begun, failed });
    fixture.stop_here()
}

/// Calls that an idle process may begin in its first minute, if that many fail.
fn allowed(call: PortCall, failed: u64) -> u64 {
    let mut counts = CallCounts::default();
    counts.of_mut(call).failed = failed;
    let reasons = CallReasons {
        elapsed: MINUTE,
        options: &WorkerOptions::default(),
        counts: &counts,
        work: &IncarnationWork::default(),
        fleet: FleetWork::default(),
    };
    let limit = CALL_LIMITS.iter().find(|limit| limit.call == call);
    limit.unwrap().allowed(&reasons)
}

#[test]
fn each_call_is_a_violation_once_it_has_no_reason() {
    for &call in PortCall::ALL {
        let allowed = allowed(call, 0);
        let kept = calls(call, allowed, 0);
        assert!(kept.is_clean(CallBudget), "{:?}", kept.texts(CallBudget));
        let name = call.as_str();
        assert!(!calls(call, allowed + 1, 0).is_clean(CallBudget), "{name}");
    }
}

#[test]
fn polls_of_an_idle_minute_follow_the_options() {
    let tasks = 20;
    assert_eq!(allowed(PortCall::Heartbeat, 0), 3 + 2 + tasks);
    assert_eq!(allowed(PortCall::StaleWork, 0), 1 + 2 + tasks);
    assert_eq!(allowed(PortCall::Publish, 0), tasks, "only after a read");
}

#[test]
fn work_of_others_since_the_start_is_a_reason() {
    let mut fixture = Fixture::new();
    for _ in 0..100 {
        fixture.export();
    }
    let begun = allowed(PortCall::Exports, 0) + 100;
    let count = |begun| CallCount { begun, failed: 0 };
    count_calls(&mut fixture, PortCall::Exports, count(begun));
    let report = fixture.stop_here();
    assert!(
        report.is_clean(CallBudget),
        "{:?}",
        report.texts(CallBudget)
    );
}

#[test]
fn failures_allow_repeats_within_the_backoff_only() {
    let without = allowed(PortCall::Commit, 0);
    assert_eq!(allowed(PortCall::Commit, 100), without + 100);
    let most = allowed(PortCall::Commit, u64::MAX);
    // 20 tasks, delays of up to 5 s.
    assert_eq!(most, without + 20 * (6 * 12 + 12));
    let heartbeat = PortCall::Heartbeat;
    assert_eq!(allowed(heartbeat, 100), allowed(heartbeat, 0));
}

/// Methods of the ports that call a service, by the port's name in the table.
fn methods(source: &str) -> Vec<String> {
    let ports: [(&str, &[&str]); 5] = [
        ("Store", &["store"]),
        ("Queue<M: QueueMessage>", &["planner_queue", "runner_queue"]),
        ("Scanner", &["scanner"]),
        ("ImpactQuery", &["impact_index"]),
        ("EventPublisher", &["notify"]),
    ];
    let mut methods = Vec::new();
    for (port, names) in ports {
        let (_, body) = source.split_once(&format!("pub trait {port} {{")).unwrap();
        let (body, _) = body.split_once("\n}").unwrap();
        let found = body.lines().filter_map(|line| {
            let (name, _) = line.strip_prefix("    fn ")?.split_once('(')?;
            Some(name)
        });
        let found: Vec<_> = found.collect();
        for name in names {
            methods.extend(found.iter().map(|method| format!("{name}.{method}")));
        }
    }
    methods
}

#[test]
fn every_method_of_a_port_has_a_limit() {
    const PORTS: &str = include_str!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/crates/worker/src/ports.rs"
    ));
    let methods: BTreeSet<String> = methods(PORTS).into_iter().collect();
    let limits: Vec<_> = CALL_LIMITS.iter().map(|limit| limit.call).collect();
    assert_eq!(limits, PortCall::ALL);
    let named: BTreeSet<String> = limits.iter().map(|call| call.as_str().into()).collect();
    assert_eq!(named, methods);
}

#[test]
fn method_without_a_limit_is_found() {
    let source = "pub trait Store {\n    fn new_call(&self);\n}\n\
                  pub trait Queue<M: QueueMessage> {\n    fn lease(&self);\n}\n\
                  pub trait Scanner {\n}\n\
                  pub trait ImpactQuery {\n}\npub trait EventPublisher {\n}\n";
    assert_eq!(
        methods(source),
        [
            "store.new_call",
            "planner_queue.lease",
            "runner_queue.lease"
        ]
    );
}

#[test]
fn calls_page_is_generated_from_the_table() {
    const TEXT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/calls.md"));
    let head = TEXT.split("\n| call").next().unwrap().trim_end();
    let mut text = format!("{head}\n\n| call | reasons | repeated if it fails |\n|---|---|---|\n");
    for limit in CALL_LIMITS {
        let name = limit.call.as_str();
        let retries = limit.retries.as_str();
        let _ = writeln!(text, "| `{name}` | {} | {retries} |", limit.reasons);
    }
    assert!(text.lines().count() >= CALL_LIMITS.len());
    check_golden("docs/calls.md", &text);
}
