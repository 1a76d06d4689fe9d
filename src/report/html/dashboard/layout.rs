//! Positions of panels: the 24-column grid of Grafana, split at its rows.

use serde::Deserialize;

use super::Panel;

/// Number of columns of the grid.
pub const COLUMNS: u32 = 24;

/// Position and size of a panel on the grid: columns from the left, rows of 30 px from the top.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct GridPos {
    /// Number of columns to its left.
    pub x: u32,
    /// Number of rows above it.
    pub y: u32,
    /// Width in columns.
    pub w: u32,
    /// Height in rows.
    pub h: u32,
}

impl Default for GridPos {
    fn default() -> Self {
        Self {
            x: 0,
            y: 0,
            w: 12,
            h: 8,
        }
    }
}

impl GridPos {
    /// Returns the position, moved into the grid if it lies outside.
    fn within_grid(self) -> Self {
        let w = self.w.clamp(1, COLUMNS);
        Self {
            x: self.x.min(COLUMNS - w),
            w,
            h: self.h.clamp(1, 100),
            ..self
        }
    }
}

/// Panels between one row title and the next.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PanelSection {
    /// Title of the row; none for the panels above the first row.
    pub title: Option<String>,
    /// Whether only the title is shown at first.
    pub collapsed: bool,
    /// Panels from the top left. `y` counts from the top of the section.
    pub panels: Vec<Panel>,
}

impl PanelSection {
    fn finish(mut self) -> Self {
        for panel in &mut self.panels {
            panel.grid_pos = panel.grid_pos.within_grid();
        }
        let top = self.panels.iter().map(|panel| panel.grid_pos.y).min();
        for panel in &mut self.panels {
            panel.grid_pos.y -= top.unwrap_or_default();
        }
        self.panels
            .sort_by_key(|panel| (panel.grid_pos.y, panel.grid_pos.x));
        self
    }
}

/// Splits a dashboard at its rows. An open row owns the panels below it; a collapsed row contains
/// its own.
pub(super) fn sections(mut panels: Vec<Panel>) -> Vec<PanelSection> {
    panels.sort_by_key(|panel| (panel.grid_pos.y, panel.grid_pos.x));
    let mut sections = vec![PanelSection::default()];
    for panel in panels {
        if panel.kind == "row" {
            sections.push(PanelSection {
                title: Some(panel.title),
                collapsed: panel.collapsed,
                panels: panel.panels.iter().map(Panel::read).collect(),
            });
        } else {
            match sections.last_mut() {
                Some(section) if !section.collapsed => section.panels.push(panel),
                // A panel below a collapsed row is not part of it.
                _ => sections.push(PanelSection {
                    panels: vec![panel],
                    ..PanelSection::default()
                }),
            }
        }
    }
    let is_shown = |section: &PanelSection| section.title.is_some() || !section.panels.is_empty();
    sections.retain(is_shown);
    sections.into_iter().map(PanelSection::finish).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Dashboard;

    #[test]
    fn rows_split_the_grid_and_collapsed_rows_own_their_panels() {
        let text = r#"{"panels": [
            {"type": "row", "title": "More", "collapsed": true,
             "gridPos": {"x": 0, "y": 20, "w": 24, "h": 1},
             "panels": [{"type": "stat", "title": "c",
                         "gridPos": {"x": 0, "y": 21, "w": 30, "h": 4}}]},
            {"type": "stat", "title": "b", "gridPos": {"x": 12, "y": 5, "w": 12, "h": 8}},
            {"type": "row", "title": "Runs", "panels": [],
             "gridPos": {"x": 0, "y": 4, "w": 24, "h": 1}},
            {"type": "stat", "title": "a", "gridPos": {"x": 0, "y": 0, "w": 12, "h": 4}}]}"#;
        let sections = Dashboard::parse(text).unwrap().sections;
        let seen: Vec<_> = sections
            .iter()
            .map(|section| {
                let panel = &section.panels[0];
                let title = section.title.as_deref();
                (
                    title,
                    section.collapsed,
                    panel.title.as_str(),
                    panel.grid_pos.y,
                    panel.grid_pos.w,
                )
            })
            .collect();
        assert_eq!(
            seen,
            [
                (None, false, "a", 0, 12),
                (Some("Runs"), false, "b", 0, 12),
                (Some("More"), true, "c", 0, 24),
            ]
        );
    }
}
