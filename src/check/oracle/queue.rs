//! What happens to messages.

use std::sync::Arc;

use super::Oracle;
use crate::check::instruments::ExtensionSeries;
use crate::check::invariant::{blame, lease_discipline, no_loss, parallelism, segment_once};
use crate::check::invariant_name::InvariantName::StateGraph;
use crate::check::results::ViolationDetail;
use crate::check::state::WorldState;
use crate::check::state::message::{DeliveryRecord, MessageRecord, MessageStatus};
use crate::check::state::table::{IncarnationIndex, RunIndex};
use crate::model::observation::{QueueName, QueueStep};
use crate::model::{
    ImageDigest, IncarnationId, RunId, RunState, ScheduleId, SegmentKey, Timestamp,
};

/// One step of one message.
#[derive(Debug, Clone, Copy)]
pub(super) struct MessageStep<'a> {
    pub queue: QueueName,
    pub step: QueueStep,
    pub run: &'a RunId,
    pub segment: Option<&'a SegmentKey>,
    pub schedule: &'a ScheduleId,
    pub delivery: u64,
    pub message: u64,
    pub incarnation: Option<&'a IncarnationId>,
}

impl Oracle {
    pub(super) fn message(&mut self, step: &MessageStep<'_>) {
        let incarnation = step
            .incarnation
            .map(|incarnation| self.incarnation(incarnation));
        match step.step {
            QueueStep::Deduplicated => {
                self.deduplicated(step);
                self.judge_enqueue(step, incarnation);
            }
            QueueStep::RefusedLate => lease_discipline::refused(&mut self.results),
            QueueStep::Enqueued => {
                self.state.enqueued(step);
                self.judge_enqueue(step, incarnation);
            }
            QueueStep::Leased { until, attempt } => self.leased(step, incarnation, until, attempt),
            QueueStep::Renewed { until } => {
                self.judge_holder(step, incarnation, "renewed");
                if let (Some(incarnation), Some(record)) =
                    (incarnation, self.state.messages.records.get(&step.message))
                {
                    lease_discipline::judge_renewal(
                        &mut self.results,
                        &self.state,
                        record,
                        incarnation,
                    );
                }
                if let Some(MessageStatus::Leased { until: end, .. }) = self
                    .state
                    .messages
                    .records
                    .get_mut(&step.message)
                    .map(|record| &mut record.place)
                {
                    *end = until;
                }
            }
            QueueStep::Released { counted } => {
                self.judge_holder(step, incarnation, "released");
                if let Some(record) = self.state.messages.records.get(&step.message) {
                    blame::judge_released(&mut self.results, &self.state, record, counted);
                }
                self.returned(step.message, counted, false);
            }
            QueueStep::Expired => self.returned(step.message, true, true),
            QueueStep::Acknowledged => {
                self.judge_holder(step, incarnation, "acknowledged");
                self.gone(step);
                self.state.messages.ends.acknowledged += 1;
            }
            QueueStep::DeadLettered | QueueStep::Dropped => {
                self.judge_holder(step, incarnation, "given up");
                if let Some(record) = self.state.messages.records.get(&step.message) {
                    blame::judge_dead(&mut self.results, &self.state, record);
                }
                self.gone(step);
            }
            QueueStep::Lost => {
                self.state.move_copies(step.message, -1);
                self.state.messages.remove(step.message);
                self.state.messages.ends.lost += 1;
            }
            QueueStep::Redriven => {
                self.state.messages.set_dead(step.message, false);
                self.state.messages.ends.redriven += 1;
                self.state.move_copies(step.message, 1);
            }
        }
    }

    /// An enqueue was taken for one of a message that came before.
    fn deduplicated(&mut self, step: &MessageStep<'_>) {
        let Some(run) = self.state.runs.table.find(step.run) else {
            return;
        };
        let segment = step.segment.map(|key| key.index);
        no_loss::judge_deduplicated(&mut self.results, &self.state, run, segment);
    }

    fn judge_enqueue(&mut self, step: &MessageStep<'_>, incarnation: Option<IncarnationIndex>) {
        let Some(run) = self.state.runs.table.find(step.run) else {
            return;
        };
        match (step.segment, incarnation) {
            (Some(segment), _) => {
                segment_once::judge_enqueue(&mut self.results, &self.state, run, segment.index);
            }
            (None, Some(incarnation)) => {
                if step.step == QueueStep::Deduplicated {
                    segment_once::judge_relay(&mut self.results, &self.state, run, incarnation);
                }
                let now = self.state.now;
                if let Some(work) = self.state.runs[run].work.as_mut() {
                    work.relayed = Some((incarnation, now));
                }
            }
            (None, None) => {}
        }
    }

