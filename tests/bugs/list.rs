//! List of the defects with their budgets: five times the mean number of seeds, at least 20 and at
//! most 3,000.

use std::rc::Rc;

use rehearsal::check::InvariantName as N;
use rehearsal::model::RunState;
use rehearsal::worker::ports::ScannerError;

use crate::bench::{Bug, DRAWN_LATENCY, OneOf};
use crate::{
    committing as c, counting as k, messages as m, outliving as o, planning as p, scanning as s,
};

/// Faults that delay a trigger by minutes.
const KEEPS_TRIGGERS: OneOf = &[
    "store-outage",
    "process-crash",
    "process-pause",
    "graceful-stop",
    "rolling-deploy",
    "partition",
];

/// Faults that leave a message on the queue after the end of its run.
const LEAVES_MESSAGES: OneOf = &[
    "process-crash",
    "rolling-deploy",
    "graceful-stop",
    "process-pause",
    "partition",
    "queue-outage",
    "queue-delay",
    "duplicate-delivery",
    "acknowledgement-lost",
    "renewal-lost",
    "poisoned-message",
    "clock-skew",
    "cancel",
    "delete",
];

/// All defects, grouped by the file that defines them.
pub const ALL: &[Bug] = &[
    Bug::new("segment-counted-when-sent", &[N::SegmentOnce], 20, || {
        Rc::new(k::CountsWhenSent::default())
    }),
    Bug::new(
        "anothers-segment-counted",
        &[
            N::SegmentOnce,
            N::ActiveTruth,
            N::Parallelism,
            N::LatencyCount,
        ],
        200,
        || Rc::new(k::CountsAnothers),
    ),
    Bug::new(
        "unknown-outcome-counted",
        &[N::SegmentOnce, N::NoLoss],
        80,
        || Rc::new(k::UnknownIsDone),
    ),
    Bug::new(
        "repeat-taken-for-yes",
        &[N::SegmentOnce, N::ActiveTruth],
        2500,
        || Rc::new(k::RepeatIsDone::default()),
    )
    .needs(&[&[
        "commit-answer-lost",
        "store-outage",
        "partition",
        "slow-store",
        DRAWN_LATENCY,
    ]]),
    Bug::new("conflict-counted", &[N::SegmentOnce], 20, || {
        Rc::new(k::CountsConflicts::default())
    }),
    Bug::new("run-missing-not-counted", &[N::SegmentOnce], 3000, || {
        Rc::new(k::MissingNotCounted)
    })
    .needs(&[&["purge"], LEAVES_MESSAGES]),
    Bug::new(
        "refused-image-not-counted",
        &[N::ImageConservation],
        60,
        || Rc::new(k::RefusedNotCounted::default()),
    ),
    Bug::new("cancelled-run-stays-active", &[N::ActiveTruth], 650, || {
        Rc::new(k::CancelledStaysActive::default())
    }),
    Bug::new("no-work-is-active", &[N::ActiveTruth], 40, || {
        Rc::new(k::NoWorkIsActive)
    }),
    Bug::new("latency-in-milliseconds", &[N::LatencyCount], 20, || {
        Rc::new(k::Milliseconds)
    }),
    Bug::new("latency-since-the-retry", &[N::LatencyCount], 60, || {
        Rc::new(k::Misdated::new(|run| {
            run.not_before.filter(|_| run.state == RunState::Planning)
        }))
    }),
    Bug::new("duration-since-the-start", &[N::LatencyCount], 20, || {
        Rc::new(k::Misdated::new(|run| {
            run.started_at.filter(|_| run.state == RunState::Running)
        }))
    }),
    Bug::new("backlog-for-ever", &[N::BacklogTruth], 40, || {
        Rc::new(k::BacklogForEver::default())
    }),
    Bug::new("fresh-tokens", &[N::AppliedLearned, N::NoLoss], 80, || {
        Rc::new(c::FreshTokens::default())
    }),
    Bug::new("borrowed-delivery", &[N::LeaseDiscipline], 250, || {
        Rc::new(c::BorrowedDelivery)
    }),
    Bug::new("stale-baseline", &[N::DeltaTruth], 20, || {
        Rc::new(c::StaleBaseline::default())
    }),
    Bug::new("baseline-moved-back", &[N::DeltaTruth], 3000, || {
        Rc::new(c::BaselineMovedBack)
    }),
    Bug::new(
        "loser-counts",
        &[N::ActiveTruth, N::PlannerConservation, N::AppliedLearned],
        20,
        || Rc::new(c::LoserCounts),
    ),
    Bug::new("cut-in-another-order", &[N::PlanTruth], 350, || {
        Rc::new(c::CutInAnotherOrder::default())
    }),
    Bug::new("window-stays-open", &[N::Parallelism], 40, || {
        Rc::new(c::WindowStaysOpen)
    }),
    Bug::new(
        "poison-leaves-open",
        &[N::NoLoss, N::ActiveTruth],
        40,
        || Rc::new(c::PoisonLeavesOpen),
    ),
    Bug::new("complete-too-soon", &[N::ActiveTruth], 20, || {
        Rc::new(c::CompleteTooSoon)
    }),
    Bug::new("event-id-of-the-attempt", &[N::EventOutbox], 20, || {
        Rc::new(c::EventIdOfTheAttempt::default())
    }),
    Bug::new(
        "assumes-renewal",
        &[N::LeaseDiscipline, N::Blame],
        900,
        || Rc::new(m::AssumesRenewal),
    ),
    Bug::new(
        "renews-after-expiry",
        &[N::LeaseDiscipline, N::Blame],
        20,
        || Rc::new(m::RenewsAfterExpiry::default()),
    ),
    Bug::new("acknowledges-first", &[N::NoLoss], 20, || {
        Rc::new(m::AcknowledgesFirst)
    }),
    Bug::new("drops-when-stopped", &[N::LeaseDiscipline], 150, || {
        Rc::new(m::DropsWhenStopped)
    }),
    Bug::new("outage-is-poison", &[N::Blame], 50, || {
        Rc::new(m::OutageIsPoison)
    }),
    Bug::new("enqueue-forgotten", &[N::NoLoss], 500, || {
        Rc::new(m::EnqueueForgotten)
    }),
    Bug::new("retry-after-ignored", &[N::ScannerManners], 80, || {
        Rc::new(s::Misreads(|error| match error {
            ScannerError::Throttled(_) => ScannerError::Failed,
            other => other,
        }))
    }),
    Bug::new("one-backoff-for-all", &[N::ScannerManners], 1700, || {
        Rc::new(s::OneBackoffForAll::default())
    })
    .needs(&[&["scanner-429"], &["scanner-error"]]),
    Bug::new("refusal-is-transient", &[N::ScannerManners], 100, || {
        Rc::new(s::Misreads(|error| match error {
            ScannerError::Refused => ScannerError::Failed,
            other => other,
        }))
    }),
    Bug::new("refusal-of-a-retry", &[N::ScannerManners], 1500, || {
        Rc::new(s::RefusalOfARetry)
    })
    .needs(&[
        &["scanner-refusal"],
        &[
            "scanner-error",
            "scanner-429",
            "scanner-outage",
            "scanner-slow",
            "partition",
        ],
    ]),
    Bug::new("failure-is-refusal", &[N::Blame], 50, || {
        Rc::new(s::Misreads(|error| match error {
            ScannerError::Failed => ScannerError::Refused,
            other => other,
        }))
    }),
    Bug::new("asks-once-more", &[N::ScannerManners], 80, || {
        Rc::new(s::AsksOnceMore)
    }),
    Bug::new("own-permits", &[N::ScannerManners], 100, || {
        Rc::new(s::OwnPermits::default())
    }),
    Bug::new("age-in-hours", &[N::PlanTruth], 200, || {
        Rc::new(p::AgeInHours)
    }),
    Bug::new("newest-first", &[N::PlanTruth], 20, || {
        Rc::new(p::NewestFirst)
    }),
    Bug::new("turns-forgotten", &[N::Fairness], 150, || {
        Rc::new(p::TurnsForgotten)
    }),
    Bug::new("newest-run-first", &[N::Fairness], 50, || {
        Rc::new(p::NewestRunFirst)
    }),
    Bug::new("cursor-of-its-own", &[N::CronOnce], 80, || {
        Rc::new(p::CursorOfItsOwn::default())
    }),
    Bug::new("offset-of-the-moment", &[N::CronOnce], 100, || {
        Rc::new(p::OffsetOfTheMoment::default())
    }),
    // An edit can make the schedule fire every minute, so two fires can be due in this time.
    Bug::new("coalesces-into-the-first", &[N::CronOnce], 1200, || {
        Rc::new(p::CoalescesIntoTheFirst)
    })
    .needs(&[&["edit"], KEEPS_TRIGGERS]),
    Bug::new("queued-fire-lost", &[N::CronOnce], 350, || {
        Rc::new(p::QueuedFireLost)
    }),
    Bug::new("queued-is-skipped", &[N::CronOnce], 350, || {
        Rc::new(p::QueuedIsSkipped)
    }),
    Bug::new("overlap-ignored", &[N::CronOnce], 200, || {
        Rc::new(p::OverlapIgnored)
    }),
    Bug::new("limits-of-old", &[N::Parallelism], 300, || {
        Rc::new(p::LimitsOfOld::default())
    }),
    Bug::new("filter-ignored", &[N::EventOutbox], 20, || {
        Rc::new(p::FilterIgnored)
    }),
    Bug::new("orphans-forgotten", &[N::Liveness], 350, || {
        Rc::new(p::OrphansForgotten)
    }),
    Bug::new("takes-twice", &[N::ActiveTruth], 20, || {
        Rc::new(o::TakesTwice)
    }),
    Bug::new("zombie-keeps", &[N::ActiveTruth], 40, || {
        Rc::new(o::ZombieKeeps)
    }),
    Bug::new("orphan-not-adopted", &[N::ActiveTruth], 20, || {
        Rc::new(o::OrphanNotAdopted)
    }),
    Bug::new("outbox-in-memory", &[N::EventOutbox], 20, || {
        Rc::new(o::OutboxInMemory::default())
    }),
    Bug::new("published-anyway", &[N::EventOutbox], 40, || {
        Rc::new(o::PublishedAnyway)
    }),
    Bug::new("events-go-with-the-run", &[N::EventOutbox], 1700, || {
        Rc::new(o::EventsGoWithTheRun)
    })
    .needs(&[&["purge"], &["notify-outage", "partition", DRAWN_LATENCY]]),
    Bug::new("canary", &[N::EventOutbox], 500, || {
        Rc::new(o::Canary::default())
    }),
];
