//! One planted defect for each invariant, caught under its own name with a message that says what,
//! where, when, expected and found.

use super::fake_instruments::TestExposition;
use super::fixture::{Fixture, MODE, digest, high};
use crate::check::instruments::{CounterSeries, DeltaKind, HistogramSeries, SegmentFate};
use crate::check::invariant_name::InvariantName;
use crate::check::oracle::OracleReport;
use crate::model::commit::{EndReason, FireOutcome, PlanOutcome, RunWrite};
use crate::model::observation::{Observation, QueueStep, ScheduleChange};
use crate::model::{Commit, CommitStep, RunFailure, RunState};

/// A defect and what it gives.
pub struct PlantedDefect {
    pub name: InvariantName,
    /// Invariants that the same defect can't but violate too.
    pub also: &'static [InvariantName],
    pub tell: fn() -> OracleReport,
    /// The first violation.
    pub message: &'static str,
}

use InvariantName as N;

pub const PLANTED: &[PlantedDefect] = &[
    PlantedDefect {
        name: N::CounterMonotone,
        also: &[N::SegmentOnce],
        tell: || forged(|page| page.counters[completed()] -= 1),
        message: "counter-monotone at 2024-01-01T02:00:02Z, scheduler_runner_segments_total{mode=\"analysisOnly\",status=\"Completed\"} of w#1: the counter fell; expected at least 2, found 1",
    },
    PlantedDefect {
        name: N::AppliedLearned,
        also: &[],
        tell: an_answer_nobody_asks_for_again,
        message: "applied-learned at 2024-01-01T02:00:02Z, plan commit 2 of w#1 (run run:acme:nightly:cron:2024-01-01T02:00:00Z): the store took it at 2024-01-01T02:00:02Z, and its life never learned of it; expected its news to arrive, found its answer lost and not asked for again",
    },
    PlantedDefect {
        name: N::PlannerConservation,
        also: &[N::LatencyCount],
        tell: || {
            forged(|page| page.count(CounterSeries::PlannerRuns(MODE, PlanOutcome::Enqueued), 1))
        },
        message: "planner-conservation at 2024-01-01T02:00:02Z, scheduler_planner_runs_total{mode=\"analysisOnly\",status=\"enqueued\"} of w#1: it is not the planned runs that the process learned of; expected 1, found 2",
    },
    PlantedDefect {
        name: N::LatencyCount,
        also: &[],
        tell: || forged(|page| page.sample(latency(), 2.0)),
        message: "latency-count at 2024-01-01T02:00:02Z, scheduler_planner_latency_seconds{mode=\"analysisOnly\",status=\"enqueued\"} of w#1: its count is not that of the learned samples; expected 1, found 2",
    },
    PlantedDefect {
        name: N::LatencyQuantile,
        also: &[],
        tell: samples_of_the_right_sum_in_wrong_buckets,
        message: "latency-quantile at 2024-01-01T02:00:22Z, scheduler_planner_latency_seconds{mode=\"analysisOnly\",status=\"enqueued\"} of w#1: its bucket for quantile 0 misses the exact sample; expected a bucket with 2 s, found (10, 100]",
    },
    PlantedDefect {
        name: N::SegmentOnce,
        also: &[],
        tell: || forged(|page| page.counters[completed()] += 1),
        message: "segment-once at 2024-01-01T02:00:02Z, scheduler_runner_segments_total{mode=\"analysisOnly\",status=\"Completed\"} of w#1: it is not the segments that the process learned of; expected 2, found 3",
    },
    PlantedDefect {
        name: N::ImageConservation,
        also: &[],
        tell: || forged(|page| page.count(CounterSeries::Images(MODE, false), 1)),
        message: "image-conservation at 2024-01-01T02:00:02Z, scheduler_runner_images_total{mode=\"analysisOnly\",delta=\"false\"} of w#1: it is not the images that the process learned of; expected 4, found 5",
    },
    PlantedDefect {
        name: N::DeltaConservation,
        also: &[],
        tell: || forged(|page| page.count(CounterSeries::Deltas(MODE, DeltaKind::New), 3)),
        message: "delta-conservation at 2024-01-01T02:00:02Z, scheduler_runner_delta_total{mode=\"analysisOnly\"} of w#1: it is not the findings in meaningful deltas that the process learned of; expected 0, found 3",
    },
    PlantedDefect {
        name: N::DeltaTruth,
        also: &[],
        tell: a_change_that_no_commit_tells_of,
        message: "delta-truth at 2024-01-01T02:00:04Z, image sha256:0101010101010101010101010101010101010101010101010101010101010101 in segment run:acme:nightly:manual:again/0: its delta is not what the world changed since its last report; expected 2 new findings (0 critical, 2 high, 0 medium, 0 low), 0 KEV hits, found 0 new findings (0 critical, 0 high, 0 medium, 0 low), 0 KEV hits",
    },
    PlantedDefect {
        name: N::PlanTruth,
        also: &[],
        tell: a_plan_with_another_tenants_image,
        message: "plan-truth at 2024-01-01T02:00:02Z, run run:acme:nightly:cron:2024-01-01T02:00:00Z: it plans image sha256:0909090909090909090909090909090909090909090909090909090909090909, which is another tenant's; expected 4 images (4 candidates, 0 deduped), found 4 images (4 candidates, 0 deduped)",
    },
    PlantedDefect {
        name: N::CronOnce,
        also: &[],
        tell: a_fire_that_is_passed_over,
        message: "cron-once at 2024-01-02T02:00:00Z, schedule nightly: the fires due after 2024-01-01T00:00:00Z are not those that were decided; expected 2 up to 2024-01-02T02:00:00Z, found 1 up to 2024-01-02T02:00:00Z",
    },
    PlantedDefect {
        name: N::ActiveTruth,
        also: &[],
        tell: a_cancelled_run_that_stays_active,
        message: "active-truth at 2024-01-01T02:00:02Z, end commit of w#1 for run:acme:nightly:cron:2024-01-01T02:00:00Z: it does not book what enters or leaves {Queued, Running}; expected -1 analysisOnly, +0 contentRefresh, found +0 analysisOnly, +0 contentRefresh",
    },
    PlantedDefect {
        name: N::BacklogTruth,
        also: &[],
        tell: a_stale_backlog,
        message: "backlog-truth at 2024-01-01T02:00:18Z, scheduler_runner_backlog{mode=\"analysisOnly\",scheduleId=\"nightly\"} of w#1: it shows what was true at no instant since 2024-01-01T02:00:03Z; expected a value held since then (between 0 and 0), found 2",
    },
    PlantedDefect {
        name: N::StateGraph,
        also: &[],
        tell: a_completed_run_that_begins_again,
        message: "state-graph at 2024-01-01T02:00:07Z, run run:acme:nightly:cron:2024-01-01T02:00:00Z: a requeue commit of w#1 moved it illegally; expected it to stay Completed for good, found Completed → Planning",
    },
    PlantedDefect {
        name: N::Blame,
        also: &[],
        tell: a_planning_that_fails_for_no_reason,
        message: "blame at 2024-01-01T02:00:30Z, run run:acme:nightly:cron:2024-01-01T02:00:00Z: it failed in planning (Error), and nothing on record explains that; expected an outage of the impact index since its creation, and all its attempts used up, found an age of 30 s and no fault",
    },
    PlantedDefect {
        name: N::ScannerManners,
        also: &[],
        tell: requests_too_fast,
        message: "scanner-manners at 2024-01-01T02:00:02.4Z, schedule nightly, asked by w#1: requests came faster than the rate allows; expected at most 2 × 1.000 s + 1 = 3.0 requests, found at least 4 within that time",
    },
    PlantedDefect {
        name: N::Parallelism,
        also: &[],
        tell: two_segments_where_one_is_allowed,
        message: "parallelism at 2024-01-01T02:00:03Z, schedule nightly, segment run:acme:nightly:cron:2024-01-01T02:00:00Z/1: with this segment it has more segments under a live lease than it allows; expected at most 1, found 2",
    },
    PlantedDefect {
        name: N::LeaseDiscipline,
        also: &[],
        tell: an_acknowledgement_after_expiry,
        message: "lease-discipline at 2024-01-01T02:01:03Z, segment run:acme:nightly:cron:2024-01-01T02:00:00Z/0: delivery 2 was acknowledged by w#1, which does not hold it; expected a refusal, or a lease that is live, found delivery 2 leased by w#1 until 2024-01-01T02:01:02Z",
    },
    PlantedDefect {
        name: N::NoLoss,
        also: &[],
        tell: a_message_acknowledged_before_its_work,
        message: "no-loss at 2024-01-01T02:00:02Z, segment run:acme:nightly:cron:2024-01-01T02:00:00Z/0: the last message that asked for its work was acknowledged, and the work is not done; expected the work committed, or the run ended, before that, found a run that is Running",
    },
    PlantedDefect {
        name: N::EventOutbox,
        also: &[],
        tell: a_report_without_its_event,
        message: "event-outbox at 2024-01-01T02:00:02Z, image sha256:0202020202020202020202020202020202020202020202020202020202020202 in segment run:acme:nightly:cron:2024-01-01T02:00:00Z/0: its scanner.report.ready@1 event is missing; expected one, found none",
    },
    PlantedDefect {
        name: N::NotifyIndependent,
        also: &[],
        tell: a_runner_that_calls_notify,
        message: "notify-independent at 2024-01-01T02:00:02Z, w#1: its runner task called Notify; expected pending by the event relay only, found runner",
    },
    PlantedDefect {
        name: N::Fairness,
        also: &[],
        tell: a_tenant_served_twice_before_another,
        message: "fairness at 2024-01-01T00:00:03Z, run run:acme:nightly:manual:two, planned by w#1: tenant acme got run number 2 of the batch before its turn; expected a run of tenant other first, found other had 0",
    },
    PlantedDefect {
        name: N::Liveness,
        also: &[],
        tell: a_run_that_nobody_plans,
        message: "liveness at 2024-01-01T02:10:01Z, the fleet, healed at 2024-01-01T02:00:00Z: it did not drain: run run:acme:nightly:cron:2024-01-01T02:00:00Z is Planning and waits for a planner to take it up; expected quiescence within 600 s, found 1 unfinished runs after 601 s",
    },
    PlantedDefect {
        name: N::Cardinality,
        also: &[],
        tell: a_page_that_grows,
        message: "cardinality at 2024-01-01T02:00:02Z, the page of w#1: it shows too many series (live schedules: 1); expected at most 52, found 53",
    },
];

