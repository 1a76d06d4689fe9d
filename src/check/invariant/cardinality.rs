//! `cardinality`: a process shows no more series than the closed set and two per live schedule.

use crate::check::board::{Board, Complaint};
use crate::check::ledger::table::IncarnationIndex;
use crate::check::ledger::truth::Truth;
use crate::check::name::InvariantName::Cardinality;

/// Looks at a page. Schedules deleted within the last refresh may still be on it.
pub(crate) fn scraped(board: &mut Board, truth: &Truth, incarnation: IncarnationIndex) {
    let record = &truth.incarnations.incarnations[incarnation];
    let Some(instruments) = &record.instruments else {
        return;
    };
    let recently = board.now().before(truth.options.backlog_refresh);
    let fading = truth.schedules.table.iter();
    let fading =
        fading.filter(|(_, schedule)| schedule.deleted_at.is_some_and(|at| at >= recently));
    let schedules = truth.schedules.live + fading.count();
    let (shown, most) = (
        instruments.series_count(),
        instruments.series_max(schedules),
    );
    board.check(Cardinality, schedules > 0, shown <= most, || {
        let what = format!("it shows too many series (live schedules: {schedules})");
        Complaint::new(format_args!("the page of {}", record.id), what)
            .expected(format_args!("at most {most}"), shown)
    });
}
