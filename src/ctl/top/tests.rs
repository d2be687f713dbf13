//! Screens as text, and what keys do to them.

use std::collections::VecDeque;

use serde_json::{Value, json};

use super::column::View;
use super::keys::{Key, Keys};
use super::look::Look;
use super::query::{Asked, Wanted};
use super::screen::{Line, Size, room_for_rows, screen};
use super::source::{Source, look};
use super::state::{State, Trouble, Wish};
use super::text::width;
use super::{document, table};

const SIZE: Size = Size { columns: 80, lines: 14 };

fn wanted(view: View) -> Wanted {
    Wanted {
        view,
        sort: None,
        reverse: false,
        filter: String::new(),
        vhost: None,
        interval_s: 2,
        rows: 50,
        colours: false,
    }
}

fn overview() -> Value {
    json!({
        "node": "rabbit@box", "cluster_name": "eu",
        "message_stats": {
            "publish_details": { "rate": 1234.4 }, "deliver_get_details": { "rate": 0.25 },
            "ack_details": { "rate": 0.0 },
        },
        "queue_totals": { "messages": 12_345_678, "messages_ready": 12_345_670,
                          "messages_unacknowledged": 8 },
        "object_totals": { "queues": 10_000, "connections": 3, "channels": 4, "consumers": 5 },
    })
}

fn nodes() -> Value {
    json!([{ "uptime": 90_061_000, "mem_used": 1_610_612_736_u64, "mem_limit": 400 << 20,
             "disk_free": 1536, "mem_alarm": false, "disk_free_alarm": false, "alarms": [] }])
}

fn queue(name: &str, ready: u64) -> Value {
    json!({
        "name": name, "vhost": "/", "messages_ready": ready, "messages_unacknowledged": 1,
        "messages": ready + 1, "consumers": 2, "state": "running", "oldest_ready_age_ms": 61_000,
        "message_stats": { "publish_details": { "rate": 2.0 } },
    })
}

fn page(items: &[Value], number: usize, pages: usize) -> Value {
    json!({ "items": items, "page": number, "page_count": pages, "page_size": 3,
            "filtered_count": 10_000, "total_count": 10_000 })
}

fn seen(state: &mut State, list: &Value) {
    let look = Look::of(state.view, &overview(), &nodes(), list);
    let query = state.query();
    state.seen(&query, look);
}

/// A state with three queues of 10,000 on the first of two pages.
fn queues() -> State {
    let mut state = State::new(&wanted(View::Queues));
    state.make_room(3);
    let items = [queue("orders", 12_000), queue("订单", 7), queue("a\x1b[2J\nb", 0)];
    seen(&mut state, &page(&items, 1, 2));
    state
}

fn text(state: &mut State, size: Size) -> Vec<String> {
    let lines = screen(state, size).lines;
    lines.iter().map(|line| Line::text(line).trim_end().to_owned()).collect()
}

fn press(state: &mut State, typed: &str) -> Vec<Wish> {
    Keys::default().read(typed.as_bytes()).into_iter().map(|key| state.press(key)).collect()
}

