//! What a command has to say.

use serde_json::Value;

use super::spec::Column;

/// An answer, before it is brought into a form.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Answer {
    /// It is done, and there is nothing to say.
    Done,
    /// Lines for people; programs that ask for JSON get them as a message.
    Text(String),
    /// Rows under columns.
    Table(Table),
    /// A document for programs, and the same as lines for people.
    Document { document: Value, text: String },
    /// A document that is the answer in every form.
    Raw(String),
}

/// Rows under columns.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Table {
    pub columns: Vec<&'static str>,
    pub rows: Vec<Vec<Cell>>,
    /// One list of RabbitMQ has none.
    pub has_header: bool,
}

/// One value of a row.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Cell {
    Plain(Value),
    Arguments(Value),
    Words(Vec<String>),
    Json(Value),
}

impl Table {
    /// Picks the values of the columns out of what the API answers.
    pub(super) fn of(columns: &[Column], items: &[Value]) -> Self {
        let rows = items
            .iter()
            .map(|item| columns.iter().map(|column| Cell::of(*column, item)).collect())
            .collect();
        let columns = columns.iter().map(|column| column.name).collect();
        Self { columns, rows, has_header: true }
    }

    pub(super) fn without_header(mut self) -> Self {
        self.has_header = false;
        self
    }
}

impl Cell {
    fn of(column: Column, item: &Value) -> Self {
        use super::spec::ColumnKind;
        let found = column.from.split('.').try_fold(item, |inside, key| inside.get(key));
        let value = found.cloned().unwrap_or(Value::Null);
        match column.kind {
            ColumnKind::Plain => Self::Plain(value),
            ColumnKind::Arguments => Self::Arguments(value),
            ColumnKind::Json => Self::Json(value),
            ColumnKind::Words => Self::Words(words(&value)),
        }
    }
}

/// A list of words, which older answers write into one text with commas.
pub(super) fn words(value: &Value) -> Vec<String> {
    match value {
        Value::Array(list) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Value::String(text) => text
            .split(',')
            .map(str::trim)
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect(),
        _ => Vec::new(),
    }
}
