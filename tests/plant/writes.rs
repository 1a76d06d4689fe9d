//! Defects of one kind of write to the instruments, between the worker and its metrics.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rehearsal::metrics::{
    AttemptOutcome, Delta, EventKind, Fate, InstrumentWrites, Mode, PlannerStatus, QueueName,
    ReadTime, ScannerOutcome, SchedulerWorkerMetrics, SegmentStatus,
};
use rehearsal::model::SharedList;
use rehearsal::model::commit::BacklogRow;
use rehearsal::model::observation::{Observation, Observer};
use rehearsal::model::{DeltaCounts, IncarnationId, Timestamp};
use rehearsal::rehearsal::Hooks;
use rehearsal::sim::world::WorldPorts;

use super::write_arguments::{BreakableLabel, BreakableLabels, BreakableValue, ModesSwapped};

/// Way in which a write is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breakage {
    /// It does not happen.
    Skipped,
    /// It happens twice; what it sets is twice as large.
    Doubled,
    /// It happens after the step in which it is due. What a refresh sets is the value of the
    /// refresh before.
    Late,
    /// The label at this position has another value.
    WrongLabel(usize),
}

impl fmt::Display for Breakage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Skipped => f.write_str("skipped"),
            Self::Doubled => f.write_str("doubled"),
            Self::Late => f.write_str("late"),
            Self::WrongLabel(place) => write!(f, "with a wrong label {place}"),
        }
    }
}

/// Defect of every write by one method, in all processes.
pub struct WriteDefect {
    method: &'static str,
    breakage: Breakage,
    /// Number of broken writes.
    hits: AtomicU64,
    /// Number of labels of such a write.
    labels: AtomicUsize,
    late: Mutex<Vec<LateWrite>>,
}

type LateWrite = Box<dyn FnOnce() + Send>;

impl WriteDefect {
    /// Breaks the writes by a method.
    pub fn new(method: &'static str, breakage: Breakage) -> Arc<Self> {
        Arc::new(Self {
            method,
            breakage,
            hits: AtomicU64::new(0),
            labels: AtomicUsize::new(0),
            late: Mutex::default(),
        })
    }

    /// Number of broken writes so far.
    pub fn hits(&self) -> u64 {
        self.hits.load(Ordering::Relaxed)
    }

    /// Number of labels of the broken writes.
    pub fn labels(&self) -> usize {
        self.labels.load(Ordering::Relaxed)
    }

    /// Does what is late.
    fn catch_up(&self) {
        let late = std::mem::take(&mut *self.late.lock().unwrap());
        for write in late {
            write();
        }
    }
}

/// Hooks that break writes.
pub struct BreaksWrites(pub Arc<WriteDefect>);

impl Hooks for BreaksWrites {
    type Ports = WorldPorts;

    fn ports(&self, _: &IncarnationId, world: WorldPorts) -> WorldPorts {
        world
    }

    fn writes(
        &self,
        _: &IncarnationId,
        metrics: Arc<SchedulerWorkerMetrics>,
    ) -> Arc<dyn InstrumentWrites> {
        Arc::new(PlantedWrites {
            to: metrics,
            defect: self.0.clone(),
            refreshed: Mutex::default(),
        })
    }

    fn observe(&self, at: Timestamp, observation: &Observation<'_>, oracle: &mut dyn Observer) {
        oracle.observe(at, observation);
        if matches!(observation, Observation::Settled) {
            self.0.catch_up();
        }
    }
}

/// Writes of one incarnation.
struct PlantedWrites {
    to: Arc<SchedulerWorkerMetrics>,
    defect: Arc<WriteDefect>,
    /// Value of the last refresh by its series.
    refreshed: Mutex<BTreeMap<String, Box<dyn Any + Send>>>,
}

impl PlantedWrites {
    /// The breakage of a write, which is counted.
    fn breakage<L: BreakableLabels>(&self, method: &str) -> Option<Breakage> {
        let is_broken = method == self.defect.method;
        is_broken.then(|| {
            self.defect.hits.fetch_add(1, Ordering::Relaxed);
            self.defect.labels.store(L::COUNT, Ordering::Relaxed);
            self.defect.breakage
        })
    }

