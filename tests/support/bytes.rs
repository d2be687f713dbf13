//! Frames and the arguments of methods as plain bytes (spec: 4.2.3, 4.2.5).

use super::ids::{Id, id};

/// The octet after every payload.
pub(crate) const FRAME_END: u8 = 0xCE;

/// The bytes of a frame.
pub(crate) fn frame(kind: u8, channel: u16, payload: &[u8]) -> Vec<u8> {
    let size = u32::try_from(payload.len()).expect("a payload below 4 GiB");
    let mut bytes = vec![kind];
    bytes.extend_from_slice(&channel.to_be_bytes());
    bytes.extend_from_slice(&size.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes.push(FRAME_END);
    bytes
}

/// A frame that came.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    /// 1 method, 2 header, 3 body, 8 heartbeat.
    pub(crate) kind: u8,
    /// 0 is the connection.
    pub(crate) channel: u16,
    /// Between header and end octet.
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    /// The method's numbers, when it is a method.
    pub(crate) fn method(&self) -> Option<Id> {
        let [c0, c1, m0, m1] = *self.payload.first_chunk::<4>()?;
        let id = Id(u16::from_be_bytes([c0, c1]), u16::from_be_bytes([m0, m1]));
        (self.kind == 1).then_some(id)
    }

    /// What follows the method's numbers.
    pub(crate) fn arguments(&self) -> Arguments {
        Arguments { bytes: self.payload.clone(), at: 4 }
    }
}

impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { kind, channel, payload } = self;
        match self.method() {
            Some(method @ (id::CHANNEL_CLOSE | id::CONNECTION_CLOSE)) => {
                let mut arguments = self.arguments();
                let (code, text) = (arguments.short(), arguments.short_string());
                write!(f, "{} {code} '{text}' on channel {channel}", method.name())
            }
            Some(method) => write!(f, "{} on channel {channel}", method.name()),
            None => {
                let shown = String::from_utf8_lossy(&payload[..payload.len().min(64)]);
                let len = payload.len();
                write!(f, "frame of type {kind} on channel {channel}, {len} bytes: {shown:?}")
            }
        }
    }
}

/// Reads fields one after another; panics when there are too few.
#[derive(Debug)]
pub(crate) struct Arguments {
    bytes: Vec<u8>,
    at: usize,
}

impl Arguments {
    /// The fields of these bytes.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self { bytes: bytes.to_vec(), at: 0 }
    }

    pub(crate) fn octet(&mut self) -> u8 {
        self.take::<1>()[0]
    }

    pub(crate) fn short(&mut self) -> u16 {
        u16::from_be_bytes(self.take())
    }

    pub(crate) fn long(&mut self) -> u32 {
        u32::from_be_bytes(self.take())
    }

    pub(crate) fn long_long(&mut self) -> u64 {
        u64::from_be_bytes(self.take())
    }

    /// A short string; anything that is not UTF-8 is shown as such.
    pub(crate) fn short_string(&mut self) -> String {
        String::from_utf8_lossy(&self.short_bytes()).into_owned()
    }

    /// A short string of any bytes.
    pub(crate) fn short_bytes(&mut self) -> Vec<u8> {
        let len = usize::from(self.octet());
        self.bytes(len)
    }

    /// A long string, or the contents of a table.
    pub(crate) fn long_bytes(&mut self) -> Vec<u8> {
        let len = self.long() as usize;
        self.bytes(len)
    }

    /// Panics unless everything was read.
    pub(crate) fn end(&self) {
        assert_eq!(&self.bytes[self.at..], b"", "nothing follows the last field");
    }

    /// Whether everything was read.
    pub(crate) fn is_empty(&self) -> bool {
        self.at == self.bytes.len()
    }

    /// So many bytes.
    pub(crate) fn bytes(&mut self, len: usize) -> Vec<u8> {
        let taken = self.bytes[self.at..].get(..len).expect("enough bytes for the field").to_vec();
        self.at += len;
        taken
    }

    fn take<const N: usize>(&mut self) -> [u8; N] {
        let taken = *self.bytes[self.at..].first_chunk::<N>().expect("enough bytes for the field");
        self.at += N;
        taken
    }
}
