//! amq-protocol as an independent opinion: what we write it reads, and writes the same again.

use amq_protocol::frame::{AMQPFrame, WriteContext, gen_frame, parse_frame};
use proptest::prelude::*;

use super::values::{message_with, plain_table, properties_with, text, values_with};
use crate::base::{ChannelId, ConsumerTag, DeliveryTag, ReplyCode, ShortStr};
use crate::wire::{ContentHeader, MethodId, Output};

fn text_key() -> impl Strategy<Value = ShortStr> + Clone {
    "[a-z.]{0,20}".prop_map(|text| ShortStr::try_from(text.as_str()).expect("short"))
}

fn bytes_of(output: &Output) -> Vec<u8> {
    output.slices().collect::<Vec<_>>().concat()
}

/// All frames of these bytes, as amq-protocol reads them.
fn parsed(mut bytes: &[u8]) -> Vec<AMQPFrame> {
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        let (rest, frame) = parse_frame(bytes).expect("amq-protocol reads it");
        frames.push(frame);
        bytes = rest;
    }
    frames
}

fn generated(frames: &[AMQPFrame]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for frame in frames {
        let context = WriteContext::from(std::mem::take(&mut bytes));
        (bytes, _) = gen_frame(frame)(context).expect("amq-protocol writes it").into_inner();
    }
    bytes
}

proptest! {
    #[test]
    fn amq_protocol_writes_every_method_as_we_do(values in values_with(text_key(), plain_table())) {
        for id in MethodId::ALL {
            let mut values = values.clone();
            if *id == MethodId::BASIC_QOS {
                // The crate drops these two fields, which is why we do not use it there.
                values.long = 0;
            } else if *id == MethodId::ACCESS_REQUEST_OK {
                values.numbers[0] = 1;
            }
            let mut output = Output::new();
            output.method(ChannelId(7), &values.method(*id));
            let bytes = bytes_of(&output);
            let frames = parsed(&bytes);
            prop_assert_eq!(frames.len(), 1);
            prop_assert_eq!(generated(&frames), bytes, "{:?}", id);
        }
    }

    #[test]
    fn amq_protocol_writes_properties_as_we_do(
        properties in properties_with(text_key(), plain_table()),
        body_size in any::<u64>(),
    ) {
        let properties = properties.encode();
        let mut payload = vec![0, 60, 0, 0];
        payload.extend(body_size.to_be_bytes());
        payload.extend(&properties);
        let bytes = super::frames::frame(2, 1, &payload, 206);
        prop_assert_eq!(generated(&parsed(&bytes)), bytes);
        let header = ContentHeader::scan(&payload);
        prop_assert!(header.is_ok_and(|header| header.properties == properties));
    }

    #[test]
    fn amq_protocol_reads_messages_as_they_were(
        message in message_with(text_key()),
        tag in text(),
        delivery_tag in any::<u64>(),
        redelivered in any::<bool>(),
        frame_max in prop::sample::select(&[0u32, 4096, 131_072][..]),
    ) {
        let tag = ConsumerTag::try_from(tag.as_str()).expect("short");
        let mut output = Output::new();
        let (channel, delivery_tag) = (ChannelId(3), DeliveryTag(delivery_tag));
        output.deliver(channel, &tag, delivery_tag, redelivered, &message, frame_max);
        output.get_ok(channel, delivery_tag, redelivered, 9, &message, frame_max);
        output.returned(channel, ReplyCode::NoRoute, &message, frame_max);
        output.heartbeat();
        let bytes = bytes_of(&output);
        prop_assert_eq!(bytes.len(), output.len());
        let frames = parsed(&bytes);
        let bodies: usize = frames.iter().map(|frame| match frame {
            AMQPFrame::Body(_, body) => body.len(),
            _ => 0,
        }).sum();
        prop_assert_eq!(bodies, 3 * message.body().len());
        prop_assert_eq!(generated(&frames), bytes);
    }
}
