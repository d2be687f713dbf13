//! What a raw client speaks over: TCP, TLS, a Unix socket.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;

use rustls::{ClientConnection, StreamOwned};

use super::process::GUARD;

/// One of them.
pub(crate) enum ClientStream {
    Tcp(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
    Unix(UnixStream),
}

/// No read and no write waits for ever.
pub(crate) fn with_guards(stream: TcpStream) -> TcpStream {
    stream.set_read_timeout(Some(GUARD)).expect("a time-out above zero");
    stream.set_write_timeout(Some(GUARD)).expect("a time-out above zero");
    stream.set_nodelay(true).expect("a TCP socket");
    stream
}

impl ClientStream {
    /// Another hand on the same TCP socket.
    pub(crate) fn another_hand(&self) -> TcpStream {
        match self {
            Self::Tcp(stream) => stream.try_clone().expect("one more descriptor"),
            Self::Tls(_) | Self::Unix(_) => panic!("only a TCP socket has two hands"),
        }
    }

    /// Says that nothing more will be sent, and still reads.
    pub(crate) fn close_sending_side(&mut self) {
        match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Self::Tls(stream) => {
                stream.conn.send_close_notify();
                stream.flush()
            }
            Self::Unix(stream) => stream.shutdown(Shutdown::Write),
        }
        .expect("the socket is open");
    }
}

impl Read for ClientStream {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(bytes),
            Self::Tls(stream) => stream.read(bytes),
            Self::Unix(stream) => stream.read(bytes),
        }
    }
}

impl Write for ClientStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
            Self::Unix(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
            Self::Unix(stream) => stream.flush(),
        }
    }
}
