//! Transitions of messages, and the leases and copies that follow from them.

use std::sync::Arc;

use super::WorldState;
use super::fact::{MessageStep, SegmentLease};
use super::message::{DeliveryRecord, MessageRecord, MessageStatus};
use super::segment_work::SegmentWork;
use super::table::{IncarnationIndex, RunIndex};
use crate::check::contract;
use crate::check::instruments::ExtensionSeries;
use crate::model::fault::FaultKind;
use crate::model::observation::{Observation, QueueName, QueueStep};
use crate::model::{ImageDigest, IncarnationId, Timestamp};
use rehearsal_convert::Index;

/// A lease that an incarnation takes.
#[derive(Debug, Clone, Copy)]
struct NewLease {
    incarnation: IncarnationIndex,
    delivery: u64,
    until: Timestamp,
    attempt: u32,
}

impl WorldState {
    /// Resolves the names of a transition; none if the observation is of another kind. A message
    /// that comes onto its queue, or that is leased before it was seen, gets its record here.
    pub(crate) fn resolve_message(&mut self, observation: &Observation<'_>) -> Option<MessageStep> {
        let Observation::Message {
            queue,
            step,
            run,
            segment,
            schedule,
            delivery,
            message,
            incarnation,
        } = *observation
        else {
            return None;
        };
        let is_new = match step {
            QueueStep::Enqueued => true,
            QueueStep::Leased { .. } => {
                incarnation.is_some() && !self.messages.records.contains_key(&message)
            }
            _ => false,
        };
        let incarnation = incarnation.map(|incarnation| self.number(incarnation));
        let segment = segment.map(|key| key.index);
        if is_new {
            let run = self.runs.number(run);
            let schedule = self.schedules.number(schedule, self.now);
            self.add_message(message, MessageRecord::new(queue, run, schedule, segment));
        }
        Some(MessageStep {
            queue,
            step,
            delivery,
            message,
            segment,
            run: self.runs.table.find(run),
            incarnation,
        })
    }

    /// Records a transition. Returns the lease if one more segment is worked now.
    pub(crate) fn record_message(&mut self, step: &MessageStep) -> Option<SegmentLease> {
        let known = self.messages.records.get(&step.message);
        let ready_since = known.and_then(|record| record.ready_since);
        let lease = self.record_step(step);
        self.record_transition(step);
        self.record_depth(step, ready_since);
        lease
    }

    /// Records what the gauges of the queue should show. The message was ready since then.
    fn record_depth(&mut self, step: &MessageStep, ready_since: Option<Timestamp>) {
        let (now, kept, queue) = (self.now, self.options.history_kept(), step.queue as usize);
        let pending = self.messages.pending[queue];
        let depth = &mut self.gauges.depth[queue];
        if depth.current != pending {
            depth.set(pending, now, kept);
        }
        let ready = &mut self.gauges.ready[queue];
        let record = self.messages.records.get_mut(&step.message);
        let record = record.filter(|record| record.place == MessageStatus::Ready);
        match (record, ready_since) {
            (Some(record), None) => {
                record.ready_since = Some(now);
                let is_delayed = matches!(step.step, QueueStep::Released { .. })
                    || self.faults.any_since(&[FaultKind::QueueDelay], now);
                ready.add(step.message, is_delayed, now);
            }
            (None, Some(since)) => {
                ready.remove(step.message, since, now, kept);
                if let Some(record) = self.messages.records.get_mut(&step.message) {
                    record.ready_since = None;
                }
            }
            _ => {}
        }
    }

