//! Patterns, each known by its text and by what it means.

use super::random::Random;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Pattern {
    Empty,
    OnlyEmpty,
    Everything,
    /// Anywhere in the name.
    Contains(&'static str),
    Begins(&'static str),
    Is(&'static str),
    Either(&'static str, &'static str),
    NotBegins(&'static str),
    /// Begins with the user's name; of routing keys only.
    OfUser,
    /// Begins with the virtual host's name; of routing keys only.
    OfVhost,
    /// Begins with what is no variable over AMQP; of routing keys only.
    OfClient,
}

/// Pieces of the names that are used.
const PIECES: [&str; 6] = ["a", "b", "q", "x", "amq", "default"];

impl Pattern {
    /// One over names of queues and exchanges.
    pub(super) fn any(random: &mut Random, names: &[&'static str]) -> Self {
        match random.index(10) {
            0 => Self::Empty,
            1 => Self::OnlyEmpty,
            2 | 3 => Self::Everything,
            4 => Self::Contains(random.pick(&PIECES)),
            5 => Self::Begins(random.pick(&PIECES)),
            6 => Self::Is(random.pick(names)),
            7 => Self::Either(random.pick(names), random.pick(names)),
            _ => Self::NotBegins(random.pick(&PIECES)),
        }
    }

    /// One over routing keys.
    pub(super) fn any_topic(random: &mut Random, keys: &[&'static str]) -> Self {
        match random.index(6) {
            0 => Self::OfUser,
            1 => Self::OfVhost,
            2 => Self::OfClient,
            _ => Self::any(random, keys),
        }
    }

    /// As it is configured.
    pub(super) fn text(self) -> String {
        let escaped = |text: &str| text.replace('.', "\\.");
        match self {
            Self::Empty => String::new(),
            Self::OnlyEmpty => "^$".to_owned(),
            Self::Everything => ".*".to_owned(),
            Self::Contains(piece) => escaped(piece),
            Self::Begins(piece) => format!("^{}", escaped(piece)),
            Self::Is(name) => format!("^{}$", escaped(name)),
            Self::Either(one, two) => format!("^({}|{})$", escaped(one), escaped(two)),
            Self::NotBegins(piece) => format!("^(?!{}).*", escaped(piece)),
            Self::OfUser => "^{username}\\.".to_owned(),
            Self::OfVhost => "^{vhost}\\.".to_owned(),
            Self::OfClient => "^{client_id}\\.".to_owned(),
        }
    }

    /// Whether a name matches; the empty name is that of nothing here.
    pub(super) fn matches(self, name: &str, user: &str, vhost: &str) -> bool {
        match self {
            Self::Empty | Self::OnlyEmpty => false,
            Self::Everything => true,
            Self::Contains(piece) => name.contains(piece),
            Self::Begins(piece) => name.starts_with(piece),
            Self::Is(other) => name == other,
            Self::Either(one, two) => name == one || name == two,
            Self::NotBegins(piece) => !name.starts_with(piece),
            Self::OfUser => name.starts_with(&format!("{user}.")),
            Self::OfVhost => name.starts_with(&format!("{vhost}.")),
            Self::OfClient => name.starts_with("{client_id}."),
        }
    }
}
