//! A socket that is two vectors; the client's end decides when which bytes are there.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What a session may write before the client reads.
const WINDOW_BYTES: usize = 16 * 1024;

#[derive(Default)]
struct Ends {
    to_server: Vec<u8>,
    to_client: Vec<u8>,
    client_gone: bool,
    server_gone: bool,
}

/// Both ends. Nobody is woken: whoever changes something has the session polled afterwards.
#[derive(Clone, Default)]
pub(super) struct Pipe(Rc<RefCell<Ends>>);

impl Pipe {
    /// Bytes arrive at the server.
    pub(super) fn arrive(&self, bytes: impl IntoIterator<Item = u8>) {
        self.0.borrow_mut().to_server.extend(bytes);
    }

    /// The client reads up to so many bytes.
    pub(super) fn read(&self, most: usize) -> Vec<u8> {
        let mut ends = self.0.borrow_mut();
        let count = most.min(ends.to_client.len());
        ends.to_client.drain(..count).collect()
    }

    /// How much waits for the client.
    pub(super) fn waiting(&self) -> usize {
        self.0.borrow().to_client.len()
    }

    /// The client is gone, without a word.
    pub(super) fn cut(&self) {
        self.0.borrow_mut().client_gone = true;
    }

    /// Whether the server has closed its end.
    pub(super) fn is_closed(&self) -> bool {
        self.0.borrow().server_gone
    }

    fn take(&self, slices: &[&[u8]]) -> Poll<io::Result<usize>> {
        let mut ends = self.0.borrow_mut();
        if ends.client_gone {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let room = WINDOW_BYTES.saturating_sub(ends.to_client.len());
        let mut taken = 0;
        for slice in slices {
            let count = slice.len().min(room - taken);
            ends.to_client.extend_from_slice(&slice[..count]);
            taken += count;
        }
        let wanted: usize = slices.iter().map(|slice| slice.len()).sum();
        if taken == 0 && wanted > 0 { Poll::Pending } else { Poll::Ready(Ok(taken)) }
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut ends = self.0.borrow_mut();
        if ends.to_server.is_empty() {
            return if ends.client_gone { Poll::Ready(Ok(())) } else { Poll::Pending };
        }
        let count = ends.to_server.len().min(buffer.remaining());
        buffer.put_slice(&ends.to_server[..count]);
        ends.to_server.drain(..count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.take(&[bytes])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let slices: Vec<&[u8]> = slices.iter().map(|slice| &**slice).collect();
        self.take(&slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.borrow_mut().server_gone = true;
        Poll::Ready(Ok(()))
    }
}
