//! Comparison of instruction counts, with the functions that grew.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::baseline::Counts;
use crate::callgrind::Count;

/// Growth at which a benchmark fails.
const GROWTH_MAX: f64 = 0.03;

/// Maximum number of functions named for a benchmark that grew.
const FUNCTIONS_NAMED: usize = 5;

/// Minimum share of a benchmark's growth for a function to be named.
const SHARE_NAMED: f64 = 0.1;

/// Result of a comparison.
#[derive(Debug, Default)]
pub struct CountComparison {
    /// A line for each benchmark, and the functions of those that grew.
    pub report: String,
    /// Names of benchmarks that grew by more than 3 %, or no longer exist.
    pub failed: Vec<String>,
}

/// Compares counts with the expected ones.
pub fn compare(expected: &Counts, found: &Counts) -> CountComparison {
    let mut comparison = CountComparison::default();
    let names: BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
    for name in names {
        comparison.add(name, expected.get(name), found.get(name));
    }
    comparison
}

impl CountComparison {
    fn add(&mut self, name: &str, expected: Option<&Count>, found: Option<&Count>) {
        let (expected, found) = match (expected, found) {
            (Some(expected), Some(found)) => (expected, found),
            (None, Some(found)) => {
                let _ = writeln!(self.report, "{name:32}{:>16.2}  new", found.per_unit);
                return;
            }
            (_, None) => {
                let _ = writeln!(
                    self.report,
                    "{name:32}{:>16}  no such benchmark any more",
                    ""
                );
                self.failed.push(name.to_owned());
                return;
            }
        };
        let growth = found.per_unit / expected.per_unit - 1.0;
        let _ = write!(
            self.report,
            "{name:32}{:>16.2}{:>16.2}{:>+9.2} %",
            expected.per_unit,
            found.per_unit,
            growth * 100.0
        );
        if growth > GROWTH_MAX {
            self.failed.push(name.to_owned());
            self.report.push_str("  FAIL\n");
            self.report.push_str(&grown_functions(expected, found));
        } else if growth < -GROWTH_MAX {
            self.report.push_str("  better\n");
        } else {
            self.report.push('\n');
        }
    }
}

/// Functions with the largest growth of a benchmark, in descending order.
fn grown_functions(expected: &Count, found: &Count) -> String {
    let growth = found.per_unit - expected.per_unit;
    let functions = found.functions.iter().map(|(function, cost)| {
        let before = expected.functions.get(function).copied().unwrap_or(0.0);
        (cost - before, before, function)
    });
    let mut grown: Vec<_> = functions
        .filter(|(more, ..)| *more >= SHARE_NAMED * growth)
        .collect();
    grown.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.2.cmp(b.2)));
    let mut text = String::new();
    for (more, before, function) in grown.into_iter().take(FUNCTIONS_NAMED) {
        let _ = writeln!(text, "    grew by {more:.2} from {before:.2}: {function}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(functions: &[(&str, f64)]) -> Counts {
        let count = Count {
            per_unit: functions.iter().map(|(_, cost)| cost).sum(),
            functions: functions
                .iter()
                .map(|(name, cost)| ((*name).into(), *cost))
                .collect(),
        };
        Counts::from([("event".to_owned(), count)])
    }

    #[test]
    fn growth_of_five_percent_fails_and_names_the_function() {
        let expected = counts(&[("poll", 60.0), ("push", 40.0)]);
        let found = counts(&[("poll", 60.0), ("push", 45.0)]);
        let comparison = compare(&expected, &found);
        assert_eq!(comparison.failed, ["event"]);
        assert!(
            comparison.report.contains("+5.00 %  FAIL"),
            "{}",
            comparison.report
        );
        assert!(comparison.report.contains("grew by 5.00 from 40.00: push"));
        assert!(!comparison.report.contains("poll"));
    }

    #[test]
    fn growth_of_a_function_that_is_new_is_named() {
        let expected = counts(&[("poll", 100.0)]);
        let found = counts(&[("poll", 90.0), ("lock", 20.0)]);
        let comparison = compare(&expected, &found);
        assert_eq!(comparison.failed, ["event"]);
        assert!(comparison.report.contains("grew by 20.00 from 0.00: lock"));
    }

    #[test]
    fn growth_of_two_percent_passes() {
        let comparison = compare(&counts(&[("poll", 100.0)]), &counts(&[("poll", 102.0)]));
        assert!(comparison.failed.is_empty());
        assert!(!comparison.report.contains("grew"));
    }

    #[test]
    fn gain_of_five_percent_passes_as_better() {
        let comparison = compare(&counts(&[("poll", 100.0)]), &counts(&[("poll", 95.0)]));
        assert!(comparison.failed.is_empty());
        assert!(comparison.report.contains("better"));
    }

    #[test]
    fn benchmark_that_is_gone_fails() {
        let comparison = compare(&counts(&[("poll", 100.0)]), &Counts::new());
        assert_eq!(comparison.failed, ["event"]);
    }

    #[test]
    fn benchmark_that_is_new_passes() {
        let comparison = compare(&Counts::new(), &counts(&[("poll", 100.0)]));
        assert!(comparison.failed.is_empty());
        assert!(comparison.report.contains("new"));
    }
}
