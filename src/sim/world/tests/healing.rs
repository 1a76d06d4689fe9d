//! Healing: faults end, and only the core recovers.

use std::time::Duration;

use crate::sim::kernel::RandomStream;
use crate::sim::world::testing::WorldHarness;

#[test]
fn heal_ends_faults_and_prevents_new_ones() {
    let mut harness = WorldHarness::new(
        "[[fault]]\nat = \"1m\"\nkind = \"store-outage\"\nduration = \"30m\"\n\
         [[fault]]\nat = \"1m\"\nkind = \"process-pause\"\nprocess = \"worker-1\"\n\
         duration = \"30m\"\n\
         [[fault]]\nat = \"1m\"\nkind = \"process-crash\"\nprocess = \"worker-2\"\n\
         downtime = \"30m\"\n\
         [[fault]]\nat = \"3m\"\nkind = \"scanner-outage\"\n",
    );
    harness.pass_until(Duration::from_mins(2));
    assert_eq!(harness.count("IncarnationEnded"), 1);
    harness
        .world
        .heal(["worker-1".into(), "worker-2".into()].into());
    assert!(harness.try_commit(1).is_ok());
    assert_eq!(harness.count("IncarnationStarted"), 3);
    assert_eq!(harness.count("Resumed"), 1);
    harness.pass_until(Duration::from_mins(4));
    assert_eq!(
        (harness.count("FaultBegan"), harness.count("FaultEnded")),
        (3, 3)
    );
}

#[test]
fn heal_of_a_core_leaves_other_processes_broken() {
    let mut harness = WorldHarness::new(
        "[[fault]]\nat = \"1m\"\nkind = \"store-outage\"\nduration = \"30m\"\n\
         [[fault]]\nat = \"1m\"\nkind = \"partition\"\nprocess = \"all\"\nport = \"queue\"\n\
         duration = \"10m\"\n\
         [[fault]]\nat = \"1m\"\nkind = \"process-crash\"\nprocess = \"worker-2\"\n\
         downtime = \"5m\"\n",
    );
    harness.pass_until(Duration::from_mins(2));
    let drawn = harness.world.draw_core(&mut RandomStream::new(1, "core"));
    assert!(!drawn.is_empty());
    harness.world.heal(["worker-1".into()].into());
    assert!(harness.try_commit(1).is_ok());
    assert!(harness.enqueue("run").is_ok());
    harness.pass_until(Duration::from_mins(50));
    assert_eq!(
        harness.count("IncarnationStarted"),
        2,
        "worker-2 stays down"
    );
    assert_eq!(
        harness.count("Reconnected { process: worker-2, port: Queue"),
        0
    );
    assert_eq!(
        harness.count("Reconnected { process: worker-1, port: Queue"),
        1
    );
}