#[test]
fn each_defect_is_caught_under_its_own_name() {
    let mut wrong = Vec::new();
    for planted in PLANTED {
        let report = (planted.tell)();
        let violated = report
            .findings
            .iter()
            .filter(|findings| findings.violated > 0);
        let violated: Vec<N> = violated.map(|findings| findings.name).collect();
        let own: Vec<N> = violated
            .iter()
            .copied()
            .filter(|name| !planted.also.contains(name))
            .collect();
        let messages = report
            .findings
            .iter()
            .flat_map(|findings| &findings.violations);
        let first = messages
            .clone()
            .find(|violation| violation.invariant == planted.name);
        let first = first.map(ToString::to_string).unwrap_or_default();
        if own != [planted.name] || first != planted.message {
            let all: Vec<String> = messages.map(ToString::to_string).collect();
            wrong.push(format!(
                "{}: {violated:?}\n  {}",
                planted.name,
                all.join("\n  ")
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_invariant_of_the_oracle_has_a_planted_defect() {
    let planted: Vec<N> = PLANTED.iter().map(|planted| planted.name).collect();
    let of_the_oracle: Vec<N> = N::ALL
        .iter()
        .copied()
        .filter(|name| *name != N::Determinism)
        .collect();
    assert_eq!(planted, of_the_oracle);
}

fn completed() -> usize {
    CounterSeries::Segments(MODE, SegmentFate::Completed).index()
}

fn latency() -> HistogramSeries {
    HistogramSeries::Latency(MODE, PlanOutcome::Enqueued)
}

/// A healthy run, after which the page is not what it was.
fn forged(change: fn(&mut TestExposition)) -> OracleReport {
    let mut fixture = Fixture::new();
    fixture.whole_run().forge(change).scrape();
    fixture.end()
}

fn an_answer_nobody_asks_for_again() -> OracleReport {
    let mut fixture = Fixture::new();
    let mut commit = fixture.fire().wait(2).plan_commit(&[1, 2, 3, 4]);
    fixture.apply(&mut commit);
    fixture.see(&Observation::CommitAnswerLost {
        token: &commit.token,
    });
    fixture.dispatch().work(0).work(1);
    fixture.end()
}

fn samples_of_the_right_sum_in_wrong_buckets() -> OracleReport {
    let mut fixture = Fixture::new();
    fixture.whole_run().start_by_hand("slow").wait(18).plan();
    fixture.forge(|page| page.samples[latency().index()] = vec![11.0, 11.0]);
    fixture.end()
}

fn a_change_that_no_commit_tells_of() -> OracleReport {
    let mut fixture = Fixture::new();
    fixture.whole_run();
    fixture.see(&Observation::ImageChanged {
        image: &digest(1),
        revision: 1,
        added: &high(2),
    });
    fixture.start_by_hand("again").plan();
    let message = fixture.enqueue(None);
    let delivery = fixture.lease(message, None);
    let mut commit = fixture.dispatch_commit(delivery);
    commit.release.pop();
    let first = fixture.submit(commit).enqueue(Some(0));
    fixture.acknowledge(message, delivery, None);
    let (message, delivery) = (first, fixture.begin(0, first));
    let mut commit = fixture.segment_commit(0, delivery);
    if let CommitStep::Segment(segment) = &mut commit.step {
        segment.reports[0].revision = 1;
    }
    let events = commit.events.clone();
    fixture
        .submit(commit)
        .publish(&events)
        .acknowledge(message, delivery, Some(0));
    fixture.end()
}

fn a_plan_with_another_tenants_image() -> OracleReport {
    let mut fixture = Fixture::new();
    let commit = fixture.fire().wait(2).plan_commit(&[1, 2, 3, 9]);
    fixture.submit(commit);
    fixture.end()
}

fn a_fire_that_is_passed_over() -> OracleReport {
    let mut fixture = Fixture::new();
    fixture.now = "2024-01-02T02:00:00Z".parse().unwrap();
    let mut commit = fixture.fire_commit("02:00:00", FireOutcome::Run);
    let (today, schedule) = (fixture.now, fixture.schedule.clone());
    if let CommitStep::Fire { latest, .. } = &mut commit.step {
        *latest = Some(today);
    }
    commit.runs[0].run = super::fixture::new_run(&schedule, crate::model::Trigger::Cron, &today);
    commit.schedule.as_mut().unwrap().state.cursor = today;
    fixture.submit(commit);
    fixture.end()
}

/// A commit that ends the fixture's run.
fn end_commit(fixture: &mut Fixture, reason: EndReason, state: RunState) -> Commit {
    let mut commit = fixture.new_commit(CommitStep::End(reason), 0);
    let run = crate::model::Run {
        state,
        ..fixture.run.clone().unwrap()
    };
    commit.intent_done = Some(run.id.clone());
    commit.runs.push(RunWrite {
        run,
        expected: Some(9),
    });
    commit
}

fn a_cancelled_run_that_stays_active() -> OracleReport {
    let mut fixture = Fixture::new();
    let run = fixture.fire().plan().run_id();
    fixture.see(&Observation::CancelRequested { run: &run });
    let commit = end_commit(&mut fixture, EndReason::Command, RunState::Cancelled);
    fixture.submit(commit);
    fixture.end()
}

fn a_stale_backlog() -> OracleReport {
    let mut fixture = Fixture::new();
    fixture.whole_run().wait(16);
    fixture
        .forge(|page| *page.backlog.get_mut("nightly").unwrap() = 2)
        .scrape();
    fixture.end()
}

fn a_completed_run_that_begins_again() -> OracleReport {
    let mut fixture = Fixture::new();
    let mut run = fixture.whole_run().run.clone().unwrap();
    run.state = RunState::Planning;
    let mut commit = fixture.wait(5).new_commit(CommitStep::Requeue, 0);
    commit.runs.push(RunWrite {
        run,
        expected: Some(9),
    });
    fixture.submit(commit);
    fixture.end()
}

fn a_planning_that_fails_for_no_reason() -> OracleReport {
    let mut fixture = Fixture::new();
    let mut run = fixture.fire().wait(30).run.clone().unwrap();
    (run.state, run.error) = (
        RunState::Error,
        Some(RunFailure::Planning("no answer".into())),
    );
    run.planning_attempts = 1;
    let step = CommitStep::Plan {
        outcome: PlanOutcome::Failed,
        as_of: fixture.now,
    };
    let mut commit = fixture.new_commit(step, 0);
    commit.runs.push(RunWrite {
        run,
        expected: Some(1),
    });
    fixture.submit(commit);
    fixture.end()
}

fn requests_too_fast() -> OracleReport {
    let mut fixture = Fixture::new();
    fixture.fire().plan().dispatch();
    let message = fixture.message_of(0);
    let delivery = fixture.begin(0, message);
    for n in [1, 2, 1, 2] {
        fixture.now = fixture.now.after(std::time::Duration::from_millis(100));
        let permit = fixture.now;
        fixture.ask(n, delivery, Some((2.0, permit)));
    }
    fixture.end_with(message, 0, delivery)
}

fn two_segments_where_one_is_allowed() -> OracleReport {
    let mut fixture = Fixture::new();
    fixture.change_schedule(ScheduleChange::Edited, |schedule| {
        schedule.limits.parallelism = std::num::NonZeroU32::new(1);
    });
    fixture.fire().plan().dispatch();
    let (first, second) = (fixture.message_of(0), fixture.message_of(1));
    let delivery = fixture.begin(0, first);
    fixture.wait(1);
    let other = fixture.begin(1, second);
    for (index, message, delivery) in [(0, first, delivery), (1, second, other)] {
        let commit = fixture.segment_commit(index, delivery);
        let events = commit.events.clone();
        fixture
            .submit(commit)
            .publish(&events)
            .acknowledge(message, delivery, Some(index));
    }
    fixture.end()
}

fn an_acknowledgement_after_expiry() -> OracleReport {
    let mut fixture = Fixture::new();
    fixture.fire().plan().dispatch();
    let message = fixture.message_of(0);
    let delivery = fixture.begin(0, message);
    fixture.wait(61);
    fixture.end_with(message, 0, delivery)
}

fn a_message_acknowledged_before_its_work() -> OracleReport {
    let mut fixture = Fixture::new();
    fixture.fire().plan().dispatch();
    let message = fixture.message_of(0);
    let delivery = fixture.begin(0, message);
    fixture.acknowledge(message, delivery, Some(0));
    fixture.work(1);
    fixture.end()
}

fn a_report_without_its_event() -> OracleReport {
    let mut fixture = Fixture::new();
    fixture.fire().plan().dispatch();
    let message = fixture.message_of(0);
    let delivery = fixture.begin(0, message);
    let mut commit = fixture.segment_commit(0, delivery);
    commit.events.pop();
    let events = commit.events.clone();
    fixture
        .submit(commit)
        .publish(&events)
        .acknowledge(message, delivery, Some(0));
    fixture.work(1);
    fixture.end()
}

fn a_runner_that_calls_notify() -> OracleReport {
    let mut fixture = Fixture::new();
    let incarnation = fixture.incarnation.clone();
    fixture.whole_run().see(&Observation::NotifyCalled {
        incarnation: &incarnation,
        role: "runner",
    });
    fixture.end()
}

fn a_tenant_served_twice_before_another() -> OracleReport {
    let mut fixture = Fixture::new();
    let mut runs = Vec::new();
    for (name, tenant) in [("one", "acme"), ("two", "acme"), ("three", "other")] {
        fixture.start_by_hand(name).wait(1);
        let mut run = fixture.run.clone().unwrap();
        run.tenant = tenant.into();
        runs.push(run);
    }
    let waiting: Vec<_> = runs
        .iter()
        .map(|run| (run.id.clone(), run.tenant.clone(), run.created_at))
        .collect();
    let incarnation = fixture.incarnation.clone();
    fixture.see(&Observation::PlanningRead {
        incarnation: &incarnation,
        waiting: &waiting,
    });
    fixture.see(&Observation::PlanningBegun {
        incarnation: &incarnation,
        run: &runs[0],
    });
    fixture.see(&Observation::PlanningBegun {
        incarnation: &incarnation,
        run: &runs[1],
    });
    fixture.end()
}

fn a_run_that_nobody_plans() -> OracleReport {
    let mut fixture = Fixture::new();
    fixture.fire();
    fixture
        .oracle
        .expect_drain(fixture.now, std::time::Duration::from_secs(600));
    let end = fixture.wait(601).now;
    fixture.oracle.finish(end, false)
}

fn a_page_that_grows() -> OracleReport {
    let mut fixture = Fixture::new();
    fixture.whole_run().forge(|page| page.series = 53).scrape();
    fixture.end()
}

#[test]
fn a_superseded_delivery_may_not_commit() {
    let mut fixture = Fixture::new();
    fixture.fire().plan().dispatch();
    let message = fixture.message_of(0);
    let old = fixture.begin(0, message);
    fixture
        .wait(61)
        .step(message, old, Some(0), QueueStep::Expired);
    fixture.begin(0, message);
    let commit = fixture.segment_commit(0, old);
    fixture.submit(commit);
    let report = fixture.end();
    let findings = &report.findings[N::LeaseDiscipline.index()];
    assert_eq!(
        findings.violations[0].to_string(),
        "lease-discipline at 2024-01-01T02:01:03Z, segment run:acme:nightly:cron:2024-01-01T02:00:00Z/0: \
         delivery 2 of w#1 committed after a newer one had begun; expected delivery 3 or newer, found 2"
    );
}
