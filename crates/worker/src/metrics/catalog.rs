//! The instruments of the Scheduler Worker: the one table that the typed handles, the exposition
//! and the docs come from.

use rehearsal_metrics::{Definition, LabelDefinition, Origin, StaticLabel};

use super::label::{
    AttemptOutcome, Delta, EventKind, Fate, Mode, PlannerStatus, QueueName, RunResult,
    ScannerOutcome, SegmentStatus,
};

/// Name of the meter that all instruments of the worker belong to. It is part of the contract.
pub const METER: &str = "StellaOps.Scheduler.Worker";

/// Planner latency, s: 0.1 s to 30 min.
pub const LATENCY_BOUNDS: [f64; 13] = [
    0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0,
];

/// Run duration, s: 1 s to 24 h.
pub const DURATION_BOUNDS: [f64; 13] = [
    1.0, 5.0, 15.0, 30.0, 60.0, 300.0, 900.0, 1800.0, 3600.0, 7200.0, 14_400.0, 43_200.0, 86_400.0,
];

const fn given(definition: Definition) -> Definition {
    definition.from_origin(Origin::Given)
}

/// The label of a schedule. Its spelling is the contract.
pub const SCHEDULE_ID: LabelDefinition = LabelDefinition {
    name: "scheduleId",
    values: &[],
};
const MODE: LabelDefinition = LabelDefinition {
    name: Mode::NAME,
    values: Mode::VALUES,
};

/// Planner outcomes.
pub const PLANNER_RUNS: Definition = given(
    Definition::counter("scheduler_planner_runs_total", "Planner outcomes.")
        .labelled::<(Mode, PlannerStatus)>(),
);
/// Time from run creation to planner completion.
pub const PLANNER_LATENCY: Definition = given(
    Definition::histogram(
        "scheduler_planner_latency_seconds",
        &LATENCY_BOUNDS,
        "Time from run creation to planner completion.",
    )
    .seconds()
    .labelled::<(Mode, PlannerStatus)>(),
);
/// Segments processed.
pub const SEGMENTS: Definition = given(
    Definition::counter("scheduler_runner_segments_total", "Segments processed.")
        .labelled::<(Mode, SegmentStatus)>(),
);
/// Images processed.
pub const IMAGES: Definition = given(
    Definition::counter(
        "scheduler_runner_images_total",
        "Images processed, by whether a delta was seen.",
    )
    .labelled::<(Mode, Delta)>(),
);
/// New findings.
pub const DELTAS: Definition =
    given(Definition::counter("scheduler_runner_delta_total", "New findings.").labelled::<Mode>());
/// Critical findings.
pub const DELTAS_CRITICAL: Definition = given(
    Definition::counter(
        "scheduler_runner_delta_critical_total",
        "New critical findings.",
    )
    .labelled::<Mode>(),
);
/// High findings.
pub const DELTAS_HIGH: Definition = given(
    Definition::counter("scheduler_runner_delta_high_total", "New high findings.")
        .labelled::<Mode>(),
);
/// KEV hits.
pub const DELTAS_KEV: Definition = given(
    Definition::counter(
        "scheduler_runner_delta_kev_total",
        "Known exploited vulnerability hits.",
    )
    .labelled::<Mode>(),
);
/// End-to-end run duration.
pub const RUN_DURATION: Definition = given(
    Definition::histogram(
        "scheduler_run_duration_seconds",
        &DURATION_BOUNDS,
        "End-to-end run duration, of successful completions only.",
    )
    .seconds()
    .labelled::<(Mode, RunResult)>(),
);
/// Runs in flight.
pub const RUNS_ACTIVE: Definition =
    given(Definition::up_down("scheduler_runs_active", "Runs in flight.").labelled::<Mode>());
/// Images still awaiting a runner.
pub const BACKLOG: Definition = given(
    Definition::gauge(
        "scheduler_runner_backlog",
        "Images awaiting a runner, per schedule.",
    )
    .with_labels(&[MODE, SCHEDULE_ID]),
);

/// Attempts to plan a run, by outcome.
pub const PLANNER_ATTEMPTS: Definition = Definition::counter(
    "scheduler_planner_attempts_total",
    "Attempts to plan a run.",
)
.labelled::<(Mode, AttemptOutcome)>();
/// Cancelled runs, by mode.
pub const RUNS_CANCELLED: Definition =
    Definition::counter("scheduler_runs_cancelled_total", "Runs cancelled.").labelled::<Mode>();
