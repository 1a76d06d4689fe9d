//! `lease-discipline`: nothing is believed of a holder whose lease has ended, no superseded
//! delivery commits, and no scanner call starts after the holder's own deadline.

use std::time::Duration;

use super::scanner_manners::Request;
use crate::check::invariant_name::InvariantName::LeaseDiscipline;
use crate::check::results::{CheckResults, ViolationDetail};
use crate::check::state::fault::FaultHistory;
use crate::check::state::message::{DeliveryRecord, MessageRecord, MessageStatus};
use crate::check::state::table::IncarnationIndex;
use crate::check::state::{AcceptedCommit, WorldState};
use crate::model::CommitStep;

/// For a call to the store to be given up.
const NOTICE_SLACK: Duration = Duration::from_secs(10);

/// Looks at a step that a holder took on its message.
pub(crate) fn judge_step(
    results: &mut CheckResults,
    state: &WorldState,
    message: &MessageRecord,
    word: &str,
    delivery: u64,
    incarnation: IncarnationIndex,
) {
    let now = results.now();
    let holds = match message.place {
        MessageStatus::Leased {
            incarnation: holder,
            delivery: current,
            until,
            ..
        } => holder == incarnation && current == delivery && now <= until,
        MessageStatus::Ready | MessageStatus::Dead => false,
    };
    results.check(LeaseDiscipline, true, holds, || {
        let what = format!(
            "delivery {delivery} was {word} by {}, which does not hold it",
            state.incarnation_name(incarnation)
        );
        let found = match message.place {
            MessageStatus::Leased {
                incarnation,
                delivery,
                until,
                ..
            } => {
                format!(
                    "delivery {delivery} leased by {} until {until}",
                    state.incarnation_name(incarnation)
                )
            }
            MessageStatus::Ready => "a message that nobody holds".to_owned(),
            MessageStatus::Dead => "a dead letter".to_owned(),
        };
        ViolationDetail::new(state.message_name(message), what)
            .expected("a refusal, or a lease that is live", found)
    });
}

/// Looks at an incarnation that takes a message. One that has been unable to reach the store for a
/// while knows it, and takes none.
pub(crate) fn judge_taking(
    results: &mut CheckResults,
    state: &WorldState,
    message: &MessageRecord,
    incarnation: IncarnationIndex,
) {
    judge_without_store(
        results,
        state,
        message,
        incarnation,
        ("taken", Duration::ZERO),
    );
}

/// Looks at an incarnation that holds on to a message. Others may do the work once the store has
/// heard nothing of it for two leases: by the renewal after that it goes back.
pub(crate) fn judge_renewal(
    results: &mut CheckResults,
    state: &WorldState,
    message: &MessageRecord,
    incarnation: IncarnationIndex,
) {
    let lease = state.options.lease;
    let until_stale = lease * 2;
    judge_without_store(
        results,
        state,
        message,
        incarnation,
        ("renewed", until_stale + lease / 3),
    );
}

/// `step`: what an incarnation does with a message, and for how long it may after it knows that it
/// can't reach the store.
fn judge_without_store(
    results: &mut CheckResults,
    state: &WorldState,
    message: &MessageRecord,
    incarnation: IncarnationIndex,
    (step, patience): (&str, Duration),
) {
    let Some(since) = state.incarnations.incarnations[incarnation].store_lost_since else {
        return;
    };
    let options = &state.options;
    let notices_within = options.lease / 3 + options.receive_wait_time + NOTICE_SLACK;
    let limit = notices_within + patience;
    let is_late = state.now.since(since) > limit;
    let is_excused = state.faults.clocks_wrong_since(since);
    results.check(LeaseDiscipline, true, !is_late || is_excused, || {
        let what = format!(
            "it was {step} by {}, which can't reach the store",
            state.incarnation_name(incarnation)
        );
        ViolationDetail::new(state.message_name(message), what).expected(
            format_args!(
                "no message {step} later than {} s after {since}",
                limit.as_secs()
            ),
            format_args!("one at {}", state.now),
        )
    });
}

/// A call after the end of a lease was refused, as it should be.
pub(crate) fn refused(results: &mut CheckResults) {
    results.held(LeaseDiscipline, 1, 1);
}

/// Looks whether a segment commit comes from the newest delivery, and from its holder. To be called
/// before it is booked.
pub(crate) fn judge_commit(
    results: &mut CheckResults,
    state: &WorldState,
    taken: &AcceptedCommit<'_>,
) {
    let (CommitStep::Segment(segment), Some(change)) = (&taken.commit.step, taken.changes.first())
    else {
        return;
    };
    let work = state.runs[change.run].work.as_ref();
    let Some(record) = work.and_then(|work| work.segments.get(segment.key.index as usize)) else {
        return;
    };
    let delivery = taken.commit.token.delivery;
    results.check(LeaseDiscipline, true, delivery >= record.delivery, || {
        let what = format!(
            "delivery {delivery} of {} committed after a newer one had begun",
            taken.commit.token.incarnation
        );
        ViolationDetail::new(format_args!("segment {}", segment.key), what).expected(
            format_args!("delivery {} or newer", record.delivery),
            delivery,
        )
    });
    // Deliveries are forgotten with their message.
    let Some(holder) = state.messages.deliveries.get(&delivery) else {
        return;
    };
    results.check(
        LeaseDiscipline,
        true,
        holder.incarnation == taken.incarnation,
        || {
            let what = format!("it was committed under delivery {delivery}, which is another's");
            ViolationDetail::new(format_args!("segment {}", segment.key), what).expected(
                state.incarnation_name(holder.incarnation),
                &taken.commit.token.incarnation,
            )
        },
    );
}

/// Looks whether a request goes out under a lease that its sender may still believe in. `delivery`:
/// none if no such lease of the sender is known any more.
#[inline]
pub(crate) fn judge_request(
    results: &mut CheckResults,
    faults: &FaultHistory,
    lease: Duration,
    request: &Request<'_>,
    delivery: Option<&DeliveryRecord>,
) {
    let now = results.now();
    let deadline = delivery.and_then(|delivery| delivery.deadline);
    if deadline.is_some_and(|deadline| now <= deadline) {
        results.held(LeaseDiscipline, 1, 1);
        return;
    }
    // A process whose own clock is wrong can't know its deadline any better.
    let is_excused = faults.clocks_wrong_since(deadline.unwrap_or(now).before(lease));
    results.check(LeaseDiscipline, true, is_excused, || {
        let due = match deadline {
            Some(deadline) => format!("no request after {deadline} (last renewal sent + lease)"),
            None => "no request without a lease in hand".to_owned(),
        };
        let place = format!(
            "{} under delivery {}",
            request.incarnation, request.delivery
        );
        ViolationDetail::new(place, "it asked the scanner after its own deadline")
            .expected(due, format_args!("one at {now}"))
    });
}
