//! Advisories that arrive during a rehearsal.

use jiff::civil::Date;
use schemars::{JsonSchema, Schema, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::{Severity, Trigger};

use crate::scenario::{
    CountDistribution, DistributionSpec, Duration, DurationDistribution, SeverityWeights, Share,
};

/// Advisories, made up at random intervals, or replayed from a trace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Advisories {
    /// The time between two arrivals. A trace brings its own.
    pub interval: DurationDistribution,
    /// A file of real arrivals, which takes the place of `interval`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<AdvisoryTrace>,
    /// The trigger of the runs that they start: `conselier` or `excitor`.
    pub trigger: Trigger,
    /// How severe they are, in proportion, where a trace does not say.
    pub severities: SeverityWeights,
    /// The part that is known to be exploited, where a trace does not say.
    pub kev_share: Share,
    /// How many components one advisory is about. A row of a trace is about one.
    pub components: CountDistribution,
    /// The part that matters only where an entry point uses the component.
    pub usage_only_share: Share,
    /// The part that is exported for the schedules of one tenant only, each as likely.
    pub tenant_share: Share,
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
        }
    }
}

/// A file of real arrivals. In a scenario a bare path stands for one with the defaults.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, remote = "Self")]
#[schemars(transform = allow_bare_path)]
pub struct AdvisoryTrace {
    /// The path of a CSV file, relative to the scenario file. Its columns are either
    /// `date_added,cve,vendor,product,ransomware` or `date,id,package,cvss,informational`.
    pub file: String,
    /// Rows before this date are left out; it falls on the start. Default: the start's date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    pub from: Option<Date>,
    /// Rows on and after this date are left out. Default: none are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    pub until: Option<Date>,
    /// How many days of the trace pass in a day of virtual time.
    #[serde(default = "real_speed")]
    #[schemars(range(min = 0.001, max = 1_000_000))]
    pub speed: f64,
    /// The time of day at which a day's rows begin to arrive; a trace has dates only.
    #[serde(default = "afternoon")]
    pub time_of_day: Duration,
    /// The time over which the seed spreads a day's rows.
    #[serde(default = "six_hours")]
    pub spread: Duration,
    /// How a package or product becomes a component of the fleet.
    #[serde(default)]
    pub mapping: ComponentMapping,
    /// The rows in order of their dates, `from` and `until` heeded; filled when the scenario is
    /// loaded.
    #[serde(skip)]
    pub rows: Vec<AdvisoryRow>,
}

/// One advisory of a trace.
#[derive(Clone, Debug, PartialEq)]
pub struct AdvisoryRow {
    /// The day on which it was published.
    pub date: Date,
    /// What it is called.
    pub id: String,
    /// The package, or the vendor and product, that it is about.
    pub product: String,
    /// How severe it is, if the trace says.
    pub severity: Option<Severity>,
    /// Whether it is known to be exploited.
    pub kev: bool,
}

/// How a package or product becomes a component of the fleet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ComponentMapping {
    /// The products that occur most often become the most popular components.
    #[default]
    Popularity,
    /// A stable hash of the product's name chooses the component.
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

/// What a file may say: a bare path, or a table.
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
