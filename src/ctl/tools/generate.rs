//! Completions and man pages, from the same table as everything else.

use std::io;

use clap::{Arg, ArgAction, Command};
use clap_complete::Shell;
use clap_complete::aot::Generator as _;

use super::admin;
use super::spec::{COMMON_FLAGS, CommandSpec, Flag, FlagKind};
use super::table;
use super::tool::Tool;

/// A script for a shell; `None` when there is none for it.
pub(super) fn completions(tool: Tool, shell: &str) -> Option<String> {
    let shell: Shell = shell.parse().ok()?;
    Some(script(tool, shell))
}

fn script(tool: Tool, shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut of_tool(tool), tool.file_name(), &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// Those of RabbitMQ's tools: the names of the files by which the shell finds them, and the scripts.
pub(in crate::ctl) fn completions_of_tools(shell: Shell) -> Vec<(String, String)> {
    let rabbitmqs = Tool::ALL.into_iter().filter(|tool| *tool != Tool::Ctl);
    rabbitmqs.map(|tool| (shell.file_name(tool.file_name()), script(tool, shell))).collect()
}

/// The names of the files and the pages of all tools.
pub(in crate::ctl) fn man_pages_of_tools() -> io::Result<Vec<(String, String)>> {
    let page = |tool: Tool| man_page(tool).map(|page| (format!("{}.1", tool.file_name()), page));
    let admin = Ok(("rabbitmqadmin.1".to_owned(), admin::man_page()));
    Tool::ALL.into_iter().map(page).chain([admin]).collect()
}

/// `haremq ctl`, for the completions of `haremq`.
pub(in crate::ctl) fn command_line() -> Command {
    of_tool(Tool::Ctl)
}

/// A page in the form of `man`.
pub(super) fn man_page(tool: Tool) -> io::Result<String> {
    let mut page = Vec::new();
    clap_mangen::Man::new(of_tool(tool)).render(&mut page)?;
    // The page of a tool names its commands; what each takes stands below them.
    for command in table::commands().filter(|command| command.belongs_to(tool)) {
        let shown = super::usage::line(tool, command);
        page.extend_from_slice(format!(".SS {}\n", command.name).as_bytes());
        for line in [shown.as_str(), command.about] {
            page.extend_from_slice(format!("{}\n.br\n", line.replace('-', "\\-")).as_bytes());
        }
    }
    Ok(String::from_utf8_lossy(&page).into_owned())
}

fn of_tool(tool: Tool) -> Command {
    let commands = table::commands().filter(|command| command.belongs_to(tool)).map(subcommand);
    Command::new(tool.file_name())
        .bin_name(tool.file_name())
        .about("Administers a HareMQ broker")
        .version(env!("CARGO_PKG_VERSION"))
        .disable_help_flag(true)
        .disable_help_subcommand(true)
        .args(COMMON_FLAGS.iter().map(|flag| argument(flag).global(true)))
        .subcommands(commands)
}

fn subcommand(spec: &'static CommandSpec) -> Command {
    let mut command = Command::new(spec.name).about(spec.about).disable_help_flag(true);
    // A flag of the command stands in front of the common one of that name.
    command = command.args(spec.flags.iter().map(argument));
    let rest = Arg::new("arguments").action(ArgAction::Append).help(spec.arguments);
    let columns = spec.columns.iter().map(|column| column.name);
    match (spec.arguments.is_empty(), spec.columns.is_empty()) {
        (true, _) => command,
        (false, true) => command.arg(rest),
        (false, false) => command.arg(rest.value_parser(columns.collect::<Vec<_>>())),
    }
}

fn argument(flag: &Flag) -> Arg {
    let argument = Arg::new(flag.long).long(flag.long).help(flag.about);
    let argument = match flag.short {
        Some(short) => argument.short(short),
        None => argument,
    };
    match flag.kind {
        FlagKind::Switch => argument.action(ArgAction::SetTrue),
        FlagKind::Text(value) | FlagKind::Number(value) => {
            argument.action(ArgAction::Set).value_name(value)
        }
    }
}
