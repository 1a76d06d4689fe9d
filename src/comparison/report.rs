//! Comparison of two sides as plain data.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{CONFIDENCE, ComparisonSide, Effect, HistogramPair};
use crate::report::Verdict;

/// Schema version of the JSON document.
pub const SCHEMA: &str = "rehearsal.compare@1";

/// Comparison of two sides, paired by seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// Schema version, [`SCHEMA`].
    pub schema: String,
    /// First side.
    pub a: SideSummary,
    /// Second side.
    pub b: SideSummary,
    /// Number of seeds that both sides have. Other seeds are ignored.
    pub pairs: u64,
    /// Number of pairs with equal traces.
    pub same_traces: u64,
    /// Confidence level of the intervals.
    pub confidence: f64,
    /// Differences, by name of the number.
    pub effects: Vec<Effect>,
    /// Seeds that fail only in A.
    pub fail_only_in_a: Vec<u64>,
    /// Seeds that fail only in B.
    pub fail_only_in_b: Vec<u64>,
    /// Distributions of durations over all seeds of each side.
    pub histograms: Vec<HistogramPair>,
}

/// Summary of one side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SideSummary {
    /// Display name: path or options.
    pub label: String,
    /// Name of the scenario.
    pub scenario: String,
    /// Number of seeds.
    pub seeds: u64,
    /// Number of seeds that fail.
    pub failures: u64,
}

impl SideSummary {
    fn of(side: &ComparisonSide) -> Self {
        let failed = |row: &&crate::sweep::SeedRow| row.verdict == Verdict::Fail;
        Self {
            label: side.label.clone(),
            scenario: side.scenario.clone(),
            seeds: side.rows.len() as u64,
            failures: side.rows.values().filter(failed).count() as u64,
        }
    }
}

impl Comparison {
    /// Compares two sides.
    ///
    /// # Errors
    /// The sides have no seed in common.
    pub fn of(a: &ComparisonSide, b: &ComparisonSide) -> Result<Self, String> {
        let both = a.rows.iter();
        let pairs: Vec<_> = both
            .filter_map(|(seed, row)| Some((row, b.rows.get(seed)?)))
            .collect();
        if pairs.is_empty() {
            return Err(format!(
                "{} and {} have no seed in common",
                a.label, b.label
            ));
        }
        let names: BTreeSet<&String> = pairs.iter().flat_map(|(a, _)| a.numbers.keys()).collect();
        let effects = names.into_iter().filter_map(|name| {
            let numbers = pairs.iter();
            let numbers: Vec<_> = numbers
                .filter_map(|(a, b)| Some((*a.numbers.get(name)?, *b.numbers.get(name)?)))
                .collect();
            Effect::of(name, &numbers)
        });
        let fail_only = |is_b: bool| {
            let failed = pairs.iter().filter(|(a, b)| {
                let (this, other) = if is_b { (b, a) } else { (a, b) };
                this.verdict == Verdict::Fail && other.verdict != Verdict::Fail
            });
            failed.map(|(a, _)| a.seed).collect()
        };
        let same = pairs
            .iter()
            .filter(|(a, b)| !a.trace.is_empty() && a.trace == b.trace);
        let histograms = a.histograms.iter().filter_map(|(name, a)| {
            let b = b.histograms.get(name)?;
            Some(HistogramPair::of_micros(name, a, b))
        });
        Ok(Self {
            schema: SCHEMA.into(),
            a: SideSummary::of(a),
            b: SideSummary::of(b),
            pairs: pairs.len() as u64,
            same_traces: same.count() as u64,
            confidence: CONFIDENCE,
            effects: effects.collect(),
            fail_only_in_a: fail_only(false),
            fail_only_in_b: fail_only(true),
            histograms: histograms.collect(),
        })
    }

    /// Returns the JSON document.
    pub fn to_json(&self) -> String {
        let text = serde_json::to_string_pretty(self);
        let text = text.unwrap_or_else(|error| unreachable!("a comparison is plain data: {error}"));
        text + "\n"
    }
}
