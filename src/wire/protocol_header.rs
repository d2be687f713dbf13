//! The eight octets with which a client opens a connection (spec: 4.2.2 Protocol Header).

/// What the server answers to any header that is not AMQP 0-9-1, before it closes the socket.
pub const PROTOCOL_HEADER: [u8; 8] = *b"AMQP\x00\x00\x09\x01";

/// The header of AMQP 0-9, which means the same here (rabbitmq: taken as 0-9-1).
const PROTOCOL_HEADER_0_9: [u8; 8] = *b"AMQP\x01\x01\x00\x09";

/// What a client wants to speak.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProtocolHeader {
    /// AMQP 0-9-1, perhaps under the name of 0-9.
    Amqp091,
    /// Anything else: another AMQP, HTTP, TLS. Answered with [`PROTOCOL_HEADER`].
    Other([u8; 8]),
}

impl ProtocolHeader {
    /// Octets of a header.
    pub const BYTES: usize = PROTOCOL_HEADER.len();

    /// Reads the first eight octets; `None` while they are not all there.
    #[must_use]
    pub fn parse(input: &[u8]) -> Option<Self> {
        let (octets, _rest) = input.split_first_chunk::<{ Self::BYTES }>()?;
        Some(match *octets {
            PROTOCOL_HEADER | PROTOCOL_HEADER_0_9 => Self::Amqp091,
            other => Self::Other(other),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_headers_mean_0_9_1() {
        assert_eq!(
            ProtocolHeader::parse(b"AMQP\x00\x00\x09\x01 more"),
            Some(ProtocolHeader::Amqp091)
        );
        assert_eq!(ProtocolHeader::parse(b"AMQP\x01\x01\x00\x09"), Some(ProtocolHeader::Amqp091));
    }

    #[test]
    fn anything_else_is_kept_for_the_log() {
        assert_eq!(
            ProtocolHeader::parse(b"GET / HTTP/1.1"),
            Some(ProtocolHeader::Other(*b"GET / HT"))
        );
        assert_eq!(
            ProtocolHeader::parse(b"AMQP\x03\x01\x00\x00"),
            Some(ProtocolHeader::Other(*b"AMQP\x03\x01\x00\x00"))
        );
        assert_eq!(ProtocolHeader::parse(b"AMQP\x00\x00\x09"), None);
    }
}
