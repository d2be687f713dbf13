//! JSON: one object per row, in the order of the columns.

use std::io::{self, Write};

use serde_json::Value;

use super::cell;
use crate::ctl::tools::answer::{Cell, Table};

/// One row to a line, with the commas in front, as `rabbitmqctl` has it.
pub(super) fn table(table: &Table, output: &mut dyn Write) -> io::Result<()> {
    writeln!(output, "[")?;
    for (at, row) in table.rows.iter().enumerate() {
        if at > 0 {
            write!(output, ",")?;
        }
        let field =
            |(name, cell): (&&str, &Cell)| format!("{}:{}", Value::from(*name), cell::json(cell));
        let fields: Vec<String> = table.columns.iter().zip(row).map(field).collect();
        writeln!(output, "{{{}}}", fields.join(","))?;
    }
    writeln!(output, "]")
}
