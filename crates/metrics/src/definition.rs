//! Definitions of instruments, and the rules for their names.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::bounds::{Bounds, BoundsError};
use super::exact::{Precision, PrecisionError};
use super::label::{LabelDefinition, LabelSet};

/// Text that is usually known at compile time.
pub type Text = Cow<'static, str>;

/// Kind of instrument: decides on the numbers and the exposition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InstrumentKind {
    /// Counter: u64, only grows.
    Counter,
    /// Up/down counter: i64. Exposed as a gauge.
    #[serde(rename = "up-down")]
    UpDownCounter,
    /// Gauge: f64, set by the program or read at collection.
    Gauge,
    /// Histogram: samples counted in buckets.
    Histogram,
    /// Constant 1 with labels that describe the process. The name ends in `_info`. OpenMetrics has
    /// this type; in Prometheus text, and so in recorded series, it is a gauge.
    Info,
}

impl InstrumentKind {
    /// Returns the word after `# TYPE name`.
    pub const fn exposed(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::UpDownCounter | Self::Gauge | Self::Info => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// Unit of the recorded values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// No unit: a count.
    None,
    /// Seconds; the name then ends in `_seconds` (before a counter's `_total`).
    Seconds,
    /// Bytes; the name then ends in `_bytes` (before a counter's `_total`).
    Bytes,
}

impl Unit {
    /// Returns the word after `# UNIT name`; empty for counts.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Seconds => "seconds",
            Self::Bytes => "bytes",
        }
    }
}

/// Origin of an instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The product's own observability document: the name and meaning are a contract.
    Given,
    /// Extension of the contract, in the same style.
    Extension,
    /// Self-observation of the metrics layer.
    Layer,
}

/// Row of an instrument table, as a constant.
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    /// Name in the exposition.
    pub name: &'static str,
    /// Kind of instrument.
    pub kind: InstrumentKind,
    /// Unit of the recorded values.
    pub unit: Unit,
    /// Description in one sentence.
    pub help: &'static str,
    /// Labels; those without values are dynamic.
    pub labels: &'static [LabelDefinition],
    /// Upper bucket bounds of a histogram, in the unit.
    pub bounds: &'static [f64],
    /// Origin of the instrument.
    pub origin: Origin,
}

impl Definition {
    const fn new(name: &'static str, kind: InstrumentKind, help: &'static str) -> Self {
        let (labels, bounds, origin) = (&[], &[], Origin::Extension);
        Self {
            name,
            kind,
            unit: Unit::None,
            help,
            labels,
            bounds,
            origin,
        }
    }

    /// Returns the definition of a counter.
    pub const fn counter(name: &'static str, help: &'static str) -> Self {
        Self::new(name, InstrumentKind::Counter, help)
    }

    /// Returns the definition of an up/down counter.
    pub const fn up_down(name: &'static str, help: &'static str) -> Self {
        Self::new(name, InstrumentKind::UpDownCounter, help)
    }

    /// Returns the definition of a gauge.
    pub const fn gauge(name: &'static str, help: &'static str) -> Self {
        Self::new(name, InstrumentKind::Gauge, help)
    }

    /// An info metric; its labels have one value each.
    pub const fn info(name: &'static str, help: &'static str) -> Self {
        Self::new(name, InstrumentKind::Info, help)
    }

    /// Returns the definition of a histogram with these upper bucket bounds.
    pub const fn histogram(name: &'static str, bounds: &'static [f64], help: &'static str) -> Self {
        Self {
            bounds,
            ..Self::new(name, InstrumentKind::Histogram, help)
        }
    }

    /// Sets the unit to seconds.
    #[must_use]
    pub const fn seconds(self) -> Self {
        Self {
            unit: Unit::Seconds,
            ..self
        }
    }

    /// Sets static labels.
    #[must_use]
    pub const fn labelled<L: LabelSet>(self) -> Self {
        Self {
            labels: L::LABELS,
            ..self
        }
    }

