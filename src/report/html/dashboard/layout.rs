//! Where panels stand: Grafana's grid of 24 columns, cut at its rows.

use serde::Deserialize;

use super::Panel;

/// Columns of the grid.
pub const COLUMNS: u32 = 24;

/// A panel's place on the grid: columns from the left, rows of 30 px from the top.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct GridPos {
    /// Columns to its left.
    pub x: u32,
    /// Rows above it.
    pub y: u32,
    /// Columns that it takes.
    pub w: u32,
    /// Rows that it takes.
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
    /// The place, pushed into the grid if it lies outside.
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

/// The panels between one row's title and the next.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PanelSection {
    /// The row's title; none for what stands above the first row.
    pub title: Option<String>,
    /// Whether only the title shows at first.
    pub collapsed: bool,
    /// Its panels from the top left, with `y` counted from the section's top.
    pub panels: Vec<Panel>,
}

impl PanelSection {
    fn finish(mut self) -> Self {
        for panel in &mut self.panels {
            panel.place = panel.place.within_grid();
        }
        let top = self.panels.iter().map(|panel| panel.place.y).min();
        for panel in &mut self.panels {
            panel.place.y -= top.unwrap_or_default();
        }
        self.panels
            .sort_by_key(|panel| (panel.place.y, panel.place.x));
        self
    }
}

/// Cuts a dashboard at its rows. An open row owns the panels below it, a collapsed one brings its own.
pub(super) fn sections(mut panels: Vec<Panel>) -> Vec<PanelSection> {
    panels.sort_by_key(|panel| (panel.place.y, panel.place.x));
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
                // What stands below a collapsed row is not part of it.
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
    fn rows_cut_the_grid_and_collapsed_ones_bring_their_own_panels() {
        let text = r#"{"panels": [
            {"type": "row", "title": "More", "collapsed": true, "gridPos": {"x": 0, "y": 20, "w": 24, "h": 1},
             "panels": [{"type": "stat", "title": "c", "gridPos": {"x": 0, "y": 21, "w": 30, "h": 4}}]},
            {"type": "stat", "title": "b", "gridPos": {"x": 12, "y": 5, "w": 12, "h": 8}},
            {"type": "row", "title": "Runs", "gridPos": {"x": 0, "y": 4, "w": 24, "h": 1}, "panels": []},
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
                    panel.place.y,
                    panel.place.w,
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
