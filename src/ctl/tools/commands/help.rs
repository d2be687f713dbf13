//! Commands about the commands, and those that need no broker.

use serde_json::Value;

use crate::ctl::tools::answer::Answer;
use crate::ctl::tools::call::Call;
use crate::ctl::tools::failure::{Failure, code};
use crate::ctl::tools::session::Session;
use crate::ctl::tools::spec::Section::{Configuration, Help, Monitoring};
use crate::ctl::tools::spec::{CommandSpec, Flag};
use crate::ctl::tools::tool::Tool::{self, Diagnostics, Rabbitmqctl};
use crate::ctl::tools::{generate, table, usage};

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("help", Help, "Shows how a command is used", help)
        .takes("[<command>]")
        .flags(&[Flag::switch("list-commands", "Only the names")]),
    CommandSpec::saying("version", Help, "Shows the version", version),
    CommandSpec::saying("autocomplete", Help, "Lists commands that begin like this", autocomplete)
        .takes("[<prefix>]"),
    CommandSpec::new(
        "completions",
        Help,
        "Writes the completions for a shell: bash, elvish, fish, powershell or zsh",
        completions,
    )
    .takes("<shell>"),
    CommandSpec::new("man", Help, "Writes the man page of this tool, for man -l -", man),
    CommandSpec::saying(
        "list_hashes",
        Monitoring,
        "Lists how passwords can be stored",
        list_hashes,
    )
    .tools(READERS)
    .says(|_| "Listing supported hash algorithms ...".to_owned()),
    CommandSpec::saying("list_ciphers", Monitoring, "Lists ciphers of encode: none", list_ciphers)
        .tools(READERS)
        .says(|_| "Listing supported ciphers ...".to_owned()),
    CommandSpec::new(
        "encode",
        Configuration,
        "Fails: encrypted values are not read; use a _FILE variable",
        encode,
    )
    .takes("[<value>] [<passphrase>]")
    .flags(CIPHER)
    .says(|_| "Encrypting value ...".to_owned()),
    CommandSpec::new(
        "decode",
        Configuration,
        "Fails: encrypted values are not read; use a _FILE variable",
        encode,
    )
    .takes("[<value>] [<passphrase>]")
    .flags(CIPHER)
    .says(|_| "Decrypting value ...".to_owned()),
    CommandSpec::new("eval", Configuration, "Fails: there is no Erlang", no_erlang)
        .takes("<expression> [<argument> ...]"),
    CommandSpec::new("erlang_version", Monitoring, "Fails: there is no Erlang", no_erlang)
        .tools(&[Diagnostics]),
];

const READERS: &[Tool] = &[Rabbitmqctl, Diagnostics];
const CIPHER: &[Flag] = &[
    Flag::text("cipher", "cipher", "Taken and not used"),
    Flag::text("hash", "hash", "Taken and not used"),
    Flag::number("iterations", "number", "Taken and not used"),
];

fn help(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let call = session.call;
    if call.has("list-commands") {
        let mut names: Vec<&str> = table::commands()
            .filter(|command| command.belongs_to(call.tool))
            .map(|command| command.name)
            .collect();
        names.sort_unstable();
        return Ok(Answer::Raw(names.join("\n")));
    }
    match call.arguments.first() {
        None => Ok(Answer::Raw(usage::overview(call.tool))),
        Some(name) => match table::find(call.tool, name) {
            Some(command) => Ok(Answer::Raw(usage::of_command(call.tool, command))),
            None => Err(Failure::told(code::USAGE, format!("\nCommand '{name}' not found."))),
        },
    }
}

fn version(_: &Call) -> Answer {
    Answer::Raw(env!("CARGO_PKG_VERSION").to_owned())
}

fn autocomplete(call: &Call) -> Answer {
    let (prefix, tool) = (call.argument(0), call.tool);
    let mut names: Vec<&str> = table::commands()
        .filter(|command| command.belongs_to(tool) && command.name.starts_with(prefix))
        .map(|command| command.name)
        .collect();
    names.sort_unstable();
    if names.is_empty() { Answer::Done } else { Answer::Raw(names.join("\n")) }
}

fn completions(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let shell = session.call.argument(0);
    generate::completions(session.call.tool, shell).map(Answer::Raw).ok_or_else(|| {
        let known = "bash, elvish, fish, powershell or zsh";
        Failure::argument(format!("shell '{shell}' should be {known}"))
    })
}

fn man(session: &mut Session<'_>) -> Result<Answer, Failure> {
    generate::man_page(session.call.tool).map(Answer::Raw).map_err(|error| {
        Failure::told(code::SOFTWARE, format!("cannot make the man page: {error}"))
    })
}

fn list_hashes(_: &Call) -> Answer {
    let hashes = ["sha512", "sha256"];
    let document = hashes.into_iter().map(Value::from).collect();
    Answer::Document { document, text: format!("[{}]", hashes.join(",")) }
}

fn list_ciphers(_: &Call) -> Answer {
    Answer::Document { document: Value::Array(Vec::new()), text: "[]".to_owned() }
}

fn encode(_: &mut Session<'_>) -> Result<Answer, Failure> {
    let text = "HareMQ reads no encrypted values. Keep a secret in a file that only the broker can \
                read, and name it with a variable that ends in _FILE, such as \
                RABBITMQ_DEFAULT_PASS_FILE.";
    Err(Failure::told(code::UNAVAILABLE, text))
}

fn no_erlang(_: &mut Session<'_>) -> Result<Answer, Failure> {
    let text = "HareMQ is not written in Erlang: there is nothing to evaluate";
    Err(Failure::told(code::UNAVAILABLE, text))
}
