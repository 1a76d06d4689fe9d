//! The part of `backlog-truth` for the other observed gauges: each exposed value was true within
//! the last refresh, and some process exposes each gauge.

use std::time::Duration;

use super::{CheckContext, Invariant, InvariantName};
use crate::check::instruments::GaugeSeries;
use crate::check::invariant::InvariantName::BacklogTruth;
use crate::check::invariant::backlog_truth::oldest_instant;
use crate::check::invariant::results::ViolationDetail;
use crate::check::state::gauge_truth::Range;
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
        let Some(instruments) = &context.state.incarnations[incarnation.index].instruments else {
            return;
        };
        self.scrapes += 1;
        for (series, seen) in GaugeSeries::ALL.into_iter().zip(&mut self.seen) {
            if let Some(shown) = instruments.gauge(series) {
                *seen = true;
                check_value(context, incarnation, series, shown);
            }
        }
    }

    fn finished(&mut self, context: &mut CheckContext<'_>, _: &RunEnd<'_>) {
        for series in &context.state.options.gauges {
            let position = GaugeSeries::ALL.iter().position(|known| known == series);
            let seen = position.is_some_and(|position| self.seen[position]);
            let holds = seen || self.scrapes < SCRAPES_MIN;
            context.check(BacklogTruth, false, holds, || {
                ViolationDetail::of(format_args!("{series} over the fleet"))
                    .is("absent from every scrape")
                    .expected("exposed")
                    .because(format_args!("{} scrapes were answered", self.scrapes))
            });
        }
    }
}

/// Values that a gauge may show.
enum TrueValues {
    /// The least and the most that was true, and whether the shown value was.
    Counts(u64, u64, bool),
    /// Any time in one of these ranges.
    Times(Vec<Range>),
}

fn check_value(
    context: &mut CheckContext<'_>,
    incarnation: &ObservedIncarnation<'_>,
    series: GaugeSeries,
    shown: f64,
) {
    let (from, now) = (oldest_instant(context.state), context.state.now);
    let expected = expected(context.state, series, shown, from, now);
    let holds = match &expected {
        TrueValues::Counts(_, _, holds) => *holds,
        TrueValues::Times(ranges) => ranges.iter().any(|range| is_within(shown, *range)),
    };
    context.check(BacklogTruth, shown != 0.0, holds, || {
        ViolationDetail::of(format_args!("{series} of {}", incarnation.id))
            .is(shown)
            .expected(match expected {
                TrueValues::Counts(least, most, _) => format!("a value between {least} and {most}"),
                TrueValues::Times(ranges) => spans(&ranges),
            })
            .because(format_args!("nothing else was true since {from}"))
    });
}

fn expected(
    state: &WorldState,
    series: GaugeSeries,
    shown: f64,
    from: Timestamp,
    now: Timestamp,
) -> TrueValues {
    let gauges = &state.gauges;
    let values = match series {
        GaugeSeries::QueueDepth(queue) => &gauges.depth[queue as usize],
        GaugeSeries::OutboxDepth => &gauges.outbox,
        GaugeSeries::SinceProgress(mode) => {
            return TrueValues::Times(gauges.progress[mode.index()].ranges(from, now));
        }
        GaugeSeries::OldestReady(queue) => {
            let (least, most) = gauges.ready[queue as usize].range(from, now);
            // The queue may have delayed messages, and so their age.
            let delays = state
                .faults
                .any_since(&[FaultKind::QueueDelay], Timestamp::ZERO);
            let least = if delays { Duration::ZERO } else { least };
            return TrueValues::Times(vec![(least, most)]);
        }
    };
    let (least, most) = values.range_since(from);
    let value = shown.saturating_u64();
    let is_integer = value.nearest_f64().to_bits() == shown.to_bits();
    let holds = is_integer && values.held_within(value, from, now);
    TrueValues::Counts(least, most, holds)
}

fn is_within(shown: f64, (least, most): Range) -> bool {
    shown + ROUNDING >= least.as_secs_f64() && shown <= most.as_secs_f64() + ROUNDING
}

fn spans(ranges: &[Range]) -> String {
    let span = |(least, most): &Range| {
        let (least, most) = (least.as_secs_f64(), most.as_secs_f64());
        format!("{least} s to {most} s")
    };
    let spans: Vec<String> = ranges.iter().map(span).collect();
    spans.join(" or ")
}
