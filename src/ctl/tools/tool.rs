//! Under which name the program was called.

use std::ffi::{OsStr, OsString};
use std::path::Path;

/// The names, besides its own, by which an installation links the program: RabbitMQ's tools, and the broker.
pub const INSTALLED_NAMES: [&str; 7] = [
    "rabbitmq-server",
    "rabbitmqctl",
    "rabbitmq-diagnostics",
    "rabbitmq-plugins",
    "rabbitmq-queues",
    "rabbitmq-upgrade",
    "rabbitmqadmin",
];

/// One of the names that the program answers to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Tool {
    /// `haremq ctl`: every command; also `haremq top`.
    Ctl,
    Rabbitmqctl,
    Diagnostics,
    /// Also `haremq ctl plugins`.
    Plugins,
    Queues,
    Upgrade,
}

impl Tool {
    pub(super) const ALL: [Self; 6] = [
        Self::Ctl,
        Self::Rabbitmqctl,
        Self::Diagnostics,
        Self::Plugins,
        Self::Queues,
        Self::Upgrade,
    ];

    /// As it is typed.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ctl => "haremq ctl",
            Self::Rabbitmqctl => "rabbitmqctl",
            Self::Diagnostics => "rabbitmq-diagnostics",
            Self::Plugins => "rabbitmq-plugins",
            Self::Queues => "rabbitmq-queues",
            Self::Upgrade => "rabbitmq-upgrade",
        }
    }

    /// The name for a file: a man page, a completion.
    pub(super) fn file_name(self) -> &'static str {
        if self == Self::Ctl { "haremq-ctl" } else { self.name() }
    }

    /// Tells a tool from the broker and cuts its name off; `None` when it is the broker, or another of
    /// its commands.
    pub(super) fn called_by(arguments: &[OsString]) -> Option<(Self, &[OsString])> {
        let (program, rest) = arguments.split_first()?;
        let program = Path::new(program).file_name().unwrap_or_default();
        let by_name = Self::ALL.into_iter().find(|tool| program == OsStr::new(tool.name()));
        if let Some(tool) = by_name {
            return Some((tool, rest));
        }
        match rest {
            [ctl, plugins, rest @ ..] if ctl == "ctl" && plugins == "plugins" => {
                Some((Self::Plugins, rest))
            }
            [ctl, rest @ ..] if ctl == "ctl" => Some((Self::Ctl, rest)),
            // Short for `haremq ctl top`.
            [top, ..] if top == "top" => Some((Self::Ctl, rest)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_is_among_the_names_that_are_installed() {
        let tools = Tool::ALL.into_iter().filter(|tool| *tool != Tool::Ctl).map(Tool::name);
        let installed: Vec<&str> = INSTALLED_NAMES[1..6].to_vec();
        assert_eq!(tools.collect::<Vec<_>>(), installed);
    }

    #[test]
    fn the_name_of_the_file_chooses_the_tool() {
        let called = |line: &str| {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            Tool::called_by(&words).map(|(tool, rest)| (tool, rest.len()))
        };
        assert_eq!(called("/usr/sbin/rabbitmqctl list_queues"), Some((Tool::Rabbitmqctl, 1)));
        assert_eq!(called("rabbitmq-diagnostics -q ping"), Some((Tool::Diagnostics, 2)));
        assert_eq!(called("rabbitmq-plugins list"), Some((Tool::Plugins, 1)));
        assert_eq!(called("rabbitmq-queues"), Some((Tool::Queues, 0)));
        assert_eq!(called("rabbitmq-upgrade drain"), Some((Tool::Upgrade, 1)));
        assert_eq!(called("haremq ctl status"), Some((Tool::Ctl, 1)));
        assert_eq!(called("other ctl plugins list"), Some((Tool::Plugins, 1)));
        assert_eq!(called("haremq top --once"), Some((Tool::Ctl, 2)));
        assert_eq!(called("haremq --port 1"), None);
        assert_eq!(called("haremq store check"), None);
        assert_eq!(called("rabbitmq-server"), None);
    }
}
