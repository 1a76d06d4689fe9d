//! The standard normal distribution by the ziggurat method.
//!
//! The density is covered by 256 layers of equal area, drawn here on their side. Nearly always one
//! word selects a layer and a point that certainly lies under the curve. Otherwise an exact test or
//! the exact tail decides.
//!
//! ```text
//!   |_____
//!   |     |___           a point left of the next layer's edge is under the curve;
//!   |         |____      one right of it has to be tested;
//!   |______________|___  the lowest layer includes the tail.
//!                  R
//! ```

use std::sync::LazyLock;

use crate::RandomStream;
use rehearsal_convert::Nearest;

const LAYERS: usize = 256;
/// Start of the tail for 256 layers (Marsaglia and Tsang, 2000).
const TAIL_START: f64 = 3.654_152_885_361_009;

static SHARED: LazyLock<Normal> = LazyLock::new(Normal::new);

#[derive(Debug)]
pub(super) struct Normal {
    /// Right edges of the layers, from the widest; the last is 0.
    edges: [f64; LAYERS + 1],
    /// Density at each edge, 1 in the middle.
    heights: [f64; LAYERS + 1],
}

impl Normal {
    /// Returns the table, computed once. It depends on nothing but `libm`.
    pub(super) fn shared() -> &'static Self {
        &SHARED
    }

    fn new() -> Self {
        let tail = libm::sqrt(std::f64::consts::FRAC_PI_2)
            * libm::erfc(TAIL_START * std::f64::consts::FRAC_1_SQRT_2);
        let area = TAIL_START * bell(TAIL_START) + tail;
        let mut edges = [0.0; LAYERS + 1];
        edges[0] = area / bell(TAIL_START);
        edges[1] = TAIL_START;
        for layer in 2..LAYERS {
            let height = area / edges[layer - 1] + bell(edges[layer - 1]);
            edges[layer] = libm::sqrt(-2.0 * libm::log(height));
        }
        Self {
            edges,
            heights: edges.map(bell),
        }
    }

    pub(super) fn sample(&self, stream: &mut RandomStream) -> f64 {
        loop {
            let word = stream.word();
            // The layer from the low 8 bits, the point from the high 53, as a number in [-1, 1).
            let layer = (word & 0xFF) as usize;
            let point = (word >> 11).nearest_f64() * (2.0 / 9_007_199_254_740_992.0) - 1.0;
            let x = point * self.edges[layer];
            if x.abs() < self.edges[layer + 1] || self.is_under_bell(layer, x, stream) {
                return x;
            }
            if layer == 0 {
                return sample_tail(stream).copysign(x);
            }
        }
    }

    /// Exact test for a point between the edges of two layers.
    #[cold]
    fn is_under_bell(&self, layer: usize, x: f64, stream: &mut RandomStream) -> bool {
        let (low, high) = (self.heights[layer], self.heights[layer + 1]);
        layer > 0 && low + (high - low) * stream.uniform() < bell(x)
    }
}

/// Returns the density, scaled to 1 in the middle.
fn bell(x: f64) -> f64 {
    libm::exp(-0.5 * x * x)
}

/// Draws a sample beyond the start of the tail (Marsaglia, 1964).
#[cold]
fn sample_tail(stream: &mut RandomStream) -> f64 {
    loop {
        let x = -libm::log(super::above_zero(stream)) / TAIL_START;
        let y = -libm::log(super::above_zero(stream));
        if 2.0 * y > x * x {
            return TAIL_START + x;
        }
    }
}
