//! Traces of real advisories: CSV files with one advisory per row.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::cvss;
use crate::model::{Severity, Timestamp};
use crate::scenario::{AdvisoryRow, AdvisoryTrace};

/// Header of a catalogue of known exploited vulnerabilities (KEV).
const KEV_COLUMNS: &str = "date_added,cve,vendor,product,ransomware";

/// Header of a database of package advisories.
const PACKAGE_COLUMNS: &str = "date,id,package,cvss,informational";

/// Parser of the cells of a row.
type RowReader = fn(&[String; 5]) -> Result<AdvisoryRow, String>;

/// Parses the rows of a trace from `from` up to `until`, sorted by date.
pub fn read(
    text: &str,
    trace: &AdvisoryTrace,
    start: Timestamp,
) -> Result<Vec<AdvisoryRow>, String> {
    let mut lines = text.lines();
    let read_row: RowReader = match lines.next().map(str::trim) {
        Some(KEV_COLUMNS) => kev_row,
        Some(PACKAGE_COLUMNS) => package_row,
        _ => {
            return Err(format!(
                "the header must be `{KEV_COLUMNS}` or `{PACKAGE_COLUMNS}`"
            ));
        }
    };
    let from = trace
        .from
        .unwrap_or_else(|| TimeZone::UTC.to_datetime(start.to_jiff()).date());
    let until = trace.until.unwrap_or(Date::MAX);
    let mut rows = Vec::new();
    for (index, line) in lines
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
    {
        let row = split(line)
            .and_then(|cells| read_row(&cells))
            .map_err(|reason| format!("line {}: {reason}", index + 2))?;
        if from <= row.date && row.date < until {
            rows.push(row);
        }
    }
    if rows.is_empty() {
        return Err(format!("no row is on or after {from}"));
    }
    rows.sort_by_key(|row| row.date);
    Ok(rows)
}

fn kev_row(cells: &[String; 5]) -> Result<AdvisoryRow, String> {
    let [date, cve, vendor, product, _ransomware] = cells;
    Ok(AdvisoryRow {
        date: parse_date(date)?,
        id: cve.clone(),
        product: format!("{vendor} {product}"),
        severity: None,
        kev: true,
    })
}

fn package_row(cells: &[String; 5]) -> Result<AdvisoryRow, String> {
    let [date, id, package, vector, informational] = cells;
    // An unmaintained package is not a vulnerability.
    let informed = matches!(informational.as_str(), "unmaintained" | "notice");
    Ok(AdvisoryRow {
        date: parse_date(date)?,
        id: id.clone(),
        product: package.clone(),
        severity: cvss::severity(vector).or(informed.then_some(Severity::Low)),
        kev: false,
    })
}

fn parse_date(text: &str) -> Result<Date, String> {
    text.parse().map_err(|_| format!("`{text}` is not a date"))
}

/// Splits a line into five cells. A cell in double quotes may contain commas and doubled quotes.
fn split(line: &str) -> Result<[String; 5], String> {
    let (mut cells, mut cell) = (Vec::new(), String::new());
    let mut quoted = false;
    let mut characters = line.trim_end().chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.next_if_eq(&'"').is_some() => cell.push('"'),
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(std::mem::take(&mut cell)),
            _ => cell.push(character),
        }
    }
    cells.push(cell);
    let count = cells.len();
    cells
        .try_into()
        .map_err(|_| format!("found {count} cells, expected 5"))
}
