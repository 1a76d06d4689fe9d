//! Arrivals of advisories during a rehearsal.

use jiff::civil::Date;
use schemars::{JsonSchema, Schema, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::{Severity, Trigger};

use crate::scenario::{
    CountDistribution, DistributionSpec, Duration, DurationDistribution, SeverityWeights, Share,
};

/// Advisories that arrive at random intervals, or are replayed from a trace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Advisories {
    /// Time between two arrivals. Ignored if `trace` is given.
    pub interval: DurationDistribution,
    /// Trace of real arrivals, in place of `interval`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<AdvisoryTrace>,
    /// Trigger of the runs that an advisory starts: `conselier`, `excitor` or `policy`.
    pub trigger: Trigger,
    /// Relative frequencies of severities, where the trace states none.
    pub severities: SeverityWeights,
    /// Share of known exploited vulnerabilities (KEV), where the trace does not state it.
    pub kev_share: Share,
    /// Number of components that an advisory affects. A row of a trace affects one.
    pub components: CountDistribution,
    /// Share of advisories that apply only where an entry point uses the component.
    pub usage_only_share: Share,
    /// Share of advisories exported to one tenant only; all tenants are equally likely.
    pub tenant_share: Share,
    /// Share of affected products that no image contains, in place of components of the fleet.
    pub unknown_product_share: Share,
    /// Share of advisories that later affect other components as well.
    pub spread_share: Share,
    /// Share of advisories that become KEV later, of those that are none at first.
    pub late_kev_share: Share,
    /// Time from an advisory to its update, which is an export of its own.
    pub update_delay: DurationDistribution,
}

impl Default for Advisories {
    fn default() -> Self {
        Self {
            interval: DistributionSpec::Exponential {
                mean: Duration::from_hours(6),
            },
            trace: None,
            trigger: Trigger::Conselier,
            severities: SeverityWeights::default(),
            kev_share: Share(0.02),
            components: DistributionSpec::Constant { value: 1.0 },
            usage_only_share: Share(0.0),
            tenant_share: Share(0.0),
            unknown_product_share: Share(0.0),
            spread_share: Share(0.0),
            late_kev_share: Share(0.0),
            update_delay: DistributionSpec::Exponential {
                mean: Duration::from_hours(1),
            },
        }
    }
}

/// Trace of real arrivals. A bare path is a trace with default settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, remote = "Self")]
#[schemars(transform = allow_bare_path)]
pub struct AdvisoryTrace {
    /// Path of a CSV file, relative to the scenario file. Its columns are either
    /// `date_added,cve,vendor,product,ransomware` or `date,id,package,cvss,informational`.
    pub file: String,
    /// First date to replay; it is mapped to the start. Default: the date of the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    pub from: Option<Date>,
    /// First date that is not replayed any more. Default: no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    pub until: Option<Date>,
    /// Days of the trace per day of virtual time.
    #[serde(default = "real_speed")]
    #[schemars(range(min = 0.001, max = 1_000_000))]
    pub speed: f64,
    /// Time of day of a day's first possible arrival; a trace has dates only.
    #[serde(default = "afternoon")]
    pub time_of_day: Duration,
    /// Time range over which the seed spreads a day's rows.
    #[serde(default = "six_hours")]
    pub spread: Duration,
    /// Mapping of packages or products to components of the fleet.
    #[serde(default)]
    pub mapping: ComponentMapping,
    /// Rows from `from` up to `until`, by date; filled when the scenario is loaded.
    #[serde(skip)]
    pub rows: Vec<AdvisoryRow>,
}

/// One advisory of a trace, read from a CSV row.
#[derive(Clone, Debug, PartialEq)]
pub struct AdvisoryRow {
    /// Date of publication.
    pub date: Date,
    /// Identifier of the advisory.
    pub id: String,
    /// Affected package, or vendor and product.
    pub product: String,
    /// Severity, if the trace states one.
    pub severity: Option<Severity>,
    /// Whether the vulnerability is known to be exploited.
    pub kev: bool,
}

/// Mapping of packages or products to components of the fleet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ComponentMapping {
    /// Maps the most frequent products to the most popular components.
    #[default]
    Popularity,
    /// Maps each product to a component by a stable hash of its name.
    Hash,
}

impl Serialize for AdvisoryTrace {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for AdvisoryTrace {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match AdvisoryTraceForm::deserialize(deserializer)? {
            AdvisoryTraceForm::File(file) => Self {
                file,
                from: None,
                until: None,
                speed: real_speed(),
                time_of_day: afternoon(),
                spread: six_hours(),
                mapping: ComponentMapping::default(),
                rows: Vec::new(),
            },
            AdvisoryTraceForm::Table(trace) => trace,
        })
    }
}

/// Form in a file: a bare path, or a table.
#[derive(Deserialize)]
#[serde(untagged)]
enum AdvisoryTraceForm {
    File(String),
    Table(#[serde(with = "AdvisoryTrace")] AdvisoryTrace),
}

fn allow_bare_path(schema: &mut Schema) {
    let table = std::mem::take(schema);
    *schema = json_schema!({ "anyOf": [{ "type": "string" }, table] });
}

fn real_speed() -> f64 {
    1.0
}

fn afternoon() -> Duration {
    Duration::from_hours(14)
}

fn six_hours() -> Duration {
    Duration::from_hours(6)
}
