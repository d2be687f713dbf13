//! The headers exchange: binding arguments are compared with the message's headers.
//!
//! The argument `x-match` says whether all of the other arguments must be there or any one of them;
//! without it, all. Arguments that begin with `x-` are not looked at, unless `x-match` ends in `-with-x`
//! (rabbitmq: headers exchange). An argument without a value asks for the header, not for its value.
//!
//! A message is not held against every binding. Each wanted header is a key of an index; a binding of
//! the kind `any` stands under each of its headers, one of the kind `all` under one of them, and is
//! compared in full only when the message has that one. Which one: the one that the fewest others
//! stand under, so that `type = order, id = 17` is found by the id.

use crate::base::{FieldTable, FieldValue};

use super::RoutingError;
use super::index::Map;
use super::key::Key;
use super::target::{BindingSlot, Matches, Target, Targets};
use super::value;

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Headers {
    index: Map<Key, Candidates>,
    /// Bindings that want all of nothing, and get everything.
    always: Targets,
    /// What each binding of the kind `all` wants, by the number of the binding.
    all: Map<u64, All>,
}

/// The bindings that stand under one wanted header.
#[derive(Clone, Debug, Default)]
struct Candidates {
    any: Targets,
    /// Keys into [`Headers::all`].
    all: Map<u64, ()>,
}

#[derive(Clone, Debug)]
struct All {
    target: Target,
    wanted: Vec<Wanted>,
    /// The one of `wanted` under which the binding stands.
    found_by: usize,
}

/// A header's name and comparable value; an empty value is any value.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Wanted {
    /// As it stands in the index: the length of the name, the name, the value.
    encoded: Key,
}

/// How the arguments of one binding are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Match {
    mode: Mode,
    with_x: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mode {
    All,
    Any,
}

/// The headers of one message, ready to be compared: encoded once, whatever the number of bindings.
#[derive(Clone, Debug, Default)]
pub(super) struct MessageHeaders {
    bytes: Vec<u8>,
    /// In order of the names, each once.
    entries: Vec<Entry>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    start: usize,
    name_end: usize,
    end: usize,
}

/// The argument that says how the others are read.
const X_MATCH: &[u8] = b"x-match";

/// Refuses arguments with an `x-match` that means nothing.
pub(super) fn check_arguments(arguments: &FieldTable) -> Result<(), RoutingError> {
    parse_match(arguments).map(|_| ())
}

impl Headers {
    pub(super) fn add(&mut self, binding: BindingSlot, arguments: &FieldTable, target: Target) {
        let (mode, wanted) = wanted(arguments);
        if mode == Mode::Any {
            for wanted in wanted {
                self.index.entry(wanted.encoded, Candidates::default).any.add(target);
            }
            return;
        }
        let busy =
            |wanted: &Wanted| self.index.get(wanted.encoded.as_slice()).map_or(0, |c| c.all.len());
        let Some(found_by) = (0..wanted.len()).min_by_key(|i| busy(&wanted[*i])) else {
            return self.always.add(target);
        };
        let binding = u64::from(binding.0);
        let place = wanted[found_by].encoded.clone();
        self.index.entry(place, Candidates::default).all.entry(binding, || ());
        self.all.entry(binding, || All { target, wanted, found_by });
    }

    pub(super) fn remove(&mut self, binding: BindingSlot, arguments: &FieldTable, target: Target) {
        let (mode, wanted) = wanted(arguments);
        if mode == Mode::Any {
            for wanted in wanted {
                self.leave(&wanted, |candidates| candidates.any.remove(target));
            }
            return;
        }
        let binding = u64::from(binding.0);
        match self.all.remove(&binding) {
            None => self.always.remove(target),
            Some(all) => self.leave(&all.wanted[all.found_by], |candidates| {
                candidates.all.remove(&binding);
            }),
        }
    }

    pub(super) fn matches(&self, headers: &MessageHeaders, matches: &mut Matches) {
        matches.add(&self.always);
        if self.index.is_empty() {
            return;
        }
        for entry in &headers.entries {
            self.matches_one(headers.present(entry), headers, matches);
            self.matches_one(headers.valued(entry), headers, matches);
        }
    }

    fn matches_one(&self, encoded: &[u8], headers: &MessageHeaders, matches: &mut Matches) {
        let Some(candidates) = self.index.get(encoded) else { return };
        matches.add(&candidates.any);
        for (binding, ()) in candidates.all.iter() {
            if let Some(all) = self.all.get(binding)
                && all.holds(headers)
            {
                matches.add_one(all.target);
            }
        }
    }

