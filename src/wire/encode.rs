//! A [`Method`] to the payload of a method frame (spec: 4.2.4 Method Payloads).

use super::method::Method;
use super::{bridge, hand};

/// Appends class id, method id and arguments. Reserved fields are written as zeros.
///
/// The short strings that only people read (`reply-text`, the reason of `blocked`, mechanism, locale,
/// realm) go through amq-protocol and leave as UTF-8: what is not UTF-8 in them is replaced.
pub fn encode_method(method: &Method, into: &mut Vec<u8>) {
    into.extend_from_slice(&method.id().octets());
    if !hand::encode(method, into) {
        bridge::encode(method, into);
    }
}
