//! One look for a pipe: a table, or a document for programs.

use serde_json::Value;

use super::number;
use super::query::Wanted;
use super::screen::{Line, cells, figures, fitting, nothing};
use super::source::{Source, look};
use super::state::State;
use super::text::fit;

/// Numbers of the broker and one page of the list, as lines.
pub(in crate::ctl) async fn table<S: Source>(
    source: &mut S,
    wanted: &Wanted,
) -> Result<String, S::Error> {
    let state = State::new(wanted);
    let look = look(source, &state.query()).await?;
    let shown = fitting(wanted.view, TABLE_COLUMNS);
    let titles = shown.iter().map(|(column, width)| fit(column.title, *width, column.kind.side()));
    let mut lines: Vec<String> = figures(&look.header).iter().map(Line::text).collect();
    lines.push(String::new());
    lines.push(titles.collect::<Vec<_>>().join(" "));
    lines.extend(look.page.rows.iter().map(|row| cells(row, &shown)));
    if look.page.rows.is_empty() {
        lines.push(nothing(&state));
    }
    if look.page.rows.len() < look.page.filtered {
        let count = |number: usize| number::count(number.try_into().unwrap_or(u64::MAX));
        let (shown, all) = (count(look.page.rows.len()), count(look.page.filtered));
        lines.push(format!("the first {shown} of {all} {}", wanted.view.noun()));
    }
    let lines: Vec<&str> = lines.iter().map(|line| line.trim_end()).collect();
    Ok(lines.join("\n"))
}

/// The same as JSON, with the names of the API.
pub(in crate::ctl) async fn document<S: Source>(
    source: &mut S,
    wanted: &Wanted,
) -> Result<Value, S::Error> {
    let look = look(source, &State::new(wanted).query()).await?;
    Ok(look.document())
}

/// A line of a table that nobody sees on a terminal: every column, and long names.
const TABLE_COLUMNS: usize = 132;
