//! `CC` and `BCC`: more routing keys, which a publisher puts into the headers of a message (rabbitmq:
//! sender-selected.md). The message goes wherever any of its keys leads, once to each queue; `BCC` is
//! taken off before it is in a queue.

use bytes::Bytes;

use super::{Edit, Refused, refuse};
use crate::base::{FieldTable, FieldValue, Message, ReplyCode};

/// The header that is delivered.
const CC: &str = "CC";

/// The header that is not.
pub(super) const BCC: &str = "BCC";

/// What the headers of one message select.
#[derive(PartialEq, Eq, Debug, Default)]
pub(super) struct Selected {
    /// The keys besides the message's own.
    pub(super) keys: Vec<Bytes>,
    pub(super) has_bcc: bool,
}

/// Whether it is worth reading the headers: false for all messages that select nothing and true for very
/// few of them.
#[inline]
pub(super) fn may_select(message: &Message) -> bool {
    message.has_headers() && has_name(message)
}

#[inline(never)]
fn has_name(message: &Message) -> bool {
    message.properties().windows(2).any(|pair| pair == b"CC")
}

impl Selected {
    /// Reads them.
    ///
    /// # Errors
    /// 406 when a header of these names is no array. Entries that are no long strings are passed over.
    pub(super) fn read(headers: &FieldTable) -> Result<Self, Refused> {
        let mut keys = Vec::new();
        for name in [CC, BCC] {
            let Some(value) = headers.get(name.as_bytes()) else { continue };
            let FieldValue::Array(values) = value else {
                let found = value.type_name();
                return refuse(
                    ReplyCode::PreconditionFailed,
                    format!("invalid message: {{unacceptable_type_in_header,\"{name}\",{found}}}"),
                );
            };
            keys.extend(values.iter().filter_map(|value| match value {
                FieldValue::LongString(key) => Some(key.clone()),
                _ => None,
            }));
        }
        Ok(Self { keys, has_bcc: headers.get(BCC.as_bytes()).is_some() })
    }

    /// The message as it goes into queues.
    pub(super) fn delivered(&self, message: Message, edit: super::PropertyEditor) -> Message {
        if !self.has_bcc {
            return message;
        }
        message.with_properties(&edit(message.properties(), &[Edit::DropHeader(BCC)]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ShortStr;

    fn headers(entries: &[(&str, FieldValue)]) -> FieldTable {
        let short = |key: &str| ShortStr::try_from(key).expect("short");
        entries.iter().map(|(key, value)| (short(key), value.clone())).collect()
    }

    fn array(values: &[FieldValue]) -> FieldValue {
        FieldValue::Array(values.to_vec())
    }

    #[test]
    fn keys_of_both_headers_are_read_and_other_types_in_them_passed_over() {
        let text = FieldValue::text;
        let cc = array(&[text("a"), FieldValue::I32(1), text("b")]);
        let selected = Selected::read(&headers(&[("BCC", array(&[text("c")])), ("CC", cc)]));
        let selected = selected.expect("both are arrays");
        assert_eq!(selected.keys, ["a", "b", "c"]);
        assert!(selected.has_bcc);
        assert_eq!(Selected::read(&headers(&[("cc", text("a"))])), Ok(Selected::default()));
    }

    #[test]
    fn a_header_that_is_no_array_is_refused_by_name_and_type() {
        let refused = |name| Selected::read(&headers(&[(name, FieldValue::text("a"))]));
        let text =
            |name| format!("invalid message: {{unacceptable_type_in_header,\"{name}\",longstr}}");
        for name in ["CC", "BCC"] {
            let refused = refused(name).expect_err("no array");
            assert_eq!((refused.code, refused.text), (ReplyCode::PreconditionFailed, text(name)));
        }
    }
}
