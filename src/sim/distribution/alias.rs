//! Weighted values by the alias method (Vose, 1991): *O*(1) per sample, one word each.

use crate::sim::kernel::Stream;

#[derive(Clone, Debug)]
pub(super) struct Alias {
    columns: Vec<Column>,
}

/// Each column is equally likely; within it, the fraction below `threshold` stands for the
/// column's own value, the rest for another's.
#[derive(Clone, Debug)]
struct Column {
    value: f64,
    other: f64,
    /// The fraction in units of 2^-64.
    threshold: u64,
}

impl Alias {
    /// `values` and `weights` are as many, not none; the weights' sum is above 0.
    pub(super) fn new(values: Vec<f64>, weights: &[f64]) -> Self {
        let mean = weights.iter().sum::<f64>() / weights.len() as f64;
        let mut shares: Vec<f64> = weights.iter().map(|weight| weight / mean).collect();
        let mut columns: Vec<Column> = values
            .into_iter()
            .map(|value| Column {
                value,
                other: value,
                threshold: u64::MAX,
            })
            .collect();
        let (mut poor, mut rich): (Vec<usize>, Vec<usize>) =
            (0..shares.len()).partition(|&index| shares[index] < 1.0);
        // Each poor column is filled up by a rich one, which may become poor by it. What rounding
        // leaves over at the end keeps its own value alone.
        while let (Some(&giver), Some(taker)) = (rich.last(), poor.pop()) {
            columns[taker].other = columns[giver].value;
            columns[taker].threshold = (shares[taker] * 18_446_744_073_709_551_616.0) as u64;
            shares[giver] -= 1.0 - shares[taker];
            if shares[giver] < 1.0 {
                rich.pop();
                poor.push(giver);
            }
        }
        Self { columns }
    }

    pub(super) fn sample(&self, stream: &mut Stream) -> f64 {
        // The high half of the product is the column, the low half the fraction within it.
        let product = u128::from(stream.word()) * self.columns.len() as u128;
        let column = &self.columns[(product >> 64) as usize];
        if (product as u64) < column.threshold {
            column.value
        } else {
            column.other
        }
    }
}