    fn record_step(&mut self, step: &MessageStep) -> Option<SegmentLease> {
        let message = step.message;
        match step.step {
            QueueStep::RefusedLate => {}
            QueueStep::Enqueued | QueueStep::Deduplicated => self.record_relay(step),
            QueueStep::Leased { until, attempt } => {
                let lease = NewLease {
                    incarnation: step.incarnation?,
                    delivery: step.delivery,
                    until,
                    attempt,
                };
                return self.record_lease(message, lease);
            }
            QueueStep::Renewed { until } => {
                if let Some(record) = self.messages.records.get_mut(&message)
                    && let MessageStatus::Leased { until: end, .. } = &mut record.place
                {
                    *end = until;
                    record.renewals += 1;
                }
            }
            QueueStep::Released { .. } | QueueStep::Expired => {
                self.end_lease(message);
                let is_counted = !matches!(step.step, QueueStep::Released { counted: false, .. });
                if let Some(record) = self.messages.records.get_mut(&message) {
                    record.place = MessageStatus::Ready;
                    record.counted += u32::from(is_counted);
                }
            }
            QueueStep::Acknowledged | QueueStep::DeadLettered | QueueStep::Dropped => {
                self.works.settle(step.delivery);
                self.record_departure(message, step.step);
            }
            QueueStep::Lost => {
                self.messages.keep_delivery(message);
                self.end_lease(message);
                self.move_copies(message, -1);
                self.messages.remove(message);
                self.messages.ends.lost += 1;
            }
            QueueStep::Redriven => {
                self.messages.set_dead(message, None);
                if let Some(record) = self.messages.records.get_mut(&message) {
                    record.counted = 0;
                }
                self.messages.ends.redriven += 1;
                self.move_copies(message, 1);
            }
        }
        None
    }

    /// Records which incarnation last enqueued the planner message of a run.
    fn record_relay(&mut self, step: &MessageStep) {
        let now = self.now;
        if let (Some(run), None, Some(incarnation)) = (step.run, step.segment, step.incarnation)
            && let Some(work) = self.runs[run].work.as_mut()
        {
            work.relayed = Some((incarnation, now));
        }
    }

    fn record_lease(&mut self, message: u64, lease: NewLease) -> Option<SegmentLease> {
        let NewLease {
            incarnation,
            delivery,
            until,
            attempt,
        } = lease;
        self.end_lease(message);
        let since = self.now;
        let record = self.messages.records.get_mut(&message)?;
        self.incarnations[incarnation].held[record.queue as usize] += 1;
        record.place = MessageStatus::Leased {
            incarnation,
            delivery,
            since,
            until,
        };
        (record.attempt, record.renewals) = (attempt, 0);
        record.deliveries.push(delivery);
        let (run, schedule, segment) = (record.run, record.schedule, record.segment?);
        let (images, start, length) = self.images_of_segment(run, segment);
        let is_stopping = self.incarnations[incarnation].stopping_since.is_some();
        let is_given_up = attempt > self.options.worker.max_delivery_attempts;
        let is_needless = is_stopping || is_given_up || self.is_done_with(run, segment);
        let delivery_record = DeliveryRecord {
            incarnation,
            run,
            schedule,
            since,
            received_at: None,
            deadline: None,
            images: (images, start),
            requests: vec![0; length],
            asked_at: since,
            failed_requests: 0,
            hasty_requests: 0,
            cursor: 0,
            throttled: Vec::new(),
            refused: Vec::new(),
            is_counted_failed: false,
            is_superseded: false,
            is_needless,
            conflicts: 0,
            conflict_at: None,
            failed_at: None,
            answered_at: None,
        };
        self.messages.deliveries.insert(delivery, delivery_record);
        let work = SegmentWork::new(incarnation, self.runs[run].mode, length.index_u32());
        self.works.begin(delivery, work);
        self.add_lease(run, segment).then_some(SegmentLease {
            segment,
            schedule,
            run,
        })
    }

    /// Records a message that leaves its queue.
    fn record_departure(&mut self, message: u64, step: QueueStep) {
        self.end_lease(message);
        self.move_copies(message, -1);
        let messages = &mut self.messages;
        let is_known = messages.records.contains_key(&message);
        match step {
            QueueStep::DeadLettered if is_known => {
                messages.set_dead(message, Some(self.now));
                messages.ends.dead_lettered += 1;
            }
            QueueStep::Dropped if is_known => {
                messages.remove(message);
                messages.ends.dropped += 1;
            }
            QueueStep::Acknowledged => {
                messages.remove(message);
                messages.ends.acknowledged += 1;
            }
            _ => {}
        }
    }

    /// Records that a holder received a lease (its `attempt`) or a renewal (none), which it may
    /// rely on until `deadline`.
    pub(crate) fn record_lease_held(
        &mut self,
        incarnation: &IncarnationId,
        queue: QueueName,
        delivery: u64,
        attempt: Option<u32>,
        deadline: Timestamp,
    ) {
        let (series, amount) = match attempt {
            Some(attempt) => (ExtensionSeries::Redeliveries(queue), u64::from(attempt > 1)),
            None => (ExtensionSeries::Renewals(queue), 1),
        };
        let index = self.number(incarnation);
        self.count_extension(index, series, amount);
        if let Some(record) = self.messages.deliveries.get_mut(&delivery)
            && record.incarnation == index
        {
            record.received_at.get_or_insert(self.now);
            record.deadline = record.deadline.max(Some(deadline));
        }
    }

