//! What is shown, and what a key changes in it. Keys go in, wishes come out; nothing is asked here.

use super::column::{Sort, View};
use super::explained::Panel;
use super::keys::Key;
use super::look::{Look, Row};
use super::query::{Named, Query, Wanted};

/// What a key asks of the loop around.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Wish {
    /// Only what is shown has changed, or nothing.
    Nothing,
    /// Something else is to be asked for.
    Look,
    Explain(Named),
    Redraw,
    Suspend,
    Quit,
}

/// Everything that is shown.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct State {
    pub view: View,
    /// One order for each view.
    sorts: [Sort; 2],
    pub filter: String,
    /// The filter that is being typed.
    pub typing: Option<String>,
    vhost: Option<String>,
    /// Seconds between two looks.
    pub interval_s: u64,
    pub is_paused: bool,
    /// From 1 on.
    page: usize,
    /// Lines that a table has room for.
    page_size: usize,
    /// The place of the chosen row on its page.
    pub selected: usize,
    /// Whom the choice stays with when rows change their places; nobody until somebody chooses.
    held: Option<Named>,
    pub overlay: Overlay,
    pub look: Option<Look>,
    pub trouble: Option<Trouble>,
}

/// What stands in the place of the table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Overlay {
    None,
    Help,
    Panel {
        panel: Panel,
        /// Lines that are above the upper edge.
        above: usize,
    },
}

/// Why the numbers are old.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Trouble {
    pub reason: String,
    pub age_s: u64,
}

/// Seconds between two looks that `+` and `-` go through. The broker counts anew every five.
const INTERVALS_S: [u64; 8] = [1, 2, 3, 5, 10, 30, 60, 300];

impl State {
    pub(super) fn new(wanted: &Wanted) -> Self {
        let mut sorts = [View::Queues.first_sort(), View::Connections.first_sort()];
        let sort = &mut sorts[index(wanted.view)];
        if let Some(column) = wanted.sort {
            *sort = Sort::by(wanted.view, column);
        }
        sort.reverse ^= wanted.reverse;
        Self {
            view: wanted.view,
            sorts,
            filter: wanted.filter.clone(),
            typing: None,
            vhost: wanted.vhost.clone(),
            interval_s: wanted.interval_s,
            is_paused: false,
            page: 1,
            page_size: wanted.rows,
            selected: 0,
            held: None,
            overlay: Overlay::None,
            look: None,
            trouble: None,
        }
    }

    pub(super) fn sort(&self) -> Sort {
        self.sorts[index(self.view)]
    }

    pub(super) fn query(&self) -> Query {
        Query {
            view: self.view,
            sort: self.sort(),
            filter: self.filter.clone(),
            vhost: self.vhost.clone(),
            page: self.page,
            page_size: self.page_size,
        }
    }

    /// The rows that are there for this view.
    pub(super) fn rows(&self) -> &[Row] {
        match &self.look {
            Some(look) if look.page.view == self.view => &look.page.rows,
            _ => &[],
        }
    }

    /// How many rows there is room for; true when that is something new to ask for.
    pub(super) fn make_room(&mut self, rows: usize) -> bool {
        let rows = rows.max(1);
        if rows == self.page_size {
            return false;
        }
        let place = (self.page - 1) * self.page_size + self.selected;
        self.page_size = rows;
        (self.page, self.selected) = (place / rows + 1, place % rows);
        true
    }

    /// What the broker said to a query. The choice stays with its row when that is still on the page.
    pub(super) fn seen(&mut self, query: &Query, look: Look) {
        self.trouble = None;
        // Meanwhile something else was asked for, and this would be shown under its name.
        if query.view == self.view && query.page == self.page {
            self.page = look.page.number;
            let rows = &look.page.rows;
            let held = self.held.as_ref();
            let found = held.and_then(|held| rows.iter().position(|row| row.named == *held));
            self.selected = found.unwrap_or(self.selected).min(rows.len().saturating_sub(1));
        }
        if query.view == self.view {
            self.look = Some(look);
        }
    }

    /// The answer to [`Wish::Explain`], unless nobody waits for it any more.
    pub(super) fn explained(&mut self, panel: Panel) {
        if let Overlay::Panel { panel: waiting, .. } = &mut self.overlay
            && waiting.title == panel.title
        {
            *waiting = panel;
        }
    }

