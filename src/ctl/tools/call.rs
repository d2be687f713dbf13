//! A command line that was understood.

use std::collections::BTreeMap;

use super::failure::Failure;
use super::format::Form;
use super::spec::{Column, CommandSpec};
use super::tool::Tool;

/// What is to be done.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub tool: Tool,
    pub command: &'static CommandSpec,
    pub arguments: Vec<String>,
    /// Flags by their long names; a switch has an empty value.
    pub flags: BTreeMap<&'static str, String>,
    pub form: Form,
    /// The name of the node for the lines that name one; it chooses nothing.
    pub node: String,
}

impl Call {
    /// An argument that the usage line says is there.
    pub(super) fn argument(&self, at: usize) -> &str {
        self.arguments.get(at).map_or("", String::as_str)
    }

    pub(super) fn flag(&self, long: &str) -> Option<&str> {
        self.flags.get(long).map(String::as_str)
    }

    pub(super) fn has(&self, long: &str) -> bool {
        self.flags.contains_key(long)
    }

    /// A number whose form was checked when it was parsed.
    pub(super) fn number(&self, long: &str) -> Option<u64> {
        self.flag(long).and_then(|value| value.parse().ok())
    }

    pub(super) fn vhost(&self) -> &str {
        self.flag("vhost").unwrap_or("/")
    }

    /// Until it is given up, in seconds.
    pub(super) fn timeout_s(&self) -> u64 {
        self.number("timeout").filter(|seconds| *seconds > 0).unwrap_or(self.command.timeout_s)
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.has("quiet") || self.has("silent")
    }

    pub(super) fn shows_header(&self) -> bool {
        !self.has("silent") && !self.has("no-table-headers")
    }

    /// The columns that are asked for, in that order; also parted by commas.
    pub(super) fn columns(&self) -> Result<Vec<Column>, Failure> {
        let given: Vec<&str> = self
            .arguments
            .iter()
            .flat_map(|argument| argument.split([',', ' ']))
            .filter(|name| !name.is_empty())
            .collect();
        let names = if given.is_empty() { self.command.columns_default } else { given.as_slice() };
        let find = |name: &str| self.command.columns.iter().find(|column| column.name == name);
        let unknown: Vec<&str> =
            names.iter().copied().filter(|name| find(name).is_none()).collect();
        if !unknown.is_empty() {
            let reason = format!("Info key(s) {} are not supported", unknown.join(","));
            return Err(Failure::usage(reason));
        }
        Ok(names.iter().filter_map(|name| find(name)).copied().collect())
    }

    /// The line as it was typed, for an error that shows it.
    pub(super) fn typed(&self) -> String {
        let words = std::iter::once(self.command.name);
        words.chain(self.arguments.iter().map(String::as_str)).collect::<Vec<_>>().join(" ")
    }
}
