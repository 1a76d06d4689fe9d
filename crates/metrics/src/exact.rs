//! Quantiles more exact than buckets allow: an HDR recorder in the cells of a histogram.

use hdrhistogram::Histogram as Hdr;
use rehearsal_convert::{Index, Nearest, Saturating};
use serde::{Deserialize, Serialize};

/// Precision of exact quantiles (HDR histogram).
///
/// Values are counted in whole units; every quantile is within `10^-digits` of a sample, or within
/// half a unit if that is more. A value above `max` is counted at `max`.
///
/// A cell takes 8 bytes for each class of values in every recording thread's
/// copy, about `log2(max / unit) · 10^digits` of them. A record costs about 2 ns more. An example
/// is at [`Histogram`](super::Histogram).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Precision {
    /// The smallest difference that matters, in the instrument's unit.
    pub unit: f64,
    /// The largest value, in the instrument's unit.
    pub max: f64,
    /// Significant decimal digits, 1 to 3.
    pub digits: u8,
}

/// Why a [`Precision`] is none.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum PrecisionError {
    /// Digits out of range.
    #[error("{0} significant digits are not possible; write 1, 2 or 3")]
    Digits(u8),
    /// Unit or maximum out of range.
    #[error(
        "a recorder from {unit} to {max} is not possible; write 0 < unit, and max between 2 and \
         2^40 units"
    )]
    Range {
        /// Unit that was given.
        unit: f64,
        /// The maximum.
        max: f64,
    },
}

/// The most units.
const UNITS_MAX: f64 = 1_099_511_627_776.0;

/// The classes of values of an HDR recorder, numbered from the smallest.
///
/// Up to `2 · half` units each unit is a class; from there each doubling has `half` classes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct QuantileGrid {
    precision: Precision,
    per_unit: f64,
    units_max: u64,
    /// log2 of `half`.
    half_bits: u32,
}

impl QuantileGrid {
    pub(crate) fn new(precision: Precision) -> Result<Self, PrecisionError> {
        let Precision { unit, max, digits } = precision;
        if !(1..=3).contains(&digits) {
            return Err(PrecisionError::Digits(digits));
        }
        let units = max / unit;
        if !(unit > 0.0 && (2.0..=UNITS_MAX).contains(&units)) {
            return Err(PrecisionError::Range { unit, max });
        }
        // Twice the digits' range in one run of classes, so that its upper half has the precision.
        let half_bits = (2 * 10_u64.pow(u32::from(digits)))
            .next_power_of_two()
            .ilog2()
            - 1;
        Ok(Self {
            precision,
            per_unit: unit.recip(),
            units_max: units.saturating_u64(),
            half_bits,
        })
    }

    /// Returns the number of classes.
    pub(crate) fn len(&self) -> usize {
        self.class(self.units_max) + 1
    }

    /// The class of a finite value that isn't negative.
    #[inline]
    pub(crate) fn locate(&self, value: f64) -> usize {
        self.class(
            (value * self.per_unit + 0.5)
                .saturating_u64()
                .min(self.units_max),
        )
    }

    #[inline]
    fn class(&self, units: u64) -> usize {
        let run = (units | ((2 << self.half_bits) - 1)).ilog2() - self.half_bits;
        (u64::from(run) << self.half_bits).to_index() + (units >> run).to_index()
    }

    /// The smallest number of units in a class.
    fn units(&self, class: usize) -> u64 {
        let class = class as u64;
        let run = (class >> self.half_bits).saturating_sub(1);
        (class - (run << self.half_bits)) << run
    }

    /// The counts of all classes as a histogram of units.
    pub(crate) fn quantiles(&self, counts: impl Iterator<Item = u64>) -> ExactQuantiles {
        let Precision { unit, digits, .. } = self.precision;
        let units_max = self.units_max.max(2);
        let mut units = Hdr::new_with_max(units_max, digits).expect("digits and maximum fit");
        for (class, count) in counts.enumerate().filter(|(_, count)| *count > 0) {
            // The classes are HdrHistogram's own, so nothing is rounded again.
            units.saturating_record_n(self.units(class), count);
        }
        ExactQuantiles { units, unit }
    }
}

