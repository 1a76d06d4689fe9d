//! Instants at which the values of panels are drawn.

/// Round steps, in seconds.
const STEPS_S: [i64; 19] = [
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_200, 1_800, 3_600, 7_200, 10_800, 21_600,
    43_200, 86_400,
];

/// Evenly spaced instants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepGrid {
    /// First instant, in ms since 1970.
    pub start_ms: i64,
    /// Step between two instants, in ms.
    pub step_ms: i64,
    /// Number of instants.
    pub count: usize,
}

impl StepGrid {
    /// Creates instants from `start_ms` to `end_ms`, at most `count_max`. The step is at least
    /// the scrape interval, since there is no data between two scrapes.
    pub fn fitting(start_ms: i64, end_ms: i64, scrape_interval_ms: i64, count_max: usize) -> Self {
        let count_max = i64::try_from(count_max).unwrap_or(i64::MAX);
        let span_ms = (end_ms - start_ms).max(0);
        let fits = |step_ms: i64| step_ms >= scrape_interval_ms && span_ms / step_ms < count_max;
        let steps = STEPS_S.iter().map(|seconds| seconds * 1_000);
        // Beyond the longest step: the smallest number of days that fits.
        let days = span_ms / count_max.max(1) / 86_400_000 + 1;
        let step_ms = { steps }
            .find(|step| fits(*step))
            .unwrap_or(days * 86_400_000);
        Self {
            start_ms,
            step_ms,
            count: usize::try_from(span_ms / step_ms).map_or(usize::MAX, |steps| steps + 1),
        }
    }

    /// Returns the last instant, in ms since 1970.
    pub fn end_ms(&self) -> i64 {
        let steps = i64::try_from(self.count).map_or(i64::MAX, |count| count - 1);
        self.start_ms + steps * self.step_ms
    }

    /// Returns the values at all instants; none where there is no point.
    pub fn column(&self, points: &[(i64, f64)]) -> Vec<Option<f64>> {
        let mut column = vec![None; self.count];
        for (at_ms, value) in points {
            let index = (at_ms - self.start_ms) / self.step_ms;
            let value_at = usize::try_from(index)
                .ok()
                .and_then(|index| column.get_mut(index));
            if let Some(place) = value_at {
                *place = Some(*value);
            }
        }
        column
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn step_is_the_shortest_round_one_that_fits() {
        let step = |span_s: i64, scrape_s: i64, count| {
            let grid = StepGrid::fitting(0, span_s * 1_000, scrape_s * 1_000, count);
            assert!(grid.count <= count && grid.end_ms() <= span_s * 1_000);
            grid.step_ms / 1_000
        };
        assert_eq!(step(3_600, 15, 720), 15);
        assert_eq!(step(3_600, 30, 720), 30);
        assert_eq!(step(86_400, 15, 720), 300);
        assert_eq!(step(604_800, 15, 720), 900);
        assert_eq!(step(31_536_000, 15, 720), 86_400);
        assert_eq!(step(315_360_000, 15, 720), 6 * 86_400);
        assert_eq!(step(0, 15, 1), 15);
    }

    #[test]
    fn column_without_points_has_gaps() {
        let grid = StepGrid::fitting(1_000, 61_000, 15_000, 10);
        let column = grid.column(&[(16_000, 2.0), (46_000, 4.0)]);
        assert_eq!(column, [None, Some(2.0), None, Some(4.0), None]);
    }
}
