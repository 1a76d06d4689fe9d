//! Traces of real advisories: CSV files with dates.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::cvss;
use crate::model::{Severity, Timestamp};
use crate::scenario::{AdvisoryRow, AdvisoryTrace};

/// The columns of a catalogue of known exploited vulnerabilities.
const KEV_COLUMNS: &str = "date_added,cve,vendor,product,ransomware";

/// The columns of a database of advisories for packages.
const PACKAGE_COLUMNS: &str = "date,id,package,cvss,informational";

/// How the columns of a row are read.
type RowReader = fn(&[String; 5]) -> Result<AdvisoryRow, String>;

/// Reads the rows of a trace that lie between its `from` and `until`, in order of their dates.
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
                "its columns must be `{KEV_COLUMNS}` or `{PACKAGE_COLUMNS}`"
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
        return Err(format!("it has no row from {from} on"));
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
    // That nobody maintains a package is no vulnerability yet.
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
    text.parse().map_err(|_| format!("`{text}` is no date"))
}

/// Five cells; one in double quotes may contain commas, and quotes doubled.
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
        .map_err(|_| format!("{count} cells, 5 wanted"))
}
