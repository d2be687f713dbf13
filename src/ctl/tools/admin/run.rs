//! From the words to what is printed and the exit code.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;

use super::actions::act;
use super::command_line::Line;
use crate::ctl::tools::answer::Answer;
use crate::ctl::tools::call::Call;
use crate::ctl::tools::format::Form;
use crate::ctl::tools::run::Streams;
use crate::ctl::tools::session::Session;
use crate::ctl::tools::spec::{CommandSpec, Section};
use crate::ctl::tools::tool::Tool;
use crate::ctl::tools::trust;

/// What a session needs to know of a command; the words decide what is done.
const SPEC: &CommandSpec =
    &CommandSpec::new("rabbitmqadmin", Section::Help, "", |_| Ok(Answer::Done));

/// The words behind the name, when the program was called by it.
pub(in crate::ctl::tools) fn called_by(arguments: &[OsString]) -> Option<&[OsString]> {
    let (program, rest) = arguments.split_first()?;
    let program = Path::new(program).file_name();
    (program == Some(OsStr::new("rabbitmqadmin"))).then_some(rest)
}

/// Does what the words say; returns the exit code: 0 when it is done, 1 otherwise.
///
/// # Errors
/// When the answer cannot be written.
pub(in crate::ctl::tools) fn run(
    words: &[OsString],
    environment: &[(OsString, OsString)],
    streams: &mut Streams<'_>,
) -> io::Result<u8> {
    let words: Vec<String> = words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let line = match Line::parse(&words) {
        Ok(line) => line,
        Err(reason) => {
            writeln!(streams.errors, "ERROR: {reason}\n\n{HELP}")?;
            return Ok(1);
        }
    };
    let is_help = line.has("help") || line.words.first().is_some_and(|word| word == "help");
    if is_help {
        writeln!(streams.output, "{HELP}")?;
        return Ok(0);
    }
    if line.has("version") {
        writeln!(streams.output, "rabbitmqadmin {}", env!("CARGO_PKG_VERSION"))?;
        return Ok(0);
    }
    let call = call(&line);
    let mut session = Session::new(&call, streams.input, streams.output, environment);
    let said = act(&line, &mut session);
    match said {
        Ok(said) if line.has("quiet") && is_confirmation(&line) => drop(said),
        Ok(said) => writeln!(streams.output, "{said}")?,
        Err(failure) => {
            writeln!(streams.errors, "{failure}")?;
            // RabbitMQ's program has one code for everything that goes wrong.
            return Ok(1);
        }
    }
    Ok(0)
}

/// Whether what is said is only that it is done.
fn is_confirmation(line: &Line) -> bool {
    !line.words.first().is_some_and(|word| ["list", "show", "get"].contains(&word.as_str()))
}

fn call(line: &Line) -> Call {
    let mut flags: BTreeMap<&'static str, String> = BTreeMap::new();
    flags.extend(line.url().map(|url| ("url", url)));
    let same = [
        ("ssl-ca-cert-file", trust::AUTHORITIES),
        ("ssl-cert-file", trust::CERTIFICATE),
        ("ssl-key-file", trust::KEY),
        ("ssl-insecure", trust::ANYBODY),
        ("request-timeout", "timeout"),
    ];
    for (theirs, ours) in same {
        flags.extend(line.option(theirs).map(|value| (ours, value.to_owned())));
    }
    Call {
        tool: Tool::Ctl,
        command: SPEC,
        arguments: Vec::new(),
        flags,
        form: Form::Table,
        node: "localhost".to_owned(),
    }
}

/// A page in the form of `man`: the help, as it is laid out.
pub(in crate::ctl::tools) fn man_page() -> String {
    let help = HELP.replace('-', "\\-");
    format!(
        ".TH rabbitmqadmin 1\n.SH NAME\nrabbitmqadmin \\- Administers a HareMQ broker\n.SH SYNOPSIS\n.nf\n{help}\n.fi\n"
    )
}

const HELP: &str = "\
Usage: rabbitmqadmin [options] subcommand

  declare KIND name=value ...     exchange, queue, binding, vhost, user, permission, parameter, policy,
                                  operator_policy, vhost_limit
  delete KIND name=value ...
  list KINDS [column ...]         queues, exchanges, bindings, connections, channels, consumers, users, vhosts,
                                  permissions, parameters, policies, operator_policies, vhost_limits, nodes
  show overview [column ...]
  publish routing_key=KEY [exchange=NAME] [payload=TEXT] [properties=JSON]
  get queue=NAME [count=N] [ackmode=MODE]
  purge queue name=NAME
  close connection name=NAME
  export FILE, import FILE        definitions

Options: -H host, -P port, -u user, -p password, -V vhost, -U uri, -s (TLS), -f format, -S column (sort), -q.
Without host, port, user and password the broker is found by its data folder, as by rabbitmqctl.";