    fn leased(
        &mut self,
        step: &MessageStep<'_>,
        incarnation: Option<IncarnationIndex>,
        until: Timestamp,
        attempt: u32,
    ) {
        let Some(incarnation) = incarnation else {
            return;
        };
        if !self.state.messages.records.contains_key(&step.message) {
            self.state.enqueued(step);
        }
        self.state.end_lease(step.message);
        if let Some(record) = self.state.messages.records.get(&step.message) {
            lease_discipline::judge_taking(&mut self.results, &self.state, record, incarnation);
        }
        self.state.incarnations.incarnations[incarnation].held += 1;
        let since = self.state.now;
        let Some(record) = self.state.messages.records.get_mut(&step.message) else {
            return;
        };
        record.place = MessageStatus::Leased {
            incarnation,
            delivery: step.delivery,
            since,
            until,
        };
        record.attempt = attempt;
        record.deliveries.push(step.delivery);
        let (run, schedule) = (record.run, record.schedule);
        let Some(segment) = record.segment else {
            return;
        };
        let (images, start, length) = self.state.images_of_segment(run, segment);
        let is_stopping = self.state.incarnations.incarnations[incarnation]
            .stopping_since
            .is_some();
        let is_given_up = attempt > self.state.options.max_delivery_attempts;
        let is_needless = is_stopping || is_given_up || self.state.is_done_with(run, segment);
        let delivery = DeliveryRecord {
            incarnation,
            schedule,
            since,
            deadline: None,
            images: (images, start),
            requests: vec![0; length],
            cursor: 0,
            throttled: Vec::new(),
            refused: Vec::new(),
            is_counted_failed: false,
            is_superseded: false,
            is_needless,
            conflicts: 0,
        };
        self.state
            .messages
            .deliveries
            .insert(step.delivery, delivery);
        if self.state.add_lease(run, segment) {
            parallelism::judge(&mut self.results, &mut self.state, schedule, run, segment);
        }
    }

    /// `attempt`: of a lease that is received; none for a renewal.
    pub(super) fn lease_held(
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
        let index = self.incarnation(incarnation);
        self.state.count_extension(index, series, amount);
        let incarnations = &self.state.incarnations;
        if let Some(record) = self.state.messages.deliveries.get_mut(&delivery)
            && incarnations.incarnations[record.incarnation].id == *incarnation
        {
            record.deadline = record.deadline.max(Some(deadline));
        }
    }

    /// The step must be the holder's own, under a live lease.
    fn judge_holder(
        &mut self,
        step: &MessageStep<'_>,
        incarnation: Option<IncarnationIndex>,
        word: &str,
    ) {
        let (Some(incarnation), Some(record)) =
            (incarnation, self.state.messages.records.get(&step.message))
        else {
            return;
        };
        lease_discipline::judge_step(
            &mut self.results,
            &self.state,
            record,
            word,
            step.delivery,
            incarnation,
        );
    }

    /// An incarnation knows that it has given a message up.
    pub(super) fn given_up(
        &mut self,
        incarnation: &IncarnationId,
        queue: QueueName,
        step: QueueStep,
    ) {
        let series = match step {
            QueueStep::Dropped => ExtensionSeries::Drops(queue),
            _ => ExtensionSeries::DeadLetters(queue),
        };
        let incarnation = self.incarnation(incarnation);
        self.state.count_extension(incarnation, series, 1);
    }

    /// A message is ready again.
    fn returned(&mut self, message: u64, counted: bool, expired: bool) {
        let Some(record) = self.state.messages.records.get(&message) else {
            return;
        };
        let is_explained = blame::is_attempt_explained(&self.state, record, expired);
        self.state.end_lease(message);
        if let Some(record) = self.state.messages.records.get_mut(&message) {
            record.place = MessageStatus::Ready;
            record.explained += u32::from(counted && is_explained);
            record.unexplained += u32::from(counted && !is_explained);
        }
    }

