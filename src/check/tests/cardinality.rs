//! The series that identify a process.

use super::fixture::Fixture;
use crate::check::instruments::InfoSeries;
use crate::check::invariant_name::InvariantName::Cardinality;

#[test]
fn info_series_that_is_missing_violates_cardinality() {
    for (series, text) in [
        (
            InfoSeries::Meter,
            "otel_scope_info{otel_scope_name=\"StellaOps.Scheduler.Worker\"}",
        ),
        (InfoSeries::Build, "scheduler_worker_build_info"),
    ] {
        let mut fixture = Fixture::new();
        fixture.whole_run().forge(|page| page.lacks = Some(series));
        fixture.scrape();
        let findings = fixture.oracle.results().findings(Cardinality);
        assert_eq!(
            findings.violations[0].to_string(),
            format!(
                "cardinality at 2024-01-01T02:00:02Z, {text} of w#1: every process exposes it with \
                 the value 1; expected 1, found no such series"
            )
        );
    }
}
