//! What a client writes, as bytes.

use haremq::base::{ChannelId, ExchangeName, ShortStr};
use haremq::wire::{FRAME_END, Method, Output};

/// Property flags that say that there are none.
const NO_PROPERTIES: [u8; 2] = [0, 0];

/// One frame of this kind (1 method, 2 header, 3 body) on channel 1.
fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a frame is short");
    let mut frame = vec![kind, 0, 1];
    frame.extend(length.to_be_bytes());
    frame.extend(payload);
    frame.push(FRAME_END);
    frame
}

/// A method on a channel.
pub(crate) fn method_frame(channel: u16, method: &Method) -> Vec<u8> {
    let mut output = Output::new();
    output.method(ChannelId(channel), method);
    written(&output)
}

/// What stands in an output, copied slice by slice: a client's own work must not depend on how well a
/// loop over bytes was compiled.
fn written(output: &Output) -> Vec<u8> {
    output.slices().collect::<Vec<_>>().concat()
}

/// A content header of class basic with these raw properties, their flags included.
fn header_frame(body_bytes: usize, properties: &[u8]) -> Vec<u8> {
    let mut payload = vec![0, 60, 0, 0];
    payload.extend((body_bytes as u64).to_be_bytes());
    payload.extend(properties);
    frame(2, &payload)
}

/// A body in one frame.
fn body_frame(body_bytes: usize) -> Vec<u8> {
    frame(3, &vec![b'x'; body_bytes])
}

/// So many publishes of so many bytes, as a client writes them with one write.
pub(crate) fn publishes(exchange: &str, key: &str, body_bytes: usize, count: usize) -> Vec<u8> {
    let publish = Method::BasicPublish {
        exchange: ExchangeName::try_from(exchange).expect("a short name"),
        routing_key: ShortStr::try_from(key).expect("a short key"),
        mandatory: false,
        immediate: false,
    };
    let mut one = method_frame(1, &publish);
    one.extend(header_frame(body_bytes, &NO_PROPERTIES));
    one.extend(body_frame(body_bytes));
    one.repeat(count)
}

/// An ack for each of these delivery tags; none with `multiple`, as most clients are written.
pub(crate) fn acks(first: u64, count: usize) -> Vec<u8> {
    let mut output = Output::new();
    for tag in (first..).take(count) {
        output.ack(ChannelId(1), haremq::base::DeliveryTag(tag), false);
    }
    written(&output)
}
