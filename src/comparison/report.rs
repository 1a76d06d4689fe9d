//! All that two sides say about each other, as plain data.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{CONFIDENCE, ComparisonSide, Effect, HistogramPair};
use crate::report::Verdict;

/// The version of the JSON document.
pub const SCHEMA: &str = "rehearsal.compare@1";

/// Two sides, paired by seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// [`SCHEMA`].
    pub schema: String,
    /// The first side.
    pub a: SideSummary,
    /// The second side.
    pub b: SideSummary,
    /// Seeds that both sides have; others are left out.
    pub pairs: u64,
    /// In how many of them both traces are the same, event by event.
    pub same_traces: u64,
    /// How sure the intervals are.
    pub confidence: f64,
    /// Every number, by name.
    pub effects: Vec<Effect>,
    /// Seeds that fail in A only.
    pub fail_only_in_a: Vec<u64>,
    /// Seeds that fail in B only.
    pub fail_only_in_b: Vec<u64>,
    /// How long things took over all seeds of each side.
    pub histograms: Vec<HistogramPair>,
}

/// A side in a few words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SideSummary {
    /// What it is called.
    pub label: String,
    /// The scenario's name.
    pub scenario: String,
    /// How many seeds it has.
    pub seeds: u64,
    /// How many of them fail.
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
    /// They have no seed in common.
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

    /// The document's text.
    pub fn to_json(&self) -> String {
        let text = serde_json::to_string_pretty(self);
        let text = text.unwrap_or_else(|error| unreachable!("a comparison is plain data: {error}"));
        text + "\n"
    }
}
