//! `docs/permissions.md` against the tables of these tests.

use std::collections::BTreeSet;

use super::methods::METHODS;
use super::objects::REQUESTS;
use super::topics::TOPICS;

/// The rows of the first table below a heading: the first two cells of each.
fn rows(heading: &str) -> BTreeSet<(String, String)> {
    let page = include_str!("../../docs/permissions.md");
    let start = page.find(&format!("\n## {heading}\n")).expect("the heading is there");
    let section = &page[start + 4..];
    let is_row = |line: &&str| line.starts_with("| ");
    let lines = section.lines().skip_while(|line| !is_row(line)).take_while(is_row).skip(2);
    let cells = lines.map(|line| line.trim_start_matches("| ").split(" | ").collect::<Vec<_>>());
    cells
        .map(|cells| {
            assert!(cells.len() >= 3, "{cells:?}");
            (cells[0].trim_matches('`').to_owned(), cells[1].to_owned())
        })
        .collect()
}

#[test]
fn the_page_lists_what_is_tested_and_nothing_else() {
    let methods = METHODS.iter().map(|row| (row.what.to_owned(), row.needs.in_words()));
    assert_eq!(rows("Methods of AMQP"), methods.collect());
    let topics = TOPICS.iter().map(|row| (row.what.to_owned(), row.right.to_owned()));
    assert_eq!(rows("Topics"), topics.collect());
    let requests = REQUESTS.iter().map(|row| (row.what.to_owned(), row.needs.in_words()));
    assert_eq!(rows("Queues and exchanges over HTTP"), requests.collect());
}
