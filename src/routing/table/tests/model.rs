//! The table against a naive one: lists, searched from front to back.

use std::collections::BTreeSet;

use ::proptest::prelude::*;

use super::super::super::naive;
use super::*;

#[derive(Clone, Debug)]
enum Step {
    Declare(Exchange),
    Delete(String, bool),
    AddQueue(String),
    RemoveQueue(String),
    Bind(Binding),
    Unbind(Binding),
    /// Unbinds something that is there: which one, of those there are.
    UnbindAny(usize),
}

#[derive(Clone, Debug, Default)]
struct Model {
    exchanges: Vec<Exchange>,
    queues: BTreeSet<String>,
    bindings: Vec<Binding>,
}

impl Model {
    fn apply(&mut self, step: &Step) {
        match step {
            Step::Declare(exchange) => {
                if self.exchange(exchange.name.as_str()).is_none() {
                    self.exchanges.push(exchange.clone());
                }
            }
            Step::Delete(name, if_unused) => {
                let used = self.bindings.iter().any(|b| b.source.as_str() == name);
                if !(*if_unused && used) {
                    self.delete(name);
                }
            }
            Step::AddQueue(name) => {
                self.queues.insert(name.clone());
            }
            Step::RemoveQueue(name) => {
                self.queues.remove(name);
                let gone = Destination::Queue(queue_name(name));
                self.retain(|binding| binding.destination != gone);
            }
            Step::Bind(binding) => {
                if self.has_ends(binding) && !self.bindings.contains(binding) {
                    self.bindings.push(binding.clone());
                }
            }
            Step::Unbind(binding) => self.retain(|other| other != binding),
            Step::UnbindAny(n) => {
                if let Some(gone) = self.any(*n) {
                    self.retain(|other| *other != gone);
                }
            }
        }
    }

    fn any(&self, n: usize) -> Option<Binding> {
        self.bindings.get(n % self.bindings.len().max(1)).cloned()
    }

    fn exchange(&self, name: &str) -> Option<&Exchange> {
        self.exchanges.iter().find(|exchange| exchange.name.as_str() == name)
    }

    fn has_ends(&self, binding: &Binding) -> bool {
        let destination = match &binding.destination {
            Destination::Queue(name) => self.queues.contains(name.as_str()),
            Destination::Exchange(name) => self.exchange(name.as_str()).is_some(),
        };
        destination && self.exchange(binding.source.as_str()).is_some()
    }

    fn delete(&mut self, name: &str) {
        self.exchanges.retain(|exchange| exchange.name.as_str() != name);
        let gone = Destination::Exchange(exchange_name(name));
        self.retain(|b| b.source.as_str() != name && b.destination != gone);
    }

    /// Keeps some bindings; auto-delete exchanges that lost their last one go.
    fn retain(&mut self, keep: impl Fn(&Binding) -> bool) {
        let (kept, gone): (Vec<_>, Vec<_>) = self.bindings.drain(..).partition(|b| keep(b));
        self.bindings = kept;
        for Binding { source, .. } in gone {
            let is_left = self.bindings.iter().any(|binding| binding.source == source);
            let auto_delete = self.exchange(source.as_str()).is_some_and(|x| x.auto_delete);
            if auto_delete && !is_left {
                self.delete(source.as_str());
            }
        }
    }

    fn route(&self, exchange: &str, key: &str, headers: &FieldTable) -> BTreeSet<String> {
        let (mut queues, mut seen) = (BTreeSet::new(), BTreeSet::new());
        let mut open = vec![exchange.to_owned()];
        while let Some(name) = open.pop() {
            let Some(exchange) = self.exchange(&name) else { continue };
            if !seen.insert(name.clone()) {
                continue;
            }
            let mut found = false;
            for binding in self.bindings.iter().filter(|b| b.source == exchange.name) {
                let pattern = binding.routing_key.as_bytes();
                let matches = match exchange.kind {
                    ExchangeKind::Direct => pattern == key.as_bytes(),
                    ExchangeKind::Fanout | ExchangeKind::RecentHistory => true,
                    ExchangeKind::Topic => naive::topic(pattern, key.as_bytes()),
                    ExchangeKind::Headers => naive::headers(&binding.arguments, headers),
                    other => panic!("{other:?} is not in this model"),
                };
                if matches {
                    found = true;
                    match &binding.destination {
                        Destination::Queue(name) => _ = queues.insert(name.to_string()),
                        Destination::Exchange(name) => open.push(name.to_string()),
                    }
                }
            }
            if !found
                && let Some(FieldValue::LongString(alternate)) =
                    exchange.arguments.get(b"alternate-exchange")
            {
                open.push(String::from_utf8_lossy(alternate).into_owned());
            }
        }
        queues
    }
}