/// The distribution that an HDR recorder has seen.
#[derive(Clone, Debug)]
pub struct ExactQuantiles {
    units: Hdr<u64>,
    unit: f64,
}

impl ExactQuantiles {
    /// The value below or at which this share of the samples is, in the instrument's unit; `None`
    /// without samples. `quantile` from 0 to 1.
    pub fn at(&self, quantile: f64) -> Option<f64> {
        let units = (!self.units.is_empty()).then(|| self.units.value_at_quantile(quantile))?;
        Some(units.nearest_f64() * self.unit)
    }

    /// Returns the number of samples.
    pub fn count(&self) -> u64 {
        self.units.len()
    }

    /// The distribution itself, in units: for merging, percentile tables and interval logs.
    pub fn units(&self) -> &Hdr<u64> {
        &self.units
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Maxima of every size.
    fn precision() -> impl Strategy<Value = Precision> {
        let units = (1_u32..36).prop_flat_map(|bits| 1_u64 << bits..2_u64 << bits);
        (1_u8..=3, units).prop_map(|(digits, units)| Precision {
            unit: 0.001,
            max: units.nearest_f64() * 0.001,
            digits,
        })
    }

    /// Units of every size: from 0 to the maximum with a `share` up to 1, and beyond it.
    fn spread(grid: &QuantileGrid, share: f64) -> f64 {
        (grid.units_max.nearest_f64() + 1.0).powf(share) - 1.0
    }

    proptest! {
        #[test]
        fn bucket_begins_with_its_own_units(precision in precision(), share in 0.0..1.0_f64) {
            let grid = QuantileGrid::new(precision).expect("a valid precision");
            let units = spread(&grid, share).saturating_u64().min(grid.units_max);
            let class = grid.class(units);
            prop_assert!(class < grid.len());
            let (begin, next) = (grid.units(class), grid.units(class + 1));
            prop_assert!(begin <= units && units < next, "{begin} <= {units} < {next}");
            let width = 10_u64.pow(u32::from(precision.digits));
            prop_assert!((next - begin) == 1 || (next - begin) * width <= begin);
        }

        #[test]
        fn quantiles_equal_those_of_hdrhistogram(
            precision in precision(),
            shares in prop::collection::vec(0.0..1.2_f64, 1..100),
        ) {
            let grid = QuantileGrid::new(precision).expect("a valid precision");
            let mut counts = vec![0; grid.len()];
            let mut reference =
                Hdr::<u64>::new_with_max(grid.units_max.max(2), precision.digits).expect("fits");
            for value in shares.iter().map(|share| spread(&grid, *share) * 0.001) {
                counts[grid.locate(value)] += 1;
                let units = (value * 1000.0 + 0.5).saturating_u64().min(grid.units_max);
                reference.record(units).expect("in range");
            }
            let quantiles = grid.quantiles(counts.into_iter());
            for quantile in [0.0, 0.1, 0.5, 0.9, 0.99, 1.0] {
                let expected = reference.value_at_quantile(quantile);
                prop_assert_eq!(quantiles.units().value_at_quantile(quantile), expected);
            }
        }
    }

    #[test]
    fn precision_out_of_range_is_refused() {
        let base = Precision {
            unit: 0.001,
            max: 60.0,
            digits: 2,
        };
        let error = |precision| {
            QuantileGrid::new(precision)
                .expect_err("impossible")
                .to_string()
        };
        assert!(error(Precision { digits: 0, ..base }).contains("write 1, 2 or 3"));
        assert!(error(Precision { digits: 4, ..base }).contains("write 1, 2 or 3"));
        for (unit, max) in [
            (0.0, 1.0),
            (-1.0, 1.0),
            (-1.0, -10.0),
            (1.0, 1.0),
            (f64::NAN, 1.0),
            (1e-9, 1e9),
        ] {
            assert!(error(Precision { unit, max, ..base }).contains("is not possible"));
        }
    }
}
