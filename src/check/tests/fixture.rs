//! A small fleet, observed step by step: one tenant with four images, a schedule, and one process
//! whose metrics are honest unless the fixture says otherwise.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::sample_data::{image, nightly};
use super::test_exposition::{SharedExposition, TestExposition};
use crate::check::{
    InvariantFindings, InvariantName, Oracle, OracleOptions, OracleReport, Violation, WorkTimes,
};
use crate::model::commit::{EndReason, RunWrite};
use crate::model::observation::{IncarnationEnd, Observation, Observer, PortName, ScheduleChange};
use crate::model::{
    Applied, Commit, CommitAnswer, CommitStep, CommitToken, IncarnationId, Run, RunFailure, RunId,
    RunState, Schedule, ScheduleId, SharedList, Timestamp,
};
use crate::worker::options::WorkerOptions;

/// Midnight of the first day.
pub const START: &str = "2024-01-01T00:00:00Z";

/// The fleet's one process, its oracle, and what its store would hold.
pub struct Fixture {
    pub oracle: Oracle,
    pub now: Timestamp,
    pub incarnation: IncarnationId,
    pub page: Rc<RefCell<TestExposition>>,
    pub schedule: Arc<Schedule>,
    /// The current run.
    pub run: Option<Run>,
    /// Whether what the process learns goes to its counters.
    pub is_honest: bool,
    /// Images that await a runner, by schedule and run.
    pub waiting: BTreeMap<(ScheduleId, RunId), u64>,
    sequence: u64,
    pub delivery: u64,
    pub message: u64,
    /// Deliveries of each message that counted.
    pub tries: BTreeMap<u64, u32>,
}

impl Fixture {
    /// Four images of `acme`, one of `other`, and the schedule `nightly` at 02:00. Created at
    /// midnight, with a process that begins then.
    pub fn new() -> Self {
        Self::with(OracleOptions::default())
    }

    /// The same with a process that need not expose the observed gauges.
    pub fn without_gauges() -> Self {
        Self::with(OracleOptions {
            gauges: Vec::new(),
            ..OracleOptions::default()
        })
    }

    /// The same with segments of two images, of which each takes 100 s.
    pub fn with_long_segments() -> Self {
        Self::with(OracleOptions {
            work_times: WorkTimes {
                scan: [Duration::from_secs(40); 2],
                segment: Duration::from_secs(20),
            },
            worker: WorkerOptions {
                segment_size: 2,
                segments_at_once: 1,
                ..WorkerOptions::default()
            },
            ..OracleOptions::default()
        })
    }

    /// The same with other options.
    pub fn with(options: OracleOptions) -> Self {
        let inventory = [
            image(1, "acme", "prod"),
            image(2, "acme", "prod"),
            image(3, "acme", "prod"),
            image(4, "acme", "prod"),
            image(5, "acme", "test"),
            image(9, "other", "prod"),
        ];
        let options = OracleOptions {
            inventory: Arc::new(inventory.into_iter().collect()),
            ..options
        };
        let incarnation = IncarnationId {
            process: "w".into(),
            number: 1,
        };
        let mut fixture = Self {
            oracle: Oracle::new(options),
            now: START.parse().unwrap(),
            incarnation: incarnation.clone(),
            page: Rc::default(),
            schedule: Arc::new(nightly()),
            run: None,
            is_honest: true,
            waiting: BTreeMap::new(),
            sequence: 0,
            delivery: 0,
            message: 0,
            tries: BTreeMap::new(),
        };
        fixture.see(&Observation::IncarnationStarted {
            incarnation: &incarnation,
        });
        fixture.attach();
        fixture.change_schedule(ScheduleChange::Created, |_| ());
        fixture
    }

    fn attach(&mut self) {
        self.oracle
            .attach_metrics(&self.incarnation, SharedExposition::attached(&self.page));
    }

    /// Gives another incarnation a page of its own.
    pub fn attach_page(&mut self, incarnation: &IncarnationId) -> Rc<RefCell<TestExposition>> {
        let page = Rc::new(RefCell::new(TestExposition::default()));
        self.oracle
            .attach_metrics(incarnation, SharedExposition::attached(&page));
        page
    }

    pub fn see(&mut self, observation: &Observation<'_>) -> &mut Self {
        self.oracle.observe(self.now, observation);
        self
    }

    /// Violations of an invariant so far, without its name and the time.
    pub fn texts(&self, name: InvariantName) -> Vec<String> {
        let findings = self.oracle.results().findings(name).unwrap();
        texts_of(findings)
    }

