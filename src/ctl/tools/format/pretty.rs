//! A drawn table.

use std::io::{self, Write};

use super::cell;
use crate::ctl::tools::answer::Table;

/// Nothing at all when there are no rows, as for RabbitMQ.
pub(super) fn table(table: &Table, header: bool, output: &mut dyn Write) -> io::Result<()> {
    let rows: Vec<Vec<String>> =
        table.rows.iter().map(|row| row.iter().map(cell::text).collect()).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = table.columns.iter().map(|&name| name.to_owned()).collect();
    let width = |at: usize| {
        let shown = rows.iter().chain(header.then_some(&names)).filter_map(|row| row.get(at));
        shown.map(|text| text.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..names.len()).map(width).collect();
    let line = |left: &str, between: &str, right: &str| {
        let bars: Vec<String> = widths.iter().map(|width| "─".repeat(width + 2)).collect();
        format!("{left}{}{right}", bars.join(between))
    };
    let shown = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(text, width)| {
            let blanks = " ".repeat(width.saturating_sub(text.chars().count()));
            format!(" {text}{blanks} ")
        });
        format!("│{}│", cells.collect::<Vec<_>>().join("│"))
    };
    writeln!(output, "{}", line("┌", "┬", "┐"))?;
    for (at, row) in header.then_some(&names).into_iter().chain(&rows).enumerate() {
        if at > 0 {
            writeln!(output, "{}", line("├", "┼", "┤"))?;
        }
        writeln!(output, "{}", shown(row))?;
    }
    writeln!(output, "{}", line("└", "┴", "┘"))
}
