//! A state as lines of a terminal of some size. Nothing in a line is wider than the terminal, and
//! nothing of it is obeyed by one but the styles that are put in here.

use super::column::{Column, Kind, NAME_WIDTH_MIN, View};
use super::look::{Header, Look, Row};
use super::number;
use super::state::{Overlay, State};
use super::text::{Side, clip, fit, harmless, width};

/// In columns and lines.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Size {
    pub columns: usize,
    pub lines: usize,
}

/// How a piece of a line looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Style {
    Plain,
    Bold,
    /// Of the chosen row and the header of the table.
    Reverse,
    Dim,
    Warning,
    Alarm,
}

/// A line of a screen.
#[derive(Clone, PartialEq, Default, Debug)]
pub(super) struct Line(Vec<(Style, String)>);

/// All lines.
#[derive(Clone, PartialEq, Default, Debug)]
pub(super) struct Screen {
    pub lines: Vec<Line>,
}

impl Line {
    fn of(style: Style, text: &str) -> Self {
        Self::default().and(style, text)
    }

    fn and(mut self, style: Style, text: &str) -> Self {
        self.0.push((style, harmless(text)));
        self
    }

    /// What is written, without the looks.
    pub(super) fn text(&self) -> String {
        self.0.iter().map(|(_, text)| text.as_str()).collect()
    }

    fn clipped(self, columns: usize) -> Self {
        let mut room = columns;
        let pieces = self.0.into_iter().map(|(style, text)| {
            let text = clip(&text, room).to_owned();
            room = room.saturating_sub(width(&text));
            (style, text)
        });
        Self(pieces.collect())
    }
}

impl Screen {
    /// For a terminal: from the upper left corner over what was there. Without colours only what is
    /// bold, dim or reversed differs.
    pub(super) fn written(&self, colours: bool) -> String {
        let mut text = String::from("\x1b[H");
        for (at, line) in self.lines.iter().enumerate() {
            if at > 0 {
                text.push_str("\r\n");
            }
            for (style, piece) in &line.0 {
                let sequence = sequence(*style, colours);
                text.push_str(sequence);
                text.push_str(piece);
                if !sequence.is_empty() {
                    text.push_str("\x1b[0m");
                }
            }
            text.push_str("\x1b[K");
        }
        text.push_str("\x1b[J");
        text
    }
}

fn sequence(style: Style, colours: bool) -> &'static str {
    match (style, colours) {
        (Style::Plain, _) => "",
        (Style::Bold, _) | (Style::Warning | Style::Alarm, false) => "\x1b[1m",
        (Style::Reverse, _) => "\x1b[7m",
        (Style::Dim, _) => "\x1b[2m",
        (Style::Warning, true) => "\x1b[33m",
        (Style::Alarm, true) => "\x1b[1;31m",
    }
}

/// The screen of a state. Where there is not enough room the end is left out.
pub(super) fn screen(state: &mut State, size: Size) -> Screen {
    let mut lines = above(state);
    let room = size.lines.saturating_sub(lines.len() + 1);
    match state.overlay.clone() {
        Overlay::None => lines.extend(table(state, size.columns, room)),
        Overlay::Help => lines.extend(HELP.iter().map(|line| Line::of(Style::Plain, line))),
        Overlay::Panel { panel, above } => {
            let text = panel.lines(size.columns);
            let above_max = text.len().saturating_sub(room);
            state.keep_in_sight(above_max);
            let shown = text.iter().enumerate().skip(above.min(above_max));
            let style = |at: usize| if at == 0 { Style::Bold } else { Style::Plain };
            lines.extend(shown.map(|(at, line)| Line::of(style(at), line)));
        }
    }
    lines.truncate(size.lines.saturating_sub(1));
    lines.resize(size.lines.saturating_sub(1), Line::default());
    lines.push(footer(state));
    lines.truncate(size.lines);
    Screen { lines: lines.into_iter().map(|line| line.clipped(size.columns)).collect() }
}

