//! Comparison as terminal text.

use std::fmt::{self, Write};

use super::{Comparison, Effect, EffectFinding, HistogramBar, HistogramPair};
use crate::report::QuantileSummary;
use crate::report::format::{bold, count, dim, line, seconds};
use rehearsal_convert::{Index, Saturating};

/// Maximum number of seeds that are listed.
const SEEDS_SHOWN: usize = 10;

/// Length of a bar that contains all samples, in characters.
const BAR_WIDTH: f64 = 30.0;

/// Returns a comparison as text with styles.
pub fn text(comparison: &Comparison) -> String {
    let mut text = String::new();
    // Writing to a string can't fail.
    let _ = write(&mut text, comparison);
    text
}

fn write(out: &mut String, comparison: &Comparison) -> fmt::Result {
    let Comparison { a, b, pairs, .. } = comparison;
    for (name, side) in [("A", a), ("B", b)] {
        let seeds = format!("{} seeds", count(side.seeds));
        let failures = format!("{} failed", count(side.failures));
        line(out, name, &[bold(&side.label).to_string(), seeds, failures])?;
    }
    if a.scenario != b.scenario {
        let names = format!("they differ: {} and {}", a.scenario, b.scenario);
        line(out, "scenarios", &[names])?;
    }
    line(out, "common seeds", &[count(*pairs)])?;
    line(
        out,
        "same traces",
        &[format!("in {} of them", count(comparison.same_traces))],
    )?;
    for (name, seeds) in [
        ("fail only in A", &comparison.fail_only_in_a),
        ("fail only in B", &comparison.fail_only_in_b),
    ] {
        if !seeds.is_empty() {
            line(out, name, &[named(seeds)])?;
        }
    }
    writeln!(out)?;
    write_effects(out, comparison)?;
    for histograms in &comparison.histograms {
        write_histograms(out, histograms)?;
    }
    writeln!(out)?;
    writeln!(out, "{}", conclusion(comparison))
}

fn named(seeds: &[u64]) -> String {
    let mut words: Vec<String> = seeds.iter().take(SEEDS_SHOWN).map(u64::to_string).collect();
    if seeds.len() > SEEDS_SHOWN {
        words.push("...".into());
    }
    format!("{} ({})", seeds.len(), words.join(", "))
}

/// Cells of a row: name, A, B, difference, interval and finding.
type Cells = [String; 6];

fn write_effects(out: &mut String, comparison: &Comparison) -> fmt::Result {
    let percent = comparison.confidence * 100.0;
    let interval = format!("{percent:.0} % interval");
    let head = ["", "A", "B", "B − A", &interval, ""].map(str::to_owned);
    let rows: Vec<Cells> = comparison.effects.iter().map(effect_cells).collect();
    let all = || rows.iter().chain([&head]);
    let widths: [usize; 6] = std::array::from_fn(|column| {
        let widths = all().map(|cells| cells[column].chars().count());
        widths.max().unwrap_or(0)
    });
    writeln!(out, "{}", dim(row(&head, widths)))?;
    rows.iter()
        .try_for_each(|cells| writeln!(out, "{}", row(cells, widths)))
}

fn effect_cells(effect: &Effect) -> Cells {
    let number = |value| number(&effect.name, value);
    let signed = |value| signed(&effect.name, value);
    let interval = effect.interval.map_or("-".into(), |[low, high]| {
        format!("{} to {}", signed(low), signed(high))
    });
    [
        title(&effect.name),
        number(effect.mean_a),
        number(effect.mean_b),
        difference(effect),
        interval,
        finding(effect),
    ]
}

/// Formats a row: numbers right-aligned, words left-aligned.
fn row(cells: &Cells, widths: [usize; 6]) -> String {
    let padded = cells.iter().zip(widths).enumerate();
    let cells: Vec<String> = padded
        .map(|(column, (cell, width))| match column {
            1 | 2 => format!("{cell:>width$}"),
            _ => format!("{cell:<width$}"),
        })
        .collect();
    cells.join("   ").trim_end().to_owned()
}

