//! The defects of the bench.

use std::rc::Rc;

use rehearsal::check::InvariantName as N;
use rehearsal::model::RunState;
use rehearsal::worker::ports::ScannerError;

use crate::bench::Bug;
use crate::{
    committing as c, counting as k, messages as m, outliving as o, planning as p, scanning as s,
};

/// Those that are found.
pub const ALL: &[Bug] = &[
    Bug::new("segment-counted-when-sent", &[N::SegmentOnce], 20, || {
        Rc::new(k::CountsWhenSent::default())
    }),
    Bug::new("conflict-counted", &[N::SegmentOnce], 20, || {
        Rc::new(k::CountsConflicts::default())
    }),
    Bug::new(
        "refused-image-not-counted",
        &[N::ImageConservation],
        52,
        || Rc::new(k::RefusedNotCounted::default()),
    ),
    Bug::new("no-work-is-active", &[N::ActiveTruth], 28, || {
        Rc::new(k::NoWorkIsActive)
    }),
    Bug::new("latency-in-milliseconds", &[N::LatencyCount], 20, || {
        Rc::new(k::Milliseconds)
    }),
    Bug::new("latency-since-the-retry", &[N::LatencyCount], 36, || {
        Rc::new(k::Misdated::new(|run| {
            run.not_before.filter(|_| run.state == RunState::Planning)
        }))
    }),
    Bug::new("duration-since-the-start", &[N::LatencyCount], 20, || {
        Rc::new(k::Misdated::new(|run| {
            run.started_at.filter(|_| run.state == RunState::Running)
        }))
    }),
    Bug::new("backlog-for-ever", &[N::BacklogTruth], 44, || {
        Rc::new(k::BacklogForEver::default())
    }),
    Bug::new("stale-baseline", &[N::DeltaTruth], 28, || {
        Rc::new(c::StaleBaseline::default())
    }),
    Bug::new(
        "loser-counts",
        &[N::ActiveTruth, N::PlannerConservation],
        20,
        || Rc::new(c::LoserCounts),
    ),
    Bug::new("cut-in-another-order", &[N::PlanTruth], 32, || {
        Rc::new(c::CutInAnotherOrder::default())
    }),
    Bug::new(
        "poison-leaves-open",
        &[N::NoLoss, N::ActiveTruth],
        20,
        || Rc::new(c::PoisonLeavesOpen),
    ),
    Bug::new("complete-too-soon", &[N::ActiveTruth], 20, || {
        Rc::new(c::CompleteTooSoon)
    }),
    Bug::new("event-id-of-the-attempt", &[N::EventOutbox], 20, || {
        Rc::new(c::EventIdOfTheAttempt::default())
    }),
    Bug::new("assumes-renewal", &[N::LeaseDiscipline], 20, || {
        Rc::new(m::AssumesRenewal)
    }),
    Bug::new(
        "renews-too-seldom",
        &[N::LeaseDiscipline, N::Blame],
        20,
        || Rc::new(m::RenewsTooSeldom::default()),
    ),
    Bug::new("acknowledges-first", &[N::NoLoss], 20, || {
        Rc::new(m::AcknowledgesFirst)
    }),
    Bug::new("outage-is-poison", &[N::Blame], 20, || {
        Rc::new(m::OutageIsPoison)
    }),
    Bug::new("retry-after-ignored", &[N::ScannerManners], 20, || {
        Rc::new(s::Misreads(|error| match error {
            ScannerError::Throttled(_) => ScannerError::Failed,
            other => other,
        }))
    }),
    Bug::new("failure-is-refusal", &[N::Blame], 20, || {
        Rc::new(s::Misreads(|error| match error {
            ScannerError::Failed => ScannerError::Refused,
            other => other,
        }))
    }),
    Bug::new("asks-once-more", &[N::ScannerManners], 32, || {
        Rc::new(s::AsksOnceMore)
    }),
    Bug::new("own-permits", &[N::ScannerManners], 32, || {
        Rc::new(s::OwnPermits::default())
    }),
    Bug::new("newest-first", &[N::PlanTruth], 20, || {
        Rc::new(p::NewestFirst)
    }),
    Bug::new("turns-forgotten", &[N::Fairness], 24, || {
        Rc::new(p::TurnsForgotten)
    }),
    Bug::new("newest-run-first", &[N::Fairness], 32, || {
        Rc::new(p::NewestRunFirst)
    }),
    Bug::new("cursor-of-its-own", &[N::CronOnce], 44, || {
        Rc::new(p::CursorOfItsOwn::default())
    }),
    Bug::new("filter-ignored", &[N::EventOutbox], 20, || {
        Rc::new(p::FilterIgnored)
    }),
];

