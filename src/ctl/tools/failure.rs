//! Why a command did not do what it was asked to, and the exit code for it.

/// Exit codes (rabbitmq: cli, exit codes; they are those of `sysexits.h`).
pub(crate) mod code {
    pub(in crate::ctl::tools) const OK: u8 = 0;
    /// The command line is wrong.
    pub(in crate::ctl::tools) const USAGE: u8 = 64;
    /// An argument is of no use.
    pub(in crate::ctl::tools) const DATA: u8 = 65;
    /// There is no such user.
    pub(in crate::ctl::tools) const NO_USER: u8 = 67;
    /// The broker is not there, or refuses.
    pub(in crate::ctl::tools) const UNAVAILABLE: u8 = 69;
    /// What was asked for cannot be.
    pub(in crate::ctl::tools) const SOFTWARE: u8 = 70;
    /// It took too long.
    pub(in crate::ctl::tools) const TEMPORARY: u8 = 75;
    /// The settings that say where the broker is are wrong.
    pub(in crate::ctl::tools) const CONFIG: u8 = 78;
}

/// What goes to standard error, and how the process ends.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The command line is wrong: it is shown again, with how it should look.
    #[error("{reason}")]
    Arguments { reason: String, code: u8 },
    /// `Error:` and a line below it, which is RabbitMQ's form for most of its errors.
    #[error("Error:\n{text}")]
    Told { text: String, code: u8 },
    /// The text alone.
    #[error("{text}")]
    Plain { text: String, code: u8 },
}

impl Failure {
    pub(crate) fn usage(reason: impl Into<String>) -> Self {
        Self::Arguments { reason: reason.into(), code: code::USAGE }
    }

    /// An argument that is there and cannot be meant.
    pub(crate) fn argument(reason: impl std::fmt::Display) -> Self {
        Self::Arguments { reason: format!("Bad argument: {reason}"), code: code::DATA }
    }

    pub(crate) fn told(code: u8, text: impl Into<String>) -> Self {
        Self::Told { text: text.into(), code }
    }

    pub(crate) fn plain(code: u8, text: impl Into<String>) -> Self {
        Self::Plain { text: text.into(), code }
    }

    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Arguments { code, .. } | Self::Told { code, .. } | Self::Plain { code, .. } => {
                *code
            }
        }
    }
}
