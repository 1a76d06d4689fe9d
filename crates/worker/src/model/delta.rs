//! Scanner reports and what changed between two of them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{ImageDigest, Timestamp};

/// How bad a finding is.
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
    /// Every severity, least first.
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Critical];

    /// The text in JSON.
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
    /// Advisory identifier.
    pub vulnerability: Arc<str>,
    /// Product key of the component.
    pub component: Arc<str>,
    /// How bad it is.
    pub severity: Severity,
    /// Known to be exploited.
    pub kev: bool,
}

/// What the Scanner says of an image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScanReport {
    /// The image.
    pub image: ImageDigest,
    /// Grows whenever the image's findings change; equal revisions have equal findings.
    pub revision: u64,
    /// When the report was made, on the scanner's clock.
    pub generated_at: Timestamp,
    /// Findings in ascending order, each once.
    pub findings: Arc<[Finding]>,
}

/// The last committed report of a (tenant, image).
#[derive(Debug, Clone, PartialEq)]
pub struct Baseline {
    /// The report's revision.
    pub revision: u64,
    /// The report's findings.
    pub findings: Arc<[Finding]>,
    /// When a report of the image was last committed, on the store's clock.
    pub committed_at: Timestamp,
}

/// Findings by severity. `critical + high + medium + low = total`.
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
    /// Whether the change is worth counting: a new finding or any KEV hit.
    pub const fn is_meaningful(&self) -> bool {
        self.new_findings > 0 || self.kev_hits > 0
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

/// What changed between the baseline and a new report of an image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeltaSummary {
    /// The image.
    pub image_digest: ImageDigest,
    /// How much is new.
    #[serde(flatten)]
    pub counts: DeltaCounts,
    /// The worst new findings, worst first, ten at most.
    pub top_findings: Vec<Finding>,
    /// Where people read the report.
    pub report_url: String,
    /// When the report was made.
    pub detected_at: Timestamp,
}
