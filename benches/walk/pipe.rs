//! A socket that is two vectors.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Both directions. Both vectors keep their room, so a warm pipe allocates nothing.
#[derive(Default)]
struct Bytes {
    to_server: Vec<u8>,
    /// How much of it the server has read.
    read: usize,
    to_client: Vec<u8>,
}

/// Both ends of a socket that takes everything at once and never blocks a writer.
#[derive(Clone, Default)]
pub(super) struct Pipe(Rc<RefCell<Bytes>>);

impl Pipe {
    /// The client writes.
    pub(super) fn send(&self, bytes: &[u8]) {
        self.0.borrow_mut().to_server.extend_from_slice(bytes);
    }

    /// The client looks at what has come, and the pipe is empty afterwards.
    pub(super) fn receive<T>(&self, look: impl FnOnce(&[u8]) -> T) -> T {
        let mut inner = self.0.borrow_mut();
        let seen = look(&inner.to_client);
        inner.to_client.clear();
        seen
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut inner = self.0.borrow_mut();
        let waiting = inner.to_server.len() - inner.read;
        if waiting == 0 {
            // Nobody is woken: whoever writes has the session polled afterwards.
            return Poll::Pending;
        }
        let count = waiting.min(buffer.remaining());
        buffer.put_slice(&inner.to_server[inner.read..inner.read + count]);
        inner.read += count;
        if inner.read == inner.to_server.len() {
            inner.to_server.clear();
            inner.read = 0;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.borrow_mut().to_client.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut inner = self.0.borrow_mut();
        for slice in slices {
            inner.to_client.extend_from_slice(slice);
        }
        Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