/// Rows that a table has room for.
pub(super) fn room_for_rows(state: &State, size: Size) -> usize {
    // The title of the table, and the last line.
    size.lines.saturating_sub(above(state).len() + 2).max(1)
}

/// What stands above the table.
fn above(state: &State) -> Vec<Line> {
    let mut lines = match &state.look {
        Some(Look { header, .. }) => {
            let mut lines = vec![headline(header, state)];
            lines.extend(figures(header));
            lines
        }
        None => vec![Line::of(Style::Bold, "haremq top")],
    };
    if let Some(trouble) = &state.trouble {
        let age = number::age(trouble.age_s * 1000);
        let text = format!("no answer, the numbers are {age} old: {}", trouble.reason);
        lines.push(Line::of(Style::Warning, &text));
    }
    lines.push(Line::default());
    lines
}

fn headline(header: &Header, state: &State) -> Line {
    let uptime = header.uptime_ms.map(|ms| format!("   up {}", number::age(ms)));
    let cluster = if header.cluster.is_empty() || header.cluster == header.node {
        String::new()
    } else {
        format!("   cluster {}", header.cluster)
    };
    let line = Line::of(Style::Bold, &format!("haremq top - {}", header.node));
    let pace = format!("{cluster}{}   every {} s", uptime.unwrap_or_default(), state.interval_s);
    let line = line.and(Style::Plain, &pace);
    if state.is_paused { line.and(Style::Warning, "   paused") } else { line }
}

/// The numbers of the broker, and its alarms.
pub(super) fn figures(header: &Header) -> Vec<Line> {
    let (rate, count) = (number::rate, number::count);
    let rates = format!(
        "rates     in {}/s   out {}/s   ack {}/s",
        rate(header.published),
        rate(header.delivered),
        rate(header.acknowledged)
    );
    let messages = format!(
        "messages  ready {}   unacked {}   total {}",
        count(header.ready),
        count(header.unacknowledged),
        count(header.messages)
    );
    let objects = format!(
        "objects   queues {}   connections {}   channels {}   consumers {}",
        count(header.queues),
        count(header.connections),
        count(header.channels),
        count(header.consumers)
    );
    let known = |bytes: Option<u64>| bytes.map_or_else(|| "-".to_owned(), number::bytes);
    let memory = format!(
        "memory    used {}   watermark {}   disk free {}",
        known(header.memory),
        known(header.watermark),
        known(header.disk_free)
    );
    let mut lines: Vec<Line> = [rates, messages, objects, memory]
        .iter()
        .map(|line| Line::of(Style::Plain, line))
        .collect();
    lines.extend(header.alarms.iter().map(|(resource, reason)| {
        let between = if reason.is_empty() { "" } else { ": " };
        Line::of(Style::Alarm, &format!("ALARM     {resource}{between}{reason}"))
    }));
    lines
}

fn table(state: &State, columns: usize, room: usize) -> Vec<Line> {
    let shown = fitting(state.view, columns);
    let titles = shown.iter().map(|(column, width)| {
        let mark = match state.view.columns().get(state.sort().column) {
            Some(sorted) if sorted.title == column.title && state.sort().reverse => " v",
            Some(sorted) if sorted.title == column.title => " ^",
            _ => "",
        };
        fit(&format!("{}{mark}", column.title), *width, column.kind.side())
    });
    let title = titles.collect::<Vec<_>>().join(" ");
    let title = fit(&title, columns, Side::Left);
    let mut lines = vec![Line::of(Style::Reverse, &title)];
    let rows = state.rows().iter().take(room.saturating_sub(1)).enumerate();
    lines.extend(rows.map(|(at, row)| {
        let text = fit(&cells(row, &shown), columns, Side::Left);
        let style = match (at == state.selected, row.is_in_trouble()) {
            (true, _) => Style::Reverse,
            (false, true) => Style::Warning,
            (false, false) => Style::Plain,
        };
        Line::of(style, &text)
    }));
    if state.rows().is_empty() && state.look.is_some() {
        let is_awaited = state.look.as_ref().is_some_and(|look| look.page.view != state.view);
        let none = if is_awaited { "...".to_owned() } else { nothing(state) };
        lines.push(Line::of(Style::Dim, &none));
    }
    lines
}

