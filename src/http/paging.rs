//! Columns, order and pages of a list, as the query asks for them. Pure.

use std::cmp::Ordering;

use regex::{Regex, RegexBuilder};
use serde_json::{Map, Value, json};

use super::error::ApiError;
use super::query::Query;
use crate::base::limits::HTTP_PAGE_ENTRIES_MAX;

/// Entries of a page when nobody says how many.
const PAGE_ENTRIES: usize = 100;

/// Bytes that the program of a regular expression may need: one of a query is a few characters.
const PATTERN_BYTES_MAX: usize = 1024 * 1024;

/// A list as it is asked for: ordered and with the columns, and as one page of it when a page is asked for.
///
/// # Errors
/// 400 for a page that is not there, or a wrong number or expression.
pub(super) fn list(query: &Query, values: Vec<Value>) -> Result<Value, ApiError> {
    let mut arranged = arrange(query, values)?;
    each_item(&mut arranged, |item| columns(query, item));
    Ok(arranged)
}

/// What one look at a list gives, item by item, whether it is a page or all of it.
pub(super) fn each_item(arranged: &mut Value, change: impl Fn(Value) -> Value) {
    let items = match arranged {
        Value::Array(items) => Some(items),
        page => page.get_mut("items").and_then(Value::as_array_mut),
    };
    for item in items.into_iter().flatten() {
        *item = change(item.take());
    }
}

/// As [`list`], with all columns.
///
/// # Errors
/// As [`list`].
pub(super) fn arrange(query: &Query, mut values: Vec<Value>) -> Result<Value, ApiError> {
    let page = query.get("page").map(|page| positive("page", page)).transpose()?;
    let Some(page) = page else {
        sort(query, &mut values);
        return Ok(Value::Array(values));
    };
    let page_size = query.get("page_size").map(|size| positive("page_size", size)).transpose()?;
    let page_size = page_size.unwrap_or(PAGE_ENTRIES);
    if page_size > HTTP_PAGE_ENTRIES_MAX {
        return Err(ApiError::bad_request(format!(
            "page_size is {page_size}, and at most {HTTP_PAGE_ENTRIES_MAX} are given"
        )));
    }
    let total = values.len();
    if let Some(filter) = Filter::new(query)? {
        values.retain(|value| filter.takes(value));
    }
    sort(query, &mut values);
    let filtered = values.len();
    let pages = filtered.div_ceil(page_size);
    if page > pages.max(1) {
        return Err(ApiError::bad_request(format!(
            "page_out_of_range, page: {page} of {pages} pages, len: {filtered}"
        )));
    }
    let items: Vec<Value> =
        values.into_iter().skip((page - 1) * page_size).take(page_size).collect();
    Ok(json!({
        "page": page,
        "page_count": pages,
        "page_size": page_size,
        "total_count": total,
        "filtered_count": filtered,
        "item_count": items.len(),
        "items": items,
    }))
}

/// A value with the columns that are asked for; all of them when none is.
pub(super) fn columns(query: &Query, value: Value) -> Value {
    match query.get("columns") {
        Some(wanted) if !wanted.is_empty() => chosen(wanted, &value),
        _ => value,
    }
}

fn chosen(wanted: &str, value: &Value) -> Value {
    let mut out = Map::new();
    for column in wanted.split(',') {
        let Some(found) = at(value, column) else { continue };
        let mut place = &mut out;
        let mut parts = column.split('.').peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                place.insert(part.to_owned(), found.clone());
                break;
            }
            let inner = place.entry(part).or_insert_with(|| Value::Object(Map::new()));
            // `a,a.b`: the whole of it is there already.
            let Value::Object(inner) = inner else { break };
            place = inner;
        }
    }
    Value::Object(out)
}

/// The value at `a.b.c`.
fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |value, part| value.get(part))
}

fn sort(query: &Query, values: &mut [Value]) {
    let Some(key) = query.get("sort").filter(|key| !key.is_empty()) else { return };
    let missing = Value::Null;
    values.sort_by(|a, b| compare(at(a, key).unwrap_or(&missing), at(b, key).unwrap_or(&missing)));
    if query.is_true("sort_reverse") {
        values.reverse();
    }
}

/// What is missing comes first, then truth values, numbers, texts, and what cannot be compared.
fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Number(a), Value::Number(b)) => compare_numbers(a, b),
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (a, b) => rank(a).cmp(&rank(b)),
    }
}

fn compare_numbers(a: &serde_json::Number, b: &serde_json::Number) -> Ordering {
    match (a.as_i128(), b.as_i128()) {
        (Some(a), Some(b)) => a.cmp(&b),
        _ => a.as_f64().unwrap_or_default().total_cmp(&b.as_f64().unwrap_or_default()),
    }
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::String(_) => 3,
        Value::Array(_) | Value::Object(_) => 4,
    }
}

