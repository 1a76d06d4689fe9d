//! `limits`, of renewals: a lease is renewed after each third of it, and so it does not expire.

use super::{CheckContext, QUIET_LEASES, keep_time};
use crate::check::contract;
use crate::check::invariant::InvariantName::Limits;
use crate::check::invariant::results::ViolationDetail;
use crate::check::limit;
use crate::check::state::MessageStep;
use crate::check::state::message::MessageStatus;
use crate::worker::duration;

/// Thirds of a lease for the answer to the lease and for the last renewal on its way: a call that
/// takes longer is on record.
const RENEWAL_SLACK: u32 = 2;

/// Checks that no lease is renewed before the next third of it has passed, and without faults not
/// much later. A renewal may be late on its way, so all of a lease are counted.
pub(super) fn check_renewal(context: &mut CheckContext<'_>, step: &MessageStep) {
    let (state, options) = (context.state, &context.state.options.worker);
    let Some(record) = state.messages.records.get(&step.message) else {
        return;
    };
    let MessageStatus::Leased { since, .. } = record.place else {
        return;
    };
    if state.faults.clocks_wrong_since(since) {
        return;
    }
    let renewals = record.renewals + 1;
    let least = contract::renewal_interval(options) * renewals;
    keep_time(context, limit::LEASE, state.now.since(since), least, || {
        format!(
            "the time for {renewals} renewals of {}",
            state.message_name(record)
        )
    });
    let took = state.now.since(since);
    let most = contract::renewal_interval(options) * (renewals + RENEWAL_SLACK);
    if took > most && !state.faults.trouble_since(since) {
        let text = duration::Duration::from;
        context.violate(
            Limits,
            ViolationDetail::of(format_args!(
                "the time for {renewals} renewals of {}",
                state.message_name(record)
            ))
            .is(text(took))
            .expected(format_args!("at most {}", text(most)))
            .because("a lease is renewed after each third, and no fault is on record"),
        );
    }
}

/// Checks that no lease expires for which its holder could send renewals.
pub(super) fn check_expiry(context: &mut CheckContext<'_>, step: &MessageStep) {
    let (state, options) = (context.state, &context.state.options.worker);
    let Some(record) = state.messages.records.get(&step.message) else {
        return;
    };
    let MessageStatus::Leased { incarnation, .. } = record.place else {
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
