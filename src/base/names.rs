//! Names, parsed once at the border and trusted afterwards.
//!
//! AMQP carries names as short strings of at most 255 bytes. Names of things (queues, exchanges,
//! virtual hosts, users, consumer tags) are UTF-8; routing keys and table keys may be any bytes and are
//! [`ShortStr`].

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

/// The longest short string (spec: 4.2.5.3 Strings): its length is one octet.
const SHORT_STRING_BYTES_MAX: usize = 255;

/// The pseudo-queue of direct reply-to (rabbitmq: direct-reply-to.md): a consumer of it gets replies without
/// a queue, and requests name it in `reply-to`. With a dot and a token behind it, it is where one consumer
/// gets its replies.
pub const DIRECT_REPLY_TO: &str = "amq.rabbitmq.reply-to";

/// Why bytes are not a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NameError {
    /// More than 255 bytes.
    #[error("a name of {0} bytes is too long: at most 255 bytes are allowed")]
    TooLong(usize),
    /// Not UTF-8.
    #[error("a name must be UTF-8, and this one is not from byte {0} on")]
    NotUtf8(usize),
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks length and encoding.
            ///
            /// # Errors
            /// [`NameError`] when the bytes are longer than 255 or no UTF-8.
            pub fn parse(bytes: &[u8]) -> Result<Self, NameError> {
                Ok(Self(Arc::from(parse_utf8(bytes)?)))
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Whether the name is the empty string.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.0.is_empty()
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl TryFrom<&str> for $name {
            type Error = NameError;

            fn try_from(text: &str) -> Result<Self, NameError> {
                Self::parse(text.as_bytes())
            }
        }
    };
}

name! {
    /// The name of a queue.
    QueueName
}
name! {
    /// The name of an exchange; the empty name is the default exchange.
    ExchangeName
}
name! {
    /// The name of a virtual host.
    VhostName
}
name! {
    /// The name of a user.
    UserName
}
name! {
    /// A consumer tag, unique on its channel.
    ConsumerTag
}
name! {
    /// The name of a policy, or of an operator policy: two lists in one virtual host.
    PolicyName
}
name! {
    /// The name of a parameter, or of the component that a parameter belongs to.
    ParameterName
}

fn parse_utf8(bytes: &[u8]) -> Result<&str, NameError> {
    if bytes.len() > SHORT_STRING_BYTES_MAX {
        return Err(NameError::TooLong(bytes.len()));
    }
    std::str::from_utf8(bytes).map_err(|error| NameError::NotUtf8(error.valid_up_to()))
}

/// At most 255 bytes of anything: a routing key, a table key, a short string of a property.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ShortStr(Bytes);

impl ShortStr {
    /// The empty short string.
    pub const EMPTY: Self = Self(Bytes::new());

    /// Takes bytes that are no longer than 255.
    ///
    /// # Errors
    /// [`NameError::TooLong`] otherwise.
    pub fn new(bytes: Bytes) -> Result<Self, NameError> {
        if bytes.len() > SHORT_STRING_BYTES_MAX {
            return Err(NameError::TooLong(bytes.len()));
        }
        Ok(Self(bytes))
    }

    /// As [`Self::new`], copying, so that the new value does not keep a read buffer alive.
    ///
    /// # Errors
    /// [`NameError::TooLong`] when there are more than 255 bytes.
    pub fn copy_from(bytes: &[u8]) -> Result<Self, NameError> {
        Self::new(Bytes::copy_from_slice(bytes))
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes as text, with what is not UTF-8 replaced: for people only.
    #[must_use]
    pub fn to_text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }

    /// Whether there are no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for ShortStr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_text(), f)
    }
}

impl fmt::Display for ShortStr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}

impl TryFrom<&str> for ShortStr {
    type Error = NameError;

    fn try_from(text: &str) -> Result<Self, NameError> {
        Self::copy_from(text.as_bytes())
    }
}

impl Borrow<[u8]> for ShortStr {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_holds_utf8_up_to_255_bytes() {
        assert_eq!(QueueName::parse("订单".as_bytes()).map(|n| n.to_string()), Ok("订单".into()));
        assert!(QueueName::parse(&[b'q'; 255]).is_ok());
        assert_eq!(QueueName::parse(&[b'q'; 256]), Err(NameError::TooLong(256)));
    }

    #[test]
    fn a_name_that_is_not_utf8_is_refused_with_the_place() {
        assert_eq!(ExchangeName::parse(b"ab\xff"), Err(NameError::NotUtf8(2)));
    }

    #[test]
    fn a_short_string_may_be_any_bytes() {
        let key = ShortStr::copy_from(b"\xff\x00").expect("two bytes are short");
        assert_eq!(key.as_bytes(), b"\xff\x00");
        assert_eq!(ShortStr::copy_from(&[0; 256]), Err(NameError::TooLong(256)));
    }
}
