//! Delays of backoff: full jitter draws each uniformly from zero to its maximum.
//!
//! For a uniform share `u` of the maximum, `-ln u` has an exponential distribution with mean 1. The
//! probability that the sum over `n` delays is `s > n` or more is at most
//! `exp(-(s - n - n ln(s / n)))`, the Chernoff bound of the gamma distribution. Single delays may
//! therefore be short, but not all of them, as with a factor or a jitter that has no effect.

use std::time::Duration;

use crate::check::invariant::CheckContext;
use crate::check::invariant::InvariantName::Limits;
use crate::check::invariant::results::ViolationDetail;
use crate::check::limit::{self, Limit};
use crate::check::state::{MessageStep, ScanAttempt, WorldState};
use crate::model::Timestamp;
use crate::model::fault::FaultKind;
use crate::worker::options::WorkerOptions;

/// Natural logarithm of the improbability, one in 8 · 10¹³, from which on delays are too short.
const IMPROBABLE: f64 = 32.0;

/// Returns the maximum delay after this number of failed attempts, and the option that sets it.
pub(super) fn longest(options: &WorkerOptions, failed: u32) -> (Duration, Limit) {
    let growth = options
        .backoff_factor
        .saturating_pow(failed.saturating_sub(1));
    let ceiling = options.backoff_initial.saturating_mul(growth);
    let option = if ceiling > options.backoff_max {
        limit::BACKOFF_MAX
    } else if failed > 1 {
        limit::BACKOFF_FACTOR
    } else {
        limit::BACKOFF_INITIAL
    };
    (ceiling.min(options.backoff_max), option)
}

/// Whether a failed request is the only reason for a release: the holder does not stop, has its
/// lease and has work to do.
fn fails_to_scan(state: &WorldState, step: &MessageStep) -> bool {
    let delivery = state.messages.deliveries.get(&step.delivery);
    let Some((delivery, incarnation)) = delivery.zip(step.incarnation) else {
        return false;
    };
    let holds = delivery
        .deadline
        .is_some_and(|deadline| state.now < deadline);
    let stops = state.incarnations[incarnation].stopping_since.is_some();
    let failed = delivery.failed_at.is_some_and(|at| at >= delivery.asked_at);
    let excuses = [FaultKind::ProcessPause, FaultKind::ClockSkew];
    failed
        && holds
        && !stops
        && !delivery.is_needless
        && !state.faults.any_since(&excuses, delivery.since)
}

/// Checks the delays of all processes.
#[derive(Debug, Default)]
pub(super) struct JitterCheck {
    /// Number of delays so far.
    count: u32,
    /// Sum of `-ln(delay / longest)`.
    sum: f64,
}

impl JitterCheck {
    /// Checks the time from a failed request to the next one for the same image.
    pub fn repeated(
        &mut self,
        context: &mut CheckContext<'_>,
        attempt: &ScanAttempt,
        failed_at: Timestamp,
    ) {
        let state = context.state;
        if state.faults.clocks_wrong_since(failed_at) {
            return;
        }
        let failed = attempt.requests.saturating_sub(1);
        let (most, _) = longest(&state.options.worker, failed);
        self.check(context, state.now.since(failed_at), most);
    }

    /// Checks the delay before the next delivery of a released message.
    pub fn released(
        &mut self,
        context: &mut CheckContext<'_>,
        step: &MessageStep,
        counted: bool,
        delay: Duration,
    ) {
        let state = context.state;
        let Some(message) = state.messages.records.get(&step.message) else {
            return;
        };
        let options = &state.options.worker;
        let (most, option) = longest(options, message.attempt);
        let most = most.min(options.lease);
        super::keep_time(context, option, delay, most, || {
            format!(
                "the delay of the next delivery of {}",
                state.message_name(message)
            )
        });
        if counted || !delay.is_zero() {
            self.check(context, delay, most);
        } else if fails_to_scan(state, step) {
            context.violate(
                Limits,
                ViolationDetail::of(state.message_name(message))
                    .is("released without a delay")
                    .expected("released after a delay")
                    .because("the Scanner failed, and full jitter draws the delay"),
            );
        }
    }

    /// Checks one more delay. A delay that was measured may be longer than the one that was drawn.
    pub fn check(&mut self, context: &mut CheckContext<'_>, delay: Duration, longest: Duration) {
        self.add(delay, longest);
        let (count, mean) = (self.count, self.mean());
        context.check(Limits, true, !self.is_too_short(), || {
            let percent = (-mean).exp() * 100.0;
            ViolationDetail::of(format_args!(
                "the geometric mean of the {count} delays of backoff"
            ))
            .is(format_args!("{percent:.1} % of their maxima"))
            .expected("about 37 %")
            .because(
                "full jitter draws each uniformly from zero to its maximum: a mean as short as \
                 this has a probability of less than 10⁻¹³",
            )
        });
    }

    fn add(&mut self, delay: Duration, longest: Duration) {
        let shortest = Duration::from_nanos(1);
        let share = delay.max(shortest).as_secs_f64() / longest.as_secs_f64();
        self.count += 1;
        self.sum -= share.min(1.0).ln();
    }

    fn mean(&self) -> f64 {
        self.sum / f64::from(self.count)
    }

    fn is_too_short(&self) -> bool {
        let mean = self.mean();
        mean > 1.0 && f64::from(self.count) * (mean - 1.0 - mean.ln()) > IMPROBABLE
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// Number of uniform delays, of which the process uses this share, until they are too short.
    fn detected_after(seed: u64, used: f64) -> Option<u32> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let longest = Duration::from_secs(5);
        let mut delays = JitterCheck::default();
        (1..=1_000).find(|_| {
            let share: f64 = random.random_range(0.0..1.0);
            delays.add(longest.mul_f64(share * used), longest);
            delays.is_too_short()
        })
    }

    #[test]
    fn uniform_delays_pass_and_shorter_ones_are_found() {
        let first = |used| {
            (0..200)
                .filter_map(move |seed| detected_after(seed, used))
                .max()
        };
        assert_eq!(first(1.0), None, "uniform delays are too short");
        assert!((0..200).all(|seed| detected_after(seed, 0.5).is_some_and(|count| count < 500)));
        assert!((0..200).all(|seed| detected_after(seed, 0.0).is_some_and(|count| count == 2)));
    }
}
