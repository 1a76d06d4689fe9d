//! The part of `backlog-truth` for the other observed gauges: each exposed value was true within
//! the last refresh, and some process exposes each gauge.

use std::time::Duration;

use super::{CheckContext, Invariant, InvariantName};
use crate::check::instruments::{GaugeSeries, InstrumentSource};
use crate::check::invariant::InvariantName::BacklogTruth;
use crate::check::invariant::backlog_truth::oldest_instant;
use crate::check::invariant::results::ViolationDetail;
use crate::check::state::gauge_truth::{OldestProgress, Range};
use crate::check::state::recent_values::RecentValues;
use crate::check::state::{ObservedIncarnation, RunEnd, WorldState};
use crate::model::Timestamp;
use crate::model::fault::FaultKind;
use rehearsal_convert::{Nearest, Saturating};

/// Maximum error of a gauge of seconds, by the rounding of floating-point numbers.
const ROUNDING: f64 = 1e-6;

/// Scrapes after which each gauge must have been exposed.
const SCRAPES_MIN: u64 = 20;

/// Checks the observed gauges.
#[derive(Debug, Default)]
pub(crate) struct GaugeTruthCheck {
    /// Gauges that were exposed, by position.
    seen: [bool; GaugeSeries::ALL.len()],
    scrapes: u64,
}

impl Invariant for GaugeTruthCheck {
    fn names(&self) -> &[InvariantName] {
        &[BacklogTruth]
    }

    fn scraped(&mut self, context: &mut CheckContext<'_>, incarnation: &ObservedIncarnation<'_>) {
        let record = &context.state.incarnations[incarnation.index];
        let Some(instruments) = record.read(InstrumentSource::Recorded) else {
            return;
        };
        self.scrapes += 1;
        let from = oldest_instant(context.state);
        for (series, seen) in GaugeSeries::ALL.into_iter().zip(&mut self.seen) {
            if let Some(shown) = instruments.gauge(series) {
                *seen = true;
                check_value(context, incarnation, (series, shown), from);
            }
        }
    }

    fn finished(&mut self, context: &mut CheckContext<'_>, _: &RunEnd<'_>) {
        for series in &context.state.options.gauges {
            let holds = self.seen[series.index()] || self.scrapes < SCRAPES_MIN;
            context.check(BacklogTruth, false, holds, || {
                ViolationDetail::of(format_args!("{series} over the fleet"))
                    .is("absent from every scrape")
                    .expected("exposed")
                    .because(format_args!("{} scrapes were answered", self.scrapes))
            });
        }
    }
}

fn check_value(
    context: &mut CheckContext<'_>,
    incarnation: &ObservedIncarnation<'_>,
    (series, shown): (GaugeSeries, f64),
    from: Timestamp,
) {
    let (state, now) = (context.state, context.state.now);
    let expected = true_values(state, series, from);
    let holds = expected.contain(shown, from, now);
    context.check(BacklogTruth, shown != 0.0, holds, || {
        ViolationDetail::of(format_args!("{series} of {}", incarnation.id))
            .is(shown)
            .expected(expected.describe(from, now))
            .because(format_args!("nothing else was true since {from}"))
    });
}

/// True values of a gauge, from the state.
enum TrueValues<'a> {
    /// A number of things.
    Counts(&'a RecentValues),
    /// Time since the oldest progress.
    Progress(&'a OldestProgress),
    /// Age of the oldest ready message.
    Age(Range),
}

fn true_values(state: &WorldState, series: GaugeSeries, from: Timestamp) -> TrueValues<'_> {
    let gauges = &state.gauges;
    match series {
        GaugeSeries::QueueDepth(queue) => TrueValues::Counts(&gauges.depth[queue as usize]),
        GaugeSeries::OutboxDepth => TrueValues::Counts(&gauges.outbox),
        GaugeSeries::SinceProgress(mode) => TrueValues::Progress(&gauges.progress[mode.index()]),
        GaugeSeries::OldestReady(queue) => {
            let (least, most) = gauges.ready[queue as usize].range(from, state.now);
            // The queue may have delayed messages, and so their age.
            let delays = state
                .faults
                .any_since(&[FaultKind::QueueDelay], Timestamp::ZERO);
            let least = if delays { Duration::ZERO } else { least };
            TrueValues::Age((least, most))
        }
    }
}

impl TrueValues<'_> {
    /// Whether a value was true at some instant in [`from`, `now`].
    fn contain(&self, shown: f64, from: Timestamp, now: Timestamp) -> bool {
        match self {
            Self::Counts(values) => {
                let value = shown.saturating_u64();
                let is_integer = value.nearest_f64().to_bits() == shown.to_bits();
                is_integer && values.held_within(value, from, now)
            }
            Self::Progress(progress) => {
                let mut holds = false;
                progress.visit_ranges(from, now, &mut |range| holds |= is_within(shown, range));
                holds
            }
            Self::Age(range) => is_within(shown, *range),
        }
    }

    /// The values, as a violation names them.
    fn describe(&self, from: Timestamp, now: Timestamp) -> String {
        match self {
            Self::Counts(values) => {
                let (least, most) = values.range_since(from);
                format!("a value between {least} and {most}")
            }
            Self::Progress(progress) => {
                let mut spans = Vec::new();
                progress.visit_ranges(from, now, &mut |range| spans.push(span(range)));
                spans.join(" or ")
            }
            Self::Age(range) => span(*range),
        }
    }
}

fn is_within(shown: f64, (least, most): Range) -> bool {
    shown + ROUNDING >= least.as_secs_f64() && shown <= most.as_secs_f64() + ROUNDING
}

fn span((least, most): Range) -> String {
    let (least, most) = (least.as_secs_f64(), most.as_secs_f64());
    format!("{least} s to {most} s")
}
