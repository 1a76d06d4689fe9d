//! The states of a run, step by step.

use rehearsal_convert::Index;
use std::sync::Arc;
use std::time::Duration;

use super::fixture::Fixture;
use super::sample_data::{
    MODE, SEGMENT_SIZE, delta_event, digest, images_of, new_run, report_event,
};
use crate::check::instruments::{ExtensionSeries, RequestOutcome};
use crate::model::commit::{
    ActiveRunsDelta, FireOutcome, PlanOutcome, ReportWrite, RunWrite, ScheduleStateWrite,
    SegmentCommit,
};
use crate::model::observation::{LearnedAnswer, Observation, ScanAnswer};
use crate::model::{
    Commit, CommitStep, Event, ImageDigest, ImpactSet, PlannerMessage, Run, RunFailure, RunId,
    RunState, ScheduleState, Segment, SegmentOutcome, Timestamp, Trigger,
};

impl Fixture {
    /// A run with its first segment leased: the fixture, the message and the delivery.
    pub fn with_a_segment() -> (Self, u64, u64) {
        let mut fixture = Self::new();
        fixture.fire().plan().dispatch();
        let message = fixture.message_of(0);
        let delivery = fixture.begin(0, message);
        (fixture, message, delivery)
    }

    /// 02:00 comes, and makes a run.
    pub fn fire(&mut self) -> &mut Self {
        self.at("02:00:00");
        let commit = self.fire_commit("02:00:00", FireOutcome::Run);
        self.submit(commit)
    }

    /// A commit that decides the fire of that time of the first day.
    pub fn fire_commit(&mut self, time: &str, fate: FireOutcome) -> Commit {
        let fire: Timestamp = format!("2024-01-01T{time}Z").parse().unwrap();
        let schedule = self.schedule.clone();
        let step = CommitStep::Fire {
            schedule: schedule.id.clone(),
            latest: Some(fire),
            coalesced: 0,
            fate,
        };
        let mut commit = self.new_commit(step, 0);
        let state = ScheduleState {
            cursor: fire,
            queued_fire: Some(fire).filter(|_| fate == FireOutcome::Queued),
            ..ScheduleState::default()
        };
        commit.schedule = Some(ScheduleStateWrite {
            id: schedule.id.clone(),
            expected: 1,
            state,
        });
        if fate == FireOutcome::Run {
            commit.runs.push(RunWrite {
                run: new_run(&schedule, Trigger::Cron, &fire),
                expected: None,
            });
        }
        commit
    }

    /// An owner asks for a manual run, or for a retry.
    pub fn request_run(&mut self, name: &str, retried: Option<&RunId>) -> &mut Self {
        let schedule = self.schedule.id.clone();
        self.see(&Observation::ManualRunRequested {
            schedule: &schedule,
            occurrence: name,
            retried,
        })
    }

    /// Creates a manual run that its owner asks for.
    pub fn start_by_hand(&mut self, name: &str) -> &mut Self {
        self.request_run(name, None);
        let mut commit = self.new_commit(CommitStep::Manual, 0);
        let run = new_run(&self.schedule.clone(), Trigger::Manual, &name);
        commit.runs.push(RunWrite {
            run,
            expected: None,
        });
        self.submit(commit)
    }

    /// An export of one product arrives, as number 1.
    pub fn export(&mut self) -> &mut Self {
        self.see(&Observation::Exported {
            sequence: 1,
            id: &"export-1".into(),
            tenant: None,
            trigger: Trigger::Conselier,
            product_keys: &["openssl".into()],
            usage_only: true,
        })
    }

    /// The run is planned with its four images, 2 s after its creation.
    pub fn plan(&mut self) -> &mut Self {
        let commit = self.wait(2).plan_commit(&[1, 2, 3, 4]);
        self.submit(commit)
    }

    pub fn plan_commit(&mut self, images: &[u8]) -> Commit {
        let outcome = if images.is_empty() {
            PlanOutcome::NoWork
        } else {
            PlanOutcome::Enqueued
        };
        let mut commit = self.new_commit(
            CommitStep::Plan {
                outcome,
                as_of: self.now,
            },
            0,
        );
        let mut run = self.run.clone().unwrap();
        run.stats.candidates = 4;
        run.stats.queued = images.len() as u64;
        run.state = RunState::Completed;
        let digests: Arc<[ImageDigest]> = images.iter().copied().map(digest).collect();
        let impact = ImpactSet {
            candidates: 4,
            deduped: 0,
            digests,
        };
        if outcome == PlanOutcome::Enqueued {
            run.state = RunState::Queued;
            commit.active_runs_delta = Some(ActiveRunsDelta {
                mode: MODE,
                change: 1,
            });
            commit.intent = Some(Self::planner_message(&run, &impact));
        }
        commit.impact = Some(impact);
        commit.served = Some(run.tenant.clone());
        commit.runs.push(RunWrite {
            run,
            expected: Some(1),
        });
        commit
    }

