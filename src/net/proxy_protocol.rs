//! The header that a load balancer puts before a connection, to say where it really comes from (the PROXY
//! protocol of `HAProxy`, versions 1 and 2).
//!
//! A pure function of the bytes that are there. It never wants a byte more than the header has, so that
//! what follows it (AMQP or TLS) stays in the socket.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::io::{AsyncRead, AsyncReadExt};

use crate::base::limits::PROXY_HEADER_BYTES_MAX;

/// What a header says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ProxiedFrom {
    /// A client, by its address.
    Client(SocketAddr),
    /// The proxy itself (a health check), or somebody whose address it does not know: the address of the
    /// socket counts.
    Unknown,
}

/// How far the header is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Progress {
    /// At least so many bytes more belong to the header.
    Missing(usize),
    /// It is whole.
    Whole {
        /// What it says.
        from: ProxiedFrom,
        /// How many bytes it has.
        bytes: usize,
    },
}

/// Why a header is none.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum ProxyError {
    #[error(
        "no PROXY protocol header at the beginning: this listener has proxy_protocol = true, so \
         connect through the proxy, or turn it on there"
    )]
    NoHeader,
    #[error("the PROXY protocol header is longer than {max} bytes")]
    TooLong { max: usize },
    #[error("malformed PROXY protocol header: {0}")]
    Malformed(&'static str),
    /// A health check that knows nothing of the header, mostly.
    #[error("the peer closed the connection before it said anything")]
    Silent,
    #[error("the connection ended within the PROXY protocol header: {0}")]
    Ended(String),
}

/// Looks at the beginning of a connection.
pub(super) fn parse(bytes: &[u8]) -> Result<Progress, ProxyError> {
    let begins_like = |signature: &[u8]| bytes.iter().zip(signature).all(|(byte, own)| byte == own);
    if begins_like(V1_SIGNATURE) {
        parse_v1(bytes)
    } else if begins_like(V2_SIGNATURE) {
        parse_v2(bytes)
    } else {
        Err(ProxyError::NoHeader)
    }
}

/// Reads the header off a stream, and nothing beyond it.
pub(super) async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> Result<ProxiedFrom, ProxyError> {
    let mut bytes = Vec::new();
    loop {
        match parse(&bytes)? {
            Progress::Whole { from, .. } => return Ok(from),
            Progress::Missing(missing) => {
                let there = bytes.len();
                bytes.resize(there + missing, 0);
                let read = stream.read(&mut bytes[there..]).await;
                let read = read.map_err(|error| ProxyError::Ended(error.to_string()))?;
                if read == 0 && there == 0 {
                    return Err(ProxyError::Silent);
                }
                if read == 0 {
                    return Err(ProxyError::Ended("the peer closed it".to_owned()));
                }
                bytes.truncate(there + read);
            }
        }
    }
}

/// One line of text: `PROXY TCP4 source destination source-port destination-port`.
fn parse_v1(bytes: &[u8]) -> Result<Progress, ProxyError> {
    let Some(end) = bytes.windows(2).position(|pair| pair == b"\r\n") else {
        if bytes.len() >= V1_BYTES_MAX {
            return Err(ProxyError::TooLong { max: V1_BYTES_MAX });
        }
        let end_is_near = if bytes.last() == Some(&b'\r') { 1 } else { 2 };
        return Ok(Progress::Missing(end_is_near.max(V1_BYTES_MIN.saturating_sub(bytes.len()))));
    };
    if end + 2 > V1_BYTES_MAX {
        return Err(ProxyError::TooLong { max: V1_BYTES_MAX });
    }
    let line = std::str::from_utf8(&bytes[..end])
        .map_err(|_| ProxyError::Malformed("version 1 is text in ASCII"))?;
    let mut words = line.split(' ').skip(1);
    let mut word = || words.next().unwrap_or_default();
    let from = match word() {
        "UNKNOWN" => ProxiedFrom::Unknown,
        "TCP4" => v1_client::<Ipv4Addr>([word(), word(), word(), word()])?,
        "TCP6" => v1_client::<Ipv6Addr>([word(), word(), word(), word()])?,
        _ => return Err(ProxyError::Malformed("expected TCP4, TCP6 or UNKNOWN")),
    };
    if from != ProxiedFrom::Unknown && words.next().is_some() {
        return Err(ProxyError::Malformed("something follows the ports"));
    }
    Ok(Progress::Whole { from, bytes: end + 2 })
}

