//! AMQP bytes to values and back (spec: 4.2). Knows frames and methods, and no state of a connection.
//!
//! The walk of a read: [`Decoder::complete_prefix`] says how many leading bytes of the input are
//! whole frames, [`Frames`] cuts them out of the frozen chunk without copying, [`decode_publish`],
//! [`decode_method`] and [`ContentHeader::scan`] read their payloads. The way out is [`Output`].
//!
//! Nothing here panics on input, recurses deeper than [`crate::base::limits::TABLE_DEPTH_MAX`], or
//! believes a length before it has seen the bytes.

mod bridge;
mod content_header;
mod decode;
mod decoder;
mod encode;
mod erlang;
mod error;
mod expiration;
mod frame;
mod hand;
mod layout;
mod method;
mod method_id;
mod output;
mod properties;
mod protocol_header;
mod reader;
mod table;
#[cfg(test)]
mod tests;
mod writer;

pub use content_header::ContentHeader;
pub use decode::{PublishRef, decode_method, decode_publish};
pub use decoder::Decoder;
pub use encode::encode_method;
pub use error::{Snippet, WireError};
pub use expiration::ExpirationFault;
pub use frame::{FRAME_END, FRAME_HEADER_BYTES, Frame, FrameKind, Frames, first_frame_bytes};
pub use method::{
    BasicConsume, Close, ExchangeBind, ExchangeDeclare, Method, MethodId, QueueBind, QueueDeclare,
};
pub use output::Output;
pub use properties::{Properties, headers_of, published_again, with_header, with_reply_to};
pub use protocol_header::{PROTOCOL_HEADER, ProtocolHeader};
pub use table::{decode_table, encode_table, table_value};
