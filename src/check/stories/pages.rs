//! What processes show of the backlog.

use super::story::Story;
use crate::check::name::InvariantName::BacklogTruth;
use crate::model::observation::{Observation, PortName, ScheduleChange};

fn first(story: &Story) -> Option<String> {
    story
        .ledger
        .board()
        .findings(BacklogTruth)
        .violations
        .first()
        .map(ToString::to_string)
}

#[test]
fn a_value_may_be_old_by_one_refresh() {
    let mut story = Story::new();
    story.fire().plan();
    story.forge(|page| *page.backlog.get_mut("nightly").unwrap() = 0);
    story.wait(15).scrape();
    assert_eq!(first(&story), None, "it was 0 until exactly 15 s ago");
    story.wait(1).scrape();
    assert!(first(&story).unwrap().ends_with(
        "it shows what was true at no instant since 2024-01-01T02:00:03Z; expected a value held since \
         then (between 4 and 4), found 0"
    ));
}

#[test]
fn a_series_may_be_missing_only_while_the_store_could_not_be_read() {
    let mut story = Story::new();
    let process = story.incarnation.process.clone();
    story.whole_run().forge(|page| page.backlog.clear());
    let port = PortName::Store;
    story.see(&Observation::CutOff {
        process: &process,
        port,
    });
    story.wait(600).scrape();
    story.see(&Observation::Reconnected {
        process: &process,
        port,
    });
    story.wait(29).scrape();
    assert_eq!(first(&story), None);
    story.wait(1).scrape();
    assert_eq!(
        first(&story).unwrap(),
        "backlog-truth at 2024-01-01T02:10:32Z, scheduler_runner_backlog{scheduleId=\"nightly\"} of \
         w#1: the series is missing, although the process could read the store all through the last \
         two refreshes; expected a value, found none"
    );
}

#[test]
fn the_series_of_a_deleted_schedule_goes_within_a_refresh() {
    let mut story = Story::new();
    story
        .whole_run()
        .change_schedule(ScheduleChange::Deleted, |_| ());
    story.forge(|page| {
        page.backlog.insert("nightly".into(), 0);
    });
    story.wait(15).scrape();
    assert_eq!(first(&story), None);
    story.wait(1).scrape();
    assert!(first(&story).unwrap().ends_with(
        "its schedule was deleted more than a refresh ago; expected no series, found 0"
    ));
}

#[test]
fn a_series_of_no_schedule_is_seen() {
    let mut story = Story::new();
    story.forge(|page| {
        page.backlog.insert("ghost".into(), 0);
    });
    assert!(
        first(story.scrape())
            .unwrap()
            .contains("no such schedule ever was")
    );
}
