//! Operations of schedule owners and operators, and advisories.

use std::time::Duration;

use crate::sim::world::OperatorCommand;
use crate::sim::world::testing::WorldHarness;
use crate::worker::ports::{Ports, Store};

#[test]
fn operations_on_a_schedule_change_its_entry() {
    let mut harness = WorldHarness::new(
        "[[operation]]\nat = \"1m\"\nkind = \"create\"\n[operation.definition]\nid = \"new\"\n\
         [[operation]]\nat = \"2m\"\nkind = \"edit\"\nschedule = \"new\"\n\
         changes = { mode = \"contentRefresh\" }\n\
         [[operation]]\nat = \"3m\"\nkind = \"disable\"\nschedule = \"new\"\n\
         [[operation]]\nat = \"4m\"\nkind = \"enable\"\nschedule = \"new\"\n\
         [[operation]]\nat = \"5m\"\nkind = \"delete\"\nschedule = \"new\"\n",
    );
    let mut listed = |minutes: u64| {
        harness.pass_until(Duration::from_mins(minutes) + Duration::from_secs(1));
        let ports = harness.ports("worker-1");
        let listed = harness.run("worker-1", async move { ports.store().schedules().await });
        listed.unwrap().value.get(0).cloned()
    };
    assert_eq!(listed(0), None);
    let created = listed(1).unwrap();
    let edited = listed(2).unwrap();
    assert!(edited.cursor > created.cursor, "the cursor starts anew");
    assert_ne!(edited.schedule.mode, created.schedule.mode);
    let disabled = listed(3).unwrap();
    assert_eq!(
        (disabled.schedule.enabled, disabled.cursor),
        (false, edited.cursor)
    );
    let enabled = listed(4).unwrap();
    assert!(enabled.schedule.enabled && enabled.cursor > disabled.cursor);
    assert_eq!(listed(5), None);
    assert_eq!(harness.count("ScheduleChanged"), 5);
}

#[test]
fn commands_wait_for_a_worker_that_is_up() {
    let mut harness = WorldHarness::new(
        "[[schedule]]\nid = \"nightly\"\n\
         [[operation]]\nat = \"1m\"\nkind = \"run\"\nschedule = \"nightly\"\n\
         [[operation]]\nat = \"1m\"\nkind = \"redrive\"\nqueue = \"runner\"\n\
         [[fault]]\nat = \"50s\"\nkind = \"process-crash\"\nprocess = \"all\"\n\
         downtime = \"30s\"\n",
    );
    harness.pass_until(Duration::from_secs(70));
    assert!(harness.factory.commands.borrow().is_empty());
    harness.pass_until(Duration::from_mins(5));
    let commands = harness.factory.commands.borrow();
    assert_eq!(commands.len(), 2);
    let is_run = |command: &&OperatorCommand| matches!(command, OperatorCommand::Run { .. });
    assert_eq!(commands.iter().filter(is_run).count(), 1);
}

#[test]
fn advisory_adds_findings_and_an_export() {
    let mut harness = WorldHarness::new("[advisories]\ninterval = \"10m\"\ncomponents = 20\n");
    harness.pass_until(Duration::from_mins(11));
    assert_eq!(harness.count("Exported { sequence: 1"), 1);
    let introduced = harness.count("revision: 0");
    assert!(introduced > 0, "an image is introduced before it changes");
    assert!(harness.count("revision: 1,") >= introduced);
    let ports = harness.ports("worker-1");
    let exports = harness.run("worker-1", async move { ports.store().exports(10).await });
    let (cursor, exports) = exports.unwrap().value;
    assert_eq!((cursor, exports.len()), (0, 1));
}

#[test]
fn stop_triggers_disables_every_schedule_once() {
    let mut harness = WorldHarness::new("[[schedule]]\nid = \"a\"\n[[schedule]]\nid = \"b\"\n");
    harness.world.stop_triggers();
    harness.world.stop_triggers();
    harness.pass(Duration::from_secs(1));
    assert_eq!(harness.count("change: Disabled"), 2);
}
