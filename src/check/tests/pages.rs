//! What processes show of the backlog.

use super::fixture::Fixture;
use crate::check::invariant_name::InvariantName::BacklogTruth;
use crate::model::observation::{Observation, PortName, ScheduleChange};

fn first(fixture: &Fixture) -> Option<String> {
    fixture
        .oracle
        .results()
        .findings(BacklogTruth)
        .violations
        .first()
        .map(ToString::to_string)
}

#[test]
fn a_value_may_be_old_by_one_refresh() {
    let mut fixture = Fixture::new();
    fixture.fire().plan();
    fixture.forge(|page| *page.backlog.get_mut("nightly").unwrap() = 0);
    fixture.wait(15).scrape();
    assert_eq!(first(&fixture), None, "it was 0 until exactly 15 s ago");
    fixture.wait(1).scrape();
    assert!(first(&fixture).unwrap().ends_with(
        "it shows what was true at no instant since 2024-01-01T02:00:03Z; expected a value held since \
         then (between 4 and 4), found 0"
    ));
}

#[test]
fn a_series_may_be_missing_only_while_the_store_could_not_be_read() {
    let mut fixture = Fixture::new();
    let process = fixture.incarnation.process.clone();
    fixture.whole_run().forge(|page| page.backlog.clear());
    let port = PortName::Store;
    fixture.see(&Observation::CutOff {
        process: &process,
        port,
    });
    fixture.wait(600).scrape();
    fixture.see(&Observation::Reconnected {
        process: &process,
        port,
    });
    fixture.wait(29).scrape();
    assert_eq!(first(&fixture), None);
    fixture.wait(1).scrape();
    assert_eq!(
        first(&fixture).unwrap(),
        "backlog-truth at 2024-01-01T02:10:32Z, scheduler_runner_backlog{scheduleId=\"nightly\"} of \
         w#1: the series is missing, although the process could read the store all through the last \
         two refreshes; expected a value, found none"
    );
}

#[test]
fn the_series_of_a_deleted_schedule_goes_within_a_refresh() {
    let mut fixture = Fixture::new();
    fixture
        .whole_run()
        .change_schedule(ScheduleChange::Deleted, |_| ());
    fixture.forge(|page| {
        page.backlog.insert("nightly".into(), 0);
    });
    fixture.wait(15).scrape();
    assert_eq!(first(&fixture), None);
    fixture.wait(1).scrape();
    assert!(first(&fixture).unwrap().ends_with(
        "its schedule was deleted more than a refresh ago; expected no series, found 0"
    ));
}

#[test]
fn a_series_of_no_schedule_is_seen() {
    let mut fixture = Fixture::new();
    fixture.forge(|page| {
        page.backlog.insert("ghost".into(), 0);
    });
    assert!(
        first(fixture.scrape())
            .unwrap()
            .contains("no such schedule ever was")
    );
}