/// Defects that no seed has found so far. Any invariant may.
pub const OPEN: &[Bug] = &[
    Bug::new("anothers-segment-counted", &[], 400, || {
        Rc::new(k::CountsAnothers)
    }),
    Bug::new("unknown-outcome-counted", &[], 400, || {
        Rc::new(k::UnknownIsDone)
    }),
    Bug::new("repeat-taken-for-yes", &[], 400, || {
        Rc::new(k::RepeatIsDone::default())
    }),
    Bug::new("run-missing-not-counted", &[], 400, || {
        Rc::new(k::MissingNotCounted)
    }),
    Bug::new("cancelled-run-stays-active", &[], 400, || {
        Rc::new(k::CancelledStaysActive::default())
    }),
    Bug::new("fresh-tokens", &[], 400, || {
        Rc::new(c::FreshTokens::default())
    }),
    Bug::new("borrowed-delivery", &[], 400, || {
        Rc::new(c::BorrowedDelivery)
    }),
    Bug::new("no-fence", &[], 400, || Rc::new(c::NoFence)),
    Bug::new("baseline-moved-back", &[], 400, || {
        Rc::new(c::BaselineMovedBack)
    }),
    Bug::new("window-stays-open", &[], 400, || {
        Rc::new(c::WindowStaysOpen)
    }),
    Bug::new("renews-after-expiry", &[], 400, || {
        Rc::new(m::RenewsAfterExpiry)
    }),
    Bug::new("drops-when-stopped", &[], 400, || {
        Rc::new(m::DropsWhenStopped)
    }),
    Bug::new("enqueue-forgotten", &[], 400, || {
        Rc::new(m::EnqueueForgotten)
    }),
    Bug::new("intent-ticked-off", &[], 400, || {
        Rc::new(m::IntentTickedOff)
    }),
    Bug::new("key-reused", &[], 400, || Rc::new(m::KeyReused)),
    Bug::new("enqueues-twice", &[], 400, || Rc::new(m::EnqueuesTwice)),
    Bug::new("refusal-is-transient", &[], 400, || {
        Rc::new(s::Misreads(|error| match error {
            ScannerError::Refused => ScannerError::Failed,
            other => other,
        }))
    }),
    Bug::new("age-in-minutes", &[], 400, || Rc::new(p::AgeInMinutes)),
    Bug::new("coalesces-into-the-first", &[], 400, || {
        Rc::new(p::CoalescesIntoTheFirst)
    }),
    Bug::new("queued-fire-lost", &[], 400, || Rc::new(p::QueuedFireLost)),
    Bug::new("queued-is-skipped", &[], 400, || {
        Rc::new(p::QueuedIsSkipped)
    }),
    Bug::new("overlap-ignored", &[], 400, || Rc::new(p::OverlapIgnored)),
    Bug::new("limits-of-old", &[], 400, || {
        Rc::new(p::LimitsOfOld::default())
    }),
    Bug::new("orphans-forgotten", &[], 400, || {
        Rc::new(p::OrphansForgotten)
    }),
    Bug::new("takes-twice", &[], 400, || Rc::new(o::TakesTwice)),
    Bug::new("zombie-keeps", &[], 400, || Rc::new(o::ZombieKeeps)),
    Bug::new("nobody-inherits", &[], 400, || Rc::new(o::NobodyInherits)),
    Bug::new("no-repair", &[], 400, || Rc::new(o::NoRepair)),
    Bug::new("outbox-in-memory", &[], 400, || {
        Rc::new(o::OutboxInMemory::default())
    }),
    Bug::new("published-anyway", &[], 400, || Rc::new(o::PublishedAnyway)),
    Bug::new("canary", &[], 400, || Rc::new(o::Canary::default())),
];
