//! Records and tables give back what they were made of.

use bytes::Bytes;
use proptest::prelude::*;

use super::samples::{self, binding, exchange, queue, table, vhost};
use crate::base::limits::{RECORD_BYTES_MAX, TABLE_DEPTH_MAX};
use crate::base::{FieldTable, FieldValue, ShortStr};
use crate::store::definitions::Encoded;
use crate::store::{
    Binding, Change, Definitions, DestinationKind, Exchange, Kind, Queue, RecordKey, StoreError,
};

fn json_of(arguments: FieldTable) -> String {
    let change = Change::PutQueue(Queue { arguments, ..queue("q", 1) });
    let json = Encoded::new(change).expect("a record that reads back").json.expect("a put");
    let json = String::from_utf8(json).expect("JSON is UTF-8");
    let (_, rest) = json.split_once("\"arguments\":").expect("a field of that name");
    rest.strip_suffix(",\"number\":1}").expect("the last field").to_owned()
}

fn short(bytes: &[u8]) -> ShortStr {
    ShortStr::copy_from(bytes).expect("a short key")
}

#[test]
fn ordinary_arguments_are_ordinary_json() {
    let arguments = FieldTable::new(vec![
        (short(b"x-queue-type"), FieldValue::text("classic")),
        (short(b"x-expires"), FieldValue::I64(1000)),
        (short(b"x-single-active-consumer"), FieldValue::Boolean(true)),
        (short(b"nothing"), FieldValue::Void),
        (short(b"list"), FieldValue::Array(vec![FieldValue::I64(1), FieldValue::text("two")])),
        (short(b"inner"), FieldValue::Table(FieldTable::EMPTY)),
    ]);
    assert_eq!(
        json_of(arguments),
        r#"{"x-queue-type":"classic","x-expires":1000,"x-single-active-consumer":true,"nothing":null,"list":[1,"two"],"inner":{}}"#
    );
}

