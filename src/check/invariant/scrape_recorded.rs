//! `scrape-recorded`: the recording holds each scrape as Prometheus would store it.
//!
//! The other invariants judge scrapes by the recording, so a value that is recorded wrongly fails
//! the invariant of its instrument. This one checks the scrape as a whole.

mod page;

use super::{CheckContext, EvaluationTime, Invariant, InvariantDefinition, InvariantName};
use crate::check::instruments::RecordedScrape;
use crate::check::invariant::InvariantName::ScrapeRecorded;
use crate::check::invariant::results::ViolationDetail;
use crate::model::ProcessName;
use crate::model::observation::Observation;

/// Name and documentation of `scrape-recorded`.
pub(crate) const SCRAPE_RECORDED: InvariantDefinition = InvariantDefinition {
    name: "scrape-recorded",
    evaluated: EvaluationTime::Always,
    meaning: "The recording holds each scrape of a process as Prometheus would store it.",
    method: "At every scrape the recording must have one of that time, with `up` 1 or 0. Without \
             an answer every series has ended; with one, each series that a process exposes from \
             its start has a value. The text page of the fleet's 64th scrape and of each 1,024th \
             after it is parsed and compared with the recording: names, labels, values and types \
             must agree, a bucket's `le` in the form in which Prometheus 3 stores it, and buckets \
             must rise to the count. The families of the instruments judge scrapes by the \
             recorded values.",
    exercised_by: "nonzero samples of the compared pages",
};

/// Answered scrapes of the fleet from one compared page to the next. Rendering, parsing and
/// comparing a page costs about as much as five hundred scrapes.
const SCRAPES_PER_PAGE: u64 = 1024;

/// Number of the first scrape whose page is compared. Until then little is recorded.
const FIRST_PAGE: u64 = 64;

/// Checks `scrape-recorded`.
#[derive(Debug, Default)]
pub(crate) struct ScrapeRecordedCheck {
    /// Answered scrapes so far.
    answered: u64,
}

impl Invariant for ScrapeRecordedCheck {
    fn names(&self) -> &[InvariantName] {
        &[ScrapeRecorded]
    }

    fn observed(&mut self, context: &mut CheckContext<'_>, observation: &Observation<'_>) {
        let Observation::Scraped { process, up, .. } = *observation else {
            return;
        };
        let processes = &context.state.incarnations.processes;
        let record = processes.find(process).map(|index| &processes[index]);
        let Some(scrape) = record.and_then(|record| record.scrape.as_deref()) else {
            return;
        };
        check_time(context, process, scrape);
        check_up(context, process, scrape, up);
        if up {
            check_missing(context, process, scrape);
            self.answered += 1;
            if self.answered % SCRAPES_PER_PAGE == FIRST_PAGE {
                page::check(context, process, scrape);
            }
        } else {
            check_ended(context, process, scrape);
        }
    }
}

/// Checks that the recorded scrape is the one that is observed.
fn check_time(context: &mut CheckContext<'_>, process: &ProcessName, scrape: &dyn RecordedScrape) {
    let (found, now_ms) = (scrape.at_ms(), context.state.now.millis());
    context.check(ScrapeRecorded, false, found == Some(now_ms), || {
        ViolationDetail::of(format_args!("the last recorded scrape of {process}"))
            .is(found.map_or("absent".to_owned(), |at_ms| format!("at {at_ms} ms")))
            .expected(format_args!("at {now_ms} ms"))
            .because("the prober scraped the process then")
    });
}

fn check_up(
    context: &mut CheckContext<'_>,
    process: &ProcessName,
    scrape: &dyn RecordedScrape,
    is_up: bool,
) {
    let (found, expected) = (scrape.up(), f64::from(u8::from(is_up)));
    context.check(ScrapeRecorded, false, found == Some(expected), || {
        ViolationDetail::of(format_args!("up of {process}"))
            .is(found.map_or("absent".to_owned(), |up| up.to_string()))
            .expected(expected)
            .because(if is_up {
                "the process answered the scrape"
            } else {
                "the process did not answer the scrape"
            })
    });
}

fn check_missing(
    context: &mut CheckContext<'_>,
    process: &ProcessName,
    scrape: &dyn RecordedScrape,
) {
    scrape.show_missing(&mut |series| {
        context.violate(
            ScrapeRecorded,
            ViolationDetail::of(format_args!("the recorded {series} of {process}"))
                .is("absent")
                .expected("a value")
                .because("a process exposes it from its start"),
        );
    });
}

fn check_ended(context: &mut CheckContext<'_>, process: &ProcessName, scrape: &dyn RecordedScrape) {
    let left = scrape.series_count();
    context.check(ScrapeRecorded, false, left == 0, || {
        ViolationDetail::of(format_args!("the number of recorded series of {process}"))
            .is(left)
            .expected(0)
            .because("series end at a scrape that is not answered")
    });
}
