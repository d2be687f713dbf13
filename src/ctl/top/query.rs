//! What the management API is asked for.

use super::column::{Column, Sort, View};
use crate::base::limits::HTTP_PAGE_ENTRIES_MAX;

/// What the command line asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::ctl) struct Wanted {
    pub view: View,
    /// The place of a column of the view.
    pub sort: Option<usize>,
    /// The other way round than the column's own order.
    pub reverse: bool,
    /// A part of the names.
    pub filter: String,
    pub vhost: Option<String>,
    /// Seconds between two looks.
    pub interval_s: u64,
    /// Entries of a table without a terminal.
    pub rows: usize,
    /// Whether colours are wanted.
    pub colours: bool,
}

/// One page of a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Query {
    pub view: View,
    pub sort: Sort,
    pub filter: String,
    pub vhost: Option<String>,
    /// From 1 on.
    pub page: usize,
    pub page_size: usize,
}

/// A path and what stands behind it, not encoded yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::ctl) struct Asked {
    /// Behind `/api`.
    pub segments: Vec<String>,
    pub query: Vec<(&'static str, String)>,
}

impl Asked {
    fn of(segments: &[&str]) -> Self {
        let segments = segments.iter().map(|&segment| segment.to_owned()).collect();
        Self { segments, query: Vec::new() }
    }

    /// The broker at a glance.
    pub(super) fn overview() -> Self {
        Self::of(&["overview"])
    }

    /// Memory and alarms; needs more rights than the lists.
    pub(super) fn nodes() -> Self {
        Self::of(&["nodes"])
    }
}

impl Query {
    /// The broker sorts, filters and pages, and tells no more than the columns.
    pub(super) fn asked(&self) -> Asked {
        let mut asked = match (self.view, &self.vhost) {
            (View::Queues, None) => Asked::of(&["queues"]),
            (View::Queues, Some(vhost)) => Asked::of(&["queues", vhost]),
            (View::Connections, None) => Asked::of(&["connections"]),
            (View::Connections, Some(vhost)) => Asked::of(&["vhosts", vhost, "connections"]),
        };
        let columns = self.view.columns();
        let from = |column: &Column| column.from;
        let wanted = columns.iter().map(from).collect::<Vec<_>>().join(",");
        asked.query = vec![
            ("page", self.page.max(1).to_string()),
            ("page_size", self.page_size.clamp(1, HTTP_PAGE_ENTRIES_MAX).to_string()),
            ("sort", columns.get(self.sort.column).map_or("name", from).to_owned()),
            ("sort_reverse", self.sort.reverse.to_string()),
            ("columns", wanted),
        ];
        if !self.filter.is_empty() {
            asked.query.push(("name", self.filter.clone()));
        }
        asked
    }
}

/// Which row is meant: names of queues are not unique without their virtual host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Named {
    pub view: View,
    pub vhost: String,
    pub name: String,
}

impl Named {
    /// Where the API explains it.
    pub(super) fn explained(&self) -> Asked {
        match self.view {
            View::Queues => Asked::of(&["haremq", "explain", "queue", &self.vhost, &self.name]),
            View::Connections => Asked::of(&["haremq", "explain", "connection", &self.name]),
        }
    }
}
