//! Lists, in the forms that RabbitMQ's program has.

use std::fmt::Write as _;

use serde_json::Value;

/// The rows of a list under its columns; a column is a key, or keys with dots between them.
pub(super) fn list(
    columns: &[&str],
    items: &[Value],
    form: Option<&str>,
) -> Result<String, String> {
    match form {
        None | Some("table") => Ok(table(columns, &rows(columns, items))),
        Some("tsv") => {
            let mut text = columns.join("\t");
            for row in rows(columns, items) {
                let _ = write!(text, "\n{}", row.join("\t"));
            }
            Ok(text)
        }
        // The first column, on one line.
        Some("bash") => {
            let first: Vec<String> =
                rows(columns, items).into_iter().filter_map(|row| row.into_iter().next()).collect();
            Ok(first.join(" "))
        }
        Some("kvp") => {
            let line = |row: Vec<String>| {
                let pairs =
                    columns.iter().zip(row).map(|(name, value)| format!("{name}=\"{value}\""));
                pairs.collect::<Vec<_>>().join(" ")
            };
            Ok(rows(columns, items).into_iter().map(line).collect::<Vec<_>>().join("\n"))
        }
        Some("raw_json") => Ok(Value::from(items.to_vec()).to_string()),
        Some("pretty_json") => Ok(serde_json::to_string_pretty(items).unwrap_or_default()),
        Some(other) => Err(format!(
            "format {other} not recognised: expected table, tsv, bash, kvp, raw_json or pretty_json"
        )),
    }
}

fn rows(columns: &[&str], items: &[Value]) -> Vec<Vec<String>> {
    let cell = |item: &Value, column: &str| {
        let found = column.split('.').try_fold(item, |inside, key| inside.get(key));
        match found {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(Value::Bool(true)) => "True".to_owned(),
            Some(Value::Bool(false)) => "False".to_owned(),
            Some(Value::Array(words)) if words.iter().all(Value::is_string) => {
                words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",")
            }
            Some(other) => other.to_string(),
        }
    };
    items.iter().map(|item| columns.iter().map(|column| cell(item, column)).collect()).collect()
}

fn table(columns: &[&str], rows: &[Vec<String>]) -> String {
    if rows.is_empty() {
        return "No items".to_owned();
    }
    let width = |(at, name): (usize, &&str)| {
        let cells = rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count());
        cells.chain([name.chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = columns.iter().enumerate().map(width).collect();
    let bars: Vec<String> = widths.iter().map(|width| "-".repeat(width + 2)).collect();
    let line = format!("+{}+", bars.join("+"));
    let mut text = format!("{line}\n|");
    for (name, width) in columns.iter().zip(&widths) {
        // Names stand in the middle.
        let _ = write!(text, " {name:^width$} |");
    }
    let _ = write!(text, "\n{line}");
    for row in rows {
        text.push_str("\n|");
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(text, " {cell:<width$} |");
        }
    }
    let _ = write!(text, "\n{line}");
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_is_drawn_or_written_for_scripts() {
        let items = [json!({ "name": "orders", "messages": 3, "a": { "b": true } })];
        let of = |form| list(&["name", "messages", "a.b"], &items, form).expect("a form");
        let drawn = "+--------+----------+------+\n|  name  | messages | a.b  |\n\
                     +--------+----------+------+\n| orders | 3        | True |\n\
                     +--------+----------+------+";
        assert_eq!(of(None), drawn);
        assert_eq!(of(Some("tsv")), "name\tmessages\ta.b\norders\t3\tTrue");
        assert_eq!(of(Some("bash")), "orders");
        assert_eq!(of(Some("kvp")), "name=\"orders\" messages=\"3\" a.b=\"True\"");
        assert!(of(Some("raw_json")).starts_with("[{"));
        assert_eq!(list(&["name"], &[], None), Ok("No items".to_owned()));
        assert!(list(&["name"], &items, Some("xml")).is_err());
    }
}
