//! From the command line to the answer and the exit code.

use std::io::{self, BufWriter, IsTerminal as _, Write};

use super::{CtlError, Progress, store_check, store_dump};
use crate::config::StoreCommand;

/// Runs a command on the standard streams of the process; returns the exit code.
#[must_use]
pub fn run_on_terminal(command: &StoreCommand) -> u8 {
    // Messages that scroll by are progress enough, and a bar between them would be in the way.
    let shows_messages = matches!(command, StoreCommand::Dump { .. }) && io::stdout().is_terminal();
    let mut progress =
        if shows_messages { Progress::silent() } else { Progress::on_standard_error() };
    let mut output = BufWriter::new(io::stdout().lock());
    run(command, &mut output, &mut io::stderr(), &mut progress)
}

/// Runs a command: 0 when everything is whole, 1 when something is damaged or cannot be read.
#[must_use]
pub fn run(
    command: &StoreCommand,
    output: &mut dyn Write,
    errors: &mut dyn Write,
    progress: &mut Progress,
) -> u8 {
    let done = match command {
        StoreCommand::Check { folder, json } => {
            store_check::store_check(folder, *json, output, progress)
        }
        StoreCommand::Dump { folder, queue, vhost } => {
            let wanted = store_dump::Wanted { folder, queue, vhost };
            store_dump::store_dump(&wanted, output, errors, progress)
        }
    };
    progress.clear();
    match done.and_then(|state| Ok(output.flush().map(|()| state)?)) {
        Ok(State::Whole) => 0,
        Ok(State::Damaged) => 1,
        // Whoever reads the answer has read enough, as `head` does.
        Err(CtlError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => 0,
        Err(error) => {
            // A closed standard error leaves the exit code to say it.
            let _ = writeln!(errors, "haremq: {error}");
            1
        }
    }
}

/// What was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    Whole,
    Damaged,
}