    /// A process loses a port.
    pub fn cut_off(&mut self, port: PortName) -> &mut Self {
        let process = self.incarnation.process.clone();
        self.see(&Observation::CutOff {
            process: &process,
            port,
        })
    }

    /// A commit that ends the fixture's run.
    pub fn end_commit(&mut self, reason: EndReason, state: RunState) -> Commit {
        let mut commit = self.new_commit(CommitStep::End(reason), 0);
        let error = match reason {
            EndReason::TimedOut => Some(RunFailure::TimedOut),
            EndReason::Poisoned => Some(RunFailure::Poisoned("too often".into())),
            EndReason::Command | EndReason::ScheduleDeleted => None,
        };
        let run = Run {
            state,
            error,
            ..self.run.clone().unwrap()
        };
        commit.intent_done = Some(run.id.clone());
        commit.runs.push(RunWrite {
            run,
            expected: Some(9),
        });
        commit
    }

    /// Starts a manual run, of which the first segment is leased. Returns the delivery.
    pub fn run_again(&mut self) -> u64 {
        self.start_by_hand("again").plan();
        let message = self.enqueue(None);
        let delivery = self.lease(message, None);
        let mut commit = self.dispatch_commit(delivery);
        commit.release.pop();
        let first = self.submit(commit).enqueue(Some(0));
        self.acknowledge(message, delivery, None);
        self.begin(0, first)
    }

    /// The process is asked to stop.
    pub fn stop(&mut self) -> &mut Self {
        let incarnation = self.incarnation.clone();
        self.see(&Observation::StopRequested {
            incarnation: &incarnation,
        })
    }

    /// The process ends in good order.
    pub fn ends(&mut self) -> &mut Self {
        let (incarnation, end) = (self.incarnation.clone(), IncarnationEnd::Stopped);
        self.see(&Observation::IncarnationEnded {
            incarnation: &incarnation,
            end,
        })
    }

    /// Time passes.
    pub fn wait(&mut self, seconds: u64) -> &mut Self {
        self.now = self.now.after(Duration::from_secs(seconds));
        self
    }

    /// Moves to a time of the first day.
    pub fn at(&mut self, time: &str) -> &mut Self {
        self.now = format!("2024-01-01T{time}Z").parse().unwrap();
        self
    }

    pub fn change_schedule(
        &mut self,
        change: ScheduleChange,
        edit: impl FnOnce(&mut Schedule),
    ) -> &mut Self {
        let mut schedule = (*self.schedule).clone();
        edit(&mut schedule);
        self.schedule = Arc::new(schedule);
        let schedule = self.schedule.clone();
        let (id, is_live) = (schedule.id.to_string(), change != ScheduleChange::Deleted);
        self.page
            .borrow_mut()
            .backlog
            .retain(|known, _| *known != id || is_live);
        if is_live {
            self.page.borrow_mut().backlog.entry(id).or_insert(0);
        }
        self.see(&Observation::ScheduleChanged {
            schedule: &schedule,
            change,
        })
    }

    /// The incarnation ends, and another of its process begins with an empty page.
    pub fn restart(&mut self) -> &mut Self {
        let incarnation = self.incarnation.clone();
        self.see(&Observation::IncarnationEnded {
            incarnation: &incarnation,
            end: IncarnationEnd::Crashed,
        });
        self.incarnation.number += 1;
        let backlog = std::mem::take(&mut self.page.borrow_mut().backlog);
        self.page = Rc::new(RefCell::new(TestExposition {
            backlog,
            ..TestExposition::default()
        }));
        let incarnation = self.incarnation.clone();
        self.see(&Observation::IncarnationStarted {
            incarnation: &incarnation,
        });
        self.attach();
        self
    }

    pub fn scrape(&mut self) -> &mut Self {
        self.scrape_that(true)
    }

    /// A scrape that the process answers or not.
    pub fn scrape_that(&mut self, is_answered: bool) -> &mut Self {
        let incarnation = self.incarnation.clone();
        self.page.borrow_mut().scrape.last = (self.now.millis(), is_answered);
        self.see(&Observation::Scraped {
            process: &incarnation.process,
            incarnation: is_answered.then_some(&incarnation),
            up: is_answered,
        })
    }

    pub fn settle(&mut self) -> &mut Self {
        self.see(&Observation::Settled)
    }

