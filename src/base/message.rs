//! A message as the broker holds it: header bytes and body bytes exactly as the publisher sent them.
//!
//! A [`Message`] is a cheap handle; a message that is routed to many queues exists once. Whether its
//! bytes are a slice of the read buffer or a copy is decided here and nowhere else (walk (a), rule 3).
//!
//! A small message is one allocation, as large as what it carries, and shares nothing with any other
//! message: a counter that the threads of publishers and consumers both change costs more than a copy
//! of a short name.
//!
//! ```text
//! 0                 1              2      3          4                   8            16
//! +-----------------+--------------+------+----------+-------------------+------------+----------+-----+------------+------+
//! | exchange length | key length   | bits | priority | properties length | expiration | exchange | key | properties | body |
//! +-----------------+--------------+------+----------+-------------------+------------+----------+-----+------------+------+
//! ```

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::ExchangeName;
use super::limits::{MESSAGE_COPY_BYTES_MAX, MESSAGE_PACKED_BYTES_MAX};

/// What the broker reads in a content header; the rest stays raw.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct MessageHeader {
    /// `delivery-mode` 2.
    pub persistent: bool,
    /// `priority`, when given.
    pub priority: Option<u8>,
    /// `expiration` in milliseconds, when given and a number.
    pub expiration_ms: Option<u64>,
    /// Whether a `headers` table is there at all.
    pub has_headers: bool,
}

/// The body, as the pieces in which it was received.
#[derive(Clone, Debug)]
pub enum Body {
    /// One piece, perhaps empty.
    One(Bytes),
    /// Several pieces in order.
    Many(Vec<Bytes>),
}

impl Body {
    /// All bytes together.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::One(bytes) => bytes.len(),
            Self::Many(pieces) => pieces.iter().map(Bytes::len).sum(),
        }
    }

    /// Whether there are no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The pieces in order.
    #[must_use]
    pub fn pieces(&self) -> &[Bytes] {
        match self {
            Self::One(bytes) => std::slice::from_ref(bytes),
            Self::Many(pieces) => pieces,
        }
    }
}

impl PartialEq for Body {
    /// Two bodies are equal when their bytes are, however they are cut.
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len()
            && self.pieces().iter().flatten().eq(other.pieces().iter().flatten())
    }
}

/// What [`Message::body`] gives: the body where it lies.
#[derive(Clone, Copy, Debug)]
pub enum BodyRef<'a> {
    /// In the message's own allocation.
    Packed(&'a [u8]),
    /// The slices it came in.
    Slices(&'a [Bytes]),
}

impl<'a> BodyRef<'a> {
    /// All bytes together.
    #[must_use]
    #[inline]
    pub fn len(self) -> usize {
        match self {
            Self::Packed(bytes) => bytes.len(),
            Self::Slices(pieces) => pieces.iter().map(Bytes::len).sum(),
        }
    }

    /// Whether there are no bytes.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The pieces in order.
    pub fn pieces(self) -> impl Iterator<Item = &'a [u8]> {
        let (packed, slices): (Option<&[u8]>, &[Bytes]) = match self {
            Self::Packed(bytes) => (Some(bytes), &[]),
            Self::Slices(pieces) => (None, pieces),
        };
        packed.into_iter().chain(slices.iter().map(AsRef::as_ref))
    }

    /// The same body for another message: slices are shared, a small body is copied.
    #[must_use]
    pub fn to_body(self) -> Body {
        match self {
            Self::Packed(bytes) => Body::One(Bytes::copy_from_slice(bytes)),
            Self::Slices(pieces) => Body::Many(pieces.to_vec()),
        }
    }

    /// A copy in one piece.
    #[must_use]
    pub fn to_vec(self) -> Vec<u8> {
        self.pieces().collect::<Vec<_>>().concat()
    }
}

impl PartialEq for BodyRef<'_> {
    /// Two bodies are equal when their bytes are, however they are cut.
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.pieces().flatten().eq(other.pieces().flatten())
    }
}

/// What [`Message::content`] gives: the parts where they lie.
#[derive(Clone, Copy, Debug)]
pub struct ContentRef<'a> {
    /// As [`Message::exchange_bytes`].
    pub exchange: &'a [u8],
    /// As [`Message::routing_key`].
    pub routing_key: &'a [u8],
    /// As [`Message::properties`].
    pub properties: &'a [u8],
    /// As [`Message::body`].
    pub body: BodyRef<'a>,
}

/// A message; cloning copies a reference.
#[derive(Clone)]
pub struct Message(Held);