    /// Records that an incarnation knows that it has given a message up.
    pub(crate) fn record_given_up(
        &mut self,
        incarnation: &IncarnationId,
        queue: QueueName,
        step: QueueStep,
    ) {
        let series = match step {
            QueueStep::Dropped => ExtensionSeries::Drops(queue),
            _ => ExtensionSeries::DeadLetters(queue),
        };
        let incarnation = self.number(incarnation);
        self.count_extension(incarnation, series, 1);
    }

    fn add_message(&mut self, message: u64, record: MessageRecord) {
        self.messages.add(message, record);
        self.move_copies(message, 1);
    }

    /// Adds to the count of copies that ask for the work of a message.
    fn move_copies(&mut self, message: u64, change: i16) {
        let Some(record) = self.messages.records.get(&message) else {
            return;
        };
        let Some(work) = self.runs[record.run].work.as_mut() else {
            return;
        };
        let copies = match record.segment {
            None => Some(&mut work.planner_copies),
            Some(index) => work.segments.get_mut(index.to_index()).map(|segment| {
                segment.was_enqueued = true;
                &mut segment.copies
            }),
        };
        if let Some(copies) = copies {
            *copies = copies.saturating_add_signed(change);
        }
    }

    /// Images of a run, and start and length of a segment among them.
    fn images_of_segment(&self, run: RunIndex, index: u32) -> (Arc<[ImageDigest]>, u32, usize) {
        let work = self.runs[run].work.as_ref();
        let segment = work.and_then(|work| work.segments.get(index.to_index()));
        let digests = work.and_then(|work| work.digests.clone());
        match (digests, segment) {
            (Some(digests), Some(segment)) => (digests, segment.start, segment.length.to_index()),
            _ => (Arc::new([]), 0, 0),
        }
    }

    /// Counts one more lease of a segment. True if one more segment is worked now.
    fn add_lease(&mut self, run: RunIndex, index: u32) -> bool {
        let record = &mut self.runs[run];
        let work = record.work.as_mut();
        let Some(segment) = work.and_then(|work| work.segments.get_mut(index.to_index())) else {
            return false;
        };
        segment.leases += 1;
        let is_more = segment.leases == 1 && segment.committed_by.is_none();
        self.schedules[record.schedule].worked += u32::from(is_more);
        is_more
    }

    /// Whether a segment is committed or its run has ended.
    fn is_done_with(&self, run: RunIndex, index: u32) -> bool {
        let record = &self.runs[run];
        let work = record.work.as_ref();
        let segment = work.and_then(|work| work.segments.get(index.to_index()));
        let is_committed = segment.is_some_and(|segment| segment.committed_by.is_some());
        is_committed || record.state.is_some_and(contract::is_terminal)
    }

    /// Ends the lease on a message, if there is one.
    fn end_lease(&mut self, message: u64) {
        if let Some(MessageRecord {
            queue,
            place: MessageStatus::Leased { incarnation, .. },
            ..
        }) = self.messages.records.get(&message)
        {
            let holder = &mut self.incarnations[*incarnation];
            let held = &mut holder.held[*queue as usize];
            *held = held.saturating_sub(1);
            holder.held_until = self.now;
        }
        let Some(MessageRecord {
            place: place @ MessageStatus::Leased { .. },
            run,
            segment: Some(index),
            ..
        }) = self.messages.records.get_mut(&message)
        else {
            return;
        };
        *place = MessageStatus::Ready;
        let record = &mut self.runs[*run];
        let work = record.work.as_mut();
        let Some(segment) = work.and_then(|work| work.segments.get_mut(index.to_index())) else {
            return;
        };
        segment.leases = segment.leases.saturating_sub(1);
        let is_less = segment.leases == 0 && segment.committed_by.is_none();
        let schedule = &mut self.schedules[record.schedule];
        schedule.worked = schedule.worked.saturating_sub(u32::from(is_less));
    }
}
