//! Differences between versions of Prometheus.

use std::fmt;
use std::str::FromStr;

/// Version of Prometheus whose semantics a query follows.
///
/// | | `v3` | `v3-promqltest` | `v2.42` |
/// |---|---|---|---|
/// | a range or look-back holds a sample at its very beginning | no | no | yes |
/// | names are dropped | at once | at the very end | at once |
/// | experimental functions and modifiers | refused | known | refused |
/// | type and unit are dropped with the name | yes | yes | no |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Semantics {
    /// Prometheus 3 without feature flags.
    #[default]
    V3,
    /// Prometheus 3 as in its test scripts: with experimental functions and delayed name removal.
    V3PromqlTest,
    /// Prometheus 2.42.
    V2_42,
}

impl Semantics {
    const ALL: [Self; 3] = [Self::V3, Self::V3PromqlTest, Self::V2_42];

    /// Name in files and options.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V3 => "v3",
            Self::V3PromqlTest => "v3-promqltest",
            Self::V2_42 => "v2.42",
        }
    }

    /// Whether a range includes a sample exactly at its start.
    pub(crate) const fn closes_left(self) -> bool {
        matches!(self, Self::V2_42)
    }

    /// Whether experimental functions and modifiers are supported.
    pub(crate) const fn is_experimental(self) -> bool {
        matches!(self, Self::V3PromqlTest)
    }

    /// Whether names are dropped at the end of the query.
    pub(crate) const fn delays_name_removal(self) -> bool {
        matches!(self, Self::V3PromqlTest)
    }
}

impl fmt::Display for Semantics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Error for an unknown name of [`Semantics`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no version; write `v3`, `v3-promqltest` or `v2.42`")]
pub struct UnknownSemantics(String);

impl FromStr for Semantics {
    type Err = UnknownSemantics;

    fn from_str(name: &str) -> Result<Self, UnknownSemantics> {
        let found = Self::ALL.into_iter().find(|known| known.as_str() == name);
        found.ok_or_else(|| UnknownSemantics(name.to_owned()))
    }
}
