//! Field tables: every type, order, depth.

use bytes::Bytes;
use proptest::prelude::*;

use super::values::table;
use crate::base::limits::TABLE_DEPTH_MAX;
use crate::base::{FieldTable, FieldValue, ShortStr};
use crate::wire::{MethodId, WireError, decode_table, encode_table, table_value};

fn key(text: &str) -> ShortStr {
    ShortStr::try_from(text).expect("short")
}

fn contents_of(table: &FieldTable) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_table(table, &mut bytes);
    let (len, contents) = bytes.split_at(4);
    assert_eq!(len, u32::try_from(contents.len()).expect("small").to_be_bytes());
    contents.to_vec()
}

/// The contents of a table that holds `levels` tables or arrays within each other.
pub(super) fn nested(levels: usize, tag: u8) -> Vec<u8> {
    // Built from the inside out, each level in front of the last, and turned round in the end.
    let mut reversed = Vec::new();
    for level in 0..levels {
        let len = u32::try_from(reversed.len()).expect("small").to_be_bytes();
        reversed.extend(len.iter().rev());
        reversed.push(tag);
        // An array has no keys, so only the outermost value of arrays has one.
        if tag == b'F' || level + 1 == levels {
            reversed.extend([b'k', 1]);
        }
    }
    reversed.reverse();
    reversed
}

#[test]
fn every_type_has_the_tag_that_rabbitmq_uses() {
    let examples: &[(FieldValue, &[u8])] = &[
        (FieldValue::Boolean(true), b"t\x01"),
        (FieldValue::I8(-1), b"b\xff"),
        (FieldValue::U8(255), b"B\xff"),
        (FieldValue::I16(-2), b"s\xff\xfe"),
        (FieldValue::U16(0x1234), b"u\x12\x34"),
        (FieldValue::I32(-2), b"I\xff\xff\xff\xfe"),
        (FieldValue::U32(1), b"i\0\0\0\x01"),
        (FieldValue::I64(-1), b"l\xff\xff\xff\xff\xff\xff\xff\xff"),
        (FieldValue::F32(1.5f32.to_bits()), b"f\x3f\xc0\0\0"),
        (FieldValue::F64(1.5f64.to_bits()), b"d\x3f\xf8\0\0\0\0\0\0"),
        (FieldValue::Decimal { scale: 2, value: 314 }, b"D\x02\0\0\x01\x3a"),
        (FieldValue::text("ab"), b"S\0\0\0\x02ab"),
        (FieldValue::Array(vec![FieldValue::Void]), b"A\0\0\0\x01V"),
        (FieldValue::Timestamp(5), b"T\0\0\0\0\0\0\0\x05"),
        (FieldValue::Table(FieldTable::EMPTY), b"F\0\0\0\0"),
        (FieldValue::ByteArray(Bytes::from_static(b"\xff")), b"x\0\0\0\x01\xff"),
        (FieldValue::Void, b"V"),
    ];
    for (value, octets) in examples {
        let table = FieldTable::new(vec![(key("k"), value.clone())]);
        let contents = [b"\x01k", *octets].concat();
        assert_eq!(contents_of(&table), contents, "{value:?}");
        assert_eq!(decode_table(&contents), Ok(table));
    }
}

#[test]
fn both_tags_of_sixty_four_bits_read_the_same() {
    let table = decode_table(b"\x01kL\xff\xff\xff\xff\xff\xff\xff\xff").expect("a table");
    assert_eq!(table.get(b"k"), Some(&FieldValue::I64(-1)));
}

#[test]
fn order_and_duplicates_and_keys_of_any_bytes_survive() {
    let table = FieldTable::new(vec![
        (key("z"), FieldValue::U8(1)),
        (key("a"), FieldValue::U8(2)),
        (key("z"), FieldValue::U8(3)),
        (ShortStr::copy_from(b"\xff").expect("short"), FieldValue::Void),
    ]);
    assert_eq!(decode_table(&contents_of(&table)), Ok(table));
}

#[test]
fn a_decoded_table_does_not_hold_on_to_the_read_buffer() {
    let chunk = Bytes::from(b"\x01kS\x00\x00\x00\x02ab".to_vec());
    let table = decode_table(&chunk).expect("a table");
    assert_eq!(table.get(b"k").and_then(FieldValue::as_text), Some("ab"));
    assert!(chunk.is_unique());
}

#[test]
fn what_is_no_table_is_refused() {
    let broken: &[&[u8]] = &[
        b"\x01",
        b"\x01k",
        b"\x01kZ",
        b"\x01kU\0\x01",
        b"\x01kI\0\0\0",
        b"\x01kS\0\0\0\x09ab",
        b"\x01kF\0\0\0\x01\x01",
        b"\x01kA\0\0\0\x02V",
        b"\x01kA\0\0\0\x03I\0\0\0\0\0",
        b"\x01kS\xff\xff\xff\xff",
        b"\x01kVx",
    ];
    for contents in broken {
        assert_eq!(decode_table(contents), Err(WireError::CannotDecodeTable), "{contents:?}");
    }
}

#[test]
fn depth_is_bounded_at_the_limit_exactly() {
    for tag in [b'F', b'A'] {
        // The table itself is the first level.
        assert!(decode_table(&nested(TABLE_DEPTH_MAX - 1, tag)).is_ok());
        assert_eq!(
            decode_table(&nested(TABLE_DEPTH_MAX, tag)),
            Err(WireError::TableTooDeep { id: MethodId::default() })
        );
    }
}

#[test]
fn a_table_of_five_thousand_levels_is_refused_on_a_small_stack() {
    let small_stack = std::thread::Builder::new().stack_size(256 * 1024);
    let thread = small_stack.spawn(|| {
        for tag in [b'F', b'A'] {
            assert_eq!(
                decode_table(&nested(5_000, tag)),
                Err(WireError::TableTooDeep { id: MethodId::default() })
            );
            // And the deepest that is allowed is read, written and dropped.
            let table = decode_table(&nested(TABLE_DEPTH_MAX - 1, tag)).expect("a table");
            assert_eq!(contents_of(&table), nested(TABLE_DEPTH_MAX - 1, tag));
        }
    });
    thread.expect("a thread").join().expect("no panic");
}

proptest! {
    #[test]
    fn a_table_comes_back_as_it_went(table in table()) {
        prop_assert_eq!(decode_table(&contents_of(&table)), Ok(table));
    }

    #[test]
    fn one_value_is_found_without_reading_the_others(table in table()) {
        let contents = contents_of(&table);
        for (key, _) in table.iter() {
            let found = table_value(&contents, key.as_bytes());
            prop_assert_eq!(found.as_ref(), table.get(key.as_bytes()));
        }
        prop_assert_eq!(table_value(&contents, &[0xfe; 255]), None);
    }

    #[test]
    fn random_bytes_are_a_table_or_none(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(table) = decode_table(&bytes) {
            // Booleans and 64-bit tags have two spellings, so it is the values that must agree.
            prop_assert_eq!(decode_table(&contents_of(&table)), Ok(table));
        }
    }
}
