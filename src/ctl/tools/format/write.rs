//! An answer in the form that was asked for.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::{Form, cell, erlang, json as json_form, pretty};
use crate::ctl::tools::answer::{Answer, Table};
use crate::ctl::tools::call::Call;

/// Writes an answer to where the call wants it.
pub(in crate::ctl::tools) fn write_answer(
    answer: &Answer,
    call: &Call,
    output: &mut dyn Write,
) -> io::Result<()> {
    match answer {
        Answer::Done if call.form == Form::Json => message(call, None, output),
        Answer::Done => Ok(()),
        Answer::Text(text) if call.form == Form::Json => message(call, Some(text), output),
        Answer::Text(text) => write_lines(text, output),
        Answer::Raw(text) => write_lines(text, output),
        Answer::Table(table) => write_table(table, call, output),
        Answer::Document { document, text } => match call.form {
            Form::Json => writeln!(output, "{document}"),
            Form::Erlang => writeln!(output, "{}", erlang::term(document)),
            Form::Csv | Form::Pretty | Form::Table => write_lines(text, output),
        },
    }
}

/// Every line has an end, also the last.
fn write_lines(text: &str, output: &mut dyn Write) -> io::Result<()> {
    output.write_all(text.as_bytes())?;
    if text.ends_with('\n') { Ok(()) } else { writeln!(output) }
}

fn message(call: &Call, text: Option<&String>, output: &mut dyn Write) -> io::Result<()> {
    let mut done = json!({ "node": call.node, "result": "ok" });
    if let (Some(text), Some(done)) = (text, done.as_object_mut()) {
        done.insert("message".to_owned(), Value::from(text.trim_end()));
    }
    writeln!(output, "{done}")
}

fn write_table(table: &Table, call: &Call, output: &mut dyn Write) -> io::Result<()> {
    let header = table.has_header && call.shows_header();
    match call.form {
        Form::Json => json_form::table(table, output),
        Form::Erlang => writeln!(output, "{}", erlang::table(table)),
        Form::Pretty => pretty::table(table, header, output),
        Form::Table => {
            let rows = table.rows.iter().map(|row| row.iter().map(cell::text).collect());
            rows_of(header_row(table, header).chain(rows), "\t", output)
        }
        Form::Csv => {
            let header =
                header_row(table, header).map(|row| row.iter().map(|n| quoted(n)).collect());
            let quoted_cell = |cell| quoted(&cell::text(cell));
            let rows = table.rows.iter().map(|row| row.iter().map(quoted_cell).collect());
            rows_of(header.chain(rows), ",", output)
        }
    }
}

/// A list without rows has no header either.
fn header_row(table: &Table, shown: bool) -> impl Iterator<Item = Vec<String>> {
    let shown = shown && !table.rows.is_empty();
    shown.then(|| table.columns.iter().map(|&name| name.to_owned()).collect()).into_iter()
}

fn rows_of(
    rows: impl Iterator<Item = Vec<String>>,
    between: &str,
    output: &mut dyn Write,
) -> io::Result<()> {
    for row in rows {
        writeln!(output, "{}", row.join(between))?;
    }
    Ok(())
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}
