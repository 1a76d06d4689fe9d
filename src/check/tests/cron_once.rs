//! `cron-once`: decided and undecided fires.

use super::defect::Defect;
use super::fixture::Fixture;
use super::sample_data::new_run;
use crate::check::InvariantName::CronOnce;
use crate::check::OracleReport;
use crate::model::commit::FireOutcome;
use crate::model::observation::ScheduleChange;
use crate::model::{Commit, CommitStep, OverlapPolicy, Trigger};

pub const DEFECTS: &[Defect] = &[
    Defect::new(CronOnce, "fire that is passed over", || {
        let mut fixture = Fixture::new();
        fixture.now = "2024-01-02T02:00:00Z".parse().unwrap();
        let mut commit = fixture.fire_commit("02:00:00", FireOutcome::Run);
        let (today, schedule) = (fixture.now, fixture.schedule.clone());
        if let CommitStep::Fire { latest, .. } = &mut commit.step {
            *latest = Some(today);
        }
        commit.runs[0].run = new_run(&schedule, Trigger::Cron, &today);
        commit.schedule.as_mut().unwrap().state.cursor = today;
        fixture.submit(commit).end()
    }),
    Defect::new(CronOnce, "fire decided before it is due", || {
        let mut fixture = Fixture::new();
        fixture.at("01:59:00");
        let commit = fixture.fire_commit("02:00:00", FireOutcome::Run);
        fixture.submit(commit).stop_here()
    }),
    Defect::new(CronOnce, "skipped fire without an earlier run", || {
        let mut fixture = Fixture::new();
        fixture.at("02:00:00");
        let commit = fixture.fire_commit("02:00:00", FireOutcome::Skipped);
        fixture.submit(commit).stop_here()
    }),
    Defect::new(
        CronOnce,
        "fire that makes the run of another instant",
        || {
            let mut fixture = Fixture::new();
            fixture.at("02:00:00");
            let mut commit = fixture.fire_commit("02:00:00", FireOutcome::Run);
            let schedule = fixture.schedule.clone();
            commit.runs[0].run = new_run(&schedule, Trigger::Cron, &"never");
            fixture.submit(commit).stop_here()
        },
    ),
    Defect::new(CronOnce, "fire that makes no run", || {
        let mut fixture = Fixture::new();
        fixture.at("02:00:00");
        let mut commit = fixture.fire_commit("02:00:00", FireOutcome::Run);
        commit.runs.clear();
        fixture.submit(commit).stop_here()
    }),
    Defect::new(CronOnce, "queued fire that is forgotten", || {
        let (mut fixture, mut commit) = with_a_queued_fire();
        if let Some(write) = &mut commit.schedule {
            write.state.queued_fire = None;
        }
        fixture.submit(commit).stop_here()
    }),
    Defect::new(CronOnce, "fire that is never decided", || undecided(121)),
];

/// A fixture with a queued fire, and a commit that leaves it queued.
fn with_a_queued_fire() -> (Fixture, Commit) {
    let mut fixture = Fixture::new();
    fixture.change_schedule(ScheduleChange::Edited, |schedule| {
        schedule.overlap = OverlapPolicy::QueueOne;
        schedule.when_cron = Some("0 2,3 * * *".into());
    });
    fixture.fire().plan().dispatch().at("03:00:00");
    let commit = fixture.fire_commit("03:00:00", FireOutcome::Queued);
    let state = commit.schedule.clone();
    fixture.submit(commit);
    let mut commit = fixture.new_commit(CommitStep::Requeue, 0);
    commit.schedule = state;
    (fixture, commit)
}

/// A rehearsal that ends `seconds` after a fire.
fn undecided(seconds: u64) -> OracleReport {
    let mut fixture = Fixture::new();
    fixture.at("02:00:00").wait(seconds).stop_here()
}

#[test]
fn queued_fire_that_stays_is_no_violation() {
    let (mut fixture, commit) = with_a_queued_fire();
    assert!(fixture.submit(commit).stop_here().is_clean(CronOnce));
}

#[test]
fn undecided_fire_within_two_minutes_is_no_violation() {
    assert!(undecided(120).is_clean(CronOnce));
}
