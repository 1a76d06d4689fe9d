//! Faults that are planted in the simulated adapters.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use rehearsal::model::{PermitGrant, SegmentMessage};
use rehearsal::worker::ports::{Lease, WaitingRun};

/// A defect of an adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlantedFault {
    /// A commit is applied over whatever versions there are.
    CommitWithoutVersionCheck,
    /// A repeat of a token is judged as a new commit.
    RepeatAppliedAgain,
    /// A fence is not raised when a segment begins.
    FenceNotRaised,
    /// Times of commits do not follow their order.
    StampsOutOfOrder,
    /// A reader of exports skips the second one.
    ExportGap,
    /// Two callers get the same permits.
    PermitsInOneSlot,
    /// The backlog in an answer is that before the commit.
    BacklogBeforeCommit,
    /// Baselines are read without the tenant.
    TenantIgnored,
    /// The announcement of a stop is lost.
    StopIgnored,
    /// Enqueued intents are not marked.
    IntentNotMarked,
    /// A segment is committed over whatever baselines there are.
    BaselineNotChecked,
    /// Exports are handled wherever their cursor is.
    CursorNotChecked,
    /// An answer has the backlog of a deleted schedule.
    BacklogOfDeletedSchedule,
    /// A second commit of a segment is answered Conflict.
    CompletedSegmentConflicts,
    /// A commit of a terminal run is refused as Superseded.
    TerminalRunSupersedes,
    /// Schedules are listed in descending order.
    SchedulesReversed,
    /// Each list has new entries, whether or not they have changed.
    EntriesRebuilt,
    /// The backlog has no rows without images.
    EmptyRowsLeftOut,
    /// Each read of the backlog has new rows, whether or not they have changed.
    RowsRebuilt,
    /// Runs are listed before their `not_before`.
    NotBeforeIgnored,
    /// All runs in Planning are listed, whatever number was asked for.
    PerTenantIgnored,
    /// No tenant has a rank.
    RanksLost,
    /// A planner reads another version than that of the run.
    PlannedVersionWrong,
    /// A read of a segment raises its fence.
    ReadRaisesFence,
    /// Baselines are in the order of the digests.
    BaselinesSorted,
    /// A segment has 500 images at most.
    SegmentTruncated,
    /// The trail of a reservation is not kept free.
    TrailIgnored,
    /// All schedules share their permits.
    PermitsShared,
    /// Intents are listed newest first.
    IntentsReversed,
    /// Events are listed newest first.
    EventsReversed,
    /// Forgotten events stay in the outbox.
    EventsKept,
    /// A count is orphaned after half of the silence.
    SilenceHalved,
    /// Every incarnation of a process has number 1.
    IncarnationReused,
    /// Numbers of incarnations start over when the store restarts.
    IncarnationsStartOver,
    /// An incarnation does not learn that its count was adopted.
    SurrenderedLost,
    /// Repair sees no overdue runs.
    OverdueLeftOut,
    /// Repair sees no orphaned runs.
    OrphanedLeftOut,
    /// The times of reads are a second behind.
    ReadsBehind,
    /// A purge removes nothing.
    PurgeIgnored,
    /// A purge removes all terminal runs.
    PurgeTooEarly,
    /// Every sixteenth lease is granted to two callers.
    LeaseGrantedTwice,
    /// A late acknowledgement removes the message of the new holder.
    UnfencedAcknowledgement,
    /// Idempotency keys are lost.
    KeysLost,
    /// An uncounted release is counted.
    ReleaseAlwaysCounted,
    /// The delay of a release is lost.
    DelayLost,
    /// Deliveries start over when the queue restarts.
    DeliveriesStartOver,
    /// A queue that is created anew has the epoch of the one before.
    EpochKept,
    /// A renewal is answered and has no effect.
    RenewalWithoutEffect,
    /// A dead letter is lost.
    DeadLetterLost,
    /// An acknowledgement is answered and has no effect.
    AcknowledgementWithoutEffect,
    /// A discarded message becomes a dead letter.
    DiscardedKept,
    /// The queues share their deliveries.
    LanesShared,
    /// The age of the oldest ready message is zero.
    AgeLost,
    /// A message has no headers if its body is unreadable.
    HeadersLost,
    /// A lease is twice as long as its call asks for.
    LeaseDoubled,
    /// Every lease has one length.
    LeaseFixed,
    /// No release is counted.
    ReleaseNeverCounted,
    /// A lease does not wait for a message.
    WaitIgnored,
    /// A lease that waits long holds its message for an hour.
    LongWaitHolds,
    /// The last event of a call is not published.
    LastEventLost,
    /// The first event of a call is published twice.
    FirstEventDoubled,
    /// A call without an answer fails as if Notify had not been reached.
    UnknownAsUnavailable,
}

/// Memory of the planted faults, shared by all clients of a bench.
#[derive(Debug, Default)]
pub struct Memory {
    /// Number of calls so far, which makes tokens and keys unique.
    pub unique: Cell<u64>,
    pub grant: Cell<Option<PermitGrant>>,
    /// Runs whose planning was put off.
    pub put_off: RefCell<Vec<WaitingRun>>,
    pub lease: RefCell<Option<Lease<SegmentMessage>>>,
    /// Newest delivery of each message, by its index.
    pub newest: RefCell<BTreeMap<u32, u64>>,
    /// Message of each delivery.
    pub messages: RefCell<BTreeMap<u64, u32>>,
    /// Highest delivery so far, and the one before the last restart.
    pub deliveries: Cell<(u64, u64)>,
    /// Highest number of an incarnation so far, and the one before the last restart.
    pub incarnations: Cell<(u32, u32)>,
}

impl Memory {
    pub fn next_unique(&self) -> u64 {
        self.unique.set(self.unique.get() + 1);
        self.unique.get()
    }

    pub fn restart(&self) {
        let (highest, _) = self.deliveries.get();
        self.deliveries.set((highest, highest));
        let (highest, _) = self.incarnations.get();
        self.incarnations.set((highest, highest));
    }

    /// Records the number of an incarnation, and returns it as if numbers had started over at the
    /// last restart.
    pub fn incarnation_since_restart(&self, number: u32) -> u32 {
        let (highest, before_restart) = self.incarnations.get();
        self.incarnations.set((highest.max(number), before_restart));
        number - before_restart
    }
}
