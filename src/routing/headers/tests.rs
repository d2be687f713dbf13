use std::collections::BTreeSet;

use ::proptest::prelude::*;

use super::super::naive;
use super::super::target::QueueSlot;
use super::*;
use crate::base::ShortStr;

fn table(entries: &[(&str, FieldValue)]) -> FieldTable {
    let key = |name: &str| ShortStr::try_from(name).expect("a short key");
    entries.iter().map(|(name, value)| (key(name), value.clone())).collect()
}

fn text(text: &str) -> FieldValue {
    FieldValue::text(text)
}

fn int(number: i32) -> FieldValue {
    FieldValue::I32(number)
}

fn queue(number: u32) -> Target {
    Target::Queue(QueueSlot(number))
}

fn reached(headers: &Headers, message: &FieldTable) -> BTreeSet<u32> {
    let (mut filled, mut matches) = (MessageHeaders::default(), Matches::default());
    filled.fill(message);
    headers.matches(&filled, &mut matches);
    matches.queues.iter().map(|queue| queue.0).collect()
}

fn does_match(binding: &[(&str, FieldValue)], message: &[(&str, FieldValue)]) -> bool {
    let mut headers = Headers::default();
    headers.add(BindingSlot(1), &table(binding), queue(1));
    !reached(&headers, &table(message)).is_empty()
}

#[test]
fn all_is_the_default_and_wants_every_header() {
    let wanted = [("a", int(1)), ("b", text("x"))];
    assert!(does_match(&wanted, &[("a", int(1)), ("b", text("x")), ("c", int(3))]));
    assert!(!does_match(&wanted, &[("a", int(1))]));
    assert!(!does_match(&wanted, &[("a", int(1)), ("b", text("y"))]));
    assert!(!does_match(&wanted, &[]));
}

#[test]
fn any_wants_one_header() {
    let wanted = [("x-match", text("any")), ("a", int(1)), ("b", text("x"))];
    assert!(does_match(&wanted, &[("a", int(1))]));
    assert!(does_match(&wanted, &[("a", int(2)), ("b", text("x"))]));
    assert!(!does_match(&wanted, &[("a", int(2)), ("b", text("y"))]));
    assert!(!does_match(&wanted, &[]));
}

#[test]
fn all_of_nothing_is_everything_and_any_of_nothing_is_nothing() {
    for message in [&[][..], &[("a", int(1))]] {
        assert!(does_match(&[], message));
        assert!(does_match(&[("x-match", text("all"))], message));
        assert!(does_match(&[("x-match", text("all-with-x"))], message));
        assert!(!does_match(&[("x-match", text("any"))], message));
        assert!(!does_match(&[("x-match", text("any-with-x"))], message));
    }
}

#[test]
fn arguments_that_begin_with_x_are_ignored() {
    let all = [("x-match", text("all")), ("x-a", int(1)), ("b", int(2))];
    assert!(does_match(&all, &[("b", int(2))]));
    let any = [("x-match", text("any")), ("x-a", int(1)), ("b", int(2))];
    assert!(!does_match(&any, &[("x-a", int(1))]));
    assert!(does_match(&[("x-a", int(1))], &[]), "all of nothing that counts");
}

#[test]
fn with_x_looks_at_arguments_that_begin_with_x() {
    let all = [("x-match", text("all-with-x")), ("x-a", int(1)), ("b", int(2))];
    assert!(!does_match(&all, &[("b", int(2))]));
    assert!(does_match(&all, &[("b", int(2)), ("x-a", int(1))]));
    let any = [("x-match", text("any-with-x")), ("x-a", int(1)), ("b", int(2))];
    assert!(does_match(&any, &[("x-a", int(1))]));
    assert!(!does_match(&any, &[("x-match", text("any-with-x"))]), "never x-match itself");
}

#[test]
fn a_void_argument_means_that_the_header_is_there() {
    let wanted = [("a", FieldValue::Void)];
    assert!(does_match(&wanted, &[("a", int(1))]));
    assert!(does_match(&wanted, &[("a", FieldValue::Void)]));
    assert!(!does_match(&wanted, &[("b", int(1))]));
    assert!(!does_match(&[("a", int(1))], &[("a", FieldValue::Void)]));
}

#[test]
fn numbers_are_compared_by_value() {
    for one in [FieldValue::U8(1), FieldValue::I64(1), FieldValue::F64(1f64.to_bits())] {
        assert!(does_match(&[("a", int(1))], &[("a", one.clone())]), "{one:?}");
        assert!(does_match(&[("a", one.clone())], &[("a", int(1))]), "{one:?}");
    }
    assert!(!does_match(&[("a", int(1))], &[("a", text("1"))]));
}

#[test]
fn of_two_headers_with_one_name_the_last_counts() {
    assert!(does_match(&[("a", int(2))], &[("a", int(1)), ("a", int(2))]));
    assert!(!does_match(&[("a", int(1))], &[("a", int(1)), ("a", int(2))]));
}