/// Where the bytes are.
#[derive(Clone)]
enum Held {
    /// All in one allocation, laid out as the module says.
    Packed(Arc<[u8]>),
    /// The body apart.
    Large(Arc<Large>),
}

struct Large {
    /// As the module says, without the body.
    packed: Box<[u8]>,
    pieces: Vec<Bytes>,
    body_bytes: usize,
}

/// What a message is put together from, apart from its body.
struct Parts<'a> {
    exchange: &'a [u8],
    routing_key: &'a [u8],
    properties: &'a [u8],
    header: MessageHeader,
}

impl Message {
    /// Puts a message together. `properties` is the content header from its property flags on,
    /// `routing_key` has at most 255 bytes.
    ///
    /// All but large contents are copied, so that a message that waits does not keep a whole read
    /// buffer alive; large ones keep the slices they came in.
    ///
    /// # Panics
    /// When the routing key is longer than a short string can be.
    #[must_use]
    pub fn new(
        exchange: &ExchangeName,
        routing_key: &[u8],
        properties: &[u8],
        body: Body,
        header: MessageHeader,
    ) -> Self {
        let body_bytes = body.len();
        let exchange = exchange.as_str().as_bytes();
        let parts = Parts { exchange, routing_key, properties, header };
        let content_bytes = routing_key.len() + properties.len() + body_bytes;
        if content_bytes <= MESSAGE_PACKED_BYTES_MAX {
            return Self(Held::Packed(parts.pack(body_bytes, body.pieces())));
        }
        let pieces = match body {
            body if content_bytes <= MESSAGE_COPY_BYTES_MAX => {
                vec![Bytes::from(body.pieces().concat())]
            }
            Body::One(piece) => vec![piece],
            Body::Many(pieces) => pieces,
        };
        let packed = parts.before_body().into_boxed_slice();
        Self(Held::Large(Arc::new(Large { packed, pieces, body_bytes })))
    }

    /// As [`Self::new`], for a body that is there in one piece: a small one is copied from where it
    /// stands, and only for a larger one `shared` makes a slice of it.
    ///
    /// # Panics
    /// As [`Self::new`].
    #[must_use]
    #[inline]
    pub fn whole(
        exchange: &ExchangeName,
        routing_key: &[u8],
        properties: &[u8],
        body: &[u8],
        header: MessageHeader,
        shared: impl FnOnce() -> Bytes,
    ) -> Self {
        if routing_key.len() + properties.len() + body.len() <= MESSAGE_PACKED_BYTES_MAX {
            let exchange = exchange.as_str().as_bytes();
            let parts = Parts { exchange, routing_key, properties, header };
            return Self(Held::Packed(parts.pack(body.len(), &[body])));
        }
        Self::new(exchange, routing_key, properties, Body::One(shared()), header)
    }

    /// The same message with other properties. What was read in the old ones still holds: whoever changes
    /// delivery mode, priority or expiration, or takes the last header away, must not do it here.
    #[must_use]
    pub fn with_properties(&self, properties: &[u8]) -> Self {
        self.rewritten(properties, MessageHeader { has_headers: true, ..self.header() })
    }

    /// The same message with another `reply-to` in these properties, and nothing else changed.
    #[must_use]
    pub fn readdressed(&self, properties: &[u8]) -> Self {
        self.rewritten(properties, self.header())
    }

    fn rewritten(&self, properties: &[u8], header: MessageHeader) -> Self {
        let key = self.routing_key();
        Self::new(&self.exchange_name(), key, properties, self.body().to_body(), header)
    }

    /// The exchange it was published to.
    #[must_use]
    pub fn exchange(&self) -> &str {
        std::str::from_utf8(self.exchange_bytes()).expect("an exchange's name is UTF-8")
    }

    /// A copy of the exchange's name.
    #[must_use]
    pub fn exchange_name(&self) -> ExchangeName {
        ExchangeName::parse(self.exchange_bytes()).expect("it was a name before it was copied")
    }

    /// The bytes of [`Self::exchange`].
    #[must_use]
    #[inline]
    pub fn exchange_bytes(&self) -> &[u8] {
        let packed = self.packed();
        &packed[HEAD_BYTES..][..packed[EXCHANGE_AT].into()]
    }

    /// Exchange and routing key in one piece, for a comparison with those of another message that
    /// has an exchange's name of the same length.
    #[must_use]
    #[inline]
    pub fn route(&self) -> &[u8] {
        let packed = self.packed();
        let bytes = usize::from(packed[EXCHANGE_AT]) + usize::from(packed[KEY_AT]);
        &packed[HEAD_BYTES..][..bytes]
    }

