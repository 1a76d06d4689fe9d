//! `cardinality`: number of series, and the series that identify a process.

use super::defect::Defect;
use super::fixture::Fixture;
use crate::check::InvariantName::Cardinality;
use crate::check::OracleReport;
use crate::check::instruments::InfoSeries;

pub const DEFECTS: &[Defect] = &[
    Defect::new(Cardinality, "one series too many", || exposes(53)),
    Defect::new(Cardinality, "meter not exposed", || {
        lacks(InfoSeries::Meter)
    }),
    Defect::new(Cardinality, "build not exposed", || {
        lacks(InfoSeries::Build)
    }),
];

fn exposes(series: usize) -> OracleReport {
    let mut fixture = Fixture::new();
    fixture.whole_run().forge(|page| page.series = series);
    fixture.scrape().end()
}

fn lacks(series: InfoSeries) -> OracleReport {
    let mut fixture = Fixture::new();
    fixture.whole_run().forge(|page| page.lacks = Some(series));
    fixture.scrape().end()
}

#[test]
fn series_at_the_limit_are_no_violation() {
    assert!(exposes(52).is_clean(Cardinality));
}