/// Does the step, and checks that the answer says exactly what went.
fn apply(table: &mut Names, model: &Model, step: &Step) {
    let before: Vec<Binding> = table.bindings().collect();
    let (exchanges, mut removed) = (table.exchange_count(), Removed::default());
    match step {
        Step::Declare(exchange) => {
            let is_new = table.exchange(exchange.name.as_str()).is_none();
            let declared = table.declare_exchange(exchange.clone());
            assert_eq!(declared == Ok(Declared::New), is_new);
            return;
        }
        Step::Bind(binding) => {
            let bound = table.bind(binding.clone());
            assert_eq!(bound.is_ok(), model.has_ends(binding), "{bound:?}");
            return;
        }
        Step::AddQueue(name) => {
            table.add_queue(queue_name(name), name.clone());
        }
        Step::Delete(name, if_unused) => {
            removed = table.delete_exchange(name, *if_unused).unwrap_or_default();
        }
        Step::RemoveQueue(name) => removed = table.remove_queue(name).unwrap_or_default(),
        Step::Unbind(binding) => removed = table.unbind(binding).unwrap_or_default(),
        Step::UnbindAny(n) => {
            if let Some(binding) = model.any(*n) {
                removed = table.unbind(&binding).unwrap_or_default();
                assert!(removed.bindings.contains(&binding));
            }
        }
    }
    assert_eq!(exchanges - removed.exchanges.len(), table.exchange_count());
    let left: Vec<_> = before.into_iter().filter(|b| !removed.bindings.contains(b)).collect();
    assert_eq!(left.len(), table.binding_count());
    assert!(left.iter().all(|binding| table.is_bound(binding)));
}

/// The invariants of the module's head.
fn assert_consistent(table: &Names) {
    let (mut outgoing, mut incoming) = (0, 0);
    let bound = |slot: BindingSlot| table.bindings.get(slot.0).expect("a listed binding is there");
    for (name, slot) in table.exchange_names.iter() {
        let entry = table.exchanges.get(slot.0).expect("a named exchange is there");
        assert_eq!(entry.exchange.name.as_str().as_bytes(), name.as_slice());
        for (at, binding) in entry.outgoing.iter().enumerate() {
            let found = bound(*binding);
            assert_eq!((found.source, found.outgoing_at), (*slot, at));
            let name = table.binding(found).expect("both ends are there");
            assert_eq!(table.find_binding(&name), Some(*binding));
        }
        for (at, binding) in entry.incoming.iter().enumerate() {
            let found = bound(*binding);
            assert_eq!((found.target, found.incoming_at), (Target::Exchange(*slot), at));
        }
        outgoing += entry.outgoing.len();
        incoming += entry.incoming.len();
    }
    for (name, slot) in table.queue_names.iter() {
        let entry = table.queues.get(slot.0).expect("a named queue is there");
        assert_eq!(entry.name.as_str().as_bytes(), name.as_slice());
        for (at, binding) in entry.incoming.iter().enumerate() {
            let found = bound(*binding);
            assert_eq!((found.target, found.incoming_at), (Target::Queue(*slot), at));
        }
        incoming += entry.incoming.len();
    }
    let bindings = table.bindings.iter().count();
    assert_eq!((outgoing, incoming, table.identities.len()), (bindings, bindings, bindings));
    assert_eq!(table.exchanges.iter().count(), table.exchange_names.len());
    assert_eq!(table.queues.iter().count(), table.queue_names.len());
}

const EXCHANGES: [&str; 5] = ["x0", "x1", "x2", "x3", "x4"];
const QUEUES: [&str; 4] = ["q0", "q1", "q2", "q3"];
const KEYS: [&str; 6] = ["", "a", "a.b", "b", "a..b", "b.a.c"];
const PATTERNS: [&str; 10] = ["", "a", "a.b", "#", "*", "a.*", "#.a.#", "*.#", "#.#", "a..b"];