    fn planner_message(run: &Run, impact: &ImpactSet) -> PlannerMessage {
        PlannerMessage {
            run: run.id.clone(),
            schedule: run.schedule.clone(),
            tenant: run.tenant.clone(),
            impact: impact.clone(),
        }
    }

    /// The planner message goes through the queue, and the run is cut into two segments of two
    /// images; both messages come onto the queue.
    pub fn dispatch(&mut self) -> &mut Self {
        let message = self.enqueue(None);
        let delivery = self.lease(message, None);
        let commit = self.dispatch_commit(delivery);
        let count = commit.segments.len().index_u32();
        self.submit(commit);
        for index in 0..count {
            self.enqueue(Some(index));
        }
        self.acknowledge(message, delivery, None)
    }

    pub fn dispatch_commit(&mut self, delivery: u64) -> Commit {
        let mut commit = self.new_commit(CommitStep::Dispatch, delivery);
        let mut run = self.run.clone().unwrap();
        let planned: Vec<ImageDigest> = (1..=4).map(digest).collect();
        commit.segments = (0..)
            .zip(planned.chunks(SEGMENT_SIZE))
            .map(|(index, digests)| self.segment(index, digests))
            .collect();
        commit.release = commit
            .segments
            .iter()
            .map(|segment| segment.key.clone())
            .collect();
        run.state = RunState::Running;
        run.stats.segments = commit.segments.len() as u64;
        commit.intent_done = Some(run.id.clone());
        commit.runs.push(RunWrite {
            run,
            expected: Some(2),
        });
        commit
    }

    pub fn segment(&self, index: u32, digests: &[ImageDigest]) -> Segment {
        Segment::new(self.key(index), digests.into())
    }

    /// A segment is leased, scanned, committed without any change, and acknowledged; its events are
    /// published. `message`: as it was enqueued.
    pub fn work(&mut self, index: u32) -> &mut Self {
        let message = self.message_of(index);
        let delivery = self.begin(index, message);
        self.scan(index, delivery);
        let commit = self.segment_commit(index, delivery);
        let events = commit.events.clone();
        self.submit(commit);
        self.publish(&events);
        self.acknowledge(message, delivery, Some(index))
    }

    /// The first message of a segment: `dispatch` enqueues them right after the planner message.
    pub fn message_of(&self, index: u32) -> u64 {
        2 + u64::from(index)
    }

    /// The planner gives the run up after this number of attempts.
    pub fn fail_planning(&mut self, attempts: u32) -> &mut Self {
        let mut run = self.run.clone().unwrap();
        run.state = RunState::Error;
        run.error = Some(RunFailure::Planning("no answer".into()));
        run.planning_attempts = attempts;
        let step = CommitStep::Plan {
            outcome: PlanOutcome::Failed,
            as_of: self.now,
        };
        let mut commit = self.new_commit(step, 0);
        commit.runs.push(RunWrite {
            run,
            expected: Some(1),
        });
        self.submit(commit)
    }

    /// A segment is leased and its work begins.
    pub fn begin(&mut self, index: u32, message: u64) -> u64 {
        let delivery = self.lease(message, Some(index));
        let state = self.run.as_ref().map(|run| run.state);
        self.begun(index, delivery, state);
        delivery
    }

    /// Each image of a segment is asked for and reported.
    pub fn scan(&mut self, index: u32, delivery: u64) -> &mut Self {
        for n in images_of(index) {
            self.ask(n, delivery, None);
            self.answer(n, delivery, ScanAnswer::Report(0));
        }
        self
    }

    pub fn ask(&mut self, n: u8, delivery: u64, permit: Option<(f64, Timestamp)>) -> &mut Self {
        if let Some((_, permit)) = permit {
            self.grant(permit, 1);
        }
        self.ask_ungranted(n, delivery, permit)
    }

    /// The store grants permits, one a second.
    pub fn grant(&mut self, first: Timestamp, count: u32) -> &mut Self {
        self.grant_with_trail((self.now, first), count, Duration::ZERO)
    }

    /// The store takes longer to grant permits than the tolerance.
    pub fn answer_permits_slowly(&mut self) -> &mut Self {
        let incarnation = self.incarnation.clone();
        self.see(&Observation::PermitsSlow {
            incarnation: &incarnation,
        })
    }

    /// The store granted permits at an instant, one a second from `first` on, and then none for the
    /// trail. The process learns of it now.
    pub fn grant_with_trail(
        &mut self,
        (granted_at, first): (Timestamp, Timestamp),
        count: u32,
        trail: Duration,
    ) -> &mut Self {
        let (incarnation, schedule) = (self.incarnation.clone(), self.schedule.id.clone());
        self.see(&Observation::AnswerLearned {
            incarnation: &incarnation,
            answer: LearnedAnswer::PermitsGranted {
                schedule: &schedule,
                granted_at,
                first,
                interval: Duration::from_secs(1),
                count,
                trail,
            },
        })
    }