    /// Sets labels, some of which are dynamic.
    #[must_use]
    pub const fn with_labels(self, labels: &'static [LabelDefinition]) -> Self {
        Self { labels, ..self }
    }

    /// Sets another origin than [`Origin::Extension`].
    #[must_use]
    pub const fn from_origin(self, origin: Origin) -> Self {
        Self { origin, ..self }
    }
}

/// Definition of an instrument in a registry.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    /// Name in the exposition.
    pub name: Text,
    /// Kind of instrument.
    pub kind: InstrumentKind,
    /// Unit of the recorded values.
    pub unit: Unit,
    /// Description in one sentence, or empty.
    pub help: Text,
    /// Upper bucket bounds; `None` unless it is a histogram.
    pub bounds: Option<Bounds>,
    /// Precision of a histogram's exact quantiles; `None` without them.
    pub precision: Option<Precision>,
}

impl Family {
    /// Returns a counter of this name.
    pub fn counter(name: impl Into<Text>) -> Self {
        Self::new(name, InstrumentKind::Counter)
    }

    /// Returns an up/down counter of this name.
    pub fn up_down(name: impl Into<Text>) -> Self {
        Self::new(name, InstrumentKind::UpDownCounter)
    }

    /// Returns a gauge of this name.
    pub fn gauge(name: impl Into<Text>) -> Self {
        Self::new(name, InstrumentKind::Gauge)
    }

    /// Returns a histogram of this name.
    pub fn histogram(name: impl Into<Text>, bounds: Bounds) -> Self {
        Self {
            bounds: Some(bounds),
            ..Self::new(name, InstrumentKind::Histogram)
        }
    }

    fn new(name: impl Into<Text>, kind: InstrumentKind) -> Self {
        Self {
            name: name.into(),
            kind,
            unit: Unit::None,
            help: "".into(),
            bounds: None,
            precision: None,
        }
    }

    /// With a sentence that says what it means.
    #[must_use]
    pub fn help(self, help: impl Into<Text>) -> Self {
        Self {
            help: help.into(),
            ..self
        }
    }

    /// With a unit, in which the name must end.
    #[must_use]
    pub fn unit(self, unit: Unit) -> Self {
        Self { unit, ..self }
    }

    /// With exact quantiles, for a histogram.
    #[must_use]
    pub fn exact(self, precision: Precision) -> Self {
        Self {
            precision: Some(precision),
            ..self
        }
    }

    /// The name without the suffix of a counter (`_total`) or of an info metric (`_info`): the
    /// family's name in OpenMetrics.
    pub fn base_name(&self) -> &str {
        match self.kind {
            InstrumentKind::Counter => self.name.strip_suffix("_total").unwrap_or(&self.name),
            InstrumentKind::Info => self.name.strip_suffix("_info").unwrap_or(&self.name),
            _ => &self.name,
        }
    }

    /// Checks the name and the unit.
    pub(crate) fn check(&self) -> Result<(), RegisterError> {
        check_name(&self.name)?;
        if self.kind == InstrumentKind::Info && self.base_name() == self.name {
            return Err(RegisterError::InfoNotInName(self.name.to_string()));
        }
        let unit = self.unit.as_str();
        let stem = self.base_name().strip_suffix(unit);
        if unit.is_empty() || stem.is_some_and(|stem| stem.ends_with('_')) {
            return Ok(());
        }
        Err(RegisterError::UnitNotInName {
            name: self.name.to_string(),
            unit,
        })
    }

