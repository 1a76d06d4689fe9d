//! Scorecard and trade-off as terminal text.

use std::fmt::{self, Write};

use anstyle::AnsiColor;

use super::scorecard::Scorecard;
use super::tune::TradeOff;
use crate::check::Slo;
use crate::report::format::{bold, count, paint, seconds};
use crate::report::table;

/// Maximum number of missed incidents that are shown. The JSON document has all.
const SHOWN_MAX: usize = 5;

/// Returns the scorecard as text with styles.
pub fn text(card: &Scorecard) -> String {
    let mut text = String::new();
    // Writing to a string can't fail.
    let _ = write_card(&mut text, card);
    text
}

fn write_card(out: &mut String, card: &Scorecard) -> fmt::Result {
    let incidents = card.incidents.len() as u64;
    writeln!(
        out,
        "{}: {} rehearsals, {:.1} virtual weeks ({:.1} without an incident), {} incidents\n",
        bold(&card.rules_file),
        count(card.runs.len() as u64),
        card.weeks,
        card.healthy_weeks,
        count(incidents),
    )?;
    out.write_str(&table(&slos(card)))?;
    writeln!(out)?;
    out.write_str(&table(&rules(card)))?;
    write_failures(out, card)
}

/// Returns a trade-off as text with styles.
pub fn trade_off_text(trade_off: &TradeOff) -> String {
    let head = [
        trade_off.parameter.as_str(),
        "recall",
        "precision",
        "delay",
        "resolves",
        "alarms",
        "false",
        "false/week",
    ];
    let rows = trade_off.points.iter().map(|point| {
        vec![
            point.value.to_string(),
            ratio(point.score.recall),
            ratio(point.score.precision),
            length(point.score.median_seconds_to_detect),
            length(point.score.median_seconds_to_resolve),
            count(point.score.alarms),
            count(point.score.false_alarms),
            format!("{:.3}", point.false_alarms_per_week),
        ]
    });
    let mut text = format!("{}\n\n", bold(&trade_off.rule));
    text.push_str(&table(&with_header(&head, rows)));
    text
}

fn with_header(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Vec<Vec<String>> {
    let head = head.iter().map(|cell| (*cell).to_owned()).collect();
    std::iter::once(head).chain(rows).collect()
}

fn slos(card: &Scorecard) -> Vec<Vec<String>> {
    let head = ["slo", "incidents", "detected", "recall", "median delay"];
    let rows = card.slos.iter().map(|slo| {
        vec![
            slo.slo.to_string(),
            count(slo.incidents),
            count(slo.detected),
            ratio(slo.recall),
            length(slo.median_seconds_to_detect),
        ]
    });
    with_header(&head, rows)
}

fn rules(card: &Scorecard) -> Vec<Vec<String>> {
    let head = [
        "rule",
        "covers",
        "recall",
        "precision",
        "delay",
        "resolves",
        "flaps",
        "alarms",
        "false",
        "false/week",
        "firing",
    ];
    let rows = card.rules.iter().map(|rule| {
        let slos = match rule.slos.len() {
            all if all == Slo::ALL.len() => "all".to_owned(),
            _ => rule
                .slos
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(", "),
        };
        let rate = rule.healthy_false_alarms_per_week;
        vec![
            rule.rule.clone(),
            slos,
            ratio(rule.recall),
            ratio(rule.precision),
            length(rule.median_seconds_to_detect),
            length(rule.median_seconds_to_resolve),
            count(rule.flaps),
            if rule.never_fired {
                "never".into()
            } else {
                count(rule.alarms)
            },
            count(rule.false_alarms),
            rate.map_or("-".into(), |rate| format!("{rate:.3}")),
            format!("{:.3} %", rule.share_firing * 100.0),
        ]
    });
    with_header(&head, rows)
}

fn ratio(share: Option<f64>) -> String {
    share.map_or("-".into(), |share| format!("{share:.3}"))
}

fn length(value: Option<f64>) -> String {
    value.map_or("-".into(), seconds)
}

fn write_failures(out: &mut String, card: &Scorecard) -> fmt::Result {
    let missed = card.missed().count();
    for incident in card.missed().take(SHOWN_MAX) {
        let slo = &incident.slo;
        writeln!(
            out,
            "\n{} {} of {} in {} seed {}, {} to {}",
            paint(AnsiColor::Red, "missed"),
            slo.kind,
            slo.schedule,
            incident.scenario,
            incident.seed,
            slo.from,
            slo.to,
        )?;
    }
    if missed > SHOWN_MAX {
        writeln!(out, "  and {} more", missed - SHOWN_MAX)?;
    }
    for rule in card.noisy() {
        writeln!(
            out,
            "\n{} {} fires while all is well",
            paint(AnsiColor::Red, "noisy"),
            rule.rule
        )?;
    }
    let verdict = if card.is_good() { "PASS" } else { "FAIL" };
    let colour = if card.is_good() {
        AnsiColor::Green
    } else {
        AnsiColor::Red
    };
    writeln!(
        out,
        "\n{} rules={}",
        paint(colour, verdict),
        card.rules_file
    )
}
