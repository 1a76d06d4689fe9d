//! Keys of the scenario schema that a sweep never varied.

use rehearsal::sweep::{ConstantKeys, read_result};

use super::{file, shards_and_whole, sweep, text, written};

/// Fault at a fixed time, and one key of a population.
const STATED: &str = "
[[fault]]
kind = \"process-crash\"
at = \"1m\"

[schedules]
count = 2
";

#[test]
fn constant_keys_without_profile_are_all_but_the_seed() {
    let scenario = file("sweep-constant", STATED);
    let out = scenario.parent().unwrap().join("out");
    let output = sweep(&scenario, &out, &["--seeds", "0..3", "--profile", "none"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    let keys = read_result(&out).unwrap().constant_keys;
    let all: serde_json::Value = serde_json::from_str(&written(&out, "sweep.json")).unwrap();
    let listed = all["constantKeys"].as_object().unwrap();
    assert!(!keys.contains("seed"));
    assert_eq!(listed["fault.process-crash.downtime"], "\"10s\"");
    assert_eq!(listed["workers.options.segmentSize"], "64");
    assert_eq!(listed["schedule.timeZone"], "\"UTC\", \"UTC\"");
    assert_eq!(listed["operation.create.definition.id"], "");
    // The schema has several hundred keys.
    assert!(listed.len() > 200, "{}", listed.len());
    let shown = text(&output.stdout);
    let line = format!(
        "constant          {} keys of the scenario schema",
        listed.len()
    );
    assert!(shown.contains(&line), "{shown}");
}

#[test]
fn constant_keys_under_swarm_lack_the_drawn_ones() {
    let (result, _) = shards_and_whole("sweep-constant-swarm", STATED, "0..60", 0);
    let keys = result.constant_keys;
    for drawn in [
        "seed",
        "latency.store",
        "scanner.retryAfter",
        "schedule.timeZone",
        "schedule.whenCron",
        "schedule.notify.minimumSeverity",
        "schedules.timeZones",
        "schedules.sharedCronShare",
        "operation.edit.changes.mode",
        "operation.edit.changes.selector",
        "operation.edit.changes.limits.ratePerSecond",
        "operation.create.definition.whenCron",
        "operation.delete.schedule",
        "workers.options.lease",
        "fault.slow-store.factor",
        "fault.slow-queue.factor",
    ] {
        assert!(!keys.contains(drawn), "{drawn} is constant");
    }
    for constant in [
        "name",
        "duration",
        "fleet.tenants",
        "workers.scrapeInterval",
    ] {
        assert!(keys.contains(constant), "{constant} is not constant");
    }
}

#[test]
fn constant_keys_of_earlier_versions_are_not_known() {
    let scenario = file("sweep-constant-earlier", "");
    let out = scenario.parent().unwrap().join("out");
    sweep(&scenario, &out, &["--seeds", "0..2"]);
    let mut value: serde_json::Value = serde_json::from_str(&written(&out, "sweep.json")).unwrap();
    value.as_object_mut().unwrap().remove("constantKeys");
    std::fs::write(out.join("sweep.json"), value.to_string()).unwrap();
    let result = read_result(&out).unwrap();
    assert_eq!(result.constant_keys, ConstantKeys::default());
    assert_eq!(result.constant_keys.count(), None);
}
