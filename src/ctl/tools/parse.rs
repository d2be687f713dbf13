//! From words to a call, or to what is wrong with them.

use std::collections::BTreeMap;
use std::ffi::OsString;

use super::call::Call;
use super::failure::Failure;
use super::format::Form;
use super::spec::{COMMON_FLAGS, CommandSpec, Flag, FlagKind};
use super::table;
use super::tool::Tool;

/// What the words of a command line come to.
#[derive(Debug)]
pub(super) enum Parsed {
    Call(Box<Call>),
    /// How a command is used.
    Help(Option<&'static CommandSpec>),
    Version,
    /// Nothing was asked for.
    Nothing,
    /// No command has this name.
    Unknown(String),
    /// The command is known and what is behind it is wrong; the words are shown again.
    Wrong {
        command: &'static CommandSpec,
        typed: String,
        failure: Failure,
    },
}

/// Reads what stands behind the name of a tool.
pub(super) fn parse(tool: Tool, words: &[OsString], node: &str) -> Parsed {
    let words: Vec<String> = words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let split = split(tool, &words);
    if split.is_version && split.command.is_none() {
        return Parsed::Version;
    }
    let Some(name) = split.command else {
        return if split.flags.contains_key("help") { Parsed::Help(None) } else { Parsed::Nothing };
    };
    let Some(command) = table::find(tool, &name) else { return Parsed::Unknown(name) };
    if split.flags.contains_key("help") {
        return Parsed::Help(Some(command));
    }
    let typed = words.iter().skip_while(|word| **word != name);
    let typed = typed.map(String::as_str).collect::<Vec<_>>().join(" ");
    let wrong = |failure| Parsed::Wrong { command, typed: typed.clone(), failure };
    if !split.wrong.is_empty() {
        let lines = split.wrong.join("\n");
        let failure = Failure::usage(format!("Invalid options for this command:\n{lines}"));
        return wrong(failure);
    }
    let (fewest, most) = command.counts();
    if split.arguments.len() < fewest {
        return wrong(Failure::usage("not enough arguments."));
    }
    if most.is_some_and(|most| split.arguments.len() > most) {
        return wrong(Failure::usage("too many arguments."));
    }
    let form = match split.flags.get("formatter").map(String::as_str) {
        None => Form::Table,
        Some(name) => match Form::parse(name) {
            Some(form) => form,
            None => {
                return wrong(Failure::usage(format!("Formatter {name} does not exist: {FORMS}")));
            }
        },
    };
    let node = split.flags.get("node").cloned().unwrap_or_else(|| node.to_owned());
    let (arguments, flags) = (split.arguments, split.flags);
    let call = Call { tool, command, arguments, flags, form, node };
    if !command.columns.is_empty()
        && let Err(failure) = call.columns()
    {
        return wrong(failure);
    }
    Parsed::Call(Box::new(call))
}

/// The words by what they are.
#[derive(Default)]
struct Split {
    command: Option<String>,
    arguments: Vec<String>,
    flags: BTreeMap<&'static str, String>,
    /// Options that nobody knows, or whose value is wrong.
    wrong: Vec<String>,
    is_version: bool,
}

fn split(tool: Tool, words: &[String]) -> Split {
    // The flags of a command may stand in front of it.
    let takes_value = |word: &String| {
        let flag = COMMON_FLAGS.iter().find(|flag| is_option(word) && is_named(flag, word));
        flag.is_some_and(|flag| flag.kind != FlagKind::Switch)
    };
    let mut candidates = words.iter().enumerate().filter(|(at, _)| {
        // What stands behind `--vhost` is a name, also when it is that of a command.
        at.checked_sub(1).is_none_or(|before| !takes_value(&words[before]))
    });
    let command = candidates.find_map(|(_, word)| table::find(tool, word));
    let command_flags = command.map_or(&[][..], |command| command.flags);
    let mut split = Split::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if word == "--" {
            words.by_ref().cloned().for_each(|word| split.positional(word));
        } else if word == "--version" {
            split.is_version = true;
        } else if is_option(word) {
            let (name, joined) = match word.split_once('=') {
                Some((name, value)) if word.starts_with("--") => (name, Some(value.to_owned())),
                _ => (word.as_str(), None),
            };
            let flag = command_flags.iter().chain(COMMON_FLAGS).find(|flag| is_named(flag, name));
            let Some(flag) = flag else {
                split.wrong.push(format!("{name} : "));
                continue;
            };
            split.take(flag, name, joined, &mut words);
        } else {
            split.positional(word.clone());
        }
    }
    split
}

impl Split {
    fn positional(&mut self, word: String) {
        if self.command.is_none() {
            self.command = Some(word);
        } else {
            self.arguments.push(word);
        }
    }

    fn take<'a>(
        &mut self,
        flag: &Flag,
        name: &str,
        joined: Option<String>,
        rest: &mut impl Iterator<Item = &'a String>,
    ) {
        let value = match flag.kind {
            FlagKind::Switch => joined.or(Some(String::new())),
            FlagKind::Text(_) | FlagKind::Number(_) => joined.or_else(|| rest.next().cloned()),
        };
        match (flag.kind, value) {
            (_, None) => self.wrong.push(name.to_owned()),
            (FlagKind::Number(_), Some(value)) if !is_number(&value) => {
                self.wrong.push(format!("{name} : {value}"));
            }
            (_, Some(value)) => {
                self.flags.insert(flag.long, value);
            }
        }
    }
}

/// `-1` is a number, and `-` stands for a stream.
fn is_option(word: &str) -> bool {
    word.strip_prefix('-').is_some_and(|rest| rest.starts_with(|c: char| !c.is_ascii_digit()))
}

fn is_named(flag: &Flag, word: &str) -> bool {
    if let Some(long) = word.strip_prefix("--") {
        return flag.long == long || flag.long.replace('-', "_") == long;
    }
    let mut letters = word.chars().skip(1);
    flag.short.is_some() && flag.short == letters.next() && letters.next().is_none()
}

fn is_number(value: &str) -> bool {
    value.parse::<u64>().is_ok()
}

const FORMS: &str = "try table, json, csv, pretty_table or erlang";
