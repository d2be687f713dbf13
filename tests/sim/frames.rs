//! What a client writes and reads, as bytes.

use bytes::Bytes;
use haremq::base::{ChannelId, ExchangeName};
use haremq::wire::{Decoder, FRAME_END, FrameKind, Frames, Method, Output, decode_method};

use super::queues::{Route, short};

/// The bits of the property flags, each followed by one byte.
const HAS_DELIVERY_MODE: u8 = 0x10;
const HAS_PRIORITY: u8 = 0x08;

/// What comes on a channel.
pub(super) enum Heard {
    Method(Box<Method>),
    Header { body_bytes: u64 },
    Body(Bytes),
}

pub(super) fn method_frame(channel: u16, method: &Method) -> Vec<u8> {
    let mut output = Output::new();
    output.method(ChannelId(channel), method);
    output.slices().collect::<Vec<_>>().concat()
}

fn frame(kind: u8, channel: u16, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a frame is short");
    let mut frame = vec![kind];
    frame.extend(channel.to_be_bytes());
    frame.extend(length.to_be_bytes());
    frame.extend(payload);
    frame.push(FRAME_END);
    frame
}

/// What a message is beside its body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp {
    pub(super) persistent: bool,
    /// 0 stands for none.
    pub(super) priority: u8,
}

impl Stamp {
    /// As the properties say it.
    fn properties(self) -> Vec<u8> {
        let mut properties = vec![0, 0];
        if self.persistent {
            properties[0] |= HAS_DELIVERY_MODE;
            properties.push(2);
        }
        if self.priority > 0 {
            properties[0] |= HAS_PRIORITY;
            properties.push(self.priority);
        }
        properties
    }
}

/// A publish.
pub(super) fn publish(channel: u16, route: &Route, stamp: Stamp, body: &[u8]) -> Vec<u8> {
    let method = Method::BasicPublish {
        exchange: ExchangeName::try_from(route.exchange).expect("a short name"),
        routing_key: short(route.key),
        mandatory: false,
        immediate: false,
    };
    let mut bytes = method_frame(channel, &method);
    let mut header = vec![0, 60, 0, 0];
    header.extend((body.len() as u64).to_be_bytes());
    header.extend(stamp.properties());
    bytes.extend(frame(2, channel, &header));
    bytes.extend(frame(3, channel, body));
    bytes
}

/// Takes whole frames off the front, with their channels.
pub(super) fn take_frames(input: &mut Vec<u8>) -> Result<Vec<(u16, Heard)>, String> {
    let mut decoder = Decoder::new();
    decoder.set_frame_max(0);
    let (whole, error) = decoder.complete_prefix(input);
    if let Some(error) = error {
        return Err(format!("the broker wrote what is no frame: {error}"));
    }
    let chunk = Bytes::from(input.drain(..whole).collect::<Vec<_>>());
    let mut heard = Vec::new();
    for frame in Frames::new(&chunk) {
        let what = match frame.kind {
            FrameKind::Method => Heard::Method(Box::new(
                decode_method(frame.payload).map_err(|error| error.to_string())?,
            )),
            FrameKind::Header => {
                let size = frame.payload.get(4..12).and_then(|size| size.try_into().ok());
                let size = size.ok_or("a content header without a size")?;
                Heard::Header { body_bytes: u64::from_be_bytes(size) }
            }
            FrameKind::Body => Heard::Body(frame.payload_bytes()),
            FrameKind::Heartbeat => continue,
        };
        heard.push((frame.channel.0, what));
    }
    Ok(heard)
}