    /// The routing key it was published with: any bytes, at most 255.
    #[must_use]
    #[inline]
    pub fn routing_key(&self) -> &[u8] {
        let packed = self.packed();
        &packed[HEAD_BYTES + usize::from(packed[EXCHANGE_AT])..][..packed[KEY_AT].into()]
    }

    /// The content header from its property flags on, as received.
    #[must_use]
    #[inline]
    pub fn properties(&self) -> &[u8] {
        let packed = self.packed();
        let (start, end) = properties_place(packed);
        &packed[start..end]
    }

    /// The body, as received.
    #[must_use]
    #[inline]
    pub fn body(&self) -> BodyRef<'_> {
        match &self.0 {
            Held::Packed(packed) => BodyRef::Packed(&packed[properties_place(packed).1..]),
            Held::Large(large) => BodyRef::Slices(&large.pieces),
        }
    }

    /// All of it that is sent, taken apart at once: dearer than one part, and cheaper than three.
    #[must_use]
    #[inline]
    pub fn content(&self) -> ContentRef<'_> {
        let packed = self.packed();
        let (head, rest) = packed.split_at(HEAD_BYTES);
        let (exchange, rest) = rest.split_at(head[EXCHANGE_AT].into());
        let (routing_key, rest) = rest.split_at(head[KEY_AT].into());
        // A content header is within one frame, and usize has at least 32 bits on every supported machine.
        let (properties, rest) =
            rest.split_at(u32::from_le_bytes(field(head, PROPERTIES_AT)) as usize);
        let body = match &self.0 {
            Held::Packed(_) => BodyRef::Packed(rest),
            Held::Large(large) => BodyRef::Slices(&large.pieces),
        };
        ContentRef { exchange, routing_key, properties, body }
    }

    /// What the broker read in the content header.
    #[must_use]
    #[inline]
    pub fn header(&self) -> MessageHeader {
        let packed = self.packed();
        let bits = packed[BITS_AT];
        let expiration_ms = u64::from_le_bytes(field(packed, EXPIRATION_AT));
        MessageHeader {
            persistent: bits & PERSISTENT != 0,
            priority: (bits & PRIORITY != 0).then_some(packed[PRIORITY_AT]),
            expiration_ms: (bits & EXPIRATION != 0).then_some(expiration_ms),
            has_headers: bits & HEADERS != 0,
        }
    }

    /// Whether its `delivery-mode` is 2.
    #[must_use]
    #[inline]
    pub fn is_persistent(&self) -> bool {
        self.packed()[BITS_AT] & PERSISTENT != 0
    }

    /// Whether its content header has a say in its place in a queue: a `priority` or an `expiration`.
    #[must_use]
    #[inline]
    pub fn is_arranged(&self) -> bool {
        self.packed()[BITS_AT] & (PRIORITY | EXPIRATION) != 0
    }

    /// Whether both are handles of one message (not only equal).
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        self.address() == other.address()
    }

    /// A number that all handles of one message share, and no other message while one of them lives.
    #[must_use]
    pub fn address(&self) -> usize {
        match &self.0 {
            Held::Packed(packed) => Arc::as_ptr(packed).addr(),
            Held::Large(large) => Arc::as_ptr(large).addr(),
        }
    }

    /// Bytes of what was published: routing key, content header and body.
    #[must_use]
    #[inline]
    pub fn content_bytes(&self) -> u64 {
        let exchange = usize::from(self.packed()[EXCHANGE_AT]);
        (self.carried() - HEAD_BYTES - exchange) as u64
    }

    /// Bytes this message costs in RAM: what it carries and the bookkeeping around it.
    #[must_use]
    #[inline]
    pub fn ram_bytes(&self) -> u64 {
        // Usize is at most 64 bits wide on every supported machine.
        (self.carried() + BOOKKEEPING_BYTES) as u64
    }

    /// Everything but the bookkeeping.
    #[inline]
    fn carried(&self) -> usize {
        match &self.0 {
            Held::Packed(packed) => packed.len(),
            Held::Large(large) => large.packed.len() + large.body_bytes,
        }
    }

    #[inline]
    fn packed(&self) -> &[u8] {
        match &self.0 {
            Held::Packed(packed) => packed,
            Held::Large(large) => &large.packed,
        }
    }
}

