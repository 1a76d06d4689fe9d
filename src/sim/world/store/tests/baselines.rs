//! Baselines of images.

use super::*;

#[test]
fn committed_report_becomes_the_baseline_of_its_tenant() {
    let mut harness = StoreHarness::running();
    let first = harness.segment(0, 1, None, 7);
    harness.take(&first);
    let image = harness.images(0)[0];
    let baselines = |tenant: &str| harness.store.baselines(&tenant.into(), &[image]);
    let own = baselines("tenant-1")[0].clone();
    assert_eq!(own.map(|baseline| baseline.revision), Some(7));
    assert_eq!(baselines("tenant-x"), [None]);
    let reports = harness.store.last_reports(&"tenant-1".into(), &[image]);
    assert_eq!(reports, [Some(harness.now())]);
}

/// Returns the baselines of the first image after one report a second, each with its tenant and
/// revision.
fn baselines_after(reports: &[(&str, u64)]) -> Vec<Option<(u64, usize, Timestamp)>> {
    let harness = StoreHarness::running();
    let mut baselines = Baselines::new(harness.fleet.clone());
    let image = harness.images(0)[0];
    for (second, (tenant, revision)) in (1..).zip(reports) {
        let finding = Finding {
            vulnerability: "CVE".into(),
            component: "c".into(),
            severity: Severity::Low,
            kev: false,
        };
        let report = ReportWrite {
            image,
            expected: None,
            revision: *revision,
            findings: vec![finding; usize::try_from(*revision).unwrap()].into(),
        };
        let now = Timestamp::from_seconds(second);
        baselines.commit(&(*tenant).into(), vec![report], now);
    }
    let of = |tenant: &str| {
        let tenant = tenant.into();
        let baseline = baselines.of(&tenant)(&image)?;
        Some((
            baseline.revision,
            baseline.findings.len(),
            baseline.committed_at,
        ))
    };
    ["tenant-1", "tenant-x"].map(of).to_vec()
}

#[test]
fn older_report_keeps_findings_and_advances_the_time() {
    let at = Timestamp::from_seconds;
    let after = baselines_after(&[("tenant-1", 3), ("tenant-1", 2)]);
    assert_eq!(after, [Some((3, 3, at(2))), None]);
    let after = baselines_after(&[("tenant-1", 2), ("tenant-1", 3)]);
    assert_eq!(after, [Some((3, 3, at(2))), None]);
}

#[test]
fn baseline_of_a_foreign_image_is_kept_apart() {
    let at = Timestamp::from_seconds;
    let after = baselines_after(&[("tenant-1", 1), ("tenant-x", 3), ("tenant-x", 2)]);
    assert_eq!(after, [Some((1, 1, at(1))), Some((3, 3, at(3)))]);
}
