//! `scanner-manners`: rate, permits, Retry-After and attempt limit.

use std::collections::VecDeque;

use crate::check::invariant_name::InvariantName::ScannerManners;
use crate::check::results::{CheckResults, ViolationDetail};
use crate::check::state::fault::FaultHistory;
use crate::check::state::message::DeliveryRecord;
use crate::check::state::table::ScheduleIndex;
use crate::model::fault::FaultKind;
use crate::model::time::NANOS_PER_SECOND;
use crate::model::{ImageDigest, IncarnationId, ScheduleId, Timestamp};

/// Permits of one schedule that are remembered.
const PERMITS_MAX: usize = 1 << 14;

/// The rate is believed to hold within one part in this many: permits are whole nanoseconds apart.
const RATE_TOLERANCE: f64 = 1e-6;

/// The same for single requests, s.
const TIME_TOLERANCE: f64 = 1e-6;

/// What can come between a permit and its request.
const DELAYS: [FaultKind; 4] = [
    FaultKind::ProcessPause,
    FaultKind::ClockSkew,
    FaultKind::StoreOutage,
    FaultKind::Partition,
];

/// A request as the oracle sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a> {
    pub incarnation: &'a IncarnationId,
    pub schedule: ScheduleIndex,
    pub rate_per_second: Option<f64>,
    pub image: &'a ImageDigest,
    pub delivery: u64,
    pub permit: Option<Timestamp>,
    pub is_late: bool,
    /// When the store last took too long to hand its sender permits.
    pub permits_slow_at: Option<Timestamp>,
    /// When the delivery began: what it waits for was told since then.
    pub worked_since: Timestamp,
}

/// What the requests are judged against.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules<'a> {
    pub faults: &'a FaultHistory,
    pub schedules: &'a [ScheduleId],
    pub attempts_max: u32,
}

/// Remembers what was asked, by schedule.
#[derive(Debug, Default)]
pub(crate) struct Manners {
    rates: Vec<Option<Rate>>,
}

impl Manners {
    /// Looks at a request of a schedule with a rate.
    pub fn judge_rate(
        &mut self,
        results: &mut CheckResults,
        rules: Rules<'_>,
        request: &Request<'_>,
    ) {
        let Some(rate) = request.rate_per_second else {
            return;
        };
        let now = results.now();
        let state = self.rate_of(request.schedule, rate, now);
        let is_early = request.permit.is_some_and(|permit| permit > now);
        if let Some(permit) = request.permit {
            let is_unused = state.permits.take(permit);
            results.check(ScannerManners, true, is_unused, || {
                let what = format!("the permit for {permit} was used twice");
                ViolationDetail::new(request.place(rules), what)
                    .expected("each permit once", "a second request on it")
            });
            let is_excused = || rules.faults.clocks_wrong_since(request.worked_since);
            results.check(ScannerManners, false, !is_early || is_excused(), || {
                ViolationDetail::new(request.place(rules), "a request went out before its permit")
                    .expected(permit, now)
            });
        } else {
            let what = format!(
                "a request went out without a permit, for image {}",
                request.image
            );
            let complaint = ViolationDetail::new(request.place(rules), what);
            results.violate(
                ScannerManners,
                complaint.expected("a permit of its own", "none"),
            );
        }
        let since = request.worked_since;
        let may_be_late = request
            .permits_slow_at
            .is_some_and(|slow_at| slow_at >= since)
            || rules.faults.any_since(&DELAYS, since);
        results.check(
            ScannerManners,
            false,
            !request.is_late || may_be_late,
            || {
                ViolationDetail::new(
                    request.place(rules),
                    "a request went out long after its permit",
                )
                .expected(
                    "a new permit, or a pause or a slow answer of the store on record",
                    "neither",
                )
            },
        );
        // One that comes late, or early by a wrong clock, is none that the rate foresees.
        let excess = if request.is_late || is_early {
            None
        } else {
            state.send(now)
        };
        results.check(ScannerManners, true, excess.is_none(), || {
            let Excess { requests, seconds } = excess.unwrap_or_default();
            let allowed = rate * seconds + 1.0;
            ViolationDetail::new(
                request.place(rules),
                "requests came faster than the rate allows",
            )
            .expected(
                format_args!("at most {rate} × {seconds:.3} s + 1 = {allowed:.1} requests"),
                format_args!("at least {requests} within that time"),
            )
        });
    }

    /// The record of a schedule. It begins anew when the rate changes.
    fn rate_of(&mut self, schedule: ScheduleIndex, rate: f64, now: Timestamp) -> &mut Rate {
        let place = usize::from(schedule);
        if self.rates.len() <= place {
            self.rates.resize_with(place + 1, || None);
        }
        let state = self.rates[place].get_or_insert_with(|| Rate::new(rate, now));
        if state.per_second.to_bits() != rate.to_bits() {
            let permits = std::mem::take(&mut state.permits);
            *state = Rate {
                permits,
                ..Rate::new(rate, now)
            };
        }
        state
    }
}

impl Request<'_> {
    fn place(&self, rules: Rules<'_>) -> String {
        format!(
            "schedule {}, asked by {}",
            rules.schedules[usize::from(self.schedule)],
            self.incarnation
        )
    }
}