fn v1_client<A>(
    [source, destination, source_port, port]: [&str; 4],
) -> Result<ProxiedFrom, ProxyError>
where
    A: std::str::FromStr + Into<IpAddr>,
{
    let address = |text: &str| {
        let parsed = text.parse::<A>().map(Into::into);
        parsed.map_err(|_| ProxyError::Malformed("expected an address of the family that it names"))
    };
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let port = if digits { text.parse::<u16>().ok() } else { None };
        port.ok_or(ProxyError::Malformed("expected a port from 0 to 65535"))
    };
    address(destination)?;
    number(port)?;
    Ok(client(address(source)?, number(source_port)?))
}

/// Twelve fixed bytes, version and command, family, length, addresses, and then what a reader may skip.
fn parse_v2(bytes: &[u8]) -> Result<Progress, ProxyError> {
    let Some((head, rest)) = bytes.split_at_checked(V2_HEAD_BYTES) else {
        return Ok(Progress::Missing(V2_HEAD_BYTES - bytes.len()));
    };
    let whole = V2_HEAD_BYTES + usize::from(u16::from_be_bytes([head[14], head[15]]));
    if whole > PROXY_HEADER_BYTES_MAX {
        return Err(ProxyError::TooLong { max: PROXY_HEADER_BYTES_MAX });
    }
    if head[12] >> 4 != 2 {
        return Err(ProxyError::Malformed("expected version 2"));
    }
    if head[12] & 0x0f > 1 {
        return Err(ProxyError::Malformed("expected the command LOCAL or PROXY"));
    }
    if bytes.len() < whole {
        return Ok(Progress::Missing(whole - bytes.len()));
    }
    let is_local = head[12] == V2_LOCAL;
    let rest = &rest[..whole - V2_HEAD_BYTES];
    let from = match head[13] {
        _ if is_local => ProxiedFrom::Unknown,
        0x11 => v2_client::<4, 12>(rest)?,
        0x21 => v2_client::<16, 36>(rest)?,
        // Unspecified, and sockets of the proxy's machine, which have no address.
        0x00 | 0x30..=0x32 => ProxiedFrom::Unknown,
        _ => {
            return Err(ProxyError::Malformed(
                "expected a stream over IPv4, IPv6 or a Unix socket",
            ));
        }
    };
    Ok(Progress::Whole { from, bytes: whole })
}

/// Source, destination, source port, destination port. What follows (TLVs) is the proxy's own.
fn v2_client<const ADDRESS: usize, const ALL: usize>(
    bytes: &[u8],
) -> Result<ProxiedFrom, ProxyError>
where
    [u8; ADDRESS]: Into<IpAddr>,
{
    let too_short = ProxyError::Malformed("its addresses are cut short");
    let addresses: &[u8; ALL] = bytes.first_chunk().ok_or(too_short.clone())?;
    let source: &[u8; ADDRESS] = addresses.first_chunk().ok_or(too_short)?;
    let port = u16::from_be_bytes([addresses[2 * ADDRESS], addresses[2 * ADDRESS + 1]]);
    Ok(client((*source).into(), port))
}

/// An IPv4 client that a proxy of IPv6 names is an IPv4 client.
fn client(ip: IpAddr, port: u16) -> ProxiedFrom {
    ProxiedFrom::Client(SocketAddr::new(ip.to_canonical(), port))
}

const V1_SIGNATURE: &[u8] = b"PROXY ";
const V2_SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// Version 2, and the command of a proxy that speaks for itself.
const V2_LOCAL: u8 = 0x20;

/// Signature, version and command, family, length.
const V2_HEAD_BYTES: usize = 16;

