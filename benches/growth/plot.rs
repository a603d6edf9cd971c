//! Lines as SVG, legible on a light page and on a dark one.

use std::fmt::Write as _;

const WIDTH: f64 = 420.0;
const HEIGHT: f64 = 260.0;
/// Around the lines: for the numbers at the left, the title above, the axis below, the names at the right.
const LEFT: f64 = 64.0;
const TOP: f64 = 40.0;
const RIGHT: f64 = 112.0;
const BOTTOM: f64 = 44.0;
/// Told apart on white and on black, and by who sees red and green alike.
const COLOURS: [&str; 3] = ["#3b82c4", "#d97706", "#8b6fc9"];
const GREY: &str = "#808890";

pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
}

pub(crate) struct Panel {
    pub(crate) title: String,
    pub(crate) across: String,
    pub(crate) lines: Vec<Line>,
}

/// The panels side by side.
pub(crate) fn svg(panels: &[Panel]) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a handful")]
    let width = (LEFT + WIDTH + RIGHT) * panels.len() as f64;
    let height = TOP + HEIGHT + BOTTOM;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n"
    );
    for (nth, panel) in (0_u32..).zip(panels) {
        let _ = writeln!(svg, "<g transform=\"translate({} {TOP})\">", f64::from(nth) * (LEFT + WIDTH + RIGHT) + LEFT);
        draw(&mut svg, panel);
        svg += "</g>\n";
    }
    svg + "</svg>\n"
}

fn draw(svg: &mut String, panel: &Panel) {
    let points = || panel.lines.iter().flat_map(|line| &line.points);
    let right = points().map(|(x, _)| *x).fold(0.0, f64::max);
    let step = round_up(points().map(|(_, y)| *y).fold(0.0, f64::max) / 5.0);
    let across = |x: f64| x / right * WIDTH;
    let down = |y: f64| HEIGHT - y / (5.0 * step) * HEIGHT;

    let mut text = |x: f64, y: f64, anchor: &str, colour: &str, text: &str| {
        let _ =
            writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"{colour}\">{text}</text>");
    };
    text(0.0, -18.0, "start", GREY, &panel.title);
    text(WIDTH / 2.0, HEIGHT + 36.0, "middle", GREY, &panel.across);
    for nth in 0..=5 {
        let y = f64::from(nth) * step;
        text(-8.0, down(y) + 4.0, "end", GREY, &thousands(y));
    }
    for x in [1.0, right / 4.0, right / 2.0, right * 0.75, right] {
        text(across(x), HEIGHT + 18.0, "middle", GREY, &format!("{x:.0}"));
    }
    // Where two lines end close to each other, their names do not.
    let mut taken: Vec<f64> = Vec::new();
    for (line, colour) in panel.lines.iter().zip(COLOURS.iter().cycle()) {
        let Some((x, y)) = line.points.last() else { continue };
        let mut at = down(*y) + 4.0;
        while let Some(other) = taken.iter().find(|other| (*other - at).abs() < 14.0) {
            at = other + 14.0;
        }
        taken.push(at);
        text(across(*x) + 8.0, at, "start", colour, &line.name);
    }
    for nth in 0..=5 {
        let y = down(f64::from(nth) * step);
        let _ = writeln!(svg, "<path d=\"M0 {y:.1}H{WIDTH}\" stroke=\"{GREY}\" stroke-opacity=\"0.3\"/>");
    }
    for (line, colour) in panel.lines.iter().zip(COLOURS.iter().cycle()) {
        let path: Vec<String> = line.points.iter().map(|(x, y)| format!("{:.1} {:.1}", across(*x), down(*y))).collect();
        let _ =
            writeln!(svg, "<path d=\"M{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2.5\"/>", path.join("L"));
    }
}

/// The next of 1, 2, 2.5, 5 and 10 times a power of ten.
fn round_up(step: f64) -> f64 {
    let power = 10_f64.powf(step.log10().floor());
    [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|times| times * power).find(|round| *round >= step).unwrap_or(step)
}

/// `1,234,567`.
pub(crate) fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap()).collect();
    groups.join(",")
}
