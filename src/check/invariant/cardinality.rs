//! `cardinality`: a process exposes no more series than the closed set and two per live schedule.
//!
//! Nor may it lack the series that identify it: a process that exposes nothing must not pass.

use super::{CheckContext, EvaluationTime, Invariant, InvariantDefinition, InvariantName};
use crate::check::instruments::{InfoSeries, InstrumentSource};
use crate::check::invariant::InvariantName::Cardinality;
use crate::check::invariant::results::ViolationDetail;
use crate::check::state::ObservedIncarnation;

/// Name and documentation of `cardinality`.
pub(crate) const CARDINALITY: InvariantDefinition = InvariantDefinition {
    name: "cardinality",
    evaluated: EvaluationTime::Always,
    meaning: "A process exposes no more series than the closed set and two per live schedule.",
    method: "The recorded series are counted at every scrape, each bucket as one. The series of a \
             schedule deleted within the last refresh may still be exposed. `otel_scope_info`, \
             which names the meter, and `scheduler_worker_build_info` must be exposed with the \
             value 1.",
    exercised_by: "scrapes with schedules",
};

/// Checks `cardinality`.
#[derive(Debug, Default)]
pub(crate) struct CardinalityCheck;

impl Invariant for CardinalityCheck {
    fn names(&self) -> &[InvariantName] {
        &[Cardinality]
    }

    fn scraped(&mut self, context: &mut CheckContext<'_>, incarnation: &ObservedIncarnation<'_>) {
        let state = context.state;
        let record = &state.incarnations[incarnation.index];
        let Some(instruments) = record.read(InstrumentSource::Recorded) else {
            return;
        };
        let recently = state.now.before(state.options.worker.backlog_refresh);
        let schedules = state.schedules.live + state.schedules.deleted_since(recently);
        let (shown, most) = (
            instruments.series_count(),
            instruments.series_max(schedules),
        );
        context.check(Cardinality, schedules > 0, shown <= most, || {
            ViolationDetail::of(format_args!("the number of series of {}", incarnation.id))
                .is(shown)
                .expected(format_args!("at most {most}"))
                .because(format_args!(
                    "{schedules} schedules are live or were so within the last refresh"
                ))
        });
        for series in InfoSeries::ALL {
            let value = instruments.info(series);
            if value != Some(1.0) {
                let found = value.map_or("absent".to_owned(), |value| value.to_string());
                context.violate(
                    Cardinality,
                    ViolationDetail::of(format_args!("{series} of {}", incarnation.id))
                        .is(found)
                        .expected(1)
                        .because("every process identifies itself by this series"),
                );
            }
        }
    }
}
