//! `notify-independent`: calls of Notify, and progress during its outages.

use super::defect::Defect;
use super::fixture::Fixture;
use crate::check::InvariantName::NotifyIndependent;
use crate::check::OracleReport;
use crate::model::fault::FaultKind;
use crate::model::observation::Observation;

pub const DEFECTS: &[Defect] = &[
    Defect::new(NotifyIndependent, "runner that calls Notify", || {
        let mut fixture = Fixture::new();
        let incarnation = fixture.incarnation.clone();
        fixture.whole_run().see(&Observation::NotifyCalled {
            incarnation: &incarnation,
            role: "runner",
            events: 1,
        });
        fixture.end()
    }),
    Defect::new(NotifyIndependent, "standstill during an outage", || {
        stands_still(Fixture::new(), 601)
    }),
];

/// Notify is down, with an open run and no commit for `seconds`.
fn stands_still(mut fixture: Fixture, seconds: u64) -> OracleReport {
    fixture.fire().plan().see(&Observation::FaultBegan {
        kind: FaultKind::NotifyOutage,
        subject: "notify",
    });
    fixture.wait(seconds).stop_here()
}

#[test]
fn standstill_of_ten_minutes_is_no_violation() {
    assert!(stands_still(Fixture::new(), 600).is_clean(NotifyIndependent));
}

#[test]
fn standstill_may_be_longer_by_three_times_the_longest_segment() {
    let after =
        |seconds| stands_still(Fixture::with_long_segments(), seconds).is_clean(NotifyIndependent);
    let longest = 600 + 3 * (2 * 40 + 20);
    assert!(after(longest));
    assert!(!after(longest + 1));
}
