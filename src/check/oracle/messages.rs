//! Observations of the queues, the scanner and Notify.

use super::Oracle;
use crate::check::state::Publication;
use crate::model::observation::Observation;

impl Oracle {
    #[inline]
    pub(super) fn observe_scanner(&mut self, observation: &Observation<'_>) {
        match *observation {
            Observation::ScanSent { .. } => {
                if let Some(request) = self.state.record_request(observation) {
                    self.check(|invariants, context| invariants.scan_sent(context, &request));
                }
            }
            Observation::ScanAnswered {
                image,
                delivery,
                answer,
                ..
            } => {
                self.check(|invariants, context| {
                    invariants.scan_answered(context, (image, answer));
                });
                self.state.record_scan_answer(delivery, image, answer);
                self.state.count_scan_answer(delivery, answer);
            }
            Observation::PermitsSlow { incarnation } => {
                let incarnation = self.state.number(incarnation);
                self.state.incarnations[incarnation].permits_slow_at = Some(self.state.now);
            }
            Observation::ImageChanged {
                image,
                revision,
                changes,
            } => self.state.images.change(image, revision, changes),
            _ => {}
        }
    }

    pub(super) fn observe_queue(&mut self, observation: &Observation<'_>) {
        match *observation {
            Observation::Message { .. } => {
                let Some(step) = self.state.resolve_message(observation) else {
                    return;
                };
                self.check(|invariants, context| invariants.message(context, &step));
                if let Some(lease) = self.state.record_message(&step) {
                    self.check(|invariants, context| invariants.segment_leased(context, &lease));
                }
            }
            Observation::LeaseHeld {
                incarnation,
                queue,
                delivery,
                attempt,
                sent_at,
                lease,
            } => {
                let deadline = sent_at.after(lease);
                self.state
                    .record_lease_held(incarnation, queue, delivery, attempt, deadline);
            }
            Observation::GivenUp {
                incarnation,
                queue,
                step,
            } => self.state.record_given_up(incarnation, queue, step),
            Observation::MessageCorrupted { message, .. } => {
                if let Some(record) = self.state.messages.records.get_mut(&message) {
                    record.is_corrupted = true;
                }
            }
            _ => {}
        }
    }

    pub(super) fn observe_events(&mut self, observation: &Observation<'_>) {
        match *observation {
            Observation::NotifyCalled {
                incarnation, role, ..
            } => {
                self.check(|invariants, context| {
                    invariants.notify_called(context, (incarnation, role));
                });
            }
            Observation::EventPublished { event } => {
                let (id, publication) = (event.event_id, self.state.outbox.publish(event));
                self.state.tally.events += u64::from(publication == Publication::First);
                self.check(|invariants, context| {
                    invariants.event_published(context, (id, publication));
                });
            }
            Observation::EventForgotten { id } => {
                let stage = self.state.outbox.forget(id);
                self.state.count_outbox();
                self.check(|invariants, context| {
                    invariants.event_forgotten(context, (id, stage));
                });
            }
            _ => {}
        }
    }
}