/// Said in the place of rows.
pub(super) fn nothing(state: &State) -> String {
    let noun = state.view.noun();
    if state.filter.is_empty() {
        return format!("there are no {noun}");
    }
    format!("there are no {noun} whose name holds '{}'", harmless(&state.filter))
}

/// The cells of a row side by side.
pub(super) fn cells(row: &Row, shown: &[(&Column, usize)]) -> String {
    let cell =
        |(column, width): &(&Column, usize)| fit(&row.cell(column), *width, column.kind.side());
    shown.iter().map(cell).collect::<Vec<_>>().join(" ")
}

/// The columns that there is room for; the first takes what the others leave.
pub(super) fn fitting(view: View, columns: usize) -> Vec<(&'static Column, usize)> {
    let mut shown: Vec<&Column> = view.columns().iter().collect();
    let used = |shown: &[&Column]| shown.iter().map(|column| column.width + 1).sum::<usize>() - 1;
    while shown.len() > 1 && used(&shown) > columns {
        let last = shown.iter().enumerate().max_by_key(|(_, column)| column.less);
        let Some((at, _)) = last else { break };
        shown.remove(at);
    }
    let others = used(&shown) - NAME_WIDTH_MIN;
    let widths = |(at, column): (usize, &'static Column)| {
        let first = columns.saturating_sub(others).max(1);
        (column, if at == 0 { first } else { column.width })
    };
    debug_assert!(shown.first().is_some_and(|column| column.kind == Kind::Text));
    shown.into_iter().enumerate().map(widths).collect()
}

fn footer(state: &State) -> Line {
    if let Some(typed) = &state.typing {
        let hint = "   (Enter: show these, Esc: as before)";
        return Line::of(Style::Bold, &format!("names with: {typed}_")).and(Style::Dim, hint);
    }
    let keys = match &state.overlay {
        Overlay::None => "q quit  c/Q tables  s r sort  / filter  Enter why  ? help",
        Overlay::Help => "any key goes back, q quits",
        Overlay::Panel { .. } => "up and down scroll, any other key goes back, q quits",
    };
    let mut line = Line::default();
    if let (Some(look), Overlay::None) = (&state.look, &state.overlay)
        && look.page.view == state.view
    {
        let page = &look.page;
        let first = (page.number - 1) * page.size + usize::from(!page.rows.is_empty());
        let last = (page.number - 1) * page.size + page.rows.len();
        let count = |number: usize| number::count(number.try_into().unwrap_or(u64::MAX));
        let (first, last, all) = (count(first), count(last), count(page.filtered));
        line = line.and(Style::Bold, &format!("{first}-{last} of {all}"));
        if !state.filter.is_empty() {
            line = line.and(Style::Bold, &format!(" with '{}'", state.filter));
        }
        line = line.and(Style::Plain, "   ");
    }
    line.and(Style::Dim, keys)
}

const HELP: &[&str] = &[
    "q, Ctrl-C        quit",
    "c, Q, Tab        connections, queues, the other of them",
    "up, down, j, k   choose a row; PageUp, PageDown, Home, End: pages",
    "Enter            why the chosen one does not move, and what would help",
    "s, right, left   sort by another column",
    "r                the other way round",
    "/                only names that hold a text; Esc: all",
    "+, -             look less often, more often",
    "p, blank         pause, and go on",
    "Ctrl-L           draw the screen anew",
    "Ctrl-Z           stop, as any program; fg goes on",
    "",
    "in, out, ack     messages published, handed out, acknowledged per second; the broker counts",
    "                 every 5 s (collect_statistics_interval)",
    "ready            wait for a consumer;  unacked: are with one",
    "oldest           how long the message that is handed out next has waited",
];
