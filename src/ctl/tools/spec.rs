//! What a command is: the rows of the one table from which parsing, help, completions and man pages
//! are made.

use super::answer::Answer;
use super::call::Call;
use super::failure::Failure;
use super::session::Session;
use super::tool::Tool;

/// What a command does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Run {
    /// Asks a broker, reads or writes a file, waits.
    Asks(Asks),
    /// Knows the answer.
    Says(Says),
}

pub(super) type Asks = fn(&mut Session<'_>) -> Result<Answer, Failure>;
pub(super) type Says = fn(&Call) -> Answer;

/// The line that says what is being done, before it is done.
pub(super) type Banner = fn(&Call) -> String;

/// Looks at the arguments before anything is said.
pub(super) type Check = fn(&Call) -> Result<(), Failure>;

/// One command.
#[derive(Clone, Copy, Debug)]
pub(super) struct CommandSpec {
    pub name: &'static str,
    /// Other names of it.
    pub aliases: &'static [&'static str],
    pub section: Section,
    /// Tools that list it, besides `haremq ctl`, which lists all but those of the plug-ins.
    pub tools: &'static [Tool],
    pub about: &'static str,
    /// As in a usage line: `<needed> [<may be left out>] [<many> ...]`.
    pub arguments: &'static str,
    pub flags: &'static [Flag],
    /// Columns that may be asked for; not empty for the commands that list things.
    pub columns: &'static [Column],
    /// Columns of a line without columns.
    pub columns_default: &'static [&'static str],
    /// Lines of the help below its flags.
    pub examples: &'static [&'static str],
    pub check: Option<Check>,
    pub banner: Option<Banner>,
    /// In seconds, when no other is asked for.
    pub timeout_s: u64,
    pub run: Run,
}

/// A heading of the list of commands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Section {
    Help,
    Nodes,
    Users,
    Access,
    Monitoring,
    Parameters,
    Policies,
    Vhosts,
    Configuration,
    Definitions,
    FeatureFlags,
    Operations,
    Queues,
    Plugins,
}

impl Section {
    pub(super) const ALL: [Self; 14] = [
        Self::Help,
        Self::Nodes,
        Self::Users,
        Self::Access,
        Self::Monitoring,
        Self::Parameters,
        Self::Policies,
        Self::Vhosts,
        Self::Configuration,
        Self::Definitions,
        Self::FeatureFlags,
        Self::Operations,
        Self::Queues,
        Self::Plugins,
    ];

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Help => "Help",
            Self::Nodes => "Nodes",
            Self::Users => "Users",
            Self::Access => "Access control",
            Self::Monitoring => "Monitoring and health checks",
            Self::Parameters => "Parameters",
            Self::Policies => "Policies",
            Self::Vhosts => "Virtual hosts",
            Self::Configuration => "Configuration and environment",
            Self::Definitions => "Definitions",
            Self::FeatureFlags => "Feature flags",
            Self::Operations => "Operations",
            Self::Queues => "Queues",
            Self::Plugins => "Plug-ins",
        }
    }
}

/// A flag, of one command or of all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Flag {
    pub long: &'static str,
    pub short: Option<char>,
    pub kind: FlagKind,
    pub about: &'static str,
}

/// What follows a flag.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum FlagKind {
    Switch,
    /// Any text; how it is called in the help.
    Text(&'static str),
    /// A whole number from zero.
    Number(&'static str),
}

/// A column of a list, and where its value stands in what the API answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Column {
    pub name: &'static str,
    /// Keys from the outside in, parted by dots; empty: the API has no such value.
    pub from: &'static str,
    pub kind: ColumnKind,
}

/// How a value is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ColumnKind {
    /// A text, a number, a truth value.
    Plain,
    /// Arguments of a declaration: pairs of a name and a value.
    Arguments,
    /// A list of words.
    Words,
    /// A document, shown as JSON in a text.
    Json,
}

impl Column {
    pub(super) const fn new(name: &'static str, from: &'static str) -> Self {
        Self { name, from, kind: ColumnKind::Plain }
    }

    /// A column that the API calls by the same name.
    pub(super) const fn same(name: &'static str) -> Self {
        Self::new(name, name)
    }

    pub(super) const fn of(mut self, kind: ColumnKind) -> Self {
        self.kind = kind;
        self
    }
}

impl Flag {
    pub(super) const fn switch(long: &'static str, about: &'static str) -> Self {
        Self { long, short: None, kind: FlagKind::Switch, about }
    }

    pub(super) const fn text(long: &'static str, value: &'static str, about: &'static str) -> Self {
        Self { long, short: None, kind: FlagKind::Text(value), about }
    }

    pub(super) const fn number(
        long: &'static str,
        value: &'static str,
        about: &'static str,
    ) -> Self {
        Self { long, short: None, kind: FlagKind::Number(value), about }
    }

    pub(super) const fn short(mut self, short: char) -> Self {
        self.short = Some(short);
        self
    }
}

