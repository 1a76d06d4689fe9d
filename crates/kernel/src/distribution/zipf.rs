//! Zipf's distribution by rejection-inversion (Hörmann and Derflinger, 1996).
//!
//! The area under the curve k^-exponent is inverted, and the few points are rejected where the
//! steps of the ranks lie below the curve. No table, *O*(1) for any number of ranks.

use crate::RandomStream;
use rehearsal_convert::Nearest;

#[derive(Clone, Debug)]
pub(super) struct Zipf {
    ranks: f64,
    exponent: f64,
    /// Area from the start to the right edge of the first rank, less its height.
    area_first: f64,
    /// Area up to the right edge of the last rank.
    area_last: f64,
    /// Maximum distance left of a rank within which a point is accepted without a test.
    sure: f64,
}

impl Zipf {
    pub(super) fn new(ranks: u64, exponent: f64) -> Self {
        let ranks = ranks.nearest_f64();
        let sure = 2.0 - position(area(2.5, exponent) - height(2.0, exponent), exponent);
        Self {
            ranks,
            exponent,
            area_first: area(1.5, exponent) - 1.0,
            area_last: area(ranks + 0.5, exponent),
            sure,
        }
    }

    pub(super) fn sample(&self, stream: &mut RandomStream) -> f64 {
        loop {
            let drawn = self.area_last + stream.uniform() * (self.area_first - self.area_last);
            let x = position(drawn, self.exponent);
            let rank = libm::floor(x + 0.5).clamp(1.0, self.ranks);
            if rank - x <= self.sure
                || drawn >= area(rank + 0.5, self.exponent) - height(rank, self.exponent)
            {
                return rank;
            }
        }
    }
}

/// Returns x^-exponent, the curve.
fn height(x: f64, exponent: f64) -> f64 {
    libm::exp(-exponent * libm::log(x))
}

/// Returns the area under the curve from 1 to x: (x^(1-exponent) - 1) / (1-exponent), or ln x at 1.
fn area(x: f64, exponent: f64) -> f64 {
    let log = libm::log(x);
    let scaled = (1.0 - exponent) * log;
    if scaled.abs() > 1e-8 {
        libm::expm1(scaled) / scaled * log
    } else {
        (1.0 + scaled / 2.0) * log
    }
}

/// Returns the inverse of [`area`].
fn position(area: f64, exponent: f64) -> f64 {
    // Rounding may carry it below -1, where there is no logarithm.
    let scaled = (area * (1.0 - exponent)).max(-1.0);
    if scaled.abs() > 1e-8 {
        libm::exp(libm::log1p(scaled) / scaled * area)
    } else {
        libm::exp((1.0 - scaled / 2.0) * area)
    }
}
