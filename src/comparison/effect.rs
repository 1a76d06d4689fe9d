//! Difference of one number between two sides.

use rehearsal_convert::Nearest;
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// Confidence level of the intervals. Of twenty numbers without a difference, about one is
/// reported as different.
pub const CONFIDENCE: f64 = 0.95;

/// Conclusion about a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EffectFinding {
    /// The number is the same in every pair.
    Equal,
    /// The interval contains zero: these pairs show no difference.
    NoDifference,
    /// The number is smaller in B.
    Less,
    /// The number is greater in B.
    More,
    /// There is one pair, which allows no conclusion.
    TooFew,
}

/// Number on both sides, paired by seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Effect {
    /// Name of the number.
    pub name: String,
    /// Number of seeds with the number on both sides.
    pub pairs: u64,
    /// Mean over these seeds in A.
    pub mean_a: f64,
    /// Mean over these seeds in B.
    pub mean_b: f64,
    /// Mean of B minus A.
    pub difference: f64,
    /// Bounds of the mean difference at [`CONFIDENCE`]; none with fewer than two pairs.
    pub interval: Option<[f64; 2]>,
    /// Mean difference in standard deviations of the differences (Cohen's d for pairs); none if
    /// the deviation is zero.
    pub standardised: Option<f64>,
    /// Number of seeds with a smaller value in B.
    pub less: u64,
    /// Number of seeds with a greater value in B.
    pub more: u64,
    /// Conclusion.
    pub finding: EffectFinding,
}

impl Effect {
    /// Computes the difference over pairs of A and B; none without pairs.
    pub fn of(name: &str, pairs: &[(f64, f64)]) -> Option<Self> {
        if pairs.is_empty() {
            return None;
        }
        let count = pairs.len().nearest_f64();
        let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / count;
        let differences = || pairs.iter().map(|(a, b)| b - a);
        let difference = mean(&mut differences());
        let squares: f64 = differences().map(|d| (d - difference).powi(2)).sum();
        let deviation = (pairs.len() > 1).then(|| (squares / (count - 1.0)).sqrt());
        let interval = deviation.and_then(|deviation| {
            let reach = quantile(count - 1.0)? * deviation / count.sqrt();
            Some([difference - reach, difference + reach])
        });
        let less = differences().filter(|d| *d < 0.0).count() as u64;
        let more = differences().filter(|d| *d > 0.0).count() as u64;
        let finding = match interval {
            _ if less + more == 0 => EffectFinding::Equal,
            None => EffectFinding::TooFew,
            Some([low, _]) if low > 0.0 => EffectFinding::More,
            Some([_, high]) if high < 0.0 => EffectFinding::Less,
            Some(_) => EffectFinding::NoDifference,
        };
        let spread = deviation.filter(|deviation| *deviation > 0.0);
        Some(Self {
            name: name.to_owned(),
            pairs: pairs.len() as u64,
            mean_a: mean(&mut pairs.iter().map(|(a, _)| *a)),
            mean_b: mean(&mut pairs.iter().map(|(_, b)| *b)),
            difference,
            interval,
            standardised: spread.map(|deviation| difference / deviation),
            less,
            more,
            finding,
        })
    }
}

/// Returns the half width of an interval in standard errors.
fn quantile(freedom: f64) -> Option<f64> {
    let student = StudentsT::new(0.0, 1.0, freedom).ok()?;
    Some(student.inverse_cdf(0.5 + CONFIDENCE / 2.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interval_is_that_of_a_paired_t_test() {
        // Student's own data of 1908: hours of sleep gained by ten patients with two drugs. R says
        // of `t.test(b, a, paired = TRUE)`: 0.7001142 to 2.4598858.
        let a = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0];
        let b = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];
        let pairs: Vec<_> = a.into_iter().zip(b).collect();
        let effect = Effect::of("sleep", &pairs).unwrap();
        let [low, high] = effect.interval.unwrap();
        assert!((low - 0.700_114_2).abs() < 1e-6, "{low}");
        assert!((high - 2.459_885_8).abs() < 1e-6, "{high}");
        assert!((effect.difference - 1.58).abs() < 1e-12);
        assert_eq!((effect.less, effect.more), (0, 9));
        assert_eq!(effect.finding, EffectFinding::More);
    }

    #[test]
    fn finding_without_evidence_is_not_claimed() {
        let finding = |pairs: &[(f64, f64)]| Effect::of("x", pairs).map(|effect| effect.finding);
        assert_eq!(finding(&[]), None);
        assert_eq!(finding(&[(1.0, 2.0)]), Some(EffectFinding::TooFew));
        assert_eq!(finding(&[(1.0, 1.0)]), Some(EffectFinding::Equal));
        assert_eq!(
            finding(&[(1.0, 1.0), (2.0, 2.0)]),
            Some(EffectFinding::Equal)
        );
        let mixed = [(1.0, 2.0), (2.0, 1.0), (3.0, 3.5)];
        assert_eq!(finding(&mixed), Some(EffectFinding::NoDifference));
        assert_eq!(
            finding(&[(9.0, 8.0), (5.0, 4.0)]),
            Some(EffectFinding::Less)
        );
    }
}
