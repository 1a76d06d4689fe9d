//! `scrape-recorded`: planted defects of the recording and of the page.

use super::defect::Defect;
use super::fixture::Fixture;
use super::sample_data::MODE;
use super::test_exposition::TestScrape;
use crate::check::InvariantName::ScrapeRecorded;
use crate::check::{CounterSeries, OracleReport, ProcessSeries, SegmentFate};

pub const DEFECTS: &[Defect] = &[
    Defect::new(ScrapeRecorded, "scrape that is not recorded", || {
        recorded(true, |scrape| scrape.at_ms = Some(1_704_067_200_000))
    }),
    Defect::new(ScrapeRecorded, "dead process that is up", || {
        recorded(false, |scrape| scrape.up = Some(1.0))
    }),
    Defect::new(ScrapeRecorded, "series of a dead process", || {
        recorded(false, |scrape| scrape.left = 3)
    }),
    Defect::new(ScrapeRecorded, "series that is not recorded", || {
        let segments = CounterSeries::Segments(MODE, SegmentFate::Completed);
        recorded(true, |scrape| {
            scrape.missing = Some(ProcessSeries::Counter(segments));
        })
    }),
    Defect::new(ScrapeRecorded, "page that no scrape can read", || {
        recorded(true, |scrape| scrape.page = "depth{queue=runner} 3\n")
    }),
    Defect::new(ScrapeRecorded, "stale value of a series", || {
        recorded(true, |scrape| {
            scrape.page = "depth{queue=\"runner\"} 3\n";
            scrape.samples = vec![("depth", vec![("queue", "runner")], 2.0)];
        })
    }),
    Defect::new(ScrapeRecorded, "bound as on the page", || {
        recorded(true, |scrape| {
            scrape.page = "wait_bucket{le=\"120\"} 3\nwait_bucket{le=\"+Inf\"} 3\nwait_count 3\n";
            scrape.samples = vec![
                ("wait_bucket", vec![("le", "120")], 3.0),
                ("wait_bucket", vec![("le", "+Inf")], 3.0),
                ("wait_count", vec![], 3.0),
            ];
        })
    }),
    Defect::new(ScrapeRecorded, "histogram as a gauge", || {
        recorded(true, |scrape| scrape.page = "# TYPE wait gauge\n")
    }),
    Defect::new(ScrapeRecorded, "buckets that fall", || {
        recorded(true, |scrape| {
            scrape.page = "wait_bucket{le=\"1\"} 4\nwait_bucket{le=\"+Inf\"} 3\nwait_count 4\n";
            scrape.samples = vec![
                ("wait_bucket", vec![("le", "1.0")], 4.0),
                ("wait_bucket", vec![("le", "+Inf")], 3.0),
                ("wait_count", vec![], 4.0),
            ];
        })
    }),
];

/// The first scrape of a process whose page is compared, of which the recording holds this.
fn recorded(is_answered: bool, change: impl FnOnce(&mut TestScrape)) -> OracleReport {
    let mut fixture = Fixture::without_gauges();
    for _ in 1..64 {
        fixture.wait(15).scrape();
    }
    fixture.wait(15).forge(|page| change(&mut page.scrape));
    fixture.scrape_that(is_answered).stop_here()
}

/// Page of a gauge and a histogram.
const PAGE: &str = concat!(
    "# HELP wait How long.\n# TYPE wait histogram\n",
    "wait_bucket{mode=\"a\",le=\"0.5\"} 1\nwait_bucket{mode=\"a\",le=\"1e6\"} 2\n",
    "wait_bucket{mode=\"a\",le=\"+Inf\"} 2\nwait_sum{mode=\"a\"} 2.25\nwait_count{mode=\"a\"} 2\n",
    "# TYPE depth gauge\ndepth 4\n",
);

/// A page, and what Prometheus stores of it.
pub fn stored(scrape: &mut TestScrape) {
    scrape.page = PAGE;
    scrape.samples = vec![
        ("depth", vec![], 4.0),
        ("wait_bucket", vec![("mode", "a"), ("le", "0.5")], 1.0),
        ("wait_bucket", vec![("mode", "a"), ("le", "1e+06")], 2.0),
        ("wait_bucket", vec![("mode", "a"), ("le", "+Inf")], 2.0),
        ("wait_sum", vec![("mode", "a")], 2.25),
        ("wait_count", vec![("mode", "a")], 2.0),
    ];
}

#[test]
fn page_that_is_stored_as_prometheus_does_is_clean() {
    let report = recorded(true, stored);
    assert_eq!(report.texts(ScrapeRecorded), [""; 0]);
    assert_eq!(
        report.findings_of(ScrapeRecorded).unwrap().exercised,
        6,
        "each sample is compared"
    );
}

#[test]
fn series_on_one_side_only_are_each_named() {
    let report = recorded(true, |scrape| {
        stored(scrape);
        scrape.samples.remove(0);
        scrape.samples.push(("ghost", vec![], 1.0));
    });
    let expected = [
        "the recorded depth of w is absent, expected 4, because the page of that instant says so",
        "the recorded ghost of w is 1, expected absent, because the page of that instant says so",
    ];
    assert_eq!(report.texts(ScrapeRecorded), expected);
}

#[test]
fn pages_are_compared_at_the_64th_and_at_each_1024th_scrape_after_it() {
    let mut fixture = Fixture::without_gauges();
    for number in 1..=64 + 1024 {
        fixture.wait(15).forge(|page| {
            stored(&mut page.scrape);
            if number % 1024 != 64 {
                page.scrape.page = "";
            }
        });
        fixture.scrape();
    }
    let report = fixture.stop_here();
    assert!(report.is_clean(ScrapeRecorded));
    let exercised = report.findings_of(ScrapeRecorded).unwrap().exercised;
    assert_eq!(exercised, 2 * 6);
}

#[test]
fn dead_process_without_series_is_clean() {
    assert!(recorded(false, |_| ()).is_clean(ScrapeRecorded));
}
