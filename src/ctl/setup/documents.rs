//! Completions for shells, and man pages: of `haremq` from its command line, of the tools from their table.

use std::io::{self, Write};
use std::path::Path;

use clap::Command;
use clap_complete::Shell;
use clap_complete::aot::Generator as _;

use super::files::{TextFile, write_all};
use crate::config::CompletionsArguments;
use crate::ctl::tools::{self, INSTALLED_NAMES};

/// Prints the completions of `haremq`, or writes those of every name; returns the exit code. `program` is the
/// command line of `haremq` without `ctl` and `top`, which are made from the table of the tools.
#[must_use]
pub fn run_completions_on_terminal(arguments: &CompletionsArguments, program: Command) -> u8 {
    let done = completions(&arguments.shell, whole(program)).and_then(|(own, of_tools)| {
        let Some(folder) = &arguments.directory else {
            return io::stdout().lock().write_all(own.1.as_bytes());
        };
        let all: Vec<TextFile> = std::iter::once(own).chain(of_tools).collect();
        write_all(folder, &all)?;
        writeln!(io::stdout(), "{} files in {}", all.len(), folder.display())
    });
    told(done, arguments.directory.as_deref())
}

/// Writes the man pages into a folder; returns the exit code.
#[must_use]
pub fn run_man_on_terminal(folder: &Path, program: Command) -> u8 {
    let done = man_pages(whole(program)).and_then(|pages| {
        write_all(folder, &pages)?;
        writeln!(io::stdout(), "{} pages in {}", pages.len(), folder.display())
    });
    told(done, Some(folder))
}

fn told(done: io::Result<()>, folder: Option<&Path>) -> u8 {
    let Err(error) = done else { return 0 };
    if error.kind() == io::ErrorKind::BrokenPipe {
        // Whoever reads has read enough, as `head` does.
        return 0;
    }
    let place = folder.map_or("standard output".into(), |folder| folder.to_string_lossy());
    // A closed standard error leaves the exit code to say it.
    let _ = writeln!(io::stderr(), "haremq: cannot write to {place}: {error}");
    1
}

/// With the commands that have a table of their own.
fn whole(program: Command) -> Command {
    let ctl = tools::command_line().name("ctl").bin_name("haremq ctl");
    let ctl = ctl.about("Ask a running broker, as rabbitmqctl does");
    let top = ctl.find_subcommand("top").cloned();
    program.subcommand(ctl).subcommands(top)
}

/// Those of `haremq`, and those of the tools.
fn completions(shell: &str, mut program: Command) -> io::Result<(TextFile, Vec<TextFile>)> {
    let parsed: Result<Shell, String> = shell.parse();
    let shell = parsed.map_err(|reason| io::Error::new(io::ErrorKind::InvalidInput, reason))?;
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut program, "haremq", &mut script);
    let own = (shell.file_name("haremq"), String::from_utf8_lossy(&script).into_owned());
    Ok((own, tools::completions_of_tools(shell)))
}

/// One page for `haremq`, one for each of its commands, and one for each other name.
fn man_pages(mut program: Command) -> io::Result<Vec<TextFile>> {
    // This gives every command its whole name.
    program.build();
    let mut pages = Vec::new();
    of_command(&program, &mut pages)?;
    pages.extend(tools::man_pages_of_tools()?);
    let is_there = |pages: &[TextFile], name: &str| pages.iter().any(|(other, _)| other == name);
    for name in INSTALLED_NAMES {
        let file = format!("{name}.1");
        if !is_there(&pages, &file) {
            // It is the broker: another page says all of it.
            pages.push((file, ".so man1/haremq.1\n".to_owned()));
        }
    }
    Ok(pages)
}

fn of_command(command: &Command, pages: &mut Vec<TextFile>) -> io::Result<()> {
    let man = clap_mangen::Man::new(command.clone());
    let mut page = Vec::new();
    man.render(&mut page)?;
    pages.push((man.get_filename(), String::from_utf8_lossy(&page).into_owned()));
    for inner in command.get_subcommands() {
        // The tools have a page of their own, and their commands are many.
        if !["ctl", "help"].contains(&inner.get_name()) {
            of_command(inner, pages)?;
        }
    }
    Ok(())
}
