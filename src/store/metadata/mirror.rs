//! `definitions.json`: all definitions as one JSON value with one record per line, for people and for
//! rebuilding the database.
//!
//! The first line is frozen for all versions, so that every version can tell a newer file from a
//! damaged one: `{"haremq_definitions":"1.2","generation":17,"checksum":"9ae0daaf","definitions":{`.
//! The checksum is CRC-32 (IEEE) over version, line feed, generation, line feed, and everything that
//! follows the first line.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::store::{Definitions, FormatVersion, Kind, RecordKey};

/// Why a mirror gives nothing.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// A newer broker wrote it.
    Newer(FormatVersion),
    /// It is not what was written.
    Damaged(String),
}

/// The bytes of a mirror.
pub(super) fn encode(definitions: &Definitions, generation: u64) -> Result<Vec<u8>, String> {
    let body = body(definitions).map_err(|error| error.to_string())?;
    let version = definitions.format_version;
    let mut bytes = first_line(version, generation, checksum(version, generation, &body));
    bytes.extend_from_slice(&body);
    Ok(bytes)
}

/// What a mirror says, and of which generation it is.
pub(super) fn decode(bytes: &[u8]) -> Result<(Definitions, u64), Unreadable> {
    let damaged = |cause: &str| Unreadable::Damaged(cause.to_owned());
    let end = bytes.iter().position(|byte| *byte == b'\n');
    let (line, body) = bytes.split_at(end.ok_or_else(|| damaged("its first line has no end"))? + 1);
    let (version, generation) =
        parse_first_line(line).ok_or_else(|| damaged("its first line is not that of a mirror"))?;
    if first_line(version, generation, checksum(version, generation, body)) != line {
        return Err(damaged("it does not fit its checksum"));
    }
    if version.is_newer() {
        return Err(Unreadable::Newer(version));
    }
    let inner = body.strip_suffix(b"}\n").ok_or_else(|| damaged("it has no end"))?;
    let json = [b"{", inner].concat();
    let mut definitions: Definitions = serde_json::from_slice(&json)
        .map_err(|error| Unreadable::Damaged(format!("it cannot be understood: {error}")))?;
    definitions.format_version = FormatVersion::CURRENT;
    Ok((definitions, generation))
}

fn first_line(version: FormatVersion, generation: u64, checksum: u32) -> Vec<u8> {
    format!(
        "{{\"haremq_definitions\":\"{version}\",\"generation\":{generation},\
         \"checksum\":\"{checksum:08x}\",\"definitions\":{{\n"
    )
    .into_bytes()
}

fn parse_first_line(line: &[u8]) -> Option<(FormatVersion, u64)> {
    let text = std::str::from_utf8(line).ok()?;
    let rest = text.strip_prefix("{\"haremq_definitions\":\"")?;
    let (version, rest) = rest.split_once("\",\"generation\":")?;
    let (generation, _) = rest.split_once(',')?;
    Some((version.parse().ok()?, generation.parse().ok()?))
}

fn checksum(version: FormatVersion, generation: u64, body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(format!("{version}\n{generation}\n").as_bytes());
    hasher.update(body);
    hasher.finalize()
}

/// Everything after the first line: the fields of [`Definitions`] and the closing braces.
fn body(definitions: &Definitions) -> serde_json::Result<Vec<u8>> {
    let Definitions { format_version, next_queue_number, .. } = definitions;
    let mut out = format!(
        "\"format_version\":\"{format_version}\",\n\"next_queue_number\":{next_queue_number}"
    )
    .into_bytes();
    for kind in Kind::ALL {
        out.extend_from_slice(format!(",\n\"{}\":[", kind.plural()).as_bytes());
        match kind {
            Kind::Vhost => lines(&mut out, &definitions.vhosts)?,
            Kind::User => lines(&mut out, &definitions.users)?,
            Kind::Permission => lines(&mut out, &definitions.permissions)?,
            Kind::Exchange => lines(&mut out, &definitions.exchanges)?,
            Kind::Queue => lines(&mut out, &definitions.queues)?,
            Kind::Binding => lines(&mut out, &definitions.bindings)?,
            Kind::Policy => lines(&mut out, &definitions.policies)?,
            Kind::OperatorPolicy => lines(&mut out, &definitions.operator_policies)?,
            Kind::Parameter => lines(&mut out, &definitions.parameters)?,
            Kind::GlobalParameter => lines(&mut out, &definitions.global_parameters)?,
            Kind::VhostLimits => lines(&mut out, &definitions.vhost_limits)?,
            Kind::UserLimits => lines(&mut out, &definitions.user_limits)?,
            Kind::TopicPermission => lines(&mut out, &definitions.topic_permissions)?,
        }
        out.extend_from_slice(b"\n]");
    }
    out.extend_from_slice(b"\n}}\n");
    Ok(out)
}

fn lines<T: Serialize>(
    out: &mut Vec<u8>,
    records: &BTreeMap<RecordKey, T>,
) -> serde_json::Result<()> {
    for (index, record) in records.values().enumerate() {
        out.extend_from_slice(if index == 0 { b"\n" } else { b",\n" });
        serde_json::to_writer(&mut *out, record)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::definitions::tests::samples;

    #[test]
    fn a_mirror_is_json_with_a_record_per_line_and_reads_back() {
        let definitions = samples::definitions();
        let bytes = encode(&definitions, 17).expect("JSON");
        let value: serde_json::Value = serde_json::from_slice(&bytes).expect("JSON as a whole");
        assert_eq!(value["definitions"]["queues"][0]["name"], "orders");
        assert_eq!(value["definitions"]["next_queue_number"], 3);
        let text = String::from_utf8(bytes.clone()).expect("UTF-8");
        assert!(text.contains("\n{\"name\":\"/\",\"description\":\"\",\"tags\":[]}\n"), "{text}");
        assert_eq!(decode(&bytes), Ok((definitions, 17)));
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_found() {
        let bytes = encode(&samples::definitions(), 17).expect("JSON");
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(matches!(decode(&flipped), Err(Unreadable::Damaged(_))), "bit {bit}");
        }
        for length in 0..bytes.len() {
            assert!(matches!(decode(&bytes[..length]), Err(Unreadable::Damaged(_))), "{length}");
        }
    }

    #[test]
    fn a_mirror_of_the_first_format_has_none_of_the_later_kinds() {
        let bytes = encode(&samples::first_format(), 17).expect("JSON");
        let text = String::from_utf8(bytes).expect("UTF-8");
        let (_, body) = text.split_once('\n').expect("a first line");
        let (kept, _) = body.split_once(",\n\"policies\":[").expect("a later kind");
        let body = [kept.replace("\"1.2\"", "\"1.0\"").as_bytes(), b"\n}}\n"].concat();
        let version = FormatVersion { major: 1, minor: 0 };
        let mut bytes = first_line(version, 17, checksum(version, 17, &body));
        bytes.extend_from_slice(&body);
        assert_eq!(decode(&bytes), Ok((samples::first_format(), 17)));
    }

    #[test]
    fn a_newer_major_version_is_told_from_damage() {
        let newer = FormatVersion { major: 2, minor: 0 };
        let definitions = Definitions { format_version: newer, ..Definitions::default() };
        let bytes = encode(&definitions, 1).expect("JSON");
        assert_eq!(decode(&bytes), Err(Unreadable::Newer(newer)));
        let minor = FormatVersion { major: 1, minor: 9 };
        let definitions = Definitions { format_version: minor, ..Definitions::default() };
        let bytes = encode(&definitions, 1).expect("JSON");
        assert_eq!(decode(&bytes), Ok((Definitions::default(), 1)));
    }
}
