//! Help, made from the table.

use std::fmt::Write as _;

use super::spec::{COMMON_FLAGS, CommandSpec, Flag, FlagKind, Section};
use super::table;
use super::tool::Tool;

/// How a command is typed, on one line.
pub(super) fn line(tool: Tool, command: &CommandSpec) -> String {
    let mut line =
        format!("{} [--node <node>] [--longnames] [--quiet] {}", tool.name(), command.name);
    for flag in command.flags {
        let _ = write!(line, " [{}]", shown(flag));
    }
    if !command.arguments.is_empty() {
        let _ = write!(line, " {}", command.arguments);
    }
    line
}

/// Everything about a command.
pub(super) fn of_command(tool: Tool, command: &CommandSpec) -> String {
    let mut text = format!("\nUsage\n\n{}\n\n{}.\n", line(tool, command), command.about);
    if !command.aliases.is_empty() {
        let _ = writeln!(text, "\nAlso: {}", command.aliases.join(", "));
    }
    if !command.columns.is_empty() {
        let names: Vec<&str> = command.columns.iter().map(|column| column.name).collect();
        let _ = writeln!(text, "\n<column> is one of {}.", names.join(", "));
        let _ = writeln!(text, "Without one: {}.", command.columns_default.join(", "));
    }
    if !command.examples.is_empty() {
        let _ = writeln!(text, "\nExamples\n\n  {}", command.examples.join("\n  "));
    }
    for (title, flags) in [("Options", command.flags), ("Options of every command", COMMON_FLAGS)] {
        if flags.is_empty() {
            continue;
        }
        let _ = writeln!(text, "\n{title}\n");
        for flag in flags {
            let _ = writeln!(text, "  {:<32}{}", names(flag), flag.about);
        }
    }
    text
}

/// The commands of a tool.
pub(super) fn overview(tool: Tool) -> String {
    let name = tool.name();
    let mut text = format!(
        "\nUsage\n\n{name} [--node <node>] [--timeout <timeout>] [--longnames] [--quiet] \
         <command> [<command options>]\n\nAvailable commands:\n"
    );
    let commands: Vec<&CommandSpec> =
        table::commands().filter(|command| command.belongs_to(tool)).collect();
    let width = commands.iter().map(|command| command.name.len()).max().unwrap_or(0) + 2;
    for section in Section::ALL {
        let mut inside: Vec<_> = commands.iter().filter(|c| c.section == section).collect();
        if inside.is_empty() {
            continue;
        }
        inside.sort_by_key(|command| command.name);
        let _ = writeln!(text, "\n{}:\n", section.title());
        for command in inside {
            let _ = writeln!(text, "   {:<width$}{}", command.name, command.about);
        }
    }
    let _ = writeln!(text, "\nUse '{name} help <command>' to learn more about a specific command");
    text
}

fn shown(flag: &Flag) -> String {
    match flag.kind {
        FlagKind::Switch => format!("--{}", flag.long),
        FlagKind::Text(value) | FlagKind::Number(value) => format!("--{} <{value}>", flag.long),
    }
}

fn names(flag: &Flag) -> String {
    match flag.short {
        Some(short) => format!("-{short}, {}", shown(flag)),
        None => format!("    {}", shown(flag)),
    }
}