#[test]
fn a_queue_that_two_bindings_reach_leaves_with_the_second() {
    let mut headers = Headers::default();
    let (one, two) = (table(&[("a", int(1))]), table(&[("b", int(2))]));
    let both = table(&[("a", int(1)), ("b", int(2))]);
    headers.add(BindingSlot(1), &one, queue(1));
    headers.add(BindingSlot(2), &two, queue(1));
    headers.remove(BindingSlot(1), &one, queue(1));
    assert_eq!(reached(&headers, &both), BTreeSet::from([1]));
    headers.remove(BindingSlot(2), &two, queue(1));
    assert_eq!(reached(&headers, &both), BTreeSet::new());
    assert!(headers.index.is_empty() && headers.all.is_empty() && headers.always.is_empty());
}

#[test]
fn an_argument_that_is_there_twice_is_wanted_once() {
    let twice = table(&[("a", int(1)), ("a", FieldValue::I64(1)), ("b", int(2))]);
    let (_, wants) = wanted(&twice);
    assert_eq!(wants.len(), 2);
    let many: Vec<String> = (0..20_000).map(|n| format!("k{n}")).collect();
    let many: Vec<_> = many.iter().map(|name| (name.as_str(), int(1))).collect();
    assert!(does_match(&many, &many), "as many as fit into a frame");
}

#[test]
fn a_binding_stands_under_its_rarest_header() {
    let mut headers = Headers::default();
    for id in 0_i32..100 {
        let arguments = table(&[("id", int(id)), ("type", text("order"))]);
        let slot = u32::try_from(id).expect("not negative");
        headers.add(BindingSlot(slot), &arguments, queue(slot));
    }
    let most = headers.index.iter().map(|(_, candidates)| candidates.all.len()).max();
    assert!(most <= Some(2), "{most:?} of 100 bindings under one header");
}

#[test]
fn an_x_match_that_means_nothing_is_refused_with_the_value() {
    let refused = |value| {
        let error = check_arguments(&table(&[("x-match", value)])).expect_err("it is refused");
        error.to_string()
    };
    assert_eq!(
        refused(text("bogus")),
        "Invalid x-match field value <<\"bogus\">>; expected all, any, all-with-x, or any-with-x"
    );
    assert_eq!(
        refused(FieldValue::I8(1)),
        "Invalid x-match field type byte (value 1); expected longstr"
    );
    assert_eq!(
        refused(FieldValue::Boolean(true)),
        "Invalid x-match field type bool (value true); expected longstr"
    );
    for word in ["all", "any", "all-with-x", "any-with-x"] {
        assert_eq!(check_arguments(&table(&[("x-match", text(word))])), Ok(()));
    }
    assert_eq!(check_arguments(&FieldTable::EMPTY), Ok(()));
}

fn any_table() -> impl Strategy<Value = Vec<(&'static str, FieldValue)>> {
    let name = prop_oneof![Just("a"), Just("b"), Just("x-a"), Just("x-b")];
    let value = prop_oneof![
        Just(int(1)),
        Just(FieldValue::F64(1f64.to_bits())),
        Just(int(2)),
        Just(text("1")),
        Just(FieldValue::Void),
    ];
    prop::collection::vec((name, value), 0..4)
}

fn any_binding() -> impl Strategy<Value = FieldTable> {
    let kind = prop_oneof![
        Just(None),
        Just(Some("all")),
        Just(Some("any")),
        Just(Some("all-with-x")),
        Just(Some("any-with-x")),
    ];
    (kind, any_table()).prop_map(|(kind, mut entries)| {
        entries.extend(kind.map(|kind| ("x-match", text(kind))));
        table(&entries)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn binds_and_unbinds_in_any_order_match_as_the_naive_matcher_does(
        steps in prop::collection::vec((any_binding(), 0_u32..4, any::<bool>()), 1..30),
        messages in prop::collection::vec(any_table(), 1..8),
    ) {
        let mut headers = Headers::default();
        let mut bound = Vec::new();
        for (slot, (arguments, number, goes)) in (0..).zip(steps) {
            headers.add(BindingSlot(slot), &arguments, queue(number));
            bound.push((slot, arguments, number));
            if goes {
                let at = usize::try_from(slot).expect("small") / 2 % bound.len();
                let (slot, arguments, number) = bound.swap_remove(at);
                headers.remove(BindingSlot(slot), &arguments, queue(number));
            }
        }
        for message in messages {
            let message = table(&message);
            let expected: BTreeSet<u32> = bound
                .iter()
                .filter(|(_, arguments, _)| naive::headers(arguments, &message))
                .map(|(.., number)| *number)
                .collect();
            prop_assert_eq!(reached(&headers, &message), expected);
        }
        for (slot, arguments, number) in bound {
            headers.remove(BindingSlot(slot), &arguments, queue(number));
        }
        prop_assert!(headers.index.is_empty() && headers.all.is_empty());
        prop_assert!(headers.always.is_empty());
    }
}