impl CommandSpec {
    /// A command of `rabbitmqctl` without arguments; the rest is said by the methods below.
    pub(super) const fn new(
        name: &'static str,
        section: Section,
        about: &'static str,
        run: Asks,
    ) -> Self {
        Self::with(name, section, about, Run::Asks(run))
    }

    /// A command that needs no broker and cannot fail.
    pub(super) const fn saying(
        name: &'static str,
        section: Section,
        about: &'static str,
        run: Says,
    ) -> Self {
        Self::with(name, section, about, Run::Says(run))
    }

    const fn with(name: &'static str, section: Section, about: &'static str, run: Run) -> Self {
        Self {
            name,
            aliases: &[],
            section,
            tools: &[Tool::Rabbitmqctl],
            about,
            arguments: "",
            flags: &[],
            columns: &[],
            columns_default: &[],
            examples: &[],
            check: None,
            banner: None,
            timeout_s: TIMEOUT_S,
            run,
        }
    }

    pub(super) const fn takes(mut self, arguments: &'static str) -> Self {
        self.arguments = arguments;
        self
    }

    pub(super) const fn flags(mut self, flags: &'static [Flag]) -> Self {
        self.flags = flags;
        self
    }

    pub(super) const fn examples(mut self, lines: &'static [&'static str]) -> Self {
        self.examples = lines;
        self
    }

    pub(super) const fn says(mut self, banner: Banner) -> Self {
        self.banner = Some(banner);
        self
    }

    pub(super) const fn checks(mut self, check: Check) -> Self {
        self.check = Some(check);
        self
    }

    pub(super) const fn tools(mut self, tools: &'static [Tool]) -> Self {
        self.tools = tools;
        self
    }

    pub(super) const fn also(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    pub(super) const fn within_s(mut self, seconds: u64) -> Self {
        self.timeout_s = seconds;
        self
    }

    pub(super) const fn lists(
        mut self,
        columns: &'static [Column],
        default: &'static [&'static str],
    ) -> Self {
        self.columns = columns;
        self.columns_default = default;
        self.arguments = "[<column> ...]";
        self
    }

    /// The fewest and the most arguments; `None`: any number.
    pub(super) fn counts(&self) -> (usize, Option<usize>) {
        let words: Vec<&str> = self.arguments.split_whitespace().collect();
        let needed = words.iter().filter(|word| word.starts_with('<')).count();
        let optional = words.iter().filter(|word| word.starts_with("[<")).count();
        let many = self.arguments.contains("...");
        (needed, (!many).then_some(needed + optional))
    }

    pub(super) fn is_called(&self, name: &str) -> bool {
        self.name == name || self.aliases.contains(&name)
    }

    /// Whether a tool lists it.
    pub(super) fn belongs_to(&self, tool: Tool) -> bool {
        match tool {
            Tool::Ctl => self.section != Section::Plugins,
            _ => self.tools.contains(&tool) || self.section == Section::Help,
        }
    }
}

/// Flags that every command takes.
pub(super) const COMMON_FLAGS: &[Flag] = &[
    Flag::switch("help", "Show how the command is used").short('?'),
    Flag::text("vhost", "vhost", "The virtual host, for commands that work in one (default /)")
        .short('p'),
    Flag::number("timeout", "seconds", "Give up after so many seconds").short('t'),
    Flag::switch("quiet", "Say nothing but the answer").short('q'),
    Flag::switch("silent", "As --quiet, and leave the header of a table out").short('s'),
    Flag::text("formatter", "form", "table, json, csv, pretty_table or erlang"),
    Flag::switch("no-table-headers", "Leave the header of a table out"),
    Flag::text("url", "url", "Reach the broker at http(s)://user:password@host:15672 (HAREMQ_URL)"),
    Flag::text(
        "tls-ca-cert-file",
        "file",
        "Authorities that https:// is checked with (else the system's)",
    ),
    Flag::text("tls-cert-file", "file", "A certificate to show to a broker behind https://"),
    Flag::text("tls-key-file", "file", "The key of that certificate"),
    Flag::switch("insecure", "Take whoever answers behind https://: for tests only"),
    Flag::text("data-dir", "dir", "The data folder of the broker on this machine"),
    Flag::text("config", "file", "The configuration file of the broker on this machine"),
    Flag::text("node", "name", "Taken and not used: a broker is found by its data folder")
        .short('n'),
    Flag::switch("longnames", "Taken and not used").short('l'),
    Flag::text("erlang-cookie", "cookie", "Taken and not used: the rights of a file are the login"),
    Flag::text("printer", "name", "Taken and not used"),
    Flag::text("script-name", "name", "Taken and not used"),
    Flag::text("rabbitmq-home", "dir", "Taken and not used"),
    Flag::text("mnesia-dir", "dir", "Taken and not used: see --data-dir"),
    Flag::text("plugins-dir", "dir", "Taken and not used"),
    Flag::text("enabled-plugins-file", "file", "Taken and not used"),
    Flag::text("aliases-file", "file", "Taken and not used"),
    Flag::switch("dry-run", "Taken and used by the commands that have one").short('d'),
];

/// As RabbitMQ's for lists.
const TIMEOUT_S: u64 = 60;
