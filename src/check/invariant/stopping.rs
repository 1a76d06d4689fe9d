//! `lease-discipline`, of a process that is asked to stop: it hands back what it holds, and it goes
//! as soon as it holds nothing.

use std::time::Duration;

use crate::check::invariant_name::InvariantName::LeaseDiscipline;
use crate::check::results::{CheckResults, ViolationDetail};
use crate::check::state::WorldState;
use crate::check::state::message::MessageStatus;
use crate::check::state::table::IncarnationIndex;
use crate::model::Timestamp;
use crate::model::fault::FaultKind;
use crate::model::observation::IncarnationEnd;

/// What ends an incarnation in good order.
const STOPS: [FaultKind; 2] = [FaultKind::GracefulStop, FaultKind::RollingDeploy];

/// A stop takes no longer than this, the work that it waits for included.
const STOP_TIME: Duration = Duration::from_secs(120);

/// For the calls that a stopping process still makes.
const SLACK: Duration = Duration::from_secs(5);

/// After its grace, for handing back and the last sign of life. A process that takes longer is
/// killed.
const MARGIN: Duration = Duration::from_millis(9_500);

/// Looks at an incarnation that ends after it was asked to stop. With anything wrong in the world
/// it may not have been able to do better.
pub(crate) fn judge(
    results: &mut CheckResults,
    state: &WorldState,
    incarnation: IncarnationIndex,
    end: IncarnationEnd,
) {
    let since = state.now.before(STOP_TIME);
    if state.faults.others_since(&STOPS, since) {
        return;
    }
    if end == IncarnationEnd::Stopped {
        judge_held(results, state, incarnation);
    }
    if let Some(asked_at) = state.incarnations.incarnations[incarnation].stopping_since {
        judge_time(results, state, incarnation, asked_at);
    }
}

/// Looks whether it holds a message still.
fn judge_held(results: &mut CheckResults, state: &WorldState, incarnation: IncarnationIndex) {
    for (_, message) in state.messages.sorted() {
        let MessageStatus::Leased {
            incarnation: holder,
            delivery,
            until,
            ..
        } = message.place
        else {
            continue;
        };
        let is_left = holder == incarnation && state.now < until;
        results.check(LeaseDiscipline, holder == incarnation, !is_left, || {
            let name = state.incarnation_name(incarnation);
            let what = format!("delivery {delivery} was left by {name}, which stopped");
            ViolationDetail::new(state.message_name(message), what).expected(
                "it handed back or done",
                format_args!("a lease until {until}"),
            )
        });
    }
}

/// Looks whether it was gone in time: within its grace, and soon after it held nothing any more. It
/// may be waiting for a message just then, and takes that wait to its end.
fn judge_time(
    results: &mut CheckResults,
    state: &WorldState,
    incarnation: IncarnationIndex,
    asked_at: Timestamp,
) {
    let record = &state.incarnations.incarnations[incarnation];
    let options = &state.options;
    let is_idle = record.held == 0;
    let idle_since = asked_at.max(if is_idle {
        record.held_until
    } else {
        state.now
    });
    let allowances = [
        ("asked to stop", asked_at, options.stop_grace + MARGIN),
        (
            "asked to stop and without work",
            idle_since,
            options.receive_wait_time + SLACK,
        ),
    ];
    for (word, since, allowed) in allowances {
        let took = state.now.since(since);
        results.check(LeaseDiscipline, is_idle, took <= allowed, || {
            let place = format!("process {}", record.id);
            ViolationDetail::new(
                place,
                format_args!("it was {word} and went on for too long"),
            )
            .expected(
                format_args!("its end within {:.1} s", allowed.as_secs_f64()),
                format_args!("{:.1} s", took.as_secs_f64()),
            )
        });
    }
}
