//! How the world outside the worker behaves when nothing is at fault.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::scenario::{CountDistribution, DistributionSpec, Duration, DurationDistribution, Share};

/// How the Scanner behaves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ScannerSpec {
    /// How long a request takes.
    pub latency: DurationDistribution,
    /// How long one in mode `analysisOnly` takes. Default: `latency`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub analysis_only_latency: Option<DurationDistribution>,
    /// How long one in mode `contentRefresh` takes. Default: `latency`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_refresh_latency: Option<DurationDistribution>,
    /// The part of images that are slow, always the same ones.
    pub slow_share: Share,
    /// How long a request for a slow image takes.
    pub slow_latency: DurationDistribution,
    /// The probability that a request is answered with a server error.
    pub error_probability: Share,
    /// The probability that a request is answered with 429, too many requests.
    pub rate_limit_probability: Share,
    /// What a 429 says in Retry-After; rounded up to whole seconds.
    pub retry_after: DurationDistribution,
    /// The part of images that are refused for good (404 or 422), always the same ones.
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

/// How findings change for reasons of an image's own: a rebuild, a new feed, a changed policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct DeltaRates {
    /// The probability that an image's findings changed between two scans.
    pub probability: Share,
    /// How many findings are new then.
    pub new_findings: CountDistribution,
    /// How severe they are, in proportion.
    pub severities: SeverityWeights,
    /// The probability that a new finding is a known exploited vulnerability.
    pub kev_probability: Share,
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
        }
    }
}

/// How severe findings are, in proportion.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SeverityWeights {
    /// The weight of critical ones.
    #[schemars(range(min = 0))]
    pub critical: f64,
    /// The weight of high ones.
    #[schemars(range(min = 0))]
    pub high: f64,
    /// The weight of medium ones.
    #[schemars(range(min = 0))]
    pub medium: f64,
    /// The weight of low ones.
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

/// The round trips to everything but the Scanner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct LatencySpec {
    /// To the store.
    pub store: DurationDistribution,
    /// To the queues.
    pub queue: DurationDistribution,
    /// To Notify.
    pub notify: DurationDistribution,
    /// To the impact index.
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
