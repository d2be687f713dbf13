//! The command line of what sets the program up on a machine: its service, its man pages, completions.

use std::path::PathBuf;

/// What can be done with the service of the system.
#[derive(Clone, PartialEq, Eq, Debug, clap::Subcommand)]
pub enum ServiceCommand {
    /// Write the unit for systemd; starts nothing
    #[command(after_help = SERVICE_EXAMPLES)]
    Install {
        /// Print the unit and write nothing
        #[arg(long, conflicts_with_all = ["force", "directory"])]
        print: bool,
        /// A service of this user (systemctl --user) in the place of one of the system
        #[arg(long)]
        user: bool,
        /// Write over a unit that is there and says something else
        #[arg(long)]
        force: bool,
        /// Write into this folder (default /etc/systemd/system, with --user ~/.config/systemd/user)
        #[arg(long, value_name = "DIR")]
        directory: Option<PathBuf>,
    },
}

/// What is written for shells and readers.
#[derive(Clone, PartialEq, Eq, Debug, clap::Args)]
pub struct CompletionsArguments {
    /// The shell
    #[arg(value_parser = SHELLS)]
    pub shell: String,
    /// Write a file for each name of the program into this folder; without it that of haremq is printed
    #[arg(value_name = "DIR")]
    pub directory: Option<PathBuf>,
}

/// Shells for which there are completions.
const SHELLS: [&str; 5] = ["bash", "elvish", "fish", "powershell", "zsh"];

const SERVICE_EXAMPLES: &str = "\
Examples:
  haremq service install --print            shows the unit
  sudo haremq service install               writes /etc/systemd/system/haremq.service
  haremq service install --user             writes ~/.config/systemd/user/haremq.service

The unit starts this very program where it lies. What is to be done next is said at the end.
The exit code is 1 when a unit is there that says something else (--force), or nothing can be written.";

pub(super) const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  haremq completions bash > ~/.local/share/bash-completion/completions/haremq
  haremq completions zsh > ~/.zfunc/_haremq         a folder in $fpath
  haremq completions fish > ~/.config/fish/completions/haremq.fish
  haremq completions bash /usr/share/bash-completion/completions    also for rabbitmqctl and its kin";

pub(super) const MAN_EXAMPLES: &str = "\
Examples:
  haremq man ~/.local/share/man/man1      then: man haremq
  man -l <(rabbitmqctl man)               one tool, without a file";
