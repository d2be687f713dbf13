//! The two tables: their columns, and where the API has the values.

use super::text::Side;

/// What is listed.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(in crate::ctl) enum View {
    /// The queues.
    #[default]
    Queues,
    /// The connections.
    Connections,
}

/// A column.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Column {
    /// Over the column, and how `--sort` calls it.
    pub title: &'static str,
    /// Where its value stands in an item of the list; the list is sorted by that.
    pub from: &'static str,
    pub kind: Kind,
    /// In columns of the terminal. The first column takes what the others leave.
    pub width: usize,
    /// On a narrow terminal the columns with the highest numbers are left out.
    pub less: u8,
}

/// How a value is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Text,
    Count,
    Rate,
    /// Bytes per second.
    Bytes,
    /// In ms.
    Age,
}

impl Kind {
    pub(super) fn side(self) -> Side {
        if self == Self::Text { Side::Left } else { Side::Right }
    }
}

impl View {
    pub(super) fn columns(self) -> &'static [Column] {
        match self {
            Self::Queues => QUEUES,
            Self::Connections => CONNECTIONS,
        }
    }

    /// By which column a list is sorted until somebody chooses another one.
    pub(super) fn first_sort(self) -> Sort {
        let title = match self {
            Self::Queues => "total",
            Self::Connections => "in/s",
        };
        Sort { column: self.find(title).unwrap_or(0), reverse: true }
    }

    /// The column with this title.
    pub(in crate::ctl) fn find(self, title: &str) -> Option<usize> {
        self.columns().iter().position(|column| column.title == title)
    }

    /// The titles of the columns.
    pub(in crate::ctl) fn titles(self) -> impl Iterator<Item = &'static str> {
        self.columns().iter().map(|column| column.title)
    }

    /// As it is called in a sentence.
    pub(super) fn noun(self) -> &'static str {
        match self {
            Self::Queues => "queues",
            Self::Connections => "connections",
        }
    }
}

/// The order of a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Sort {
    /// Its place among the columns of the view.
    pub column: usize,
    /// The largest first.
    pub reverse: bool,
}

impl Sort {
    /// By another column: texts from A on, numbers from the largest on.
    pub(super) fn by(view: View, column: usize) -> Self {
        let reverse = view.columns().get(column).is_some_and(|column| column.kind != Kind::Text);
        Self { column, reverse }
    }
}

const fn column(
    title: &'static str,
    from: &'static str,
    kind: Kind,
    width: usize,
    less: u8,
) -> Column {
    Column { title, from, kind, width, less }
}

/// The least that the first column is given.
pub(super) const NAME_WIDTH_MIN: usize = 14;

const QUEUES: &[Column] = &[
    column("name", "name", Kind::Text, NAME_WIDTH_MIN, 0),
    column("vhost", "vhost", Kind::Text, 10, 6),
    column("ready", "messages_ready", Kind::Count, 9, 2),
    column("unacked", "messages_unacknowledged", Kind::Count, 9, 1),
    column("total", "messages", Kind::Count, 9, 0),
    column("in/s", "message_stats.publish_details.rate", Kind::Rate, 8, 3),
    column("out/s", "message_stats.deliver_get_details.rate", Kind::Rate, 8, 4),
    column("consumers", "consumers", Kind::Count, 11, 5),
    column("oldest", "oldest_ready_age_ms", Kind::Age, 8, 7),
    column("state", "state", Kind::Text, 8, 8),
];

const CONNECTIONS: &[Column] = &[
    column("name", "name", Kind::Text, NAME_WIDTH_MIN, 0),
    column("user", "user", Kind::Text, 12, 3),
    column("vhost", "vhost", Kind::Text, 10, 6),
    column("state", "state", Kind::Text, 9, 1),
    column("channels", "channels", Kind::Count, 10, 5),
    column("in/s", "message_stats.publish_details.rate", Kind::Rate, 8, 0),
    column("out/s", "message_stats.deliver_get_details.rate", Kind::Rate, 8, 2),
    column("read/s", "recv_oct_details.rate", Kind::Bytes, 8, 7),
    column("sent/s", "send_oct_details.rate", Kind::Bytes, 8, 8),
];