    /// A message leaves its queue.
    fn gone(&mut self, step: &MessageStep<'_>) {
        self.state.end_lease(step.message);
        self.state.move_copies(step.message, -1);
        let Some(record) = self.state.messages.records.get(&step.message) else {
            return;
        };
        no_loss::judge_gone(&mut self.results, &self.state, record, step.step);
        if step.step == QueueStep::Acknowledged {
            no_loss::judge_released(&mut self.results, &self.state, record);
        }
        let messages = &mut self.state.messages;
        match step.step {
            QueueStep::DeadLettered => {
                messages.set_dead(step.message, true);
                messages.ends.dead_lettered += 1;
            }
            QueueStep::Dropped => {
                messages.remove(step.message);
                messages.ends.dropped += 1;
            }
            _ => {
                messages.remove(step.message);
            }
        }
    }

    /// Retention removed a run.
    pub(super) fn purged(&mut self, run: RunIndex) {
        let record = &mut self.state.runs[run];
        record.is_purged = true;
        let is_terminal = record.state.is_none_or(RunState::is_terminal);
        self.results.check(StateGraph, true, is_terminal, || {
            let state = record
                .state
                .map_or(String::new(), |state| state.to_string());
            ViolationDetail::new(
                format_args!("run {}", record.id),
                "retention purged it before its end",
            )
            .expected("Completed, Error or Cancelled", state)
        });
    }
}

impl WorldState {
    fn enqueued(&mut self, step: &MessageStep<'_>) {
        let run = self.runs.number(step.run);
        let schedule = self.schedules.number(step.schedule, self.now);
        let record = MessageRecord {
            queue: step.queue,
            run,
            schedule,
            segment: step.segment.map(|key| key.index),
            place: MessageStatus::Ready,
            is_spoiled: false,
            attempt: 0,
            explained: 0,
            unexplained: 0,
            deliveries: Vec::new(),
        };
        self.messages.add(step.message, record);
        self.move_copies(step.message, 1);
    }

    /// Counts the copies of a message that can still be worked.
    fn move_copies(&mut self, message: u64, change: i16) {
        let Some(record) = self.messages.records.get(&message) else {
            return;
        };
        let Some(work) = self.runs[record.run].work.as_mut() else {
            return;
        };
        let copies = match record.segment {
            None => Some(&mut work.planner_copies),
            Some(index) => work.segments.get_mut(index as usize).map(|segment| {
                segment.was_enqueued = true;
                &mut segment.copies
            }),
        };
        if let Some(copies) = copies {
            *copies = copies.saturating_add_signed(change);
        }
    }

    /// The images of a run, and where and how long its segment is among them.
    fn images_of_segment(&self, run: RunIndex, index: u32) -> (Arc<[ImageDigest]>, u32, usize) {
        let work = self.runs[run].work.as_ref();
        let segment = work.and_then(|work| work.segments.get(index as usize));
        let digests = work.and_then(|work| work.digests.clone());
        match (digests, segment) {
            (Some(digests), Some(segment)) => (digests, segment.start, segment.length as usize),
            _ => (Arc::new([]), 0, 0),
        }
    }

    /// A segment is under one more lease. True if one more segment is worked now.
    fn add_lease(&mut self, run: RunIndex, index: u32) -> bool {
        let record = &mut self.runs[run];
        let work = record.work.as_mut();
        let Some(segment) = work.and_then(|work| work.segments.get_mut(index as usize)) else {
            return false;
        };
        segment.leases += 1;
        let is_more = segment.leases == 1 && segment.committed_by.is_none();
        self.schedules[record.schedule].worked += u32::from(is_more);
        is_more
    }

    /// Whether nobody has to work on a segment any more.
    fn is_done_with(&self, run: RunIndex, index: u32) -> bool {
        let record = &self.runs[run];
        let work = record.work.as_ref();
        let segment = work.and_then(|work| work.segments.get(index as usize));
        let is_committed = segment.is_some_and(|segment| segment.committed_by.is_some());
        is_committed || record.state.is_some_and(RunState::is_terminal)
    }

    /// Whatever lease there is on a message is over.
    fn end_lease(&mut self, message: u64) {
        if let Some(MessageRecord {
            place: MessageStatus::Leased { incarnation, .. },
            ..
        }) = self.messages.records.get(&message)
        {
            let holder = &mut self.incarnations.incarnations[*incarnation];
            holder.held = holder.held.saturating_sub(1);
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
        let Some(segment) = work.and_then(|work| work.segments.get_mut(*index as usize)) else {
            return;
        };
        segment.leases = segment.leases.saturating_sub(1);
        let is_less = segment.leases == 0 && segment.committed_by.is_none();
        let schedule = &mut self.schedules[record.schedule];
        schedule.worked = schedule.worked.saturating_sub(u32::from(is_less));
    }
}
