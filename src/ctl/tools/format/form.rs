//! The forms by name.

/// In which form an answer is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::ctl::tools) enum Form {
    /// Columns parted by tabs.
    Table,
    Json,
    Csv,
    Pretty,
    Erlang,
}

impl Form {
    pub(in crate::ctl::tools) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            // A report is what single things look like anyway.
            "table" | "report" | "string" | "plain" => Self::Table,
            "json" | "json_stream" => Self::Json,
            "csv" => Self::Csv,
            "pretty_table" => Self::Pretty,
            "erlang" => Self::Erlang,
            _ => return None,
        })
    }

    /// A program reads it, so nothing but the answer may stand there.
    pub(in crate::ctl::tools) fn is_for_programs(self) -> bool {
        matches!(self, Self::Json | Self::Csv)
    }
}