#[test]
fn a_screen_of_queues_is_a_header_and_a_table() {
    let expected = "\
haremq top - rabbit@box   cluster eu   up 1d01h   every 2 s
rates     in 1,234/s   out 0.2/s   ack 0/s
messages  ready 12.3M   unacked 8   total 12.3M
objects   queues 10,000   connections 3   channels 4   consumers 5
memory    used 1.5G   watermark 400.0M   disk free 1.5K

name                     ready   unacked   total v     in/s    out/s   consumers
orders                  12,000         1    12,001        2        -           2
订单                         7         1         8        2        -           2
a\\u{1b}[2J\\nb                0         1         1        2        -           2



1-3 of 10,000   q quit  c/Q tables  s r sort  / filter  Enter why  ? help";
    assert_eq!(text(&mut queues(), SIZE).join("\n"), expected);
}

#[test]
fn a_screen_of_connections_has_columns_of_its_own() {
    let mut state = State::new(&wanted(View::Connections));
    let item = json!({ "name": "10.0.0.1:5 -> 10.0.0.2:5672", "user": "anna", "vhost": "/",
                       "state": "flow", "channels": 2, "recv_oct_details": { "rate": 2048.0 } });
    seen(
        &mut state,
        &json!({ "items": [item, { "name": "young" }], "page": 1, "page_count": 1,
                              "page_size": 9, "filtered_count": 2, "total_count": 2 }),
    );
    let lines = text(&mut state, Size { columns: 110, ..SIZE });
    assert_eq!(
        lines[6..9],
        [
            "name                          user         vhost      state       channels   in/s v    out/s   read/s   sent/s",
            "10.0.0.1:5 -> 10.0.0.2:5672   anna         /          flow               2        -        -     2.0K        -",
            "young                         -            -          -                  -        -        -        -        -",
        ]
    );
    press(&mut state, "j");
    let written = screen(&mut state, SIZE).written(true);
    assert!(written.contains("\x1b[33m10.0.0.1"), "a connection that is held back: {written:?}");
    assert!(written.contains("\x1b[7myoung"), "the chosen one: {written:?}");
}

#[test]
fn every_screen_fits_and_holds_nothing_that_a_terminal_obeys() {
    let mut state = queues();
    let document = json!({ "findings": [{ "severity": "warning", "name": "no-consumer\x07",
        "cause": "订单 ".repeat(50), "since": "2026", "fix": "start one" }], "summary": "s" });
    let looks: [&dyn Fn(&mut State); 5] = [
        &|_| {},
        &|state| drop(press(state, "/订单订单")),
        &|state| drop(press(state, "?")),
        &|state| {
            state.press(Key::Enter);
            state.explained(super::explained::Panel::of(
                "Queue 'orders' in virtual host '/'".to_owned(),
                &document,
            ));
        },
        &|state| state.trouble = Some(Trouble { reason: "gone\x1b[2J\r\n".repeat(9), age_s: 5 }),
    ];
    for show in looks {
        let mut state = std::mem::replace(&mut state, queues());
        show(&mut state);
        for (columns, lines) in (1..130).step_by(7).flat_map(|c| (1..30).map(move |l| (c, l))) {
            let size = Size { columns, lines };
            let shown = screen(&mut state, size);
            assert_eq!(shown.lines.len(), lines, "{size:?}");
            for line in &shown.lines {
                let line = line.text();
                assert!(width(&line) <= columns, "{size:?} {line:?}");
                assert!(!line.contains(char::is_control), "{line:?}");
            }
            let rows = room_for_rows(&state, size);
            assert!((1..=lines.max(1)).contains(&rows), "{size:?} {rows}");
        }
    }
}

#[test]
fn without_colours_only_the_weight_of_the_letters_differs() {
    let mut state = queues();
    state.trouble = Some(Trouble { reason: "gone".to_owned(), age_s: 75 });
    let (plain, coloured) =
        (screen(&mut state, SIZE).written(false), screen(&mut state, SIZE).written(true));
    assert!(
        coloured.contains("\x1b[33mno answer, the numbers are 1m15s old: gone"),
        "{coloured:?}"
    );
    assert!(!plain.contains("\x1b[3") && plain.contains("\x1b[1mno answer"), "{plain:?}");
}

#[test]
fn an_alarm_is_told_with_its_reason() {
    let node = json!([{ "mem_alarm": true, "alarms": [
        { "resource": "memory", "reason": "messages take 500 MiB of 400" }] }]);
    let mut state = State::new(&wanted(View::Queues));
    let query = state.query();
    state.seen(&query, Look::of(View::Queues, &overview(), &node, &page(&[], 1, 1)));
    let lines = text(&mut state, SIZE);
    assert_eq!(lines[5], "ALARM     memory: messages take 500 MiB of 400");
    assert_eq!(lines[8], "there are no queues");
    let bare = json!([{ "mem_alarm": false, "disk_free_alarm": true }]);
    let look = Look::of(View::Queues, &overview(), &bare, &Value::Null);
    assert_eq!(look.header.alarms, [("disk".to_owned(), String::new())]);
}

#[test]
fn the_broker_is_asked_to_sort_filter_and_page() {
    let mut state = queues();
    let query = |state: &State| {
        let Asked { segments, query } = state.query().asked();
        let query = query.iter().filter(|(name, _)| *name != "columns");
        let query: Vec<_> = query.map(|(name, value)| format!("{name}={value}")).collect();
        format!("{}?{}", segments.join("/"), query.join("&"))
    };
    assert_eq!(query(&state), "queues?page=1&page_size=3&sort=messages&sort_reverse=true");
    assert_eq!(press(&mut state, "sr"), [Wish::Look, Wish::Look]);
    let by = "queues?page=1&page_size=3&sort=message_stats.publish_details.rate&sort_reverse=false";
    assert_eq!(query(&state), by);
    assert_eq!(press(&mut state, "\x1b[D\x1b[D\x1b[D\x1b[D\x1b[D"), vec![Wish::Look; 5]);
    assert_eq!(query(&state), "queues?page=1&page_size=3&sort=name&sort_reverse=false");
    let mut typing = press(&mut state, "/订x\x7f单q\r");
    assert_eq!((typing.pop(), typing), (Some(Wish::Look), vec![Wish::Nothing; 6]));
    let filtered = "queues?page=1&page_size=3&sort=name&sort_reverse=false&name=订单q";
    assert_eq!(query(&state), filtered);
    assert_eq!(press(&mut state, "/no\x1b"), vec![Wish::Nothing; 4], "Esc leaves it as it was");
    assert_eq!((query(&state), press(&mut state, "\x1b")), (filtered.to_owned(), vec![Wish::Look]));
    assert_eq!(press(&mut state, "c"), [Wish::Look]);
    assert!(query(&state).starts_with("connections?page=1"), "{}", query(&state));
    let vhost = Wanted { vhost: Some("a/b".to_owned()), ..wanted(View::Connections) };
    assert_eq!(State::new(&vhost).query().asked().segments, ["vhosts", "a/b", "connections"]);
}

#[test]
fn the_choice_stays_with_its_queue_and_goes_over_pages() {
    let mut state = queues();
    assert_eq!(press(&mut state, "j"), [Wish::Nothing]);
    seen(&mut state, &page(&[queue("订单", 99), queue("orders", 9), queue("x", 0)], 1, 2));
    assert_eq!(state.selected, 0, "the queue has moved up");
    assert_eq!(press(&mut state, "jjj"), [Wish::Nothing, Wish::Nothing, Wish::Look]);
    assert_eq!((state.query().page, state.selected), (2, 0));
    seen(&mut state, &page(&[queue("y", 0)], 2, 2));
    assert_eq!(press(&mut state, "k"), [Wish::Look]);
    assert_eq!((state.query().page, state.selected), (1, 2));
    assert_eq!(press(&mut state, "\x1b[F"), [Wish::Look], "End is on the last page");
    seen(&mut state, &page(&[queue("y", 0)], 2, 2));
    assert_eq!((state.query().page, state.selected), (2, 0));
    let explain = press(&mut state, "\r");
    assert!(matches!(&explain[..], [Wish::Explain(named)] if named.name == "y"), "{explain:?}");
    assert!(text(&mut state, SIZE).contains(&"Queue 'y' in virtual host '/'".to_owned()));
    // More room: the row in the middle of it all stays the chosen one.
    assert!(state.make_room(2) && !state.make_room(2));
    assert_eq!((state.query().page, state.selected), (2, 1));
}

#[test]
fn keys_quit_pause_and_change_the_pace() {
    let mut state = queues();
    press(&mut state, "++");
    assert_eq!(state.interval_s, 5);
    press(&mut state, "------");
    assert_eq!(state.interval_s, 1);
    assert_eq!(press(&mut state, "p"), [Wish::Nothing]);
    assert!(text(&mut state, SIZE)[0].ends_with("paused"));
    assert_eq!(press(&mut state, "p?"), [Wish::Look, Wish::Nothing]);
    assert!(text(&mut state, SIZE).iter().any(|line| line.starts_with("Enter  ")));
    assert_eq!(press(&mut state, "xq"), [Wish::Nothing, Wish::Quit], "a key closes the help");
    assert_eq!(press(&mut state, "/\x03"), [Wish::Nothing, Wish::Quit], "Ctrl-C everywhere");
}

#[test]
fn an_answer_that_comes_too_late_is_not_shown_as_another() {
    let mut state = queues();
    let before = state.query();
    press(&mut state, "c");
    state.seen(&before, Look::of(View::Queues, &overview(), &nodes(), &page(&[], 1, 1)));
    assert_eq!(state.rows().len(), 0);
    press(&mut state, "Q");
    assert_eq!(state.rows().len(), 3, "the last queues are there until new ones come");
    press(&mut state, "\r\x1b");
    state
        .explained(super::explained::Panel::saying("Queue 'orders'".to_owned(), "late".to_owned()));
    assert!(!text(&mut state, SIZE).contains(&"late".to_owned()));
}

/// Gives these answers, one after the other, and remembers what it was asked.
struct Canned {
    answers: VecDeque<Result<Value, String>>,
    asked: Vec<Asked>,
}

impl Source for Canned {
    type Error = String;

    async fn get(&mut self, asked: &Asked) -> Result<Value, String> {
        self.asked.push(asked.clone());
        self.answers.pop_front().expect("it is asked no more than that")
    }
}

fn canned(answers: Vec<Result<Value, String>>) -> Canned {
    Canned { answers: answers.into(), asked: Vec::new() }
}

fn now<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

#[test]
fn a_page_that_is_gone_is_asked_for_as_the_first_and_a_node_may_be_kept_secret() {
    let gone = Err("page_out_of_range, page: 2 of 1 pages".to_owned());
    let list = page(&[queue("orders", 1)], 1, 1);
    let mut source =
        canned(vec![Ok(overview()), Err("not authorised".to_owned()), gone.clone(), Ok(list)]);
    let mut query = queues().query();
    query.page = 2;
    let answered = now(look(&mut source, &query)).expect("a look");
    assert_eq!((answered.page.number, answered.page.rows.len()), (1, 1));
    assert_eq!((answered.header.memory, answered.header.queues), (None, 10_000));
    let pages: Vec<_> = source.asked[2..].iter().map(|asked| asked.query[0].1.as_str()).collect();
    assert_eq!(pages, ["2", "1"]);
    query.page = 1;
    let refused = now(look(&mut canned(vec![Ok(overview()), Ok(nodes()), gone]), &query));
    assert!(refused.is_err(), "a first page that is not there is an error");
}

#[test]
fn without_a_terminal_it_is_one_table_or_one_document() {
    let answers = || {
        let list = page(&[queue("订单", 7), queue("a\tb", 0)], 1, 2);
        canned(vec![Ok(overview()), Ok(nodes()), Ok(list)])
    };
    let printed = now(table(&mut answers(), &wanted(View::Queues))).expect("a table");
    let lines: Vec<&str> = printed.lines().collect();
    assert!(lines[0].starts_with("rates     in 1,234/s") && lines[5].starts_with("name  "));
    assert!(lines[6].starts_with("订单  ") && lines[6].ends_with("1m01s running"), "{printed}");
    assert!(lines[7].starts_with("a\\tb  ") && !printed.contains(['\x1b', '\t']), "{printed}");
    assert_eq!(lines[8..], ["the first 2 of 10,000 queues"]);
    let document = now(document(&mut answers(), &wanted(View::Queues))).expect("a document");
    assert_eq!(document["items"][1]["name"], "a\tb", "a program gets the name as it is");
    assert_eq!(document["rates"]["publish"], 1234.4);
    assert_eq!(document["filtered_count"], 10_000);
}
