//! `scanner-manners`: rate limit, permits, Retry-After and attempt limit of scanner requests.

use std::collections::VecDeque;

use super::permits::{PermitCheck, of_schedule};
use super::{CheckContext, EvaluationTime, Invariant, InvariantDefinition, InvariantName};
use crate::check::invariant::InvariantName::ScannerManners;
use crate::check::invariant::results::ViolationDetail;
use crate::check::state::table::ScheduleIndex;
use crate::check::state::{ObservedScanRequest, ScanAttempt};
use crate::model::Timestamp;
use crate::model::fault::FaultKind;
use crate::model::observation::{LearnedAnswer, Observation};
use crate::model::time::NANOS_PER_SECOND;
use rehearsal_convert::Nearest;

/// Name and documentation of `scanner-manners`.
pub(crate) const SCANNER_MANNERS: InvariantDefinition = InvariantDefinition {
    name: "scanner-manners",
    evaluated: EvaluationTime::Always,
    meaning: "Requests keep to the schedule's rate, to their permits, to Retry-After and to the \
              attempt limit.",
    method: "At most r·w + 1 requests in any window of w ≥ 1 s per schedule over the fleet. \
             Requests on late permits do not count, and need a pause or a fault of the store on \
             record. Each permit is one that the store granted to the process, is used once, and \
             early only by a clock that is wrong. It is late once `permitTolerance` has passed \
             since its instant; the time that the grant took to arrive is added, up to its trail. \
             A trail is at most 2 s, and needs a slow answer of the store on record. A process \
             reserves no more permits than its segments of the schedule have images left. No \
             request of a throttled image before Retry-After, nor of any other image by the \
             process that received it. No request under a delivery with nothing to work on: its \
             segment was committed, its run over, its tries used up or its holder asked to stop \
             before it began, or its holder has learned of a newer one or of the end of its run. \
             Without faults, no request later than one lease after the end of its run. No request \
             under the same delivery of an image refused permanently. At most `scannerAttempts` \
             requests per image and delivery, and no two of a delivery in the instant in which the \
             request before failed. One comparison per request finds all violations that comparing \
             all pairs of requests would find; `scanner_manners.rs` has the proof, and a property \
             test.",
    exercised_by: "requests",
};

/// Relative tolerance of the rate: permits are whole nanoseconds apart.
const RATE_TOLERANCE: f64 = 1e-6;

/// Tolerance of the instant of a single request, s.
const TIME_TOLERANCE: f64 = 1e-6;

/// Faults that can come between a permit and its request.
const DELAYS: [FaultKind; 4] = [
    FaultKind::ProcessPause,
    FaultKind::ClockSkew,
    FaultKind::StoreOutage,
    FaultKind::Partition,
];

/// Checks `scanner-manners`; remembers the requests by schedule.
#[derive(Debug, Default)]
pub(crate) struct ScannerCheck {
    rates: Vec<Option<SlidingWindowRate>>,
    permits: PermitCheck,
}

impl Invariant for ScannerCheck {
    fn names(&self) -> &[InvariantName] {
        &[ScannerManners]
    }

    #[inline]
    fn observed(&mut self, context: &mut CheckContext<'_>, observation: &Observation<'_>) {
        if let Observation::AnswerLearned {
            incarnation,
            answer: answer @ LearnedAnswer::PermitsGranted { .. },
        } = observation
        {
            PermitCheck::grant(context, incarnation, answer);
        }
    }

    #[inline]
    fn scan_sent(&mut self, context: &mut CheckContext<'_>, request: &ObservedScanRequest<'_>) {
        if let Some(attempt) = &request.attempt {
            check_attempt(context, request, attempt);
        }
        if let Some(ended_at) = request.run_ended_at {
            check_ended(context, request, ended_at);
        }
        if let Some((until, received_at)) = request.held_back {
            check_held_back(context, request, until, received_at);
        }
        if let Some(rate) = request.rate_per_second {
            self.check_rate(context, request, rate);
        }
    }
}

/// Name of a request by its image.
fn of_image(request: &ObservedScanRequest<'_>) -> String {
    format!("for image {} by {}", request.image, request.incarnation)
}

impl ScannerCheck {
    /// Checks a request of a schedule with a rate.
    fn check_rate(
        &mut self,
        context: &mut CheckContext<'_>,
        request: &ObservedScanRequest<'_>,
        rate: f64,
    ) {
        let state = context.state;
        let now = state.now;
        let is_early = request.permit.is_some_and(|permit| permit > now);
        match request.permit {
            Some(permit) => self.permits.check(context, request, permit),
            None => context.violate(
                ScannerManners,
                ViolationDetail::of(format_args!("a request {}", of_schedule(state, request)))
                    .is("sent without a permit")
                    .expected("sent on a permit")
                    .because(format_args!("the schedule has a rate of {rate} per second")),
            ),
        }
        check_late(context, request);
        // A request on a late permit, or early by a wrong clock, is none that the rate foresees.
        let excess = if request.is_late || is_early {
            None
        } else {
            self.window(request.schedule, rate, now).send(now)
        };
        context.check(ScannerManners, true, excess.is_none(), || {
            let RateExcess { requests, seconds } = excess.unwrap_or_default();
            let allowed = rate * seconds + 1.0;
            ViolationDetail::of(format_args!(
                "the number of requests {} within {seconds:.3} s",
                of_schedule(state, request)
            ))
            .is(format_args!("at least {requests}"))
            .expected(format_args!("at most {allowed:.1}"))
            .because(format_args!("the rate allows {rate} × {seconds:.3} s + 1"))
        });
    }

