//! Rate and latency over time as an SVG file.

use std::path::Path;

use plotters::prelude::*;

use super::PerfError;
use super::load::Sample;
use super::number::{float, whole};

/// Draws the intervals of a run.
pub(super) fn draw(path: &Path, title: &str, samples: &[Sample]) -> Result<(), PerfError> {
    let mut text = String::new();
    draw_into(&mut text, title, samples).map_err(PerfError::Chart)?;
    std::fs::write(path, text).map_err(|error| PerfError::File { path: path.to_path_buf(), error })
}

/// One line of a panel.
struct Line {
    name: &'static str,
    colour: RGBColor,
    points: Vec<(f64, f64)>,
}

fn draw_into(text: &mut String, title: &str, samples: &[Sample]) -> Result<(), String> {
    if samples.len() < 2 {
        return Err(format!(
            "{} interval(s) were measured, and a line needs two: choose a longer --duration or a \
             shorter --interval",
            samples.len()
        ));
    }
    let series = |name, colour, value: &dyn Fn(&Sample) -> f64| {
        let points: Vec<_> =
            samples.iter().map(|sample| (sample.at.as_secs_f64(), value(sample))).collect();
        let is_there = points.iter().any(|(_, y)| *y > 0.0);
        is_there.then_some(Line { name, colour, points })
    };
    let rates = [
        series("published", BLUE_, &|sample| sample.publish_rate),
        series("confirmed", ORANGE, &|sample| sample.confirm_rate),
        series("delivered", GREEN_, &|sample| sample.deliver_rate),
    ];
    let latencies = [
        series("p50", BLUE_, &|sample| float(sample.p50_ns) / 1000.0),
        series("p99", ORANGE, &|sample| float(sample.p99_ns) / 1000.0),
    ];
    let rates: Vec<Line> = rates.into_iter().flatten().collect();
    let latencies: Vec<Line> = latencies.into_iter().flatten().collect();
    let root = SVGBackend::with_string(text, SIZE).into_drawing_area();
    root.fill(&WHITE).map_err(|error| error.to_string())?;
    let heading = ("sans-serif", 20).into_font().color(&INK);
    let root = root.margin(12, 0, 0, 0);
    let root = root.titled(title, heading).map_err(|error| error.to_string())?;
    let panels = [(rates, "messages per second"), (latencies, "latency in µs")];
    let panels: Vec<_> = panels.into_iter().filter(|(lines, _)| !lines.is_empty()).collect();
    let areas = root.split_evenly((panels.len().max(1), 1));
    for (area, (lines, unit)) in areas.iter().zip(&panels) {
        panel(area, lines, unit)?;
    }
    root.present().map_err(|error| error.to_string())
}

fn panel<DB: DrawingBackend>(
    area: &DrawingArea<DB, plotters::coord::Shift>,
    lines: &[Line],
    unit: &str,
) -> Result<(), String> {
    let all = || lines.iter().flat_map(|line| &line.points);
    let last = all().map(|(x, _)| *x).fold(0.0, f64::max);
    let highest = all().map(|(_, y)| *y).fold(0.0, f64::max);
    let failed = |error: DrawingAreaErrorKind<DB::ErrorType>| error.to_string();
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .x_label_area_size(42)
        .y_label_area_size(96)
        .build_cartesian_2d(0.0..last, 0.0..highest * HEADROOM)
        .map_err(failed)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(INK.mix(0.5))
        .label_style(("sans-serif", 13).into_font().color(&INK))
        .axis_desc_style(("sans-serif", 14).into_font().color(&INK))
        .x_desc("seconds")
        .y_desc(unit)
        .x_labels(10)
        .y_labels(6)
        .x_label_formatter(&|x| short(*x))
        .y_label_formatter(&|y| whole(*y))
        .draw()
        .map_err(failed)?;
    for line in lines {
        let style = line.colour.stroke_width(2);
        chart
            .draw_series(LineSeries::new(line.points.iter().copied(), style))
            .map_err(failed)?
            .label(line.name)
            .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 18, y)], style));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .background_style(WHITE.mix(0.9))
        .border_style(GRID)
        .label_font(("sans-serif", 13).into_font().color(&INK))
        .draw()
        .map_err(failed)
}

/// Without a fraction where there is none.
fn short(number: f64) -> String {
    if (number - number.round()).abs() < 0.05 {
        format!("{number:.0}")
    } else {
        format!("{number:.1}")
    }
}

const SIZE: (u32, u32) = (960, 640);

/// Room above the highest point.
const HEADROOM: f64 = 1.1;

/// Told apart in grey and by the colour-blind too (the set of Okabe and Ito).
const BLUE_: RGBColor = RGBColor(0, 114, 178);
const ORANGE: RGBColor = RGBColor(213, 94, 0);
const GREEN_: RGBColor = RGBColor(0, 158, 115);
const INK: RGBColor = RGBColor(40, 40, 40);
const GRID: RGBColor = RGBColor(220, 220, 220);

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn sample(second: u64) -> Sample {
        Sample {
            at: Duration::from_secs(second),
            publish_rate: 1000.0,
            deliver_rate: 900.0,
            p50_ns: 50_000,
            p99_ns: 90_000,
            ..Sample::default()
        }
    }

    #[test]
    fn a_chart_has_title_axes_and_legend() {
        let mut text = String::new();
        let samples: Vec<Sample> = (1..5).map(sample).collect();
        draw_into(&mut text, "a title", &samples).expect("enough intervals");
        for wanted in ["a title", "seconds", "messages per second", "latency in µs", "p99"] {
            assert!(text.contains(wanted), "{wanted}");
        }
        assert!(text.contains("published") && text.contains("delivered"));
        assert!(!text.contains("confirmed"), "a line for what there was not");
    }

    #[test]
    fn one_interval_is_no_chart() {
        let error = draw_into(&mut String::new(), "t", &[sample(1)]).expect_err("too short");
        assert!(error.contains("--interval"), "{error}");
    }
}
