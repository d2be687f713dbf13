//! Read buffers for connections that have something to read.
//!
//! A buffer of [`READ_BUFFER_BYTES`] per connection would be most of what an idle one costs. So a session
//! has one only while input of its own lies in it: when the socket has no more and everything read was
//! taken, the buffer goes back to the thread's few spare ones, where the next session finds it, warm.

use std::cell::RefCell;

use bytes::BytesMut;

use crate::base::limits::{READ_BUFFER_BYTES, SPARE_READ_BUFFERS_MAX};

thread_local! {
    static SPARE: RefCell<Vec<BytesMut>> = const { RefCell::new(Vec::new()) };
}

/// Makes room for a read: half a buffer is enough to go on with; less is grown, so that a read is never
/// tiny.
pub(super) fn make_room(input: &mut BytesMut) {
    if input.capacity() - input.len() >= READ_BUFFER_BYTES / 2 {
        return;
    }
    if input.is_empty()
        && let Some(spare) = SPARE.with_borrow_mut(Vec::pop)
    {
        *input = spare;
    } else {
        input.reserve(READ_BUFFER_BYTES);
    }
}

/// Takes the buffer of a session that goes to sleep, unless it holds a part of a frame, or a large
/// message that was not copied out of it: then the rest of it is good for the next one.
pub(super) fn give_back(input: &mut BytesMut) {
    if !input.is_empty() || input.capacity() == 0 || !input.try_reclaim(READ_BUFFER_BYTES) {
        return;
    }
    let buffer = std::mem::take(input);
    // One that grew for a large frame is not kept: the next frame is small.
    if buffer.capacity() <= 2 * READ_BUFFER_BYTES {
        SPARE.with_borrow_mut(|spare| {
            if spare.len() < SPARE_READ_BUFFERS_MAX {
                spare.push(buffer);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tests run on threads of their own, so each begins without spare buffers.
    fn read(input: &mut BytesMut, bytes: &[u8]) -> *const u8 {
        make_room(input);
        input.extend_from_slice(bytes);
        input.as_ptr()
    }

    #[test]
    fn an_idle_connection_has_no_buffer_and_the_next_one_gets_it() {
        let (mut one, mut two) = (BytesMut::new(), BytesMut::new());
        let at = read(&mut one, b"frame");
        drop(one.split());
        give_back(&mut one);
        assert_eq!(one.capacity(), 0);
        assert_eq!(read(&mut two, b"frame"), at);
        assert!(two.capacity() >= READ_BUFFER_BYTES);
    }

    #[test]
    fn a_part_of_a_frame_stays_where_it_is() {
        let mut input = BytesMut::new();
        let at = read(&mut input, b"fra");
        give_back(&mut input);
        assert_eq!((input.as_ptr(), input.as_ref()), (at, &b"fra"[..]));
    }

    #[test]
    fn a_buffer_in_which_a_message_lies_is_not_given_away_until_the_message_is_gone() {
        let mut input = BytesMut::new();
        read(&mut input, b"a large message");
        let message = input.split().freeze();
        give_back(&mut input);
        assert!(input.capacity() >= READ_BUFFER_BYTES / 2, "the rest is used for the next read");
        drop(message);
        give_back(&mut input);
        assert_eq!(input.capacity(), 0);
    }

    #[test]
    fn a_thread_keeps_a_few_buffers_and_none_that_grew() {
        let mut inputs = vec![BytesMut::new(); SPARE_READ_BUFFERS_MAX + 3];
        for input in &mut inputs {
            read(input, b"");
        }
        inputs.iter_mut().for_each(give_back);
        assert!(inputs.iter().all(|input| input.capacity() == 0));
        assert_eq!(SPARE.with_borrow(Vec::len), SPARE_READ_BUFFERS_MAX);
        SPARE.with_borrow_mut(Vec::clear);
        let mut large = BytesMut::with_capacity(3 * READ_BUFFER_BYTES);
        give_back(&mut large);
        assert_eq!((large.capacity(), SPARE.with_borrow(Vec::len)), (0, 0));
    }
}