    /// The window of a schedule. It starts over when the rate changes.
    fn window(
        &mut self,
        schedule: ScheduleIndex,
        rate: f64,
        now: Timestamp,
    ) -> &mut SlidingWindowRate {
        let index = usize::from(schedule);
        if self.rates.len() <= index {
            self.rates.resize_with(index + 1, || None);
        }
        let window = self.rates[index].get_or_insert_with(|| SlidingWindowRate::new(rate, now));
        if window.per_second.to_bits() != rate.to_bits() {
            *window = SlidingWindowRate::new(rate, now);
        }
        window
    }
}

/// Checks that a request long after its permit has a cause on record.
fn check_late(context: &mut CheckContext<'_>, request: &ObservedScanRequest<'_>) {
    let state = context.state;
    let since = request.worked_since;
    let slow_at = request.permits_slow_at;
    let may_be_late =
        slow_at.is_some_and(|slow_at| slow_at >= since) || state.faults.any_since(&DELAYS, since);
    context.check(
        ScannerManners,
        false,
        !request.is_late || may_be_late,
        || {
            ViolationDetail::of(format_args!("a request {}", of_schedule(state, request)))
                .is("sent long after its permit")
                .expected("sent on a new permit")
                .because("neither a pause nor a slow answer of the store is on record")
        },
    );
}

/// Checks that a process sends no request before the Retry-After that it received.
#[inline]
fn check_held_back(
    context: &mut CheckContext<'_>,
    request: &ObservedScanRequest<'_>,
    until: Timestamp,
    received_at: Timestamp,
) {
    let state = context.state;
    let is_excused = || state.faults.clocks_wrong_since(received_at);
    let holds = state.now >= until || is_excused();
    context.check(ScannerManners, false, holds, || {
        ViolationDetail::of(format_args!("a request {}", of_image(request)))
            .is(format_args!("sent at {}", state.now))
            .expected(format_args!("sent at {until} or later"))
            .because(format_args!(
                "the process received that Retry-After at {received_at}"
            ))
    });
}

/// Checks one more request of an image under a delivery: work that is left to do, attempt limit,
/// refusals and Retry-After.
#[inline]
fn check_attempt(
    context: &mut CheckContext<'_>,
    request: &ObservedScanRequest<'_>,
    attempt: &ScanAttempt,
) {
    if attempt.is_needless {
        report_needless(context, request);
    }
    let state = context.state;
    let (requests, limit) = (attempt.requests, state.options.worker.scanner_attempts);
    context.check(ScannerManners, requests > 1, requests <= limit, || {
        ViolationDetail::of(format_args!("the number of requests {}", of_image(request)))
            .is(requests)
            .expected(format_args!("at most {limit}"))
            .because("scannerAttempts limits the requests under one delivery")
    });
    if attempt.hasty_requests > 1 {
        context.violate(
            ScannerManners,
            ViolationDetail::of(format_args!("a request {}", of_image(request)))
                .is("sent in the instant in which the last one failed, and not for the first time")
                .expected("sent after a delay")
                .because("full jitter draws each delay between two attempts"),
        );
    }
    if attempt.is_refused {
        context.violate(
            ScannerManners,
            ViolationDetail::of(format_args!("a request {}", of_image(request)))
                .is(format_args!("sent as number {requests}"))
                .expected("not sent")
                .because("the scanner refused the image permanently"),
        );
    }
    let Some(until) = attempt.throttled_until else {
        return;
    };
    let is_excused = state.faults.clocks_wrong_since(request.worked_since);
    let holds = state.now >= until || is_excused;
    context.check(ScannerManners, true, holds, || {
        ViolationDetail::of(format_args!("a request {}", of_image(request)))
            .is(format_args!("sent at {}", state.now))
            .expected(format_args!("sent at {until} or later"))
            .because("the scanner answered with that Retry-After for the image")
    });
}

/// Checks that the requests for a run that was cancelled, or ended otherwise, stop: each renewal of
/// a lease asks the store about the run.
#[cold]
fn check_ended(
    context: &mut CheckContext<'_>,
    request: &ObservedScanRequest<'_>,
    ended_at: Timestamp,
) {
    let state = context.state;
    let lease = state.options.worker.lease;
    let holds = state.now.since(ended_at) <= lease || state.faults.trouble_since(ended_at);
    context.check(ScannerManners, true, holds, || {
        ViolationDetail::of(format_args!("a request {}", of_image(request)))
            .is(format_args!("sent at {}", state.now))
            .expected(format_args!("sent by {}", ended_at.after(lease)))
            .because(format_args!(
                "its run ended at {ended_at}, and no fault is on record since"
            ))
    });
}