/// Segments whose run had ended, by mode.
pub const SEGMENTS_DISCARDED: Definition = Definition::counter(
    "scheduler_runner_segments_discarded_total",
    "Segments discarded because their run had ended.",
)
.labelled::<Mode>();
/// Images that the Scanner permanently refused, by mode.
pub const IMAGES_FAILED: Definition = Definition::counter(
    "scheduler_runner_images_failed_total",
    "Images for which the scanner permanently refused a report.",
)
.labelled::<Mode>();
/// Ready and leased messages of a queue.
pub const QUEUE_DEPTH: Definition = Definition::gauge(
    "scheduler_queue_depth",
    "Messages in the queue: ready, delayed or leased.",
)
.labelled::<QueueName>();
/// Age of the oldest ready message.
pub const QUEUE_OLDEST_READY: Definition = Definition::gauge(
    "scheduler_queue_oldest_ready_age_seconds",
    "Age of the oldest message that is ready and not leased; 0 when there is none.",
)
.seconds()
.labelled::<QueueName>();
/// Repeated deliveries of a queue.
pub const REDELIVERIES: Definition = Definition::counter(
    "scheduler_queue_redeliveries_total",
    "Deliveries of a message that had been delivered before.",
)
.labelled::<QueueName>();
/// Dead-lettered messages of a queue.
pub const DEAD_LETTERS: Definition = Definition::counter(
    "scheduler_queue_dead_letters_total",
    "Messages dead-lettered.",
)
.labelled::<QueueName>();
/// Dropped poison messages of a queue.
pub const DROPS: Definition = Definition::counter(
    "scheduler_queue_drops_total",
    "Poisoned messages dropped because dead letters are off.",
)
.labelled::<QueueName>();
/// Renewed leases of a queue's messages.
pub const LEASE_RENEWALS: Definition =
    Definition::counter("scheduler_lease_renewals_total", "Leases renewed.")
        .labelled::<QueueName>();
/// Leases of a queue's messages that were lost during work.
pub const LEASE_LOSSES: Definition =
    Definition::counter("scheduler_lease_losses_total", "Leases lost while working.")
        .labelled::<QueueName>();
/// Requests to the Scanner, by outcome.
pub const SCANNER_REQUESTS: Definition = Definition::counter(
    "scheduler_scanner_requests_total",
    "Requests to the scanner, retries included.",
)
.labelled::<(Mode, ScannerOutcome)>();
/// Permits used late, by mode.
pub const LATE_PERMITS: Definition = Definition::counter(
    "scheduler_scanner_late_permits_total",
    "Scanner permits that came late, by a pause or a delay.",
)
.labelled::<Mode>();
/// Events published to Notify, by kind.
pub const EVENTS: Definition =
    Definition::counter("scheduler_events_published_total", "Events published.")
        .labelled::<EventKind>();
/// Events awaiting publication.
pub const OUTBOX_DEPTH: Definition =
    Definition::gauge("scheduler_outbox_depth", "Events awaiting publication.");
/// Schedule fires.
pub const FIRES: Definition = Definition::counter(
    "scheduler_schedule_fires_total",
    "Due fires of schedules, by fate.",
)
.labelled::<(Mode, Fate)>();
/// Seconds since progress.
pub const SINCE_PROGRESS: Definition = Definition::gauge(
    "scheduler_run_since_progress_seconds",
    "Time since the least advanced open run made progress; 0 when no run is open.",
)
.seconds()
.labelled::<Mode>();
/// Constant 1 with the version as a label.
pub const BUILD_INFO: Definition = Definition::info(
    "scheduler_worker_build_info",
    "1, with the version as a label.",
)
.with_labels(&[LabelDefinition {
    name: "version",
    values: &[env!("CARGO_PKG_VERSION")],
}]);
/// The meter, as OpenTelemetry's exporters for Prometheus expose an instrumentation scope.
pub const SCOPE_INFO: Definition = Definition::info(
    "otel_scope_info",
    "1, with the meter of the instruments as a label.",
)
.with_labels(&[LabelDefinition {
    name: "otel_scope_name",
    values: &[METER],
}]);

/// The eleven instruments of the contract, in its order.
pub const GIVEN: [Definition; 11] = [
    PLANNER_RUNS,
    PLANNER_LATENCY,
    SEGMENTS,
    IMAGES,
    DELTAS,
    DELTAS_CRITICAL,
    DELTAS_HIGH,
    DELTAS_KEV,
    RUN_DURATION,
    RUNS_ACTIVE,
    BACKLOG,
];

/// Our own instruments, in the same style.
pub const EXTENSIONS: [Definition; 19] = [
    PLANNER_ATTEMPTS,
    RUNS_CANCELLED,
    SEGMENTS_DISCARDED,
    IMAGES_FAILED,
    QUEUE_DEPTH,
    QUEUE_OLDEST_READY,
    REDELIVERIES,
    DEAD_LETTERS,
    DROPS,
    LEASE_RENEWALS,
    LEASE_LOSSES,
    SCANNER_REQUESTS,
    LATE_PERMITS,
    EVENTS,
    OUTBOX_DEPTH,
    FIRES,
    SINCE_PROGRESS,
    BUILD_INFO,
    SCOPE_INFO,
];
