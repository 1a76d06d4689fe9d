//! `cardinality`: a process shows no more series than the closed set and two per live schedule.
//!
//! Nor may it lack the series that identify it: a process that exposes nothing must not pass.

use crate::check::instruments::InfoSeries;
use crate::check::invariant_name::InvariantName::Cardinality;
use crate::check::results::{CheckResults, ViolationDetail};
use crate::check::state::WorldState;
use crate::check::state::table::IncarnationIndex;

/// Looks at a page. Schedules deleted within the last refresh may still be on it.
pub(crate) fn scraped(
    results: &mut CheckResults,
    state: &WorldState,
    incarnation: IncarnationIndex,
) {
    let record = &state.incarnations.incarnations[incarnation];
    let Some(instruments) = &record.instruments else {
        return;
    };
    let recently = results.now().before(state.options.backlog_refresh);
    let fading = state.schedules.table.iter();
    let fading =
        fading.filter(|(_, schedule)| schedule.deleted_at.is_some_and(|at| at >= recently));
    let schedules = state.schedules.live + fading.count();
    let (shown, most) = (
        instruments.series_count(),
        instruments.series_max(schedules),
    );
    results.check(Cardinality, schedules > 0, shown <= most, || {
        let what = format!("it shows too many series (live schedules: {schedules})");
        ViolationDetail::new(format_args!("the page of {}", record.id), what)
            .expected(format_args!("at most {most}"), shown)
    });
    for series in InfoSeries::ALL {
        let value = instruments.info(series);
        if value != Some(1.0) {
            let found = value.map_or("no such series".to_owned(), |value| value.to_string());
            let what = "every process exposes it with the value 1";
            let place = format_args!("{series} of {}", record.id);
            let detail = ViolationDetail::new(place, what).expected(1, found);
            results.violate(Cardinality, detail);
        }
    }
}