#[cold]
fn report_needless(context: &mut CheckContext<'_>, request: &ObservedScanRequest<'_>) {
    context.violate(
        ScannerManners,
        ViolationDetail::of(format_args!("a request {}", of_image(request)))
            .is("sent")
            .expected("not sent")
            .because(
                "its delivery has nothing to work on: its segment is committed or superseded, its \
                 run over, its tries used up, or its holder stops",
            ),
    );
}

/// More requests than allowed.
#[derive(Debug, Clone, Copy, Default)]
struct RateExcess {
    requests: u64,
    seconds: f64,
}

/// One schedule's requests against its rate `r`: at most `r * w + 1` in any window of `w ≥ 1 s`.
///
/// Say that request `i` leaves at `t(i)`. The smallest window of at least 1 s with the requests `i`
/// to `j` in it is `max(t(j) - t(i), 1)` long, so the rule is, for all `i < j`,
/// `j - i <= r * max(t(j) - t(i), 1)`. With `f(i) = t(i) - i / r` that is one of two things:
///
/// * `t(j) - t(i) >= 1`: `f(j) >= f(i)`. It suffices to keep the greatest `f` of all requests that
///   are at least 1 s old: one comparison per request.
/// * else: `j - i <= r`. The worst `i` is the oldest request younger than 1 s: one comparison with
///   the front of a queue of those.
///
/// A request enters that queue once and leaves it once, so the cost is constant on average.
#[derive(Debug)]
struct SlidingWindowRate {
    per_second: f64,
    /// From one request to the next at full rate, a trifle shorter for the tolerance.
    interval_seconds: f64,
    /// Times are counted from here, to keep the precision.
    begins: Timestamp,
    /// Requests so far.
    count: u64,
    /// The requests of the last second: their numbers and times.
    young: VecDeque<(u64, f64)>,
    /// The greatest `f` of all older ones, with its number and time.
    greatest: Option<(f64, u64, f64)>,
}

impl SlidingWindowRate {
    fn new(per_second: f64, begins: Timestamp) -> Self {
        Self {
            per_second,
            interval_seconds: 1.0 / (per_second * (1.0 + RATE_TOLERANCE)),
            begins,
            count: 0,
            young: VecDeque::new(),
            greatest: None,
        }
    }

    /// Records a request. Returns the excess if it breaks the rule.
    fn send(&mut self, now: Timestamp) -> Option<RateExcess> {
        let interval = self.interval_seconds;
        let time =
            (now.nanos() - self.begins.nanos()).nearest_f64() / NANOS_PER_SECOND.nearest_f64();
        let number = self.count;
        self.count += 1;
        let slack = |number: u64, time: f64| time - number.nearest_f64() * interval;
        while let Some((old, sent)) = self
            .young
            .front()
            .copied()
            .filter(|(_, sent)| time - sent >= 1.0)
        {
            self.young.pop_front();
            let f = slack(old, sent);
            if self.greatest.is_none_or(|(greatest, ..)| f > greatest) {
                self.greatest = Some((f, old, sent));
            }
        }
        let oldest = self.young.front().map_or(number, |(oldest, _)| *oldest);
        self.young.push_back((number, time));
        if let Some((greatest, old, sent)) = self.greatest
            && slack(number, time) < greatest - TIME_TOLERANCE
        {
            return Some(RateExcess {
                requests: number - old + 1,
                seconds: time - sent,
            });
        }
        let within = number - oldest;
        (within.nearest_f64() * interval > 1.0).then_some(RateExcess {
            requests: within + 1,
            seconds: 1.0,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The rule as it is written: every pair of requests.
    fn breaks_by_pairs(times: &[Timestamp], rate: f64) -> bool {
        let last = times.len() - 1;
        (0..last).any(|first| {
            let seconds = times[last].since(times[first]).as_secs_f64().max(1.0);
            (last - first).nearest_f64() > rate * seconds * (1.0 + RATE_TOLERANCE) + RATE_TOLERANCE
        })
    }

    proptest! {
        /// One comparison per request finds the same as all pairs of requests.
        #[test]
        fn the_short_cut_is_the_rule(
            rate in prop::sample::select(vec![0.5, 1.0, 2.5, 3.0, 10.0]),
            // Tenths of a second: gaps that often touch the limits.
            gaps in prop::collection::vec(0_u64..12, 1..60),
        ) {
            let begins = Timestamp::from_seconds(1_700_000_000);
            let mut state = SlidingWindowRate::new(rate, begins);
            let mut times = Vec::new();
            let mut now = begins;
            for gap in gaps {
                now = now.after(std::time::Duration::from_millis(gap * 100));
                times.push(now);
                let breaks = breaks_by_pairs(&times, rate);
                prop_assert_eq!(state.send(now).is_some(), breaks, "{:?}", times);
            }
        }
    }
}