/// Which names are wanted.
enum Filter {
    /// Those that hold this, in lower case.
    Part(String),
    /// Those that match.
    Pattern(Regex),
}

impl Filter {
    fn new(query: &Query) -> Result<Option<Self>, ApiError> {
        let Some(name) = query.get("name").filter(|name| !name.is_empty()) else { return Ok(None) };
        if !query.is_true("use_regex") {
            return Ok(Some(Self::Part(name.to_lowercase())));
        }
        let mut pattern = RegexBuilder::new(name);
        pattern.case_insensitive(true).size_limit(PATTERN_BYTES_MAX);
        let pattern = pattern.build().map_err(|error| {
            ApiError::bad_request(format!("name is no regular expression: {error}"))
        })?;
        Ok(Some(Self::Pattern(pattern)))
    }

    fn takes(&self, value: &Value) -> bool {
        let name = value.get("name").and_then(Value::as_str).unwrap_or_default();
        match self {
            Self::Part(part) => name.to_lowercase().contains(part),
            Self::Pattern(pattern) => pattern.is_match(name),
        }
    }
}

fn positive(name: &str, text: &str) -> Result<usize, ApiError> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(ApiError::bad_request(format!(
            "{name} is '{text}', and a number from 1 on is meant"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queues() -> Vec<Value> {
        let queue = |name: &str, messages: u64| json!({ "name": name, "messages": messages });
        vec![queue("b", 10), queue("A1", 9), queue("c", 100), queue("a2", 1)]
    }

    fn names(list: &Value) -> Vec<&str> {
        let items = list.get("items").unwrap_or(list).as_array().expect("a list");
        items.iter().map(|item| item["name"].as_str().expect("a name")).collect()
    }

    fn asked(query: &str) -> Result<Value, ApiError> {
        list(&Query::parse(query), queues())
    }

    #[test]
    fn without_a_page_it_is_a_bare_list_in_its_own_order() {
        let all = asked("pagination=true&name=b").expect("good");
        assert_eq!(names(&all), ["b", "A1", "c", "a2"]);
    }

    #[test]
    fn numbers_are_ordered_as_numbers_and_what_is_missing_comes_first() {
        assert_eq!(names(&asked("sort=messages").expect("good")), ["a2", "A1", "b", "c"]);
        let reversed = asked("sort=messages&sort_reverse=true").expect("good");
        assert_eq!(names(&reversed), ["c", "b", "A1", "a2"]);
        let mut values = queues();
        values.push(json!({ "name": "none" }));
        let sorted = list(&Query::parse("sort=messages"), values).expect("good");
        assert_eq!(names(&sorted)[0], "none");
    }

    #[test]
    fn a_page_says_where_it_is() {
        let page = asked("page=2&page_size=3&sort=name").expect("good");
        assert_eq!(names(&page), ["c"]);
        let numbers =
            ["page", "page_count", "page_size", "total_count", "filtered_count", "item_count"];
        assert_eq!(numbers.map(|key| page[key].as_u64().expect("a number")), [2, 2, 3, 4, 4, 1]);
        let page = asked("page=1&name=A&sort=name").expect("good");
        assert_eq!(names(&page), ["A1", "a2"], "any case");
        assert_eq!((&page["total_count"], &page["filtered_count"]), (&json!(4), &json!(2)));
        let page = asked("page=1&name=^a.$&use_regex=true&sort=name").expect("good");
        assert_eq!(names(&page), ["A1", "a2"]);
        let none =
            list(&Query::parse("page=1"), Vec::new()).expect("the first page is always there");
        assert_eq!((&none["page_count"], &none["items"]), (&json!(0), &json!([])));
    }

    #[test]
    fn wrong_pages_are_refused() {
        for wrong in [
            "page=0",
            "page=x",
            "page=2",
            "page=1&page_size=0",
            "page=1&page_size=501",
            "page=1&name=(&use_regex=true",
        ] {
            let error = asked(wrong).expect_err(wrong);
            assert_eq!(error.status, axum::http::StatusCode::BAD_REQUEST, "{wrong}");
        }
    }

    #[test]
    fn columns_choose_nested_values() {
        let value = json!({ "name": "q", "stats": { "ack": 1, "ack_details": { "rate": 2.5 } } });
        let choose =
            |columns_: &str| columns(&Query::parse(&format!("columns={columns_}")), value.clone());
        assert_eq!(choose(""), value);
        let rate = json!({ "name": "q", "stats": { "ack_details": { "rate": 2.5 } } });
        assert_eq!(choose("name,stats.ack_details.rate,none,name.none"), rate);
    }
}