/// `PROXY UNKNOWN` and the end of the line.
const V1_BYTES_MIN: usize = 15;

/// The longest line, by its specification.
const V1_BYTES_MAX: usize = 107;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn v2(version_command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let mut bytes = V2_SIGNATURE.to_vec();
        bytes.extend([version_command, family]);
        bytes.extend(u16::try_from(rest.len()).expect("short").to_be_bytes());
        bytes.extend(rest);
        bytes
    }

    const INET: [u8; 12] = [192, 0, 2, 7, 198, 51, 100, 1, 0x9c, 0x40, 0x16, 0x28];

    fn inet6() -> Vec<u8> {
        let mut rest = "2001:db8::7".parse::<Ipv6Addr>().expect("an address").octets().to_vec();
        rest.extend([0; 16]);
        rest.extend([0x9c, 0x40, 0x16, 0x28]);
        rest
    }

    fn from(text: &str) -> ProxiedFrom {
        ProxiedFrom::Client(text.parse().expect("an address"))
    }

    /// Headers and what they say.
    fn good() -> Vec<(Vec<u8>, ProxiedFrom)> {
        // A TLV with what the proxy knows of TLS, and one that nobody knows.
        let tlvs = b"\x20\x00\x05\x01\x00\x00\x00\x00\xe0\x00\x02hi";
        let longest = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
        vec![
            (b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 5672\r\n".to_vec(), from("192.0.2.7:40000")),
            (b"PROXY TCP6 2001:db8::7 ::1 40000 5672\r\n".to_vec(), from("[2001:db8::7]:40000")),
            (b"PROXY TCP6 ::ffff:10.0.0.1 ::1 1 5672\r\n".to_vec(), from("10.0.0.1:1")),
            (
                format!("PROXY TCP6 {longest} {longest} 65535 65535\r\n").into_bytes(),
                from(&format!("[{longest}]:65535")),
            ),
            (b"PROXY UNKNOWN\r\n".to_vec(), ProxiedFrom::Unknown),
            (
                format!("PROXY UNKNOWN {longest} {longest} 65535 65535\r\n").into_bytes(),
                ProxiedFrom::Unknown,
            ),
            (v2(0x21, 0x11, &INET), from("192.0.2.7:40000")),
            (v2(0x21, 0x11, &[&INET[..], tlvs].concat()), from("192.0.2.7:40000")),
            (v2(0x21, 0x21, &inet6()), from("[2001:db8::7]:40000")),
            (v2(0x20, 0x11, &INET), ProxiedFrom::Unknown),
            (v2(0x20, 0x00, b""), ProxiedFrom::Unknown),
            (v2(0x21, 0x00, b"whatever"), ProxiedFrom::Unknown),
            (v2(0x21, 0x31, &[7; 216]), ProxiedFrom::Unknown),
        ]
    }

    #[test]
    fn a_header_says_where_the_connection_comes_from() {
        for (bytes, from) in good() {
            assert_eq!(
                parse(&bytes),
                Ok(Progress::Whole { from, bytes: bytes.len() }),
                "{bytes:?}"
            );
            let followed = [&bytes[..], b"AMQP\0\0\x09\x01"].concat();
            let whole = Progress::Whole { from, bytes: bytes.len() };
            assert_eq!(parse(&followed), Ok(whole), "what follows is not looked at");
        }
    }

    #[test]
    fn a_header_in_pieces_never_asks_for_a_byte_too_many() {
        for (bytes, _) in good() {
            for there in 0..bytes.len() {
                let Ok(Progress::Missing(missing)) = parse(&bytes[..there]) else {
                    panic!("{there} of {bytes:?}");
                };
                assert!((1..=bytes.len() - there).contains(&missing), "{there} of {bytes:?}");
            }
        }
    }

    #[test]
    fn what_is_no_header_is_refused_at_once() {
        for bytes in
            [&b"AMQP\0\0\x09\x01"[..], b"\x16", b"GET / HTTP/1.1\r\n", b"PROXX", b"\r\n\r\nX"]
        {
            assert_eq!(parse(bytes), Err(ProxyError::NoHeader), "{bytes:?}");
        }
    }

    #[test]
    fn a_malformed_header_is_refused() {
        let lines: [&[u8]; 12] = [
            b"PROXY TCP5 1.1.1.1 1.1.1.1 1 1\r\n",
            b"PROXY  1.1.1.1 1.1.1.1 1 1\r\n",
            b"PROXY TCP4 1.1.1.1 1.1.1.1 1\r\n",
            b"PROXY TCP4 1.1.1.1 1.1.1.1 1 1 1\r\n",
            b"PROXY TCP4 1.1.1.1 1.1.1.1 1 65536\r\n",
            b"PROXY TCP4 1.1.1.1 1.1.1.1 +1 1\r\n",
            b"PROXY TCP4 1.1.1.1 1.1.1.1  1\r\n",
            b"PROXY TCP4 ::1 ::1 1 1\r\n",
            b"PROXY TCP6 1.1.1.1 1.1.1.1 1 1\r\n",
            b"PROXY TCP4 localhost 1.1.1.1 1 1\r\n",
            b"PROXY TCP4 1.1.1.1 nowhere 1 1\r\n",
            b"PROXY TCP4 \xff.1.1.1 1.1.1.1 1 1\r\n",
        ];
        let binary = [
            v2(0x11, 0x11, &INET),
            v2(0x22, 0x11, &INET),
            v2(0x21, 0x12, &INET),
            v2(0x21, 0x41, &INET),
            v2(0x21, 0x11, &INET[..11]),
            v2(0x21, 0x21, &inet6()[..35]),
        ];
        for bytes in lines.iter().map(|line| line.to_vec()).chain(binary) {
            let refused = parse(&bytes);
            assert!(matches!(refused, Err(ProxyError::Malformed(_))), "{refused:?} for {bytes:?}");
        }
    }

    #[test]
    fn a_header_without_an_end_is_refused() {
        let endless = [b"PROXY UNKNOWN ".to_vec(), vec![b'x'; 200]].concat();
        assert_eq!(parse(&endless), Err(ProxyError::TooLong { max: 107 }));
        assert_eq!(parse(&endless[..107]), Err(ProxyError::TooLong { max: 107 }));
        assert!(matches!(parse(&endless[..106]), Ok(Progress::Missing(_))));
        let ended = [&endless[..], b"\r\n"].concat();
        assert_eq!(parse(&ended), Err(ProxyError::TooLong { max: 107 }));
        let announced = [V2_SIGNATURE, &[0x21, 0x11, 0xff, 0xff]].concat();
        let max = PROXY_HEADER_BYTES_MAX;
        assert_eq!(parse(&announced), Err(ProxyError::TooLong { max }), "before it has come");
    }

    #[tokio::test]
    async fn what_follows_the_header_stays_in_the_stream() {
        for (bytes, from) in good() {
            let stream = [&bytes[..], b"AMQP"].concat();
            let mut stream = &stream[..];
            assert_eq!(read(&mut stream).await, Ok(from));
            assert_eq!(stream, b"AMQP", "after {bytes:?}");
            let refused = read(&mut &bytes[..bytes.len() - 1]).await;
            assert!(matches!(refused, Err(ProxyError::Ended(_))), "{refused:?}");
        }
        assert_eq!(read(&mut &b""[..]).await, Err(ProxyError::Silent));
    }

    proptest! {
        /// I1: whatever comes is refused, wanted more of, or taken, and never a panic.
        #[test]
        fn no_bytes_break_the_parser(
            which in 0..3usize,
            rest in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let start = [&b""[..], V1_SIGNATURE, V2_SIGNATURE][which];
            let bytes = [start, &rest[..]].concat();
            match parse(&bytes) {
                Ok(Progress::Whole { bytes: used, .. }) => prop_assert!(used <= bytes.len()),
                Ok(Progress::Missing(missing)) => prop_assert!(missing > 0),
                Err(_) => {}
            }
        }
    }
}