/// Formats the difference, absolute and in percent of A.
fn difference(effect: &Effect) -> String {
    let absolute = signed(&effect.name, effect.difference);
    match effect.mean_a {
        0.0 => absolute,
        _ if effect.difference == 0.0 => absolute,
        mean => {
            let percent = format!("{:+.1} %", effect.difference / mean * 100.0);
            format!("{absolute} ({})", percent.replace('-', "−"))
        }
    }
}

fn finding(effect: &Effect) -> String {
    let pairs = count(effect.pairs);
    match effect.finding {
        EffectFinding::Equal => "equal in every seed".into(),
        EffectFinding::NoDifference => "no difference".into(),
        EffectFinding::Less => format!("less in B, in {} of {pairs}", count(effect.less)),
        EffectFinding::More => format!("more in B, in {} of {pairs}", count(effect.more)),
        EffectFinding::TooFew => "too few seeds to tell".into(),
    }
}

/// Returns the words of a name: `runDurationP95Seconds` becomes `run duration p95`.
fn title(name: &str) -> String {
    let mut title = String::new();
    for letter in name.strip_suffix("Seconds").unwrap_or(name).chars() {
        if letter.is_uppercase() {
            title.push(' ');
        }
        title.extend(letter.to_lowercase());
    }
    // `wallSeconds` and `virtualSeconds` contain no noun.
    match name.ends_with("Seconds") && !title.contains(' ') {
        true => title + " time",
        false => title,
    }
}

fn number(name: &str, value: f64) -> String {
    if name.ends_with("Seconds") {
        return seconds(value);
    }
    match value {
        100.0.. => count(value.round().saturating_u64()),
        _ => format!("{value:.2}"),
    }
}

fn signed(name: &str, value: f64) -> String {
    let sign = match value {
        0.0 => "",
        ..0.0 => "−",
        _ => "+",
    };
    format!("{sign}{}", number(name, value.abs()))
}

fn write_histograms(out: &mut String, histograms: &HistogramPair) -> fmt::Result {
    let HistogramPair { name, a, b, bars } = histograms;
    writeln!(out)?;
    writeln!(out, "{}", bold(title(name)))?;
    for (side, quantiles) in [("  A", a), ("  B", b)] {
        line(out, side, &quantile_words(quantiles))?;
    }
    bars.iter().try_for_each(|bar| write_bar(out, bar))
}

fn quantile_words(quantiles: &QuantileSummary) -> [String; 5] {
    [
        format!("p50 {}", seconds(quantiles.p50_seconds)),
        format!("p95 {}", seconds(quantiles.p95_seconds)),
        format!("p99 {}", seconds(quantiles.p99_seconds)),
        format!("max {}", seconds(quantiles.max_seconds)),
        format!("{} samples", count(quantiles.count)),
    ]
}

fn write_bar(out: &mut String, bar: &HistogramBar) -> fmt::Result {
    let length =
        |share: f64| "█".repeat((((share * BAR_WIDTH).round()).saturating_u64()).to_index());
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    let row = format!(
        "  ≤ {:<9} {:>7} {:<30}  {:>7} {}",
        seconds(bar.until_seconds),
        percent(bar.share_a),
        length(bar.share_a),
        percent(bar.share_b),
        length(bar.share_b),
    );
    writeln!(out, "{}", row.trim_end())
}

/// Returns the last line: the numbers that differ.
fn conclusion(comparison: &Comparison) -> String {
    let effects = comparison.effects.iter();
    let differing: Vec<String> = effects
        .filter_map(|effect| match effect.finding {
            EffectFinding::Less => Some(format!("less {}", title(&effect.name))),
            EffectFinding::More => Some(format!("more {}", title(&effect.name))),
            EffectFinding::Equal | EffectFinding::NoDifference | EffectFinding::TooFew => None,
        })
        .collect();
    match differing.is_empty() {
        true => "no difference".into(),
        false => format!("B has {}", differing.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn title_splits_a_camel_case_name() {
        assert_eq!(title("runDurationP95Seconds"), "run duration p95");
        assert_eq!(title("images"), "images");
        assert_eq!(title("wallSeconds"), "wall time");
        assert_eq!(signed("virtualSeconds", -2.5), "−2.50s");
        assert_eq!(signed("images", 0.25), "+0.25");
        assert_eq!(signed("images", 0.0), "0.00");
    }
}
