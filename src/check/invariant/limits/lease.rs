//! `limits`, of renewals: a lease is renewed after each third of it, and so it does not expire.

use super::{CheckContext, QUIET_LEASES, keep_time};
use crate::check::contract;
use crate::check::invariant::InvariantName::Limits;
use crate::check::invariant::results::ViolationDetail;
use crate::check::limit;
use crate::check::state::message::{MessageRecord, MessageStatus};
use crate::check::state::table::IncarnationIndex;
use crate::check::state::{MessageStep, WorldState};
use crate::model::Timestamp;
use crate::worker::duration;

/// Thirds of a lease for the answer to the lease and for the last renewal on its way: a call that
/// takes longer is on record.
const RENEWAL_SLACK: u32 = 2;

/// The message of a step, its holder, and since when that holds it; none without a holder.
fn leased<'a>(
    state: &'a WorldState,
    step: &MessageStep,
) -> Option<(&'a MessageRecord, IncarnationIndex, Timestamp)> {
    let record = state.messages.records.get(&step.message)?;
    match record.place {
        MessageStatus::Leased {
            incarnation, since, ..
        } => Some((record, incarnation, since)),
        _ => None,
    }
}

/// Checks that no lease is renewed before the next third of it has passed, and without faults not
/// much later. A renewal may be late on its way, so all of a lease are counted.
pub(super) fn check_renewal(context: &mut CheckContext<'_>, step: &MessageStep) {
    let (state, options) = (context.state, &context.state.options.worker);
    let Some((record, _, since)) = leased(state, step) else {
        return;
    };
    if state.faults.clocks_wrong_since(since) {
        return;
    }
    let renewals = record.renewals + 1;
    let name = || state.message_name(record);
    let object = || format!("the time for {renewals} renewals of {}", name());
    let took = state.now.since(since);
    let least = contract::renewal_interval(options) * renewals;
    keep_time(context, limit::LEASE, took, least, object);
    let most = contract::renewal_interval(options) * (renewals + RENEWAL_SLACK);
    if took > most && !state.faults.trouble_since(since) {
        let text = duration::Duration::from;
        context.violate(
            Limits,
            ViolationDetail::of(object())
                .is(text(took))
                .expected(format_args!("at most {}", text(most)))
                .because("a lease is renewed after each third, and no fault is on record"),
        );
    }
}

/// Checks that no lease expires for which its holder could send renewals.
pub(super) fn check_expiry(context: &mut CheckContext<'_>, step: &MessageStep) {
    let (state, options) = (context.state, &context.state.options.worker);
    let Some((record, incarnation, _)) = leased(state, step) else {
        return;
    };
    let holder = &state.incarnations[incarnation];
    let quiet_since = state.now.before(options.lease * QUIET_LEASES);
    let is_held = holder.is_alive && !state.faults.trouble_since(quiet_since);
    context.check(Limits, true, !is_held, || {
        ViolationDetail::of(format_args!(
            "the lease of {} on {}",
            holder.id,
            state.message_name(record)
        ))
        .is("expired")
        .expected(format_args!(
            "renewed after {}",
            duration::Duration::from(contract::renewal_interval(options))
        ))
        .because("a third of `lease` passes between renewals, and no fault is on record")
    });
}