impl PartialEq for Message {
    fn eq(&self, other: &Self) -> bool {
        // What stands before the body says how long it is itself.
        let before_body = |message: &Self| {
            let packed = message.packed();
            packed[..properties_place(packed).1].to_vec()
        };
        self.body() == other.body() && before_body(self) == before_body(other)
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("exchange", &self.exchange())
            .field("routing_key", &Bytes::copy_from_slice(self.routing_key()))
            .field("properties", &Bytes::copy_from_slice(self.properties()))
            .field("body", &self.body())
            .field("header", &self.header())
            .finish()
    }
}

/// Octets before the exchange's name, and where in them a field stands.
const HEAD_BYTES: usize = 16;
const EXCHANGE_AT: usize = 0;
const KEY_AT: usize = 1;
const BITS_AT: usize = 2;
const PRIORITY_AT: usize = 3;
const PROPERTIES_AT: usize = 4;
const EXPIRATION_AT: usize = 8;

const PERSISTENT: u8 = 1;
const PRIORITY: u8 = 2;
const EXPIRATION: u8 = 4;
const HEADERS: u8 = 8;

/// What a message costs beside its bytes: two counters, the allocator's share, and the handle and the
/// line of a queue.
const BOOKKEEPING_BYTES: usize = 128;

/// Where in a packed message the content header begins and ends.
#[inline]
fn properties_place(packed: &[u8]) -> (usize, usize) {
    let names = usize::from(packed[EXCHANGE_AT]) + usize::from(packed[KEY_AT]);
    let start = HEAD_BYTES + names;
    // A content header is within one frame, and usize has at least 32 bits on every supported machine.
    (start, start + u32::from_le_bytes(field(packed, PROPERTIES_AT)) as usize)
}

#[inline]
fn field<const N: usize>(packed: &[u8], at: usize) -> [u8; N] {
    *packed[at..].first_chunk().expect("a message begins with its whole head")
}

impl Parts<'_> {
    fn len(&self) -> usize {
        HEAD_BYTES + self.exchange.len() + self.routing_key.len() + self.properties.len()
    }

    /// Lays a small message out on the stack, where it fits, so that it is allocated once and in its
    /// own size.
    #[inline]
    fn pack(&self, body_bytes: usize, body: &[impl AsRef<[u8]>]) -> Arc<[u8]> {
        let len = self.len() + body_bytes;
        if len <= 256 {
            self.pack_on_stack::<256>(len, body)
        } else if len <= 2048 {
            self.pack_on_stack::<2048>(len, body)
        } else {
            let mut packed = self.before_body();
            for piece in body {
                packed.extend_from_slice(piece.as_ref());
            }
            Arc::from(packed)
        }
    }

    #[inline]
    fn pack_on_stack<const N: usize>(&self, len: usize, body: &[impl AsRef<[u8]>]) -> Arc<[u8]> {
        let mut room = [0; N];
        room[..HEAD_BYTES].copy_from_slice(&self.head());
        let mut at = HEAD_BYTES;
        let mut put = |bytes: &[u8]| {
            room[at..at + bytes.len()].copy_from_slice(bytes);
            at += bytes.len();
        };
        for bytes in [self.exchange, self.routing_key, self.properties] {
            put(bytes);
        }
        for piece in body {
            put(piece.as_ref());
        }
        Arc::from(&room[..len])
    }

    fn before_body(&self) -> Vec<u8> {
        [&self.head(), self.exchange, self.routing_key, self.properties].concat()
    }

    #[inline]
    fn head(&self) -> [u8; HEAD_BYTES] {
        let MessageHeader { persistent, priority, expiration_ms, has_headers } = self.header;
        let bits = (u8::from(persistent) * PERSISTENT)
            | (u8::from(priority.is_some()) * PRIORITY)
            | (u8::from(expiration_ms.is_some()) * EXPIRATION)
            | (u8::from(has_headers) * HEADERS);
        let short = |bytes: &[u8]| u8::try_from(bytes.len()).expect("at most 255 bytes");
        let properties = u32::try_from(self.properties.len()).expect("at most one frame");
        let [p0, p1, p2, p3] = properties.to_le_bytes();
        let [e0, e1, e2, e3, e4, e5, e6, e7] = expiration_ms.unwrap_or(0).to_le_bytes();
        let (exchange, key) = (short(self.exchange), short(self.routing_key));
        let priority = priority.unwrap_or(0);
        [exchange, key, bits, priority, p0, p1, p2, p3, e0, e1, e2, e3, e4, e5, e6, e7]
    }
}

#[cfg(test)]
mod tests;