    /// One key.
    pub(super) fn press(&mut self, key: Key) -> Wish {
        if key == Key::Interrupt {
            return Wish::Quit;
        }
        if key == Key::Redraw {
            return Wish::Redraw;
        }
        if key == Key::Suspend {
            return Wish::Suspend;
        }
        if let Some(typed) = self.typing.take() {
            return self.press_in_filter(typed, key);
        }
        if self.overlay != Overlay::None {
            return self.press_in_overlay(key);
        }
        match key {
            Key::Char('q') => Wish::Quit,
            Key::Char('c') => self.switch(View::Connections),
            Key::Char('Q') => self.switch(View::Queues),
            Key::Tab => match self.view {
                View::Queues => self.switch(View::Connections),
                View::Connections => self.switch(View::Queues),
            },
            Key::Char('s') | Key::Right => self.sort_beside(1),
            Key::Left => self.sort_beside(self.view.columns().len() - 1),
            Key::Char('r') => {
                self.sorts[index(self.view)].reverse ^= true;
                self.look_at_the_top()
            }
            Key::Char('/') => {
                self.typing = Some(self.filter.clone());
                Wish::Nothing
            }
            Key::Escape if !self.filter.is_empty() => {
                self.filter.clear();
                self.look_at_the_top()
            }
            Key::Char('+') => {
                self.wait(INTERVALS_S.into_iter().find(|seconds| *seconds > self.interval_s))
            }
            Key::Char('-') => {
                self.wait(INTERVALS_S.into_iter().rfind(|seconds| *seconds < self.interval_s))
            }
            Key::Char('p' | ' ') => {
                self.is_paused ^= true;
                if self.is_paused { Wish::Nothing } else { Wish::Look }
            }
            Key::Char('?' | 'h') => {
                self.overlay = Overlay::Help;
                Wish::Nothing
            }
            Key::Enter => self.explain(),
            key => self.press_to_move(key),
        }
    }

    fn press_in_filter(&mut self, mut typed: String, key: Key) -> Wish {
        match key {
            Key::Enter => {
                self.filter = typed;
                return self.look_at_the_top();
            }
            Key::Escape => return Wish::Nothing,
            Key::Backspace => drop(typed.pop()),
            Key::Char(c) if typed.chars().count() < FILTER_CHARS_MAX => typed.push(c),
            _ => {}
        }
        self.typing = Some(typed);
        Wish::Nothing
    }

    fn press_in_overlay(&mut self, key: Key) -> Wish {
        match (key, &mut self.overlay) {
            (Key::Char('q'), _) => return Wish::Quit,
            // The screen knows where the text ends.
            (Key::Down | Key::Char('j'), Overlay::Panel { above, .. }) => *above += 1,
            (Key::Up | Key::Char('k'), Overlay::Panel { above, .. }) => {
                *above = above.saturating_sub(1);
            }
            _ => self.overlay = Overlay::None,
        }
        Wish::Nothing
    }

    /// The last line that a panel may begin with, which only the screen knows.
    pub(super) fn keep_in_sight(&mut self, above_max: usize) {
        if let Overlay::Panel { above, .. } = &mut self.overlay {
            *above = (*above).min(above_max);
        }
    }

    fn press_to_move(&mut self, key: Key) -> Wish {
        let last = self.rows().len().saturating_sub(1);
        let pages = self.look.as_ref().map_or(1, |look| look.page.pages.max(1));
        let (page, selected) = match key {
            Key::Up | Key::Char('k') if self.selected > 0 => (self.page, self.selected - 1),
            Key::Up | Key::Char('k') if self.page > 1 => (self.page - 1, self.page_size - 1),
            Key::Down | Key::Char('j') if self.selected < last => (self.page, self.selected + 1),
            Key::Down | Key::Char('j') if self.page < pages => (self.page + 1, 0),
            Key::PageUp if self.page > 1 => (self.page - 1, self.selected),
            Key::PageUp => (self.page, 0),
            Key::PageDown if self.page < pages => (self.page + 1, self.selected),
            Key::PageDown => (self.page, last),
            Key::Home => (1, 0),
            Key::End => (pages, self.page_size - 1),
            _ => return Wish::Nothing,
        };
        if page != self.page {
            (self.page, self.selected, self.held) = (page, selected, None);
            return Wish::Look;
        }
        self.selected = selected.min(last);
        self.held = self.rows().get(self.selected).map(|row| row.named.clone());
        Wish::Nothing
    }

    fn explain(&mut self) -> Wish {
        let Some(row) = self.rows().get(self.selected) else { return Wish::Nothing };
        let named = row.named.clone();
        let panel = Panel::saying(title(&named), "The broker is asked ...".to_owned());
        self.held = Some(named.clone());
        self.overlay = Overlay::Panel { panel, above: 0 };
        Wish::Explain(named)
    }

    fn switch(&mut self, view: View) -> Wish {
        if view == self.view {
            return Wish::Nothing;
        }
        self.view = view;
        self.filter.clear();
        self.look_at_the_top()
    }

    fn sort_beside(&mut self, steps: usize) -> Wish {
        let columns = self.view.columns().len();
        let column = (self.sort().column + steps) % columns;
        self.sorts[index(self.view)] = Sort::by(self.view, column);
        self.look_at_the_top()
    }

    fn wait(&mut self, interval_s: Option<u64>) -> Wish {
        self.interval_s = interval_s.unwrap_or(self.interval_s);
        Wish::Nothing
    }

    fn look_at_the_top(&mut self) -> Wish {
        (self.page, self.selected, self.held) = (1, 0, None);
        Wish::Look
    }
}

fn index(view: View) -> usize {
    match view {
        View::Queues => 0,
        View::Connections => 1,
    }
}

/// Over the explanation of a row.
pub(super) fn title(named: &Named) -> String {
    match named.view {
        View::Queues => format!("Queue '{}' in virtual host '{}'", named.name, named.vhost),
        View::Connections => format!("Connection '{}'", named.name),
    }
}

/// A name has at most 255 bytes.
const FILTER_CHARS_MAX: usize = 255;