    /// Every name that an exposition could carry because of this family. No two families may share
    /// one.
    pub(crate) fn claims(&self) -> Vec<Text> {
        let name = self.name.clone();
        match self.kind {
            InstrumentKind::Counter => match &name {
                Text::Borrowed(text) => match text.strip_suffix("_total") {
                    Some(base) => vec![name, base.into()],
                    None => vec![format!("{text}_total").into(), name],
                },
                Text::Owned(text) => match text.strip_suffix("_total") {
                    Some(base) => vec![base.to_owned().into(), name],
                    None => vec![format!("{text}_total").into(), name],
                },
            },
            InstrumentKind::UpDownCounter | InstrumentKind::Gauge => vec![name],
            InstrumentKind::Info => vec![self.base_name().to_owned().into(), name],
            InstrumentKind::Histogram => {
                let parts = ["_bucket", "_count", "_sum"];
                parts
                    .iter()
                    .map(|part| format!("{name}{part}").into())
                    .chain([name.clone()])
                    .collect()
            }
        }
    }
}

impl TryFrom<&Definition> for Family {
    type Error = BoundsError;

    fn try_from(definition: &Definition) -> Result<Self, BoundsError> {
        let bounds = match definition.kind {
            InstrumentKind::Histogram => Some(Bounds::new(definition.bounds)?),
            _ => None,
        };
        let Definition { kind, unit, .. } = *definition;
        Ok(Self {
            name: definition.name.into(),
            kind,
            unit,
            help: definition.help.into(),
            bounds,
            precision: None,
        })
    }
}

/// Why a registry refuses an instrument or a series.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RegisterError {
    /// Not a metric name.
    #[error("{0:?} is not a metric name; write letters, digits, `_` and `:`, and no digit first")]
    InvalidName(String),
    /// Not a label name.
    #[error("{0:?} is not a label name; write letters, digits and `_`, and no digit or `__` first")]
    InvalidLabel(String),
    /// A label name given twice.
    #[error("label {label} is given twice for {name}")]
    DuplicateLabel {
        /// The instrument.
        name: String,
        /// Name of the duplicate label.
        label: String,
    },
    /// `le` on a histogram.
    #[error("{0} is a histogram, whose buckets need the label `le` for themselves")]
    ReservedLabel(String),
    /// The same name with another kind or other bounds.
    #[error("{0} is already registered as something else")]
    Conflict(String),
    /// A name that another instrument's exposition lines have, such as `x_count` beside histogram
    /// `x`.
    #[error("{name} would stand on the page twice: {claimed} belongs to another instrument")]
    Claimed {
        /// The instrument that was refused.
        name: String,
        /// The name that is taken.
        claimed: String,
    },
    /// A series that is not one of the closed set.
    #[error("{name} has a closed set of labels, to which {labels} doesn't belong")]
    NotInClosedSet {
        /// The instrument.
        name: String,
        /// The labels asked for.
        labels: String,
    },
    /// The unit must be the last word of the name.
    #[error("{name} is measured in {unit}, so its name must end in `_{unit}`")]
    UnitNotInName {
        /// The instrument.
        name: String,
        /// Unit that the name lacks.
        unit: &'static str,
    },
    /// The suffix of an info metric is missing.
    #[error("{0} is an info metric, so its name must end in `_info`")]
    InfoNotInName(String),
    /// The bucket bounds are no bounds.
    #[error(transparent)]
    Bounds(#[from] BoundsError),
    /// The precision of exact quantiles is none.
    #[error(transparent)]
    Precision(#[from] PrecisionError),
}

/// Letters, digits, underscores and colons, not starting with a digit.
fn check_name(name: &str) -> Result<(), RegisterError> {
    let fits = |(index, byte): (usize, u8)| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'_' | b':' => true,
        b'0'..=b'9' => index > 0,
        _ => false,
    };
    if name.is_empty() || !name.bytes().enumerate().all(fits) {
        return Err(RegisterError::InvalidName(name.to_owned()));
    }
    Ok(())
}

/// Letters, digits and underscores, not starting with a digit or two underscores.
pub fn check_label(label: &str) -> Result<(), RegisterError> {
    if check_name(label).is_err() || label.contains(':') || label.starts_with("__") {
        return Err(RegisterError::InvalidLabel(label.to_owned()));
    }
    Ok(())
}
