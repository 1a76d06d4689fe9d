//! Plot of a trade-off: detection delay and false alarms over the tuned parameter.

use plotters::prelude::*;

use super::tune::{TradeOff, TunedPoint};
use rehearsal_convert::{Index, Nearest, Saturating};

/// Width and height in SVG units.
const SIZE: (u32, u32) = (820, 460);
const FONT: &str = "sans-serif";
const DELAY: RGBColor = RGBColor(32, 100, 180);
const FALSE_ALARMS: RGBColor = RGBColor(200, 60, 40);
const MISSED: RGBColor = RGBColor(120, 120, 120);

/// Returns the plot as SVG.
///
/// # Errors
///
/// Error text of the plotting library.
pub fn plot(trade_off: &TradeOff) -> Result<String, String> {
    let mut svg = String::new();
    draw(trade_off, &mut svg).map_err(|error| error.to_string())?;
    Ok(svg)
}

fn draw(trade_off: &TradeOff, svg: &mut String) -> Result<(), Box<dyn std::error::Error>> {
    let points = &trade_off.points;
    let minutes = |point: &TunedPoint| point.score.median_seconds_to_detect.map(|s| s / 60.0);
    let missed = |point: &TunedPoint| point.score.recall.map(|recall| 100.0 * (1.0 - recall));
    let alarms = |point: &TunedPoint| Some(point.false_alarms_per_week);
    let last = points.len().saturating_sub(1).nearest_f64();
    let left = top(points.iter().filter_map(minutes));
    let right = top(points.iter().filter_map(alarms));

    let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let title = format!("{}: delay against false alarms", trade_off.rule);
    let mut chart = ChartBuilder::on(&root)
        .caption(title, (FONT, 20))
        .margin(14)
        .x_label_area_size(44)
        .y_label_area_size(60)
        .right_y_label_area_size(60)
        .build_cartesian_2d(0.0..last.max(1.0), 0.0..left)?
        .set_secondary_coord(0.0..last.max(1.0), 0.0..right);
    let value_at = |place: &f64| {
        let point = points.get(((place.round()).saturating_u64()).to_index());
        point.map_or_else(String::new, |point| point.value.to_string())
    };
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_labels(points.len().max(2))
        .x_label_formatter(&value_at)
        .x_desc(trade_off.parameter.as_str())
        .y_desc("median delay, min")
        .label_style((FONT, 13))
        .draw()?;
    chart
        .configure_secondary_axes()
        .y_desc("false alarms per week")
        .label_style((FONT, 13))
        .draw()?;
    let delays = LineSeries::new(line_points(points, minutes), DELAY.stroke_width(2));
    let key = |colour: RGBColor| {
        move |(x, y): (i32, i32)| {
            PathElement::new(vec![(x, y), (x + 18, y)], colour.stroke_width(2))
        }
    };
    chart
        .draw_series(delays)?
        .label("median delay")
        .legend(key(DELAY));
    let scaled = |point: &TunedPoint| missed(point).map(|percent| percent / 100.0 * left);
    let missed = LineSeries::new(line_points(points, scaled), MISSED.stroke_width(2));
    chart
        .draw_series(missed)?
        .label("missed incidents; top: all")
        .legend(key(MISSED));
    let alarms = LineSeries::new(line_points(points, alarms), FALSE_ALARMS.stroke_width(2));
    chart
        .draw_secondary_series(alarms)?
        .label("false alarms")
        .legend(key(FALSE_ALARMS));
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperMiddle)
        .background_style(WHITE.mix(0.8))
        .border_style(MISSED)
        .label_font((FONT, 13))
        .draw()?;
    root.present()?;
    Ok(())
}

/// Returns the points of a line. Their x value is the index of the parameter value.
fn line_points<'p>(
    points: &'p [TunedPoint],
    number: impl Fn(&TunedPoint) -> Option<f64> + 'p,
) -> impl Iterator<Item = (f64, f64)> + 'p {
    let all = points.iter().enumerate();
    all.filter_map(move |(place, point)| Some((place.nearest_f64(), number(point)?)))
}

/// Returns the upper end of an axis.
fn top(numbers: impl Iterator<Item = f64>) -> f64 {
    numbers.fold(1.0, f64::max) * 1.1
}
