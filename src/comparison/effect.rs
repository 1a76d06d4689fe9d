//! The difference of one number between two sides.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// How sure an interval is to hold the difference of all seeds. Of twenty numbers that nothing
/// changes, about one is taken for changed.
pub const CONFIDENCE: f64 = 0.95;

/// What can be said of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EffectFinding {
    /// The number is the same in every pair.
    Equal,
    /// The interval holds zero: no difference that these pairs can show.
    NoDifference,
    /// B has less.
    Less,
    /// B has more.
    More,
    /// One pair differs, and says nothing of others.
    TooFew,
}

/// A number on both sides, paired by seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Effect {
    /// The name of the number.
    pub name: String,
    /// In how many seeds both sides have it.
    pub pairs: u64,
    /// Its mean over these seeds in A.
    pub mean_a: f64,
    /// Its mean over these seeds in B.
    pub mean_b: f64,
    /// The mean of B less A.
    pub difference: f64,
    /// The bounds of that mean, with [`CONFIDENCE`]; none with fewer than two pairs.
    pub interval: Option<[f64; 2]>,
    /// The difference in standard deviations of the differences (Cohen's d for pairs); none if they
    /// don't vary.
    pub standardised: Option<f64>,
    /// In how many seeds B has less.
    pub less: u64,
    /// In how many B has more.
    pub more: u64,
    /// What can be said.
    pub finding: EffectFinding,
}

impl Effect {
    /// The difference of a number over pairs of A and B; none without any pair.
    pub fn of(name: &str, pairs: &[(f64, f64)]) -> Option<Self> {
        if pairs.is_empty() {
            return None;
        }
        let count = pairs.len() as f64;
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

/// So many standard errors lie between the middle and the end of an interval.
fn quantile(freedom: f64) -> Option<f64> {
    let student = StudentsT::new(0.0, 1.0, freedom).ok()?;
    Some(student.inverse_cdf(0.5 + CONFIDENCE / 2.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_that_of_a_paired_t_test() {
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
    fn what_is_not_known_is_not_claimed() {
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
