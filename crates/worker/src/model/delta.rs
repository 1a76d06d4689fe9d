//! Scanner reports and the change between two of them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{ImageDigest, Timestamp};

/// Severity of a finding, in ascending order.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the names say it all")]
pub enum Severity {
    Low,
    Medium,
    High,
    Critical,
}

impl Severity {
    /// Every severity in ascending order.
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Critical];

    /// Returns the text in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// One vulnerability in one component of an image. Ordered by vulnerability, then component.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Identifier of the advisory.
    pub vulnerability: Arc<str>,
    /// Product key of the component.
    pub component: Arc<str>,
    /// Severity in this component.
    pub severity: Severity,
    /// Whether the vulnerability is known to be exploited.
    pub kev: bool,
}

/// State of a finding in a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FindingState {
    /// Severity in its component.
    pub severity: Severity,
    /// Whether the vulnerability is known to be exploited.
    pub kev: bool,
}

impl From<&Finding> for FindingState {
    fn from(finding: &Finding) -> Self {
        let Finding { severity, kev, .. } = *finding;
        Self { severity, kev }
    }
}

/// Change of one finding of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FindingChange {
    /// Hash of vulnerability and component.
    pub finding: u64,
    /// State before the change; `None` if the image did not have it.
    pub before: Option<FindingState>,
    /// State after the change; `None` if it is fixed.
    pub after: Option<FindingState>,
}

/// Report of the Scanner on an image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScanReport {
    /// Digest of the image.
    pub image: ImageDigest,
    /// Revision, which grows when the findings change. Equal revisions have equal findings.
    pub revision: u64,
    /// Time of the report, on the Scanner's clock.
    pub generated_at: Timestamp,
    /// Findings in ascending order, each once.
    pub findings: Arc<[Finding]>,
}

/// Last committed report of a tenant's image.
#[derive(Debug, Clone, PartialEq)]
pub struct Baseline {
    /// Revision of the report.
    pub revision: u64,
    /// Findings of the report.
    pub findings: Arc<[Finding]>,
    /// Time at which a report of the image was last committed, on the store's clock.
    pub committed_at: Timestamp,
}

/// Number of new findings by severity, and of KEV hits among new and known findings.
/// `critical + high + medium + low = total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the names are the contract's and say it all")]
pub struct DeltaCounts {
    pub new_findings: u64,
    pub new_criticals: u64,
    pub new_high: u64,
    pub new_medium: u64,
    pub new_low: u64,
    pub kev_hits: u64,
}

impl DeltaCounts {
    /// Returns whether the change has a new finding or a KEV hit, and so counts.
    pub const fn is_meaningful(&self) -> bool {
        self.new_findings > 0 || self.kev_hits > 0
    }

    /// Returns whether the findings by severity add up to the total. There may be more KEV hits:
    /// a known finding may become one.
    pub const fn is_consistent(&self) -> bool {
        let sum = self.new_criticals + self.new_high + self.new_medium + self.new_low;
        sum == self.new_findings
    }

    /// Counts one new finding.
    pub fn add_finding(&mut self, finding: &Finding) {
        self.new_findings += 1;
        self.kev_hits += u64::from(finding.kev);
        *match finding.severity {
            Severity::Critical => &mut self.new_criticals,
            Severity::High => &mut self.new_high,
            Severity::Medium => &mut self.new_medium,
            Severity::Low => &mut self.new_low,
        } += 1;
    }

    /// Adds another count to this one.
    pub fn add(&mut self, other: &Self) {
        self.new_findings += other.new_findings;
        self.new_criticals += other.new_criticals;
        self.new_high += other.new_high;
        self.new_medium += other.new_medium;
        self.new_low += other.new_low;
        self.kev_hits += other.kev_hits;
    }
}

/// Change from the baseline to a new report of an image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeltaSummary {
    /// Image that both reports are about.
    pub image_digest: ImageDigest,
    /// Number of new findings.
    #[serde(flatten)]
    pub counts: DeltaCounts,
    /// New findings, and known ones that have become KEV hits, worst first, at most ten.
    pub top_findings: Vec<Finding>,
    /// Path of the report in the user interface.
    pub report_url: String,
    /// Time of the report.
    pub detected_at: Timestamp,
}
