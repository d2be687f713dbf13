//! The command line of what is done with a file of definitions.

use std::path::PathBuf;

/// What can be done with a file of definitions without a broker.
#[derive(Clone, PartialEq, Eq, Debug, clap::Subcommand)]
pub enum DefinitionsCommand {
    /// Read a file of definitions; say what an empty broker would make of it, or what is wrong where
    #[command(after_help = EXAMPLES)]
    Check {
        /// A file in RabbitMQ's form (JSON)
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Print JSON instead of lines
        #[arg(long)]
        json: bool,
    },
}

const EXAMPLES: &str = "\
Examples:
  haremq definitions check definitions.json            a line for each thing, and warnings
  haremq definitions check definitions.json --json     the same for programs

The exit code is 0 when the file can be imported, 65 when something in it is wrong, and 66 when it
cannot be read.";
