//! Tables for terminals.

use super::format::dim;

/// Returns rows in aligned columns, one in each line. The first row is the header.
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..columns)
        .map(|column| width(column).unwrap_or(0))
        .collect();
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        let cells = row.iter().zip(&widths);
        let cells: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        let line = cells.join("  ");
        match index {
            0 => text.push_str(&dim(line.trim_end()).to_string()),
            _ => text.push_str(line.trim_end()),
        }
        text.push('\n');
    }
    text
}