#[test]
fn what_json_has_not_is_tagged() {
    let one = |value| json_of(FieldTable::new(vec![(short(b"k"), value)]));
    assert_eq!(one(FieldValue::I32(-7)), r#"{"k":{"$int32":-7}}"#);
    assert_eq!(one(FieldValue::F64(1.5f64.to_bits())), r#"{"k":{"$double":"1.5"}}"#);
    assert_eq!(
        one(FieldValue::F32(0x7fc0_0001)),
        r#"{"k":{"$float":"0x7fc00001"}}"#,
        "a NaN keeps its bits"
    );
    assert_eq!(
        one(FieldValue::LongString(Bytes::from_static(b"\xff"))),
        r#"{"k":{"$bytes":"/w=="}}"#
    );
    assert_eq!(
        one(FieldValue::Array(vec![FieldValue::text("$table")])),
        r#"{"k":["$array","$table"]}"#
    );
}

#[test]
fn keys_that_no_object_can_have_are_kept_in_order() {
    let twice = FieldTable::new(vec![
        (short(b"a"), FieldValue::I64(1)),
        (short(b"\xfe"), FieldValue::I64(2)),
        (short(b"a"), FieldValue::I64(3)),
    ]);
    assert_eq!(json_of(twice), r#"["$table","a",1,{"$bytes":"/g=="},2,"a",3]"#);
    let dollar = FieldTable::new(vec![(short(b"$int8"), FieldValue::I64(1))]);
    assert_eq!(json_of(dollar), r#"["$table","$int8",1]"#);
}

#[test]
fn the_deepest_table_that_the_wire_lets_in_reads_back() {
    let mut value = FieldValue::Decimal { scale: 2, value: 314 };
    for level in 0..TABLE_DEPTH_MAX {
        value = if level % 2 == 0 {
            FieldValue::Array(vec![FieldValue::text("$"), value])
        } else {
            FieldValue::Table(FieldTable::new(vec![(short(b"$"), value)]))
        };
    }
    json_of(FieldTable::new(vec![(short(b"deep"), value)]));
}

#[test]
fn a_record_over_the_bound_is_refused_with_its_name() {
    let long = FieldValue::LongString(Bytes::from(vec![b'x'; RECORD_BYTES_MAX]));
    let arguments = FieldTable::new(vec![(short(b"k"), long)]);
    let change = Change::PutQueue(Queue { arguments, ..queue("big", 1) });
    let error = Encoded::new(change).expect_err("too large");
    assert!(matches!(error, StoreError::TooLarge { .. }), "{error}");
    assert!(error.to_string().contains("queue 'big' in vhost '/'"), "{error}");
}

#[test]
fn a_field_of_a_newer_minor_version_is_ignored() {
    let json = r#"{"name":"/","description":"","tags":[],"colour":"red"}"#;
    let mut definitions = Definitions::default();
    let key = RecordKey::vhost(&vhost("/").name);
    definitions.insert_json(Kind::Vhost, &key, json.as_bytes()).expect("an unknown field");
    assert_eq!(definitions.vhost(&vhost("/").name), Some(&vhost("/")));
}

#[test]
fn a_record_under_the_key_of_another_is_refused() {
    let json = r#"{"name":"b"}"#;
    let key = RecordKey::vhost(&vhost("a").name);
    let error = Definitions::default().insert_json(Kind::Vhost, &key, json.as_bytes());
    assert_eq!(error, Err("the vhost 'b' stands under the key of another".to_owned()));
}

#[test]
fn keys_of_different_parts_differ() {
    let key = |vhost: &str, name: &str| {
        RecordKey::queue(&samples::name(vhost), &samples::name(name)).as_bytes().to_vec()
    };
    assert_ne!(key("ab", "c"), key("a", "bc"));
    assert_ne!(key("", "a"), key("a", ""));
    let plain = binding("e", "q", b"k");
    let other = Binding { destination_type: DestinationKind::Exchange, ..plain.clone() };
    let mut definitions = Definitions::default();
    definitions.apply(Change::PutBinding(plain.clone()));
    definitions.apply(Change::PutBinding(other));
    definitions.apply(Change::PutBinding(plain));
    assert_eq!(definitions.count(Kind::Binding), 2);
}

#[test]
fn the_number_of_the_next_queue_never_falls() {
    let mut definitions = Definitions::default();
    definitions.apply(Change::PutQueue(queue("a", 7)));
    definitions.apply(Change::PutQueue(queue("b", 3)));
    let gone = queue("a", 7);
    definitions.apply(Change::DeleteQueue { vhost: gone.vhost, name: gone.name });
    assert_eq!((definitions.next_queue_number, definitions.count(Kind::Queue)), (8, 1));
    let delaying = Exchange { delay_queue: Some(20), ..exchange("e") };
    let gone =
        Change::DeleteExchange { vhost: delaying.vhost.clone(), name: delaying.name.clone() };
    let put = Encoded::new(Change::PutExchange(delaying.clone())).expect("a good record");
    assert_eq!(put.queue_number, Some(20));
    definitions.apply(Change::PutExchange(delaying));
    definitions.apply(gone);
    assert_eq!(definitions.next_queue_number, 21);
}

#[test]
fn changes_and_definitions_round_trip_and_hide_hashes() {
    let definitions = samples::definitions();
    let json = serde_json::to_string(&definitions).expect("JSON");
    assert_eq!(serde_json::from_str::<Definitions>(&json).expect("it reads back"), definitions);
    let mut rebuilt = Definitions::default();
    for change in definitions.as_changes() {
        let json = serde_json::to_string(&change).expect("JSON");
        rebuilt.apply(serde_json::from_str(&json).expect("it reads back"));
    }
    assert_eq!(rebuilt, definitions);
    assert!(!format!("{definitions:?}").contains("kI3GCqW5"));
    let odd = Exchange { kind: "x-random".to_owned(), ..exchange("e") };
    assert!(Encoded::new(Change::PutExchange(odd)).is_ok(), "a type of another version is kept");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_table_reads_back_exactly(arguments in table(), key in prop::collection::vec(any::<u8>(), 0..8)) {
        let put = Change::PutBinding(Binding { arguments, ..binding("e", "q", &key) });
        // The encoder itself compares what it wrote with what it reads.
        let encoded = Encoded::new(put.clone()).expect("every table has a form");
        let json = serde_json::to_string(&encoded.change).expect("JSON");
        let again: Change = serde_json::from_str(&json).expect("it reads back");
        prop_assert_eq!(&again, &put);
        prop_assert_eq!(Encoded::new(again).expect("as before").key, encoded.key);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "[\\[\\]{}\",:$a-z0-9\\\\]{0,40}") {
        let _ = serde_json::from_str::<Change>(&text);
        let _ = serde_json::from_str::<Definitions>(&text);
    }
}
