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
//! 0                   4            12     13         14
//! +-------------------+------------+------+----------+-----------------+----------+------------+-----+------------+------+
//! | properties length | expiration | bits | priority | exchange length | exchange | key length | key | properties | body |
//! +-------------------+------------+------+----------+-----------------+----------+------------+-----+------------+------+
//! ```
//!
//! Exchange and key stand as they do on the wire, two short strings behind one another: the *route*. So it comes
//! in, is compared with another one and goes out in one piece.

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
    /// As [`Message::route`].
    pub route: &'a [u8],
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
    route: &'a [u8],
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
        let (route, length) = route_of(exchange.as_str().as_bytes(), routing_key);
        Self::of(&Parts { route: &route[..length], properties, header }, body)
    }

    fn of(parts: &Parts<'_>, body: Body) -> Self {
        let body_bytes = body.len();
        let content_bytes = parts.content_bytes(body_bytes);
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

    /// As [`Self::new`], for a route and a body that are there in one piece each: a small body is copied from
    /// where it stands, and only for a larger one `shared` makes a slice of it. `route` is the exchange's name
    /// and the routing key as [`Self::route`] gives them, and nothing else; the name is UTF-8.
    ///
    /// # Panics
    /// When `route` is not two short strings: at once, or when a part of the message is asked for.
    #[must_use]
    #[inline]
    pub fn whole(
        route: &[u8],
        properties: &[u8],
        body: &[u8],
        header: MessageHeader,
        shared: impl FnOnce() -> Bytes,
    ) -> Self {
        let parts = Parts { route, properties, header };
        if parts.content_bytes(body.len()) <= MESSAGE_PACKED_BYTES_MAX {
            return Self(Held::Packed(parts.pack(body.len(), &[body])));
        }
        Self::of(&parts, Body::One(shared()))
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
        short_string(&self.packed()[ROUTE_AT..]).0
    }

    /// Exchange and routing key as two short strings (spec: 4.2.5.3), as they stand on the wire.
    #[must_use]
    #[inline]
    pub fn route(&self) -> &[u8] {
        let packed = self.packed();
        &packed[ROUTE_AT..route_end(packed)]
    }

    /// Whether this is its [`Self::route`]: a route says itself where it ends, so none is the beginning of another.
    #[must_use]
    #[inline]
    pub fn has_route(&self, route: &[u8]) -> bool {
        !route.is_empty() && self.packed()[ROUTE_AT..].starts_with(route)
    }

    /// The routing key it was published with: any bytes, at most 255.
    #[must_use]
    #[inline]
    pub fn routing_key(&self) -> &[u8] {
        let (_exchange, rest) = short_string(&self.packed()[ROUTE_AT..]);
        short_string(rest).0
    }

    /// The content header from its property flags on, as received.
    #[must_use]
    #[inline]
    pub fn properties(&self) -> &[u8] {
        let packed = self.packed();
        let (start, end) = properties_place(packed);
        &packed[start..end]
    }

    /// The first two octets of [`Self::properties`], which say what properties there are; 0 where they are shorter.
    #[must_use]
    #[inline]
    pub fn property_flags(&self) -> u16 {
        let packed = self.packed();
        match packed.get(route_end(packed)..) {
            Some([high, low, ..]) if properties_len(packed) >= 2 => {
                u16::from_be_bytes([*high, *low])
            }
            _ => 0,
        }
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
        let (before, rest) = packed.split_at(route_end(packed));
        let (properties, rest) = rest.split_at(properties_len(packed));
        let route = &before[ROUTE_AT..];
        let body = match &self.0 {
            Held::Packed(_) => BodyRef::Packed(rest),
            Held::Large(large) => BodyRef::Slices(&large.pieces),
        };
        ContentRef { route, properties, body }
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

    /// Whether its content header has a `headers` table.
    #[must_use]
    #[inline]
    pub fn has_headers(&self) -> bool {
        self.packed()[BITS_AT] & HEADERS != 0
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
        let exchange = usize::from(self.packed()[ROUTE_AT]);
        (self.carried() - ROUTE_AT - ROUTE_LENGTHS_BYTES - exchange) as u64
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

/// Where a field stands, and behind all of them the route.
const PROPERTIES_AT: usize = 0;
const EXPIRATION_AT: usize = 4;
const BITS_AT: usize = 12;
const PRIORITY_AT: usize = 13;
const ROUTE_AT: usize = 14;

/// Octets of a route beside the exchange's name and the key.
const ROUTE_LENGTHS_BYTES: usize = 2;

/// The longest route.
const ROUTE_BYTES_MAX: usize = ROUTE_LENGTHS_BYTES + 255 + 255;

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
    let start = route_end(packed);
    (start, start + properties_len(packed))
}

#[inline]
fn properties_len(packed: &[u8]) -> usize {
    // A content header is within one frame, and usize has at least 32 bits on every supported machine.
    u32::from_le_bytes(field(packed, PROPERTIES_AT)) as usize
}

/// Where the route ends.
#[inline]
fn route_end(packed: &[u8]) -> usize {
    let key_at = ROUTE_AT + 1 + usize::from(packed[ROUTE_AT]);
    key_at + 1 + usize::from(packed[key_at])
}

/// The short string at the beginning, and what stands behind it.
#[inline]
fn short_string(bytes: &[u8]) -> (&[u8], &[u8]) {
    let (length, rest) = bytes.split_first().expect("a route is two short strings");
    rest.split_at(usize::from(*length))
}

/// A route from its parts, and its length.
fn route_of(exchange: &[u8], routing_key: &[u8]) -> ([u8; ROUTE_BYTES_MAX], usize) {
    let (mut route, mut end) = ([0; ROUTE_BYTES_MAX], 0);
    for part in [exchange, routing_key] {
        route[end] = u8::try_from(part.len()).expect("at most 255 bytes");
        route[end + 1..][..part.len()].copy_from_slice(part);
        end += 1 + part.len();
    }
    (route, end)
}

#[inline]
fn field<const N: usize>(packed: &[u8], at: usize) -> [u8; N] {
    *packed[at..].first_chunk().expect("a message begins with its whole head")
}

impl Parts<'_> {
    fn len(&self) -> usize {
        ROUTE_AT + self.route.len() + self.properties.len()
    }

    /// As [`Message::content_bytes`].
    #[inline]
    fn content_bytes(&self, body_bytes: usize) -> usize {
        let exchange = self.route.first().map_or(0, |length| usize::from(*length));
        (self.route.len() + self.properties.len() + body_bytes)
            .saturating_sub(ROUTE_LENGTHS_BYTES + exchange)
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
        room[..ROUTE_AT].copy_from_slice(&self.head());
        let mut at = ROUTE_AT;
        let mut put = |bytes: &[u8]| {
            room[at..at + bytes.len()].copy_from_slice(bytes);
            at += bytes.len();
        };
        put(self.route);
        put(self.properties);
        for piece in body {
            put(piece.as_ref());
        }
        Arc::from(&room[..len])
    }

    fn before_body(&self) -> Vec<u8> {
        [&self.head(), self.route, self.properties].concat()
    }

    #[inline]
    fn head(&self) -> [u8; ROUTE_AT] {
        let MessageHeader { persistent, priority, expiration_ms, has_headers } = self.header;
        let bits = (u8::from(persistent) * PERSISTENT)
            | (u8::from(priority.is_some()) * PRIORITY)
            | (u8::from(expiration_ms.is_some()) * EXPIRATION)
            | (u8::from(has_headers) * HEADERS);
        let properties = u32::try_from(self.properties.len()).expect("at most one frame");
        let [p0, p1, p2, p3] = properties.to_le_bytes();
        let [e0, e1, e2, e3, e4, e5, e6, e7] = expiration_ms.unwrap_or(0).to_le_bytes();
        let priority = priority.unwrap_or(0);
        [p0, p1, p2, p3, e0, e1, e2, e3, e4, e5, e6, e7, bits, priority]
    }
}

#[cfg(test)]
mod tests;
