//! A weighted choice by the alias method (Vose, 1991): *O*(1) per draw, one word each.

use super::{DistributionError, VALUES_MAX, non_negative, positive};
use crate::RandomStream;
use rehearsal_convert::{Index, LowBits, Nearest, Saturating};

/// Table for a weighted choice of an index.
#[derive(Clone, Debug)]
pub struct AliasTable {
    columns: Vec<AliasColumn>,
}

/// Column of the table. All columns are equally likely. The fraction below `threshold` selects the
/// column's own index, the rest selects another one.
#[derive(Clone, Debug)]
struct AliasColumn {
    /// Own index, and the other.
    choices: [u32; 2],
    /// Fraction of the own index in units of 2^-64.
    threshold: u64,
}

impl AliasTable {
    /// Creates a table. Weights are 0 to 1e100, and not all are 0. *O*(weights).
    ///
    /// # Errors
    /// A weight is out of range, or there are none or too many.
    pub fn new(weights: &[f64]) -> Result<Self, DistributionError> {
        let count = weights.len();
        if weights.is_empty() || count > VALUES_MAX {
            return Err(DistributionError::Count { count });
        }
        for weight in weights {
            non_negative("weight", *weight)?;
        }
        positive("the sum of weights", weights.iter().sum())?;
        Ok(Self::of_checked(weights))
    }

    fn of_checked(weights: &[f64]) -> Self {
        let mean = weights.iter().sum::<f64>() / weights.len().nearest_f64();
        debug_assert!(mean > 0.0 && mean.is_finite(), "mean weight {mean}");
        let mut shares: Vec<f64> = weights.iter().map(|weight| weight / mean).collect();
        let mut columns: Vec<AliasColumn> = (0..weights.len().index_u32())
            .map(|own| AliasColumn {
                choices: [own; 2],
                threshold: u64::MAX,
            })
            .collect();
        let (mut poor, mut rich): (Vec<usize>, Vec<usize>) =
            (0..shares.len()).partition(|&index| shares[index] < 1.0);
        // A column above the mean fills one below, and may fall below the mean itself. Columns that
        // rounding leaves over keep their own index alone.
        while let (Some(&giver), Some(taker)) = (rich.last(), poor.pop()) {
            columns[taker].choices[1] = giver.index_u32();
            columns[taker].threshold =
                (shares[taker] * 18_446_744_073_709_551_616.0).saturating_u64();
            shares[giver] -= 1.0 - shares[taker];
            if shares[giver] < 1.0 {
                rich.pop();
                poor.push(giver);
            }
        }
        Self { columns }
    }

    /// Draws the index of a weight.
    #[inline]
    pub fn draw(&self, stream: &mut RandomStream) -> u32 {
        // The high half of the product is the column, the low half the fraction within it.
        let product = u128::from(stream.word()) * self.columns.len() as u128;
        let column = &self.columns[(product >> 64).to_index()];
        // An indexed load: a branch would be unpredictable.
        column.choices[usize::from(product.low_u64() >= column.threshold)]
    }
}