    fn leave(&mut self, wanted: &Wanted, leave: impl FnOnce(&mut Candidates)) {
        if let Some(candidates) = self.index.get_mut(wanted.encoded.as_slice()) {
            leave(candidates);
            if candidates.any.is_empty() && candidates.all.is_empty() {
                self.index.remove(wanted.encoded.as_slice());
            }
        }
    }
}

impl All {
    fn holds(&self, headers: &MessageHeaders) -> bool {
        // The one that led here holds.
        self.wanted.iter().enumerate().all(|(i, wanted)| i == self.found_by || headers.has(wanted))
    }
}

impl Wanted {
    fn name(&self) -> &[u8] {
        split_name(self.encoded.as_slice()).0
    }

    fn wants_any_value(&self) -> bool {
        split_name(self.encoded.as_slice()).1.is_empty()
    }
}

impl MessageHeaders {
    /// Takes the headers of another message, into the memory of the last one's.
    pub(super) fn fill(&mut self, table: &FieldTable) {
        let Self { bytes, entries } = self;
        bytes.clear();
        entries.clear();
        for (name, value) in table.iter() {
            let start = bytes.len();
            encode_name(name.as_bytes(), bytes);
            let name_end = bytes.len();
            value::comparable(value, bytes);
            entries.push(Entry { start, name_end, end: bytes.len() });
        }
        let name = |entry: &Entry| &bytes[entry.start + 1..entry.name_end];
        // Of headers with one name the last counts; the sort keeps their order.
        entries.reverse();
        entries.sort_by(|a, b| name(a).cmp(name(b)));
        entries.dedup_by(|a, b| name(a) == name(b));
    }

    fn has(&self, wanted: &Wanted) -> bool {
        let found = self.entries.binary_search_by(|entry| self.name(entry).cmp(wanted.name()));
        found.is_ok_and(|i| {
            wanted.wants_any_value() || self.valued(&self.entries[i]) == wanted.encoded.as_slice()
        })
    }

    /// The comparable value of the header of this name.
    pub(super) fn value(&self, name: &[u8]) -> Option<&[u8]> {
        let found = self.entries.binary_search_by(|entry| self.name(entry).cmp(name)).ok()?;
        let entry = &self.entries[found];
        Some(&self.bytes[entry.name_end..entry.end])
    }

    fn name(&self, entry: &Entry) -> &[u8] {
        &self.bytes[entry.start + 1..entry.name_end]
    }

    fn present(&self, entry: &Entry) -> &[u8] {
        &self.bytes[entry.start..entry.name_end]
    }

    fn valued(&self, entry: &Entry) -> &[u8] {
        &self.bytes[entry.start..entry.end]
    }
}

fn encode_name(name: &[u8], out: &mut Vec<u8>) {
    // A short string has at most 255 bytes.
    out.push(u8::try_from(name.len()).expect("a table key is a short string"));
    out.extend(name);
}

/// The name and the value of an encoded header.
fn split_name(encoded: &[u8]) -> (&[u8], &[u8]) {
    let (len, rest) = encoded.split_first().expect("a name begins with its length");
    rest.split_at(usize::from(*len))
}

/// What a binding wants, each once.
fn wanted(arguments: &FieldTable) -> (Mode, Vec<Wanted>) {
    // A binding is checked before it comes here; what means nothing would be read as `all`.
    let Match { mode, with_x } =
        parse_match(arguments).unwrap_or(Match { mode: Mode::All, with_x: false });
    let mut wanted: Vec<Wanted> = Vec::new();
    for (name, value) in arguments.iter() {
        let name = name.as_bytes();
        if name == X_MATCH || name.starts_with(b"x-") && !with_x {
            continue;
        }
        let mut encoded = Vec::new();
        encode_name(name, &mut encoded);
        if *value != FieldValue::Void {
            value::comparable(value, &mut encoded);
        }
        wanted.push(Wanted { encoded: encoded.as_slice().into() });
    }
    // Sorted, because a binding may have as many arguments as fit into a frame.
    wanted.sort_unstable();
    wanted.dedup();
    (mode, wanted)
}

fn parse_match(arguments: &FieldTable) -> Result<Match, RoutingError> {
    let found = |mode, with_x| Ok(Match { mode, with_x });
    match arguments.get(X_MATCH) {
        None => found(Mode::All, false),
        Some(value @ FieldValue::LongString(text)) => match &**text {
            b"all" => found(Mode::All, false),
            b"any" => found(Mode::Any, false),
            b"all-with-x" => found(Mode::All, true),
            b"any-with-x" => found(Mode::Any, true),
            _ => Err(RoutingError::InvalidXMatchValue(value::term(value))),
        },
        Some(other) => Err(RoutingError::InvalidXMatchType {
            type_name: other.type_name(),
            value: value::term(other),
        }),
    }
}

#[cfg(test)]
mod tests;