fn any_arguments() -> impl Strategy<Value = FieldTable> {
    let number = prop::sample::select(vec![FieldValue::I32(1), FieldValue::I32(2)]);
    let matched = prop::sample::select(vec!["all", "any"]);
    prop_oneof![
        2 => Just(FieldTable::EMPTY),
        1 => number.clone().prop_map(|n| arguments(&[("n", n)])),
        1 => (number.clone(), number, matched).prop_map(|(m, n, matched)| {
            arguments(&[("m", m), ("n", n), ("x-match", FieldValue::text(matched))])
        }),
    ]
}

fn any_exchange() -> impl Strategy<Value = Exchange> {
    let kinds = vec![
        ExchangeKind::Direct,
        ExchangeKind::Fanout,
        ExchangeKind::Topic,
        ExchangeKind::Headers,
        ExchangeKind::RecentHistory,
    ];
    let name = prop::sample::select(&EXCHANGES[..]);
    let alternate = prop::option::of(prop::sample::select(&EXCHANGES[..]));
    (name, prop::sample::select(kinds), any::<bool>(), alternate).prop_map(
        |(name, kind, auto_delete, alternate)| {
            let alternate = alternate.map(|name| ("alternate-exchange", FieldValue::text(name)));
            let arguments = arguments(alternate.as_slice());
            Exchange { auto_delete, arguments, ..exchange(name, kind) }
        },
    )
}

fn any_binding() -> impl Strategy<Value = Binding> {
    let source = prop::sample::select(&EXCHANGES[..]);
    let destination = prop_oneof![
        prop::sample::select(&QUEUES[..]).prop_map(|q| Destination::Queue(queue_name(q))),
        prop::sample::select(&EXCHANGES[..]).prop_map(|x| Destination::Exchange(exchange_name(x))),
    ];
    (source, destination, prop::sample::select(&PATTERNS[..]), any_arguments()).prop_map(
        |(source, destination, pattern, arguments)| Binding {
            source: exchange_name(source),
            destination,
            routing_key: key(pattern),
            arguments,
        },
    )
}

fn any_step() -> impl Strategy<Value = Step> {
    let exchange = prop::sample::select(&EXCHANGES[..]).prop_map(str::to_owned);
    let queue = prop::sample::select(&QUEUES[..]).prop_map(str::to_owned);
    prop_oneof![
        4 => any_exchange().prop_map(Step::Declare),
        1 => (exchange, any::<bool>()).prop_map(|(name, if_unused)| Step::Delete(name, if_unused)),
        4 => queue.clone().prop_map(Step::AddQueue),
        1 => queue.prop_map(Step::RemoveQueue),
        20 => any_binding().prop_map(Step::Bind),
        1 => any_binding().prop_map(Step::Unbind),
        4 => (0_usize..100).prop_map(Step::UnbindAny),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn any_history_leaves_a_consistent_table_that_routes_as_the_naive_one(
        steps in prop::collection::vec(any_step(), 1..80),
        headers in any_arguments(),
    ) {
        let (mut table, mut model) = (Names::new(), Model::default());
        for step in &steps {
            apply(&mut table, &model, step);
            model.apply(step);
            assert_consistent(&table);
            prop_assert_eq!(table.binding_count(), model.bindings.len());
            prop_assert_eq!(table.exchange_count(), model.exchanges.len() + 7);
            prop_assert!(model.bindings.iter().all(|binding| table.is_bound(binding)));
        }
        let mut buffer = Routed::new();
        for Exchange { name, .. } in &model.exchanges {
            for key in KEYS {
                let done = table.route(
                    name.as_str(), key.as_bytes(), &mut || headers.clone(), &mut buffer,
                );
                prop_assert_eq!(done, Ok(()));
                let reached: BTreeSet<String> = buffer.queues().iter().cloned().collect();
                prop_assert_eq!(reached.len(), buffer.queues().len(), "each queue once");
                prop_assert_eq!(&reached, &model.route(name.as_str(), key, &headers));
                explained::check(&table, name.as_str(), key, &headers, &reached);
            }
        }
    }
}
