//! From the command line of a tool to its answer and its exit code.

use std::ffi::OsString;
use std::io::{self, BufRead, Write};

use super::call::Call;
use super::failure::{Failure, code};
use super::format::write_answer;
use super::parse::{Parsed, parse};
use super::session::Session;
use super::spec::{CommandSpec, Run};
use super::tool::Tool;
use super::{admin, table, usage};

/// Streams of a process, or what stands for them in a test.
pub struct Streams<'a> {
    /// Where secrets come from.
    pub input: &'a mut dyn BufRead,
    /// Where answers go.
    pub output: &'a mut dyn Write,
    /// Where errors go.
    pub errors: &'a mut dyn Write,
}

/// Does what a tool was asked for; `None` when the program was not called as a tool: then it is the
/// broker. The first argument is the name of the program.
#[must_use]
pub fn run_tool(
    arguments: &[OsString],
    environment: &[(OsString, OsString)],
    streams: &mut Streams<'_>,
) -> Option<u8> {
    let ran = if let Some(words) = admin::called_by(arguments) {
        admin::run(words, environment, streams)
    } else {
        let (tool, words) = Tool::called_by(arguments)?;
        run(tool, words, environment, streams)
    };
    let ended = ran.and_then(|code| {
        streams.output.flush()?;
        Ok(code)
    });
    Some(match ended {
        Ok(code) => code,
        // Whoever reads the answer has read enough, as `head` does.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => code::OK,
        Err(error) => {
            // A closed standard error leaves the exit code to say it.
            let _ = writeln!(streams.errors, "Error: cannot write the answer: {error}");
            code::SOFTWARE
        }
    })
}

/// [`run_tool`] on the streams of the process.
#[must_use]
pub fn run_tool_on_terminal(
    arguments: &[OsString],
    environment: &[(OsString, OsString)],
) -> Option<u8> {
    if admin::called_by(arguments).is_none() {
        Tool::called_by(arguments)?;
    }
    let mut streams = Streams {
        input: &mut io::stdin().lock(),
        output: &mut io::BufWriter::new(io::stdout().lock()),
        errors: &mut io::stderr(),
    };
    run_tool(arguments, environment, &mut streams)
}

fn run(
    tool: Tool,
    words: &[OsString],
    environment: &[(OsString, OsString)],
    streams: &mut Streams<'_>,
) -> io::Result<u8> {
    let node = node_name(environment);
    match parse(tool, words, &node) {
        Parsed::Version => {
            writeln!(streams.output, "{}", env!("CARGO_PKG_VERSION"))?;
            Ok(code::OK)
        }
        Parsed::Help(None) => {
            write!(streams.output, "{}", usage::overview(tool))?;
            Ok(code::OK)
        }
        Parsed::Help(Some(command)) => {
            write!(streams.output, "{}", usage::of_command(tool, command))?;
            Ok(code::OK)
        }
        Parsed::Nothing => {
            write!(streams.errors, "{}", usage::overview(tool))?;
            Ok(code::USAGE)
        }
        Parsed::Unknown(name) => unknown(tool, &name, streams.errors),
        Parsed::Wrong { command, typed, failure } => {
            wrong(tool, command, &typed, &failure, streams.errors)
        }
        Parsed::Call(call) => execute(&call, environment, streams),
    }
}

fn execute(
    call: &Call,
    environment: &[(OsString, OsString)],
    streams: &mut Streams<'_>,
) -> io::Result<u8> {
    if let Some(Err(failure)) = call.command.check.map(|check| check(call)) {
        return wrong(call.tool, call.command, &call.typed(), &failure, streams.errors);
    }
    if let Some(banner) = call.command.banner
        && !call.is_quiet()
        && !call.form.is_for_programs()
    {
        let line = banner(call);
        if !line.is_empty() {
            writeln!(streams.output, "{line}")?;
        }
    }
    let mut session = Session::new(call, streams.input, streams.output, environment);
    let answered = match call.command.run {
        Run::Asks(run) => run(&mut session),
        Run::Says(run) => Ok(run(call)),
    };
    match answered {
        Ok(answer) => {
            write_answer(&answer, call, streams.output)?;
            Ok(code::OK)
        }
        Err(failure @ Failure::Arguments { .. }) => {
            streams.output.flush()?;
            wrong(call.tool, call.command, &call.typed(), &failure, streams.errors)
        }
        Err(failure) => {
            // The two streams may be one terminal.
            streams.output.flush()?;
            writeln!(streams.errors, "{failure}")?;
            Ok(failure.code())
        }
    }
}

fn wrong(
    tool: Tool,
    command: &CommandSpec,
    typed: &str,
    failure: &Failure,
    errors: &mut dyn Write,
) -> io::Result<u8> {
    writeln!(errors, "Error (argument validation): {failure}")?;
    writeln!(errors, "Arguments given:\n\t{typed}\n")?;
    writeln!(errors, "Usage\n\n{}", usage::line(tool, command))?;
    Ok(failure.code())
}

fn unknown(tool: Tool, name: &str, errors: &mut dyn Write) -> io::Result<u8> {
    writeln!(errors, "\nCommand '{name}' not found.")?;
    match table::nearest(tool, name) {
        Some(meant) => writeln!(errors, "Did you mean '{meant}'?\n")?,
        None => write!(errors, "{}", usage::overview(tool))?,
    }
    Ok(code::USAGE)
}

/// What RabbitMQ would call the node on this machine.
fn node_name(environment: &[(OsString, OsString)]) -> String {
    let variable = |name: &str| {
        let found = environment.iter().find(|(variable, _)| variable == name);
        found.and_then(|(_, value)| value.to_str()).filter(|value| !value.is_empty())
    };
    let host = || {
        let uname = rustix::system::uname();
        let full = uname.nodename().to_string_lossy().into_owned();
        full.split('.').next().unwrap_or_default().to_owned()
    };
    match variable("RABBITMQ_NODENAME") {
        Some(name) if name.contains('@') => name.to_owned(),
        Some(name) => format!("{name}@{}", host()),
        None => format!("rabbit@{}", host()),
    }
}
