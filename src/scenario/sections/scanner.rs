//! Behaviour of the systems around the worker in the absence of faults.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::scenario::{CountDistribution, DistributionSpec, Duration, DurationDistribution, Share};

/// Latency, errors and rate limits of the Scanner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ScannerSpec {
    /// Latency of a request.
    pub latency: DurationDistribution,
    /// Latency of a request in mode `analysisOnly`. Default: `latency`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub analysis_only_latency: Option<DurationDistribution>,
    /// Latency of a request in mode `contentRefresh`. Default: `latency`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_refresh_latency: Option<DurationDistribution>,
    /// Share of images that are slow to scan; the set of images is fixed by the seed.
    pub slow_share: Share,
    /// Latency of a request for a slow image.
    pub slow_latency: DurationDistribution,
    /// Probability that the Scanner answers a request with a server error (5xx).
    pub error_probability: Share,
    /// Probability that the Scanner answers a request with 429 (Too Many Requests).
    pub rate_limit_probability: Share,
    /// Value of Retry-After in a 429 answer, rounded up to whole seconds.
    pub retry_after: DurationDistribution,
    /// Share of images rejected permanently (404 or 422); the set is fixed by the seed.
    pub refusal_share: Share,
}

impl Default for ScannerSpec {
    fn default() -> Self {
        Self {
            latency: DistributionSpec::Lognormal {
                median: Duration::from_millis(200),
                p99: Duration::from_secs(2),
            },
            analysis_only_latency: None,
            content_refresh_latency: None,
            slow_share: Share(0.0),
            slow_latency: DistributionSpec::Constant {
                value: Duration::from_secs(20),
            },
            error_probability: Share(0.0),
            rate_limit_probability: Share(0.0),
            retry_after: DistributionSpec::Constant {
                value: Duration::from_secs(5),
            },
            refusal_share: Share(0.0),
        }
    }
}

/// Changes of findings that no advisory causes: a rebuild, a new feed, a changed policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct DeltaRates {
    /// Probability that an image's findings change between two scans.
    pub probability: Share,
    /// Number of new findings in a change.
    pub new_findings: CountDistribution,
    /// Relative frequencies of their severities.
    pub severities: SeverityWeights,
    /// Probability that a new finding is a known exploited vulnerability (KEV).
    pub kev_probability: Share,
    /// Probability that one of an image's findings is fixed between two scans.
    pub fix_probability: Share,
    /// Probability that one of an image's findings becomes a KEV between two scans.
    pub late_kev_probability: Share,
}

impl Default for DeltaRates {
    fn default() -> Self {
        Self {
            probability: Share(0.02),
            new_findings: DistributionSpec::Lognormal {
                median: 2.0,
                p99: 15.0,
            },
            severities: SeverityWeights::default(),
            kev_probability: Share(0.01),
            fix_probability: Share(0.0),
            late_kev_probability: Share(0.0),
        }
    }
}

/// Relative frequencies of severities.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SeverityWeights {
    /// Weight of severity `critical`.
    #[schemars(range(min = 0))]
    pub critical: f64,
    /// Weight of severity `high`.
    #[schemars(range(min = 0))]
    pub high: f64,
    /// Weight of severity `medium`.
    #[schemars(range(min = 0))]
    pub medium: f64,
    /// Weight of severity `low`.
    #[schemars(range(min = 0))]
    pub low: f64,
}

impl Default for SeverityWeights {
    fn default() -> Self {
        Self {
            critical: 0.1,
            high: 0.3,
            medium: 0.4,
            low: 0.2,
        }
    }
}

/// Round-trip times to all systems except the Scanner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct LatencySpec {
    /// Round-trip time to the store.
    pub store: DurationDistribution,
    /// Round-trip time to the queues.
    pub queue: DurationDistribution,
    /// Round-trip time to Notify.
    pub notify: DurationDistribution,
    /// Round-trip time to the impact index.
    pub impact: DurationDistribution,
}

impl Default for LatencySpec {
    fn default() -> Self {
        let round_trip = |median_ms, p99_ms| DistributionSpec::Lognormal {
            median: Duration::from_millis(median_ms),
            p99: Duration::from_millis(p99_ms),
        };
        Self {
            store: round_trip(3, 20),
            queue: round_trip(1, 10),
            notify: round_trip(20, 200),
            impact: round_trip(5, 50),
        }
    }
}
