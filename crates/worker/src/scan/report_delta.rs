//! Delta of a report against the baseline, and the events that it causes.
//!
//! The delta is computed by the worker before the commit, and the commit expects the baseline that
//! it was computed against. Two workers that scan one image at once therefore never count a finding
//! twice: the second commit conflicts and computes its delta anew.

use std::sync::Arc;

use crate::model::event::EventAttributes;
use crate::model::{
    Baseline, DeltaCounts, DeltaSummary, Event, EventId, EventKind, EventPayload, Finding,
    NotifyPolicy, RunId, ScanReport, TenantId,
};
use crate::planning::image_selection::urgency;

/// Maximum number of new findings named in a summary.
const MAX_TOP_FINDINGS: usize = 10;

/// Returns the change that a report brings. There is none without a baseline (the report becomes
/// it), against a baseline of the same or a later revision, or if no finding was added or has
/// become a KEV hit.
pub fn summarize(report: &ScanReport, baseline: Option<&Baseline>) -> Option<Arc<DeltaSummary>> {
    let baseline = baseline?;
    if baseline.revision >= report.revision {
        return None;
    }
    let mut counts = DeltaCounts::default();
    let mut reported = Vec::new();
    for (finding, change) in changes(&report.findings, &baseline.findings) {
        match change {
            Change::New => counts.add_finding(finding),
            Change::Exploited => counts.kev_hits += 1,
        }
        reported.push(finding);
    }
    debug_assert!(counts.is_consistent(), "{counts:?}");
    if !counts.is_meaningful() {
        return None;
    }
    reported.sort_by(|a, b| urgency(a).cmp(&urgency(b)));
    Some(Arc::new(DeltaSummary {
        image_digest: report.image,
        counts,
        top_findings: reported
            .into_iter()
            .take(MAX_TOP_FINDINGS)
            .cloned()
            .collect(),
        report_url: format!("/reports/{}/{}", report.image, report.revision),
        detected_at: report.generated_at,
    }))
}

/// Difference of a finding from the baseline.
enum Change {
    /// The baseline does not have it.
    New,
    /// The baseline has it, and did not know that it is exploited.
    Exploited,
}

/// Returns the findings of `now` that differ from those of `before`, in *O*(n + m). Both ascend.
/// A late KEV flag leaves a finding the same finding.
fn changes<'a>(
    now: &'a [Finding],
    before: &[Finding],
) -> impl Iterator<Item = (&'a Finding, Change)> {
    fn identity(finding: &Finding) -> impl Ord + use<'_> {
        (&finding.vulnerability, &finding.component, finding.severity)
    }
    let mut before = before.iter().peekable();
    now.iter().filter_map(move |finding| {
        let own = identity(finding);
        while before.next_if(|old| identity(old) < own).is_some() {}
        match before.next_if(|old| identity(old) == own) {
            None => Some((finding, Change::New)),
            Some(old) if finding.kev && !old.kev => Some((finding, Change::Exploited)),
            Some(_) => None,
        }
    })
}

/// Returns whether a schedule's policy publishes this change.
pub fn passes(policy: &NotifyPolicy, counts: &DeltaCounts) -> bool {
    use crate::model::Severity::{Critical, High, Low, Medium};
    let at_least = counts.new_criticals
        + if policy.minimum_severity <= High {
            counts.new_high
        } else {
            0
        }
        + if policy.minimum_severity <= Medium {
            counts.new_medium
        } else {
            0
        }
        + if policy.minimum_severity <= Low {
            counts.new_low
        } else {
            0
        };
    debug_assert!(policy.minimum_severity <= Critical);
    policy.enabled
        && ((policy.on_new_findings && at_least > 0) || (policy.include_kev && counts.kev_hits > 0))
}

/// Returns the event that announces a committed report.
pub fn report_ready(tenant: &TenantId, run: &RunId, report: &ScanReport) -> Event {
    let payload = EventPayload::ReportReady {
        image_digest: report.image,
        findings: report.findings.len() as u64,
    };
    event(EventKind::ReportReady, tenant, run, report, payload)
}

/// Returns the event that announces a meaningful change.
pub fn rescan_delta(
    tenant: &TenantId,
    run: &RunId,
    report: &ScanReport,
    delta: &Arc<DeltaSummary>,
) -> Event {
    event(
        EventKind::RescanDelta,
        tenant,
        run,
        report,
        EventPayload::RescanDelta(delta.clone()),
    )
}

