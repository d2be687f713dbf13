//! The one table of commands.

use super::commands;
use super::spec::{CommandSpec, Section};
use super::tool::Tool;

/// Every command of every tool.
pub(super) fn commands() -> impl Iterator<Item = &'static CommandSpec> {
    commands::ALL.iter().copied().flatten()
}

/// What a name stands for. Every tool does the commands of every other, those of the plug-ins excepted:
/// their names are words like `list`.
pub(super) fn find(tool: Tool, name: &str) -> Option<&'static CommandSpec> {
    let named = |command: &&CommandSpec| command.is_called(name);
    let own = commands().filter(|command| command.belongs_to(tool)).find(named);
    own.or_else(|| commands().filter(|command| command.section != Section::Plugins).find(named))
}

/// The command that was probably meant.
pub(super) fn nearest(tool: Tool, name: &str) -> Option<&'static str> {
    let names = commands().filter(|command| command.belongs_to(tool)).map(|command| command.name);
    names
        .map(|known| (distance(name, known), known))
        .filter(|(distance, known)| *distance <= known.len() / 3)
        .min()
        .map(|(_, known)| known)
}

/// Letters to change, add or leave out.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, other) in b.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *other);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