    /// Asks for an image on a permit that need not be one of a grant.
    pub fn ask_ungranted(
        &mut self,
        n: u8,
        delivery: u64,
        permit: Option<(f64, Timestamp)>,
    ) -> &mut Self {
        let (incarnation, schedule) = (self.incarnation.clone(), self.schedule.id.clone());
        self.see(&Observation::ScanSent {
            incarnation: &incarnation,
            schedule: &schedule,
            rate_per_second: permit.map(|(rate, _)| rate),
            image: &digest(n),
            delivery,
            attempt: 1,
            permit: permit.map(|(_, permit)| permit),
        })
    }

    /// Asks for an image without a permit, although the schedule has a rate.
    pub fn ask_without_permit(&mut self, n: u8, delivery: u64, rate: f64) -> &mut Self {
        let (incarnation, schedule) = (self.incarnation.clone(), self.schedule.id.clone());
        self.see(&Observation::ScanSent {
            incarnation: &incarnation,
            schedule: &schedule,
            rate_per_second: Some(rate),
            image: &digest(n),
            delivery,
            attempt: 1,
            permit: None,
        })
    }

    pub fn answer(&mut self, n: u8, delivery: u64, answer: ScanAnswer) -> &mut Self {
        let outcome = match answer {
            ScanAnswer::Report(_) => Some(RequestOutcome::Succeeded),
            ScanAnswer::Refused => Some(RequestOutcome::Refused),
            ScanAnswer::Throttled(_) => Some(RequestOutcome::RateLimited),
            ScanAnswer::Failed => Some(RequestOutcome::ServerError),
            ScanAnswer::TimedOut => Some(RequestOutcome::TimedOut),
            ScanAnswer::Unreachable => Some(RequestOutcome::Unreachable),
            ScanAnswer::Abandoned => None,
        };
        if let Some(outcome) = outcome.filter(|_| self.is_honest) {
            let requests = ExtensionSeries::Requests(MODE, outcome);
            self.forge(|page| page.extend(requests, 1));
        }
        let (incarnation, schedule) = (self.incarnation.clone(), self.schedule.id.clone());
        let image = digest(n);
        self.see(&Observation::ScanAnswered {
            incarnation: &incarnation,
            schedule: &schedule,
            image: &image,
            delivery,
            answer,
        })
    }

    /// A commit of a segment whose images have not changed.
    pub fn segment_commit(&mut self, index: u32, delivery: u64) -> Commit {
        let images: Vec<ImageDigest> = images_of(index).map(digest).collect();
        let report = |image: &ImageDigest| ReportWrite {
            image: *image,
            expected: None,
            revision: 0,
            findings: Arc::new([]),
        };
        let segment = SegmentCommit {
            key: self.key(index),
            outcome: SegmentOutcome {
                unchanged: images.len() as u64,
                ..SegmentOutcome::default()
            },
            reports: images.iter().map(report).collect(),
            deltas: Vec::new(),
            failed: Vec::new(),
        };
        self.commit_of(segment, delivery)
    }

    /// The commit of a segment: run, booking and events follow from it.
    pub fn commit_of(&mut self, segment: SegmentCommit, delivery: u64) -> Commit {
        let mut run = self.run.clone().unwrap();
        let stats = &mut run.stats;
        stats.completed += segment.reports.len() as u64;
        stats.failed += segment.failed.len() as u64;
        stats.deltas += segment.deltas.len() as u64;
        stats.new_findings += segment.outcome.deltas.new_findings;
        stats.new_high += segment.outcome.deltas.new_high;
        stats.segments_completed += 1;
        let completes = stats.segments_completed == stats.segments;
        let mut events: Vec<Arc<Event>> = segment
            .reports
            .iter()
            .map(|report| report_event(&run, report.image))
            .collect();
        events.extend(segment.deltas.iter().map(|delta| delta_event(&run, delta)));
        let mut commit = self.new_commit(CommitStep::Segment(segment), delivery);
        commit.events = events;
        if completes {
            run.state = RunState::Completed;
            commit.active_runs_delta = Some(ActiveRunsDelta {
                mode: MODE,
                change: -1,
            });
        }
        commit.runs.push(RunWrite {
            run,
            expected: Some(3),
        });
        commit
    }

    pub fn publish(&mut self, events: &[Arc<Event>]) -> &mut Self {
        let incarnation = self.incarnation.clone();
        self.see(&Observation::NotifyCalled {
            incarnation: &incarnation,
            role: "event-relay",
            events: events.len(),
        });
        for event in events {
            self.see(&Observation::EventPublished { event });
            self.see(&Observation::EventForgotten { id: event.event_id });
        }
        self
    }
}
