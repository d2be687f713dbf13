//! The rare methods, through amq-protocol.
//!
//! The crate never sees a table of a peer: its own table type loses order and duplicates, and its
//! reader recurses without a bound. So a table is cut out before and put in afterwards, at the place
//! that [`super::layout`] tells.

mod decode;
mod encode;
mod text;

pub(super) use decode::decode;
pub(super) use encode::encode;