    /// Changes the page behind the process's back.
    pub fn forge(&mut self, change: impl FnOnce(&mut TestExposition)) -> &mut Self {
        change(&mut self.page.borrow_mut());
        self
    }

    // ---- commits ----

    pub fn new_commit(&mut self, step: CommitStep, delivery: u64) -> Commit {
        self.sequence += 1;
        let token = CommitToken {
            incarnation: self.incarnation.clone(),
            sequence: self.sequence,
            delivery,
        };
        Commit::new(token, step)
    }

    /// The process learns that the run of a segment is in this state, or gone.
    pub fn begun(&mut self, index: u32, delivery: u64, state: Option<RunState>) -> &mut Self {
        let (incarnation, key) = (self.incarnation.clone(), self.key(index));
        let run = state.and_then(|state| {
            let run = self.run.clone()?;
            Some(Run { state, ..run })
        });
        self.see(&Observation::SegmentBegun {
            incarnation: &incarnation,
            key: &key,
            delivery,
            run: run.as_ref(),
        });
        self.see(&Observation::SegmentBegunLearned {
            incarnation: &incarnation,
            key: &key,
            delivery,
            run: run.as_ref(),
        })
    }

    /// The process reads the backlog.
    pub fn read_backlog(&mut self) -> &mut Self {
        let incarnation = self.incarnation.clone();
        self.see(&Observation::BacklogRead {
            incarnation: &incarnation,
            rows: &SharedList::default(),
            images: 0,
        })
    }

    /// The store takes a commit; its times are stamped.
    pub fn apply(&mut self, commit: &mut Commit) -> CommitAnswer {
        for write in &mut commit.runs {
            let before = self.run.as_ref().filter(|run| run.id == write.run.id);
            write.stamp(before.map(|run| run.state), self.now);
            self.run = Some(write.run.clone());
        }
        let answer = CommitAnswer::Applied(Applied {
            at: self.now,
            backlog: None,
            adopted: [0, 0],
        });
        self.see(&Observation::CommitSent { commit });
        self.see(&Observation::CommitApplied {
            commit,
            answer: &answer,
        });
        answer
    }

    /// The answer arrives, and an honest process counts it at once.
    pub fn learn(&mut self, commit: &Commit, answer: &CommitAnswer) -> &mut Self {
        self.see(&Observation::CommitLearned { commit, answer });
        if self.is_honest {
            self.record(commit, answer);
        }
        self.settle()
    }

    pub fn submit(&mut self, mut commit: Commit) -> &mut Self {
        let answer = self.apply(&mut commit);
        self.learn(&commit, &answer)
    }

    /// The whole healthy run.
    pub fn whole_run(&mut self) -> &mut Self {
        self.fire().plan().dispatch().work(0).work(1)
    }

    /// The report, as of a world that has come to rest.
    pub fn end(&mut self) -> OracleReport {
        self.take().finish(self.now, true)
    }

    /// The report, as of a world that is still busy.
    pub fn stop_here(&mut self) -> OracleReport {
        self.take().finish(self.now, false)
    }

    fn take(&mut self) -> Oracle {
        std::mem::replace(&mut self.oracle, Oracle::new(OracleOptions::default()))
    }
}

fn texts_of(findings: &InvariantFindings) -> Vec<String> {
    let text = |violation: &Violation| {
        let text = violation.to_string();
        let prefix = format!("{} at {}: ", violation.invariant, violation.at);
        text.strip_prefix(&prefix).unwrap().to_owned()
    };
    findings.violations.iter().map(text).collect()
}

impl OracleReport {
    /// Violations of an invariant, without its name and the time.
    ///
    /// # Panics
    /// The invariant is not registered.
    pub fn texts(&self, name: InvariantName) -> Vec<String> {
        texts_of(self.findings_of(name).unwrap())
    }

    /// Whether an invariant is not violated.
    ///
    /// # Panics
    /// The invariant is not registered.
    pub fn is_clean(&self, name: InvariantName) -> bool {
        self.texts(name).is_empty()
    }
}

impl Fixture {
    /// Commits a leased segment, works the other one, and ends.
    pub fn end_with(&mut self, message: u64, index: u32, delivery: u64) -> OracleReport {
        let commit = self.segment_commit(index, delivery);
        let events = commit.events.clone();
        self.submit(commit)
            .publish(&events)
            .acknowledge(message, delivery, Some(index));
        self.work(1 - index);
        self.end()
    }
}