fn event(
    kind: EventKind,
    tenant: &TenantId,
    run: &RunId,
    report: &ScanReport,
    payload: EventPayload,
) -> Event {
    Event {
        event_id: EventId::of(kind, run, &report.image),
        kind,
        tenant: tenant.clone(),
        ts: report.generated_at,
        payload,
        attributes: EventAttributes {
            run: run.clone(),
            image: report.image,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ImageDigest, Severity, Timestamp};

    fn finding(name: &str, severity: Severity, kev: bool) -> Finding {
        Finding {
            vulnerability: name.into(),
            component: "c".into(),
            severity,
            kev,
        }
    }

    fn report(revision: u64, findings: Vec<Finding>) -> ScanReport {
        ScanReport {
            image: ImageDigest::new([1; 32]),
            revision,
            generated_at: Timestamp::ZERO,
            findings: findings.into(),
        }
    }

    fn baseline(revision: u64, findings: Vec<Finding>) -> Baseline {
        Baseline {
            revision,
            findings: findings.into(),
            committed_at: Timestamp::ZERO,
        }
    }

    #[test]
    fn summarize_first_or_older_report_is_none() {
        let new = report(2, vec![finding("a", Severity::High, true)]);
        assert_eq!(summarize(&new, None), None);
        assert_eq!(summarize(&new, Some(&baseline(2, Vec::new()))), None);
        assert_eq!(summarize(&new, Some(&baseline(3, Vec::new()))), None);
    }

    #[test]
    fn summarize_counts_added_findings_worst_first() {
        let old = vec![
            finding("a", Severity::Low, false),
            finding("c", Severity::Low, false),
        ];
        let new = vec![
            finding("a", Severity::Low, false),
            finding("b", Severity::Medium, true),
            finding("d", Severity::Critical, false),
        ];
        let delta = summarize(&report(2, new), Some(&baseline(1, old))).unwrap();
        assert_eq!((delta.counts.new_findings, delta.counts.kev_hits), (2, 1));
        assert_eq!(
            (delta.counts.new_criticals, delta.counts.new_medium),
            (1, 1)
        );
        let names: Vec<_> = delta
            .top_findings
            .iter()
            .map(|f| &*f.vulnerability)
            .collect();
        assert_eq!(names, ["d", "b"]);
    }

    #[test]
    fn summarize_removed_findings_is_none() {
        let old = vec![
            finding("a", Severity::Low, false),
            finding("b", Severity::Low, false),
        ];
        let new = vec![finding("b", Severity::Low, false)];
        assert_eq!(summarize(&report(2, new), Some(&baseline(1, old))), None);
    }

    #[test]
    fn summarize_late_kev_flag_is_hit_without_new_finding() {
        let old = vec![
            finding("a", Severity::High, false),
            finding("b", Severity::Low, true),
            finding("c", Severity::Low, true),
        ];
        let new = vec![
            finding("a", Severity::High, true),
            finding("b", Severity::Low, true),
            finding("c", Severity::Low, false),
        ];
        let delta = summarize(&report(2, new), Some(&baseline(1, old))).unwrap();
        let expected = DeltaCounts {
            kev_hits: 1,
            ..DeltaCounts::default()
        };
        assert_eq!(delta.counts, expected);
        assert_eq!(delta.top_findings, [finding("a", Severity::High, true)]);
    }

    #[test]
    fn policy_passes_by_severity_or_kev() {
        let policy = NotifyPolicy {
            minimum_severity: Severity::High,
            ..NotifyPolicy::default()
        };
        let medium = DeltaCounts {
            new_findings: 1,
            new_medium: 1,
            ..DeltaCounts::default()
        };
        let kev = DeltaCounts {
            kev_hits: 1,
            ..medium
        };
        let high = DeltaCounts {
            new_findings: 1,
            new_high: 1,
            ..DeltaCounts::default()
        };
        assert_eq!(
            [medium, kev, high].map(|counts| passes(&policy, &counts)),
            [false, true, true]
        );
        let silent = NotifyPolicy {
            enabled: false,
            ..policy
        };
        assert!(!passes(&silent, &kev));
        let no_kev = NotifyPolicy {
            include_kev: false,
            ..policy
        };
        assert!(!passes(&no_kev, &kev));
    }
}
