//! `applied-learned`: answers to commits.

use super::defect::Defect;
use super::fixture::Fixture;
use super::test_exposition::TestExposition;
use crate::check::InvariantName::AppliedLearned;
use crate::check::OracleReport;
use crate::check::instruments::ExtensionSeries;
use crate::model::observation::{Observation, QueueName};
use crate::model::{Applied, CommitAnswer};

pub const DEFECTS: &[Defect] = &[
    Defect::new(
        AppliedLearned,
        "answer lost and not asked for again",
        || {
            let mut fixture = Fixture::new();
            let mut commit = fixture.fire().wait(2).plan_commit(&[1, 2, 3, 4]);
            fixture.apply(&mut commit);
            fixture.see(&Observation::CommitAnswerLost {
                token: &commit.token,
            });
            fixture.dispatch().work(0).work(1).end()
        },
    ),
    Defect::new(AppliedLearned, "answer in flight at quiescence", || {
        let mut fixture = Fixture::new();
        let mut commit = fixture.fire().wait(2).plan_commit(&[1, 2, 3, 4]);
        fixture.apply(&mut commit);
        fixture.dispatch().work(0).work(1).end()
    }),
    Defect::new(
        AppliedLearned,
        "commit never applied, acknowledged as applied",
        || {
            let mut fixture = Fixture::new();
            let commit = fixture.fire().wait(2).plan_commit(&[1, 2, 3, 4]);
            fixture.see(&Observation::CommitSent { commit: &commit });
            let answer = CommitAnswer::Applied(Applied {
                at: fixture.now,
                backlog: None,
                adopted: [0, 0],
            });
            fixture.see(&Observation::CommitLearned {
                commit: &commit,
                answer: &answer,
            });
            fixture.stop_here()
        },
    ),
    Defect::new(
        AppliedLearned,
        "commit applied, acknowledged as a conflict",
        || {
            let mut fixture = Fixture::new();
            let mut commit = fixture.fire().wait(2).plan_commit(&[1, 2, 3, 4]);
            fixture.apply(&mut commit);
            fixture.see(&Observation::CommitLearned {
                commit: &commit,
                answer: &CommitAnswer::Conflict,
            });
            fixture.stop_here()
        },
    ),
    Defect::new(AppliedLearned, "miscounted dead letters", || {
        miscounts(ExtensionSeries::DeadLetters(QueueName::Runner))
    }),
];

/// A whole run, after which a counter is wrong by one.
fn miscounts(series: ExtensionSeries) -> OracleReport {
    let mut fixture = Fixture::new();
    fixture
        .whole_run()
        .forge(|page: &mut TestExposition| page.extend(series, 1));
    fixture.ends().stop_here()
}

#[test]
fn miscounted_extensions_are_each_one_violation() {
    for index in 0..ExtensionSeries::COUNT {
        let series = ExtensionSeries::at(index);
        let texts = miscounts(series).texts(AppliedLearned);
        assert_eq!(texts.len(), 1, "{texts:?}");
        assert!(texts[0].starts_with(&format!("{series} of w#1 is ")));
        assert!(texts[0].contains(&format!("that many {} were", series.counts())));
    }
}
