//! Field tables: round trip, one value, and amq-protocol's opinion.

use amq_protocol::types::parsing::parse_field_table;
use amq_protocol::types::{AMQPValue, FieldArray, FieldTable as TheirTable};
use haremq::base::{FieldTable, FieldValue};
use haremq::wire::{decode_table, encode_table, table_value};

use super::memory::allocates_at_most;

/// Longer inputs could be nested so deep that amq-protocol, which recurses, needs more stack than a test has.
const REVERSE_BYTES_MAX: usize = 240;

/// The input is the contents of a table.
pub(super) fn run(input: &[u8]) {
    let decoded = allocates_at_most(input.len() as u64 * 128 + 2048, || decode_table(input));
    let Ok(table) = decoded else {
        // rabbitmq: the specification's tag `U` is not known; amq-protocol takes it.
        if input.len() <= REVERSE_BYTES_MAX && !input.contains(&b'U') {
            assert!(theirs(input).is_none(), "amq-protocol reads what we refuse");
        }
        return;
    };
    let mut written = Vec::new();
    encode_table(&table, &mut written);
    let again = decode_table(&written[4..]).expect("what was written can be read");
    assert_eq!(again, table);
    assert_eq!(written[..4], u32::try_from(written.len() - 4).expect("short").to_be_bytes());
    for (key, _) in table.iter() {
        let found = table_value(input, key.as_bytes());
        assert_eq!(found.as_ref(), table.get(key.as_bytes()), "one value alone is the same");
    }
    if is_text(&table) {
        let theirs = theirs(input).expect("amq-protocol reads what we read");
        assert!(same_table(&table, &theirs), "{table:?}\n{theirs:?}");
    }
}

fn theirs(contents: &[u8]) -> Option<TheirTable> {
    let mut bytes = u32::try_from(contents.len()).ok()?.to_be_bytes().to_vec();
    bytes.extend(contents);
    let (rest, table) = parse_field_table(bytes.as_slice()).ok()?;
    rest.is_empty().then_some(table)
}

/// Whether all keys are UTF-8, which amq-protocol wants and RabbitMQ does not.
fn is_text(table: &FieldTable) -> bool {
    table.iter().all(|(key, of)| std::str::from_utf8(key.as_bytes()).is_ok() && is_text_value(of))
}

fn is_text_value(value: &FieldValue) -> bool {
    match value {
        FieldValue::Table(table) => is_text(table),
        FieldValue::Array(values) => values.iter().all(is_text_value),
        _ => true,
    }
}

/// Theirs keeps the last of equal keys.
fn same_table(ours: &FieldTable, theirs: &TheirTable) -> bool {
    theirs.inner().iter().all(|(key, value)| {
        let mine = ours.iter().filter(|(name, _)| name.as_bytes() == key.as_str().as_bytes());
        mine.last().is_some_and(|(_, mine)| same(mine, value))
    }) && ours.iter().all(|(key, _)| {
        theirs.inner().keys().any(|name| name.as_str().as_bytes() == key.as_bytes())
    })
}

fn same_array(ours: &[FieldValue], theirs: &FieldArray) -> bool {
    let theirs = theirs.as_slice();
    ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(a, b)| same(a, b))
}

fn same(ours: &FieldValue, theirs: &AMQPValue) -> bool {
    match (ours, theirs) {
        (FieldValue::Boolean(a), AMQPValue::Boolean(b)) => a == b,
        (FieldValue::I8(a), AMQPValue::ShortShortInt(b)) => a == b,
        (FieldValue::U8(a), AMQPValue::ShortShortUInt(b)) => a == b,
        (FieldValue::I16(a), AMQPValue::ShortInt(b)) => a == b,
        (FieldValue::U16(a), AMQPValue::ShortUInt(b)) => a == b,
        (FieldValue::I32(a), AMQPValue::LongInt(b)) => a == b,
        (FieldValue::U32(a), AMQPValue::LongUInt(b)) => a == b,
        (FieldValue::I64(a), AMQPValue::LongLongInt(b)) => a == b,
        (FieldValue::F32(a), AMQPValue::Float(b)) => *a == b.to_bits(),
        (FieldValue::F64(a), AMQPValue::Double(b)) => *a == b.to_bits(),
        (FieldValue::Decimal { scale, value }, AMQPValue::DecimalValue(b)) => {
            *scale == b.scale && i64::from(*value) == i64::from(b.value)
        }
        (FieldValue::LongString(a), AMQPValue::LongString(b)) => *a == b.as_bytes(),
        (FieldValue::ByteArray(a), AMQPValue::ByteArray(b)) => *a == b.as_slice(),
        (FieldValue::Timestamp(a), AMQPValue::Timestamp(b)) => a == b,
        (FieldValue::Array(a), AMQPValue::FieldArray(b)) => same_array(a, b),
        (FieldValue::Table(a), AMQPValue::FieldTable(b)) => same_table(a, b),
        (FieldValue::Void, AMQPValue::Void) => true,
        _ => false,
    }
}
