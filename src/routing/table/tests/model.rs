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
    /// Sweeps up so many bytes of what has fallen.
    Sweep(usize),
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
            Step::Sweep(_) => {}
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
        Step::Sweep(bytes) => {
            let generation = table.generation();
            drop(table.sweep(*bytes));
            assert_eq!(table.generation(), generation, "no route changes");
        }
        Step::Unbind(binding) => removed = table.unbind(binding).unwrap_or_default(),
        Step::UnbindAny(n) => {
            if let Some(binding) = model.any(*n) {
                removed = table.unbind(&binding).unwrap_or_default();
                assert!(removed.bindings.contains(&binding));
            }
        }
    }
    assert_eq!(exchanges - removed.exchanges.len(), table.exchange_count());
    let unlisted: usize = removed.crowds.iter().map(|crowd| crowd.bindings).sum();
    let is_of_crowd = |b: &Binding| {
        let mut ends = removed.crowds.iter().map(|crowd| &crowd.end);
        ends.any(|end| *end == b.destination || *end == Destination::Exchange(b.source.clone()))
    };
    let (left, gone): (Vec<_>, Vec<_>) = before.into_iter().partition(|b| table.is_bound(b));
    assert_eq!(left.len(), table.binding_count());
    assert_eq!(gone.len(), removed.bindings.len() + unlisted);
    assert!(removed.bindings.iter().all(|binding| gone.contains(binding)));
    assert!(gone.iter().all(|b| removed.bindings.contains(b) || is_of_crowd(b)));
}

/// The invariants of the module's head.
fn assert_consistent(table: &Names) {
    let (mut outgoing, mut incoming) = (0, 0);
    for (name, slot) in table.exchange_names.iter() {
        let entry = table.exchanges.get(slot.0).expect("a named exchange is there");
        assert_eq!(entry.exchange.name.as_str().as_bytes(), name.as_slice());
        for (at, bundle) in entry.outgoing.iter().enumerate() {
            let bundle = table.bundles.get(*bundle).expect("a listed bundle is there");
            assert_eq!((bundle.source, bundle.outgoing_at), (*slot, at));
        }
        let mut bindings = 0;
        for (slot, found) in table.entries(&entry.outgoing) {
            let name = table.binding(found).expect("both ends are there");
            assert_eq!(table.find_binding(&name), Some(slot));
            bindings += 1;
        }
        assert_eq!(entry.bindings, bindings);
        outgoing += bindings;
        incoming += assert_incoming(table, Target::Exchange(*slot), &entry.incoming);
    }
    for (name, slot) in table.queue_names.iter() {
        let entry = table.queues.get(slot.0).expect("a named queue is there");
        assert_eq!(entry.name.as_str().as_bytes(), name.as_slice());
        incoming += assert_incoming(table, Target::Queue(*slot), &entry.incoming);
    }
    let standing = table.bindings.iter().filter(|entry| table.binding(entry).is_some()).count();
    assert_eq!((outgoing, incoming, table.binding_count()), (standing, standing, standing));
    let all = table.bindings.iter().count();
    assert_eq!((table.identities.len(), table.fallen.bindings()), (all, all - standing));
    let bytes: usize = table.bindings.iter().map(BindingEntry::ram_bytes).sum();
    assert_eq!(table.binding_bytes, bytes);
    assert_eq!(table.exchanges.iter().count(), table.exchange_names.len());
    assert_eq!(table.queues.iter().count(), table.queue_names.len());
}

/// How many bindings lead here.
fn assert_incoming(table: &Names, target: Target, incoming: &[BundleSlot]) -> usize {
    for (at, bundle) in incoming.iter().enumerate() {
        let bundle = table.bundles.get(*bundle).expect("a listed bundle is there");
        assert_eq!((bundle.target, bundle.incoming_at), (target, at));
    }
    table.entries(incoming).inspect(|(_, found)| assert_eq!(found.target, target)).count()
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
        2 => (0_usize..10).prop_map(|bindings| Step::Sweep(bindings * BINDING_BYTES)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn any_history_leaves_a_consistent_table_that_routes_as_the_naive_one(
        steps in prop::collection::vec(any_step(), 1..80),
        headers in any_arguments(),
        swept_at_once in prop::sample::select(vec![0, 2 * BINDING_BYTES, SWEEP_STEP_BYTES]),
        told_max in prop::sample::select(vec![2, REMOVED_BINDINGS_TOLD_MAX]),
    ) {
        let (mut table, mut model) = (Names::new(), Model::default());
        (table.swept_at_once, table.told_max) = (swept_at_once, told_max);
        for step in &steps {
            apply(&mut table, &model, step);
            model.apply(step);
            assert_consistent(&table);
            prop_assert_eq!(table.binding_count(), model.bindings.len());
            prop_assert_eq!(table.exchange_count(), model.exchanges.len() + 7);
            prop_assert!(model.bindings.iter().all(|binding| table.is_bound(binding)));
        }
        assert_routes(&table, &model, &headers)?;
        drop(table.sweep(usize::MAX));
        prop_assert!(!table.has_fallen());
        assert_consistent(&table);
        assert_routes(&table, &model, &headers)?;
    }
}

/// Every exchange routes every key as the model does.
fn assert_routes(table: &Names, model: &Model, headers: &FieldTable) -> Result<(), TestCaseError> {
    let mut buffer = Routed::new();
    for Exchange { name, .. } in &model.exchanges {
        for key in KEYS {
            let done =
                table.route(name.as_str(), key.as_bytes(), &mut || headers.clone(), &mut buffer);
            prop_assert_eq!(done, Ok(()));
            let reached: BTreeSet<String> = buffer.queues().iter().cloned().collect();
            prop_assert_eq!(reached.len(), buffer.queues().len(), "each queue once");
            prop_assert_eq!(&reached, &model.route(name.as_str(), key, headers));
            explained::check(table, name.as_str(), key, headers, &reached);
        }
    }
    Ok(())
}
