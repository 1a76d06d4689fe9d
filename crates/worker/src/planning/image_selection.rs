//! Selection of the images of a run: `onlyIf` and `maxJobs`.

use std::cmp::Reverse;

use crate::model::{ImageDigest, Schedule, Timestamp};

/// Returns whether the selection depends on the time of each image's last report.
pub fn needs_last_reports(schedule: &Schedule) -> bool {
    schedule.only_if.last_report_older_than.is_some() || schedule.limits.max_jobs.is_some()
}

/// Keeps the images that pass `onlyIf` at `now`, and of these the `maxJobs` with the oldest last
/// report, so that no image is starved. Images without a report come first, ties in the given
/// order.
///
/// `last_reports` has one element for each digest.
pub fn choose(
    schedule: &Schedule,
    digests: Vec<ImageDigest>,
    last_reports: &[Option<Timestamp>],
    now: Timestamp,
) -> Vec<ImageDigest> {
    if !needs_last_reports(schedule) {
        return digests;
    }
    debug_assert_eq!(digests.len(), last_reports.len(), "one for each digest");
    let is_old = |last: Option<Timestamp>| {
        let older_than = schedule.only_if.last_report_older_than;
        older_than.is_none_or(|limit| last.is_none_or(|last| now.since(last) > limit))
    };
    let mut chosen: Vec<_> = digests
        .into_iter()
        .zip(last_reports.iter().copied())
        .filter(|(_, last)| is_old(*last))
        .collect();
    if let Some(limit) = schedule.limits.max_jobs {
        // `None` sorts before every instant. The sort is stable.
        chosen.sort_by_key(|(_, last)| *last);
        chosen.truncate(limit.get() as usize);
    }
    chosen.into_iter().map(|(digest, _)| digest).collect()
}

/// Returns the sort key of a finding, the most urgent first: by severity, then known exploited,
/// then by name.
pub fn urgency(finding: &crate::model::Finding) -> impl Ord + use<'_> {
    (
        Reverse((finding.severity, finding.kev)),
        &finding.vulnerability,
        &finding.component,
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::{Limits, OnlyIf};

    fn schedule(older_than: Option<u64>, max_jobs: u32) -> Schedule {
        Schedule {
            only_if: OnlyIf {
                last_report_older_than: older_than.map(Duration::from_secs),
            },
            limits: Limits {
                max_jobs: max_jobs.try_into().ok(),
                ..Limits::default()
            },
            ..Schedule::new("s".into(), "t".into())
        }
    }

    fn chosen(schedule: &Schedule, last_reports: &[Option<u64>]) -> Vec<u8> {
        let digests = (0..)
            .take(last_reports.len())
            .map(|number| ImageDigest::new([number; 32]))
            .collect();
        let last: Vec<_> = last_reports
            .iter()
            .map(|at| at.map(Timestamp::from_seconds))
            .collect();
        choose(schedule, digests, &last, Timestamp::from_seconds(100))
            .iter()
            .map(|digest| digest.as_bytes()[0])
            .collect()
    }

    #[test]
    fn only_if_excludes_a_report_of_exactly_the_age() {
        let last = [Some(39), Some(40), Some(41), None];
        assert_eq!(chosen(&schedule(Some(60), 0), &last), [0, 3]);
    }

    #[test]
    fn max_jobs_takes_the_oldest_reports() {
        let last = [Some(50), Some(10), None, Some(10), Some(99)];
        assert_eq!(chosen(&schedule(None, 4), &last), [2, 1, 3, 0]);
        assert_eq!(chosen(&schedule(Some(60), 2), &last), [2, 1]);
    }
}