    /// Passes on a write that adds to a series.
    fn add<L: BreakableLabels>(
        &self,
        method: &str,
        labels: L,
        write: impl Fn(&SchedulerWorkerMetrics, L) + Send + 'static,
    ) {
        match self.breakage::<L>(method) {
            None => write(&self.to, labels),
            Some(Breakage::Skipped) => {}
            Some(Breakage::Doubled) => {
                write(&self.to, labels);
                write(&self.to, labels);
            }
            Some(Breakage::Late) => {
                let to = self.to.clone();
                let late = Box::new(move || write(&to, labels));
                self.defect.late.lock().unwrap().push(late);
            }
            Some(Breakage::WrongLabel(place)) => write(&self.to, labels.with_wrong(place)),
        }
    }

    /// Passes on a write of a refresh, which sets a series.
    fn set<L: BreakableLabels + fmt::Debug, V: BreakableValue>(
        &self,
        method: &str,
        labels: L,
        value: V,
        write: impl Fn(&SchedulerWorkerMetrics, L, V),
    ) {
        match self.breakage::<L>(method) {
            None => write(&self.to, labels, value),
            Some(Breakage::Skipped) => {}
            Some(Breakage::Doubled) => write(&self.to, labels, value.doubled()),
            Some(Breakage::Late) => {
                let mut refreshed = self.refreshed.lock().unwrap();
                let before = refreshed.insert(format!("{labels:?}"), Box::new(value));
                if let Some(Ok(before)) = before.map(Box::<dyn Any + Send>::downcast) {
                    write(&self.to, labels, *before);
                }
            }
            Some(Breakage::WrongLabel(place)) => {
                write(&self.to, labels.with_wrong(place), value);
            }
        }
    }
}

impl InstrumentWrites for PlantedWrites {
    fn planner_run(&self, mode: Mode, status: PlannerStatus, latency_seconds: f64) {
        self.add("planner_run", (mode, status), move |to, (mode, status)| {
            to.planner_run(mode, status, latency_seconds);
        });
    }

    fn run_completed(&self, mode: Mode, duration_seconds: f64) {
        self.add("run_completed", (mode,), move |to, (mode,)| {
            to.run_completed(mode, duration_seconds);
        });
    }

    fn segment(&self, mode: Mode, status: SegmentStatus) {
        self.add("segment", (mode, status), |to, (mode, status)| {
            to.segment(mode, status);
        });
    }

    fn images(&self, mode: Mode, delta: Delta, count: u64) {
        self.add("images", (mode, delta), move |to, (mode, delta)| {
            to.images(mode, delta, count);
        });
    }

    fn deltas(&self, mode: Mode, counts: &DeltaCounts) {
        let counts = *counts;
        self.add("deltas", (mode,), move |to, (mode,)| {
            to.deltas(mode, &counts);
        });
    }

    fn runs_active_add(&self, mode: Mode, count: i64) {
        self.add("runs_active_add", (mode,), move |to, (mode,)| {
            to.runs_active_add(mode, count);
        });
    }

    fn planner_attempt(&self, mode: Mode, outcome: AttemptOutcome) {
        self.add("planner_attempt", (mode, outcome), |to, (mode, outcome)| {
            to.planner_attempt(mode, outcome);
        });
    }

    fn run_cancelled(&self, mode: Mode) {
        self.add("run_cancelled", (mode,), |to, (mode,)| {
            to.run_cancelled(mode);
        });
    }

    fn segment_discarded(&self, mode: Mode) {
        self.add("segment_discarded", (mode,), |to, (mode,)| {
            to.segment_discarded(mode);
        });
    }

    fn images_failed(&self, mode: Mode, count: u64) {
        self.add("images_failed", (mode,), move |to, (mode,)| {
            to.images_failed(mode, count);
        });
    }