/// Looks whether the sender has been told to wait, about whatever image. `held_back`: until when,
/// and when it was told.
#[inline]
pub(crate) fn judge_held_back(
    results: &mut CheckResults,
    faults: &FaultHistory,
    request: &Request<'_>,
    held_back: Option<(Timestamp, Timestamp)>,
) {
    let Some((until, told_at)) = held_back else {
        return;
    };
    let now = results.now();
    let is_excused = || faults.clocks_wrong_since(told_at);
    results.check(ScannerManners, false, now >= until || is_excused(), || {
        let place = format!(
            "image {} asked for by {}",
            request.image, request.incarnation
        );
        let what = format!("the process was told at {told_at} to wait, and did not");
        ViolationDetail::new(place, what).expected(
            format_args!("no request before {until}"),
            format_args!("one at {now}"),
        )
    });
}

/// Looks at one more request of an image under a delivery: work that is left to do, refusals,
/// Retry-After and the attempt limit.
#[inline]
pub(crate) fn judge_attempt(
    results: &mut CheckResults,
    rules: Rules<'_>,
    delivery: &mut DeliveryRecord,
    request: &Request<'_>,
) {
    let Some(position) = delivery.position(request.image) else {
        return;
    };
    if delivery.is_needless {
        let place = format!(
            "image {} asked for by {}",
            request.image, request.incarnation
        );
        let what = "it was asked for under a delivery that had nothing to work on";
        let complaint = ViolationDetail::new(place, what).expected(
            "no request (its segment is committed or taken over, its run over, its tries used up, or \
             its holder stops)",
            "one",
        );
        results.violate(ScannerManners, complaint);
    }
    let requests = &mut delivery.requests[position as usize];
    *requests = requests.saturating_add(1);
    let requests = u32::from(*requests);
    let limit = rules.attempts_max;
    let place = || {
        format!(
            "image {} asked for by {}",
            request.image, request.incarnation
        )
    };
    results.check(ScannerManners, requests > 1, requests <= limit, || {
        ViolationDetail::new(place(), "it was asked for too often under one delivery")
            .expected(format_args!("at most {limit} requests"), requests)
    });
    if delivery.refused.contains(&position) {
        let complaint =
            ViolationDetail::new(place(), "it was asked for again after a refusal for good");
        results.violate(
            ScannerManners,
            complaint.expected("no further request", format_args!("request {requests}")),
        );
    }
    let throttled = &mut delivery.throttled;
    let Some(told) = throttled.iter().position(|(image, _)| *image == position) else {
        return;
    };
    let (_, until) = throttled.swap_remove(told);
    let now = results.now();
    let is_excused = rules.faults.clocks_wrong_since(request.worked_since);
    results.check(ScannerManners, true, now >= until || is_excused, || {
        ViolationDetail::new(
            place(),
            "it was asked for again before Retry-After had passed",
        )
        .expected(until, now)
    });
}

/// More requests than allowed.
#[derive(Debug, Clone, Copy, Default)]
struct Excess {
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
struct Rate {
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
    permits: Permits,
}

impl Rate {
    fn new(per_second: f64, begins: Timestamp) -> Self {
        Self {
            per_second,
            interval_seconds: 1.0 / (per_second * (1.0 + RATE_TOLERANCE)),
            begins,
            count: 0,
            young: VecDeque::new(),
            greatest: None,
            permits: Permits::default(),
        }
    }

    /// Notes a request; tells by how much it breaks the rule, if it does.
    fn send(&mut self, now: Timestamp) -> Option<Excess> {
        let interval = self.interval_seconds;
        let time = (now.nanos() - self.begins.nanos()) as f64 / NANOS_PER_SECOND as f64;
        let number = self.count;
        self.count += 1;
        let slack = |number: u64, time: f64| time - number as f64 * interval;
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
            return Some(Excess {
                requests: number - old + 1,
                seconds: time - sent,
            });
        }
        let within = number - oldest;
        (within as f64 * interval > 1.0).then_some(Excess {
            requests: within + 1,
            seconds: 1.0,
        })
    }
}

/// Permits that were used, in the order of their instants.
#[derive(Debug, Default)]
struct Permits(VecDeque<Timestamp>);

impl Permits {
    /// Uses a permit. False if it was used before; one that is too old to remember passes.
    fn take(&mut self, permit: Timestamp) -> bool {
        // Requests leave nearly in the order of their permits.
        let is_last = self.0.back().is_none_or(|last| *last < permit);
        let place = if is_last {
            self.0.len()
        } else {
            self.0.partition_point(|used| *used < permit)
        };
        if self.0.get(place) == Some(&permit) {
            return false;
        }
        self.0.insert(place, permit);
        if self.0.len() > PERMITS_MAX {
            self.0.pop_front();
        }
        true
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
            (last - first) as f64 > rate * seconds * (1.0 + RATE_TOLERANCE) + RATE_TOLERANCE
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
            let mut state = Rate::new(rate, begins);
            let mut times = Vec::new();
            let mut now = begins;
            for gap in gaps {
                now = now.after(std::time::Duration::from_millis(gap * 100));
                times.push(now);
                prop_assert_eq!(state.send(now).is_some(), breaks_by_pairs(&times, rate), "{:?}", times);
            }
        }
    }

    #[test]
    fn permits_are_used_once_in_whatever_order() {
        let mut permits = Permits::default();
        let mut take = |seconds| permits.take(Timestamp::from_seconds(seconds));
        assert!(take(5) && take(9) && take(7));
        assert!(!take(7) && !take(9) && !take(5));
        assert!(take(6));
    }
}
