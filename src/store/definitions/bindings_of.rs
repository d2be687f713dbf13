//! The deletion of all bindings of one queue or exchange, said in one line.
//!
//! A million of them are not listed while the routing table is locked; the writer lists them, from what the
//! definitions have. On disk every binding that goes stands by itself, in the same group as its end.

use super::record::Record;
use super::{Binding, Change, Definitions, DestinationKind, Encoded, Kind};
use crate::base::VhostName;

/// All bindings to a queue, or from and to an exchange.
#[derive(Clone, PartialEq, Debug)]
pub struct BindingsOf {
    /// Where.
    pub vhost: VhostName,
    /// What it is.
    pub kind: DestinationKind,
    /// Its name.
    pub name: String,
}

impl BindingsOf {
    /// Whether this is one of them.
    #[must_use]
    pub fn has(&self, binding: &Binding) -> bool {
        let is_source =
            self.kind == DestinationKind::Exchange && binding.source.as_str() == self.name;
        let is_destination =
            binding.destination_type == self.kind && binding.destination == self.name;
        binding.vhost == self.vhost && (is_source || is_destination)
    }
}

/// Puts the deletions in the place of what says them, among the changes of one request. `definitions` is what
/// is on disk, and `before` what goes there ahead of this request.
pub(in crate::store) fn expand(
    changes: Vec<Encoded>,
    before: &[Encoded],
    definitions: &Definitions,
) -> Vec<Encoded> {
    if !changes.iter().any(|encoded| matches!(encoded.change, Change::DeleteBindingsOf(_))) {
        return changes;
    }
    let mut expanded: Vec<Encoded> = Vec::with_capacity(changes.len());
    for encoded in changes {
        let Change::DeleteBindingsOf(of) = &encoded.change else {
            expanded.push(encoded);
            continue;
        };
        let put = before.iter().chain(&expanded).filter_map(|encoded| match &encoded.change {
            Change::PutBinding(record) => Some(record),
            _ => None,
        });
        let all = definitions.bindings.values().chain(put).filter(|record| of.has(record));
        let deletions: Vec<_> = all.map(deletion).collect();
        expanded.extend(deletions);
    }
    expanded
}

fn deletion(record: &Binding) -> Encoded {
    let key = record.key();
    let change = Change::DeleteBinding(record.clone());
    Encoded { kind: Kind::Binding, key, json: None, queue_number: None, change }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{ExchangeName, FieldTable, ShortStr};

    fn binding(vhost: &str, source: &str, kind: DestinationKind, name: &str) -> Binding {
        Binding {
            vhost: VhostName::try_from(vhost).expect("short"),
            source: ExchangeName::try_from(source).expect("short"),
            destination: name.to_owned(),
            destination_type: kind,
            routing_key: ShortStr::try_from("k").expect("short"),
            arguments: FieldTable::EMPTY,
        }
    }

    fn encoded(changes: Vec<Change>) -> Vec<Encoded> {
        changes.into_iter().map(|change| Encoded::new(change).expect("it is fit")).collect()
    }

    #[test]
    fn what_is_on_disk_or_on_its_way_goes_and_what_comes_later_stays() {
        let to = |name: &str| binding("/", "x", DestinationKind::Queue, name);
        let others = [
            to("other"),
            binding("/", "x", DestinationKind::Exchange, "q"),
            binding("elsewhere", "x", DestinationKind::Queue, "q"),
        ];
        let mut definitions = Definitions::default();
        definitions.apply_all(others.iter().cloned().map(Change::PutBinding));
        definitions.apply(Change::PutBinding(to("q")));
        let vhost = VhostName::try_from("/").expect("short");
        let of = BindingsOf { vhost, kind: DestinationKind::Queue, name: "q".to_owned() };
        let from = |source: &str| binding("/", source, DestinationKind::Queue, "q");
        let before = encoded(vec![Change::PutBinding(from("before"))]);
        let request = encoded(vec![
            Change::PutBinding(from("first")),
            Change::DeleteBindingsOf(of),
            Change::PutBinding(from("last")),
        ]);
        let expanded = expand(request, &before, &definitions);
        let changes: Vec<_> = expanded.into_iter().map(|encoded| encoded.change).collect();
        assert_eq!(
            changes,
            [
                Change::PutBinding(from("first")),
                Change::DeleteBinding(to("q")),
                Change::DeleteBinding(from("before")),
                Change::DeleteBinding(from("first")),
                Change::PutBinding(from("last")),
            ]
        );
        definitions.apply_all(before.into_iter().map(|encoded| encoded.change));
        definitions.apply_all(changes);
        assert_eq!(definitions.bindings.len(), others.len() + 1);
    }

    #[test]
    fn of_an_exchange_go_the_bindings_from_it_and_to_it() {
        let vhost = VhostName::try_from("/").expect("short");
        let of = BindingsOf { vhost, kind: DestinationKind::Exchange, name: "x".to_owned() };
        assert!(of.has(&binding("/", "x", DestinationKind::Queue, "q")));
        assert!(of.has(&binding("/", "y", DestinationKind::Exchange, "x")));
        assert!(!of.has(&binding("/", "y", DestinationKind::Queue, "x")));
        let mut definitions = Definitions::default();
        definitions.apply(Change::PutBinding(binding("/", "x", DestinationKind::Queue, "q")));
        definitions.apply(Change::DeleteBindingsOf(of));
        assert!(definitions.bindings.is_empty());
    }
}