    fn queue_depth(&self, queue: QueueName, messages: u64, observed_at: Duration) {
        self.set(
            "queue_depth",
            (queue,),
            messages,
            |to, (queue,), messages| {
                to.queue_depth(queue, messages, observed_at);
            },
        );
    }

    fn queue_oldest_ready(&self, queue: QueueName, age_seconds: f64, observed_at: Duration) {
        self.set(
            "queue_oldest_ready",
            (queue,),
            age_seconds,
            |to, (queue,), age| {
                to.queue_oldest_ready(queue, age, observed_at);
            },
        );
    }

    fn redelivery(&self, queue: QueueName) {
        self.add("redelivery", (queue,), |to, (queue,)| to.redelivery(queue));
    }

    fn dead_letter(&self, queue: QueueName) {
        self.add("dead_letter", (queue,), |to, (queue,)| {
            to.dead_letter(queue);
        });
    }

    fn drop_message(&self, queue: QueueName) {
        self.add("drop_message", (queue,), |to, (queue,)| {
            to.drop_message(queue);
        });
    }

    fn lease_renewal(&self, queue: QueueName) {
        self.add("lease_renewal", (queue,), |to, (queue,)| {
            to.lease_renewal(queue);
        });
    }

    fn lease_loss(&self, queue: QueueName) {
        self.add("lease_loss", (queue,), |to, (queue,)| to.lease_loss(queue));
    }

    fn scanner_request(&self, mode: Mode, outcome: ScannerOutcome) {
        self.add("scanner_request", (mode, outcome), |to, (mode, outcome)| {
            to.scanner_request(mode, outcome);
        });
    }

    fn late_permit(&self, mode: Mode) {
        self.add("late_permit", (mode,), |to, (mode,)| to.late_permit(mode));
    }

    fn event_published(&self, kind: EventKind) {
        self.add("event_published", (kind,), |to, (kind,)| {
            to.event_published(kind);
        });
    }

    fn outbox_depth(&self, events: u64, observed_at: Duration) {
        self.set("outbox_depth", (), events, |to, (), events| {
            to.outbox_depth(events, observed_at);
        });
    }

    fn schedule_fires(&self, mode: Mode, fate: Fate, count: u64) {
        self.add("schedule_fires", (mode, fate), move |to, (mode, fate)| {
            to.schedule_fires(mode, fate, count);
        });
    }

    fn since_progress(&self, mode: Mode, seconds: f64, observed_at: Duration) {
        self.set(
            "since_progress",
            (mode,),
            seconds,
            |to, (mode,), seconds| {
                to.since_progress(mode, seconds, observed_at);
            },
        );
    }

    /// The row that a commit tells is set in its step, so it is late after it.
    fn backlog_set(&self, mode: Mode, schedule: &str, images: u64, time: ReadTime) {
        let is_doubled = self.defect.breakage == Breakage::Doubled;
        let is_broken = self.defect.method == "backlog_set";
        let images = if is_broken && is_doubled {
            images * 2
        } else {
            images
        };
        let schedule = schedule.to_owned();
        self.add("backlog_set", (mode,), move |to, (mode,)| {
            to.backlog_set(mode, &schedule, images, time);
        });
    }

    fn backlog_refresh(&self, rows: &SharedList<BacklogRow>, time: ReadTime) {
        let labels = (ModesSwapped(false),);
        self.set(
            "backlog_refresh",
            labels,
            rows.clone(),
            |to, (swapped,), rows| {
                let swap = |row: BacklogRow| BacklogRow {
                    mode: row.mode.other(),
                    ..row
                };
                let rows = match swapped.0 {
                    true => rows.iter().cloned().map(swap).collect(),
                    false => rows,
                };
                to.backlog_refresh(&rows, time);
            },
        );
    }

    fn backlog_confirm(&self, time: ReadTime) {
        self.add("backlog_confirm", (), move |to, ()| {
            to.backlog_confirm(time);
        });
    }
}
