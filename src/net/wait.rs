//! Where a session sleeps: until bytes can be read or written, an event is in, or a deadline is due.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::time::{Duration, Sleep, sleep};

use super::spare;
use crate::base::Millis;
use crate::base::limits::{
    MESSAGE_COPY_BYTES_MAX, READ_AHEAD_BYTES_MAX, READ_BUFFER_BYTES, READ_PROBE_BYTES,
};
use crate::broker::Inbox;
use crate::wire::{Output, first_frame_bytes};

/// How many slices one vectored write gets.
const WRITE_SLICES_MAX: usize = 64;

/// How much is read at once. A large frame gets a buffer of exactly its size: then its bytes are moved
/// only once more, when they are written, and a message that waits keeps nothing else alive.
#[derive(Debug, Default)]
struct Room {
    /// The last frame was large, and the next may be.
    after_large: bool,
}

impl Room {
    /// Makes room at the end of the input, which begins with a frame.
    fn make(&mut self, input: &mut BytesMut) {
        let room = input.capacity() - input.len();
        match first_frame_bytes(input) {
            Some(frame) if frame > MESSAGE_COPY_BYTES_MAX.max(input.len()) => {
                self.after_large = true;
                let missing = frame - input.len();
                if frame > READ_AHEAD_BYTES_MAX {
                    input.reserve(missing.min(READ_BUFFER_BYTES));
                } else if room < missing {
                    let mut own = BytesMut::with_capacity(frame);
                    own.extend_from_slice(input);
                    *input = own;
                }
            }
            None if input.is_empty() && self.after_large => {
                self.after_large = false;
                *input = BytesMut::with_capacity(READ_PROBE_BYTES);
            }
            _ => spare::make_room(input),
        }
    }
}

/// What a session wants to be woken by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Interest {
    pub(super) read: bool,
    pub(super) inbox: bool,
}

/// What woke it.
#[derive(Debug, Default)]
pub(super) struct Woken {
    /// Bytes were read; 0 at the end of the stream.
    pub(super) read: Option<usize>,
    /// Bytes were written.
    pub(super) wrote: bool,
}

/// The socket, and a timer that is set anew only when it must.
pub(super) struct Line<S> {
    stream: S,
    timer: Pin<Box<Sleep>>,
    /// When the timer rings, by the broker's clock.
    armed: Option<Millis>,
    /// The stream may hold bytes that it took and the socket did not: TLS does.
    unflushed: bool,
    room: Room,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Line<S> {
    pub(super) fn new(stream: S) -> Self {
        Self {
            stream,
            timer: Box::pin(sleep(Duration::ZERO)),
            armed: None,
            unflushed: false,
            room: Room::default(),
        }
    }

    /// Reads, writes and sleeps until one of them brought something.
    pub(super) async fn wait(
        &mut self,
        now: Millis,
        deadline: Option<Millis>,
        interest: Interest,
        input: &mut BytesMut,
        output: &mut Output,
        inbox: &Inbox,
    ) -> io::Result<Woken> {
        self.arm(now, deadline);
        poll_fn(|context| {
            let mut woken = Woken::default();
            let mut ready = false;
            // Writing comes first: it frees memory and it is what the peer waits for.
            while !output.is_empty() {
                match self.poll_write(context, output) {
                    Poll::Ready(Ok(())) => {
                        woken.wrote = true;
                        ready = true;
                    }
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => break,
                }
            }
            if self.unflushed
                && output.is_empty()
                && let Poll::Ready(flushed) = Pin::new(&mut self.stream).poll_flush(context)
            {
                flushed?;
                self.unflushed = false;
            }
            if interest.read {
                match self.poll_read(context, input) {
                    Poll::Ready(Ok(bytes)) => {
                        woken.read = Some(bytes);
                        ready = true;
                    }
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => {}
                }
            }
            ready |= interest.inbox && inbox.poll_filled(context).is_ready();
            ready |= self.armed.is_some() && self.poll_timer(context);
            if ready { Poll::Ready(Ok(woken)) } else { Poll::Pending }
        })
        .await
    }

    /// Tells the peer that nothing more comes, and reads on until it has ended too, within bounds: a
    /// socket closed with unread bytes is reset, and a reset destroys the last frame on its way.
    pub(super) async fn linger(&mut self) {
        let farewell = async {
            poll_fn(|context| Pin::new(&mut self.stream).poll_shutdown(context)).await?;
            let mut sink = BytesMut::new();
            for _ in 0..LINGER_READS_MAX {
                sink.clear();
                if poll_fn(|context| self.poll_read(context, &mut sink)).await? == 0 {
                    break;
                }
            }
            io::Result::Ok(())
        };
        // Whatever the peer does now is its own affair; the connection is over.
        let _ = tokio::time::timeout(LINGER, farewell).await;
    }

    fn arm(&mut self, now: Millis, deadline: Option<Millis>) {
        let Some(deadline) = deadline else {
            self.armed = None;
            return;
        };
        // A timer that rings too early only makes the session look again; setting it anew with every
        // read would cost more than that.
        if self.armed.is_none_or(|armed| deadline < armed || armed <= now) {
            let rings = tokio::time::Instant::now() + Duration::from_millis(deadline.since(now));
            self.timer.as_mut().reset(rings);
            self.armed = Some(deadline);
        }
    }

    fn poll_timer(&mut self, context: &mut Context<'_>) -> bool {
        let rang = Future::poll(self.timer.as_mut(), context).is_ready();
        if rang {
            self.armed = None;
        }
        rang
    }

    fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        input: &mut BytesMut,
    ) -> Poll<io::Result<usize>> {
        self.room.make(input);
        let read = pin!(self.stream.read_buf(input)).poll(context);
        if read.is_pending() {
            spare::give_back(input);
        }
        read
    }

    fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        output: &mut Output,
    ) -> Poll<io::Result<()>> {
        let written = {
            let mut slices = [IoSlice::new(&[]); WRITE_SLICES_MAX];
            let mut count = 0;
            for (slot, bytes) in slices.iter_mut().zip(output.slices()) {
                *slot = IoSlice::new(bytes);
                count += 1;
            }
            Pin::new(&mut self.stream).poll_write_vectored(context, &slices[..count])
        };
        match written {
            Poll::Ready(Ok(0)) => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            Poll::Ready(Ok(bytes)) => {
                output.advance(bytes);
                self.unflushed = true;
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        }
    }
}

/// Reads of what a peer still sends after the end, at most.
const LINGER_READS_MAX: usize = 64;

/// How long the end may take.
const LINGER: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    /// The beginning of a body frame with so many octets of payload.
    fn frame_start(payload_bytes: u32, there: usize) -> BytesMut {
        let mut input = BytesMut::from(&[3, 0, 1][..]);
        input.extend_from_slice(&payload_bytes.to_be_bytes());
        input.resize(there, 7);
        input
    }

    fn room(input: &BytesMut) -> usize {
        input.capacity() - input.len()
    }

    #[test]
    fn small_frames_are_read_many_at_once() {
        let mut rooms = Room::default();
        for mut input in [BytesMut::new(), frame_start(16, 7), frame_start(30_000, 20_000)] {
            rooms.make(&mut input);
            assert!(room(&input) >= READ_BUFFER_BYTES / 2, "{}", room(&input));
        }
    }

    #[test]
    fn a_large_frame_gets_a_buffer_of_its_size_and_the_next_read_is_short() {
        let mut rooms = Room::default();
        let mut input = frame_start(100_000, 60_000);
        let before = input.clone();
        rooms.make(&mut input);
        assert_eq!((input.capacity(), &input), (100_008, &before));
        input.resize(99_000, 1);
        rooms.make(&mut input);
        assert_eq!(input.capacity(), 100_008, "what is there is enough");
        let mut input = BytesMut::new();
        rooms.make(&mut input);
        assert_eq!(input.capacity(), READ_PROBE_BYTES);
        let mut input = BytesMut::new();
        rooms.make(&mut input);
        assert_eq!(input.capacity(), READ_BUFFER_BYTES, "one short read is the price of a guess");
    }

    #[test]
    fn a_frame_that_is_only_announced_gets_no_memory_for_it() {
        let mut input = frame_start(512 * 1024 * 1024, 7);
        Room::default().make(&mut input);
        assert!(input.capacity() <= 2 * READ_BUFFER_BYTES, "{}", input.capacity());
    }
}
