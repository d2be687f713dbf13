//! A listening Unix socket: its file, who may open it, and what is in its way.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::Path;

use socket2::{Domain, SockAddr, Socket, Type};
use tokio::net::UnixListener;

/// Binds the socket. A socket file that nobody listens behind is what a killed broker left: it is
/// replaced. Anything else in its place is left alone.
///
/// # Errors
/// With a text that says what is in the way, or as the system says.
pub(super) fn bind(path: &Path, mode: u32, backlog: u32) -> io::Result<UnixListener> {
    make_room(path)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::unix(path)?)?;
    // Nobody can connect before `listen`, so nobody can before the rights are what they should be.
    fs::set_permissions(path, Permissions::from_mode(mode))?;
    socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
    UnixListener::from_std(socket.into())
}

fn make_room(path: &Path) -> io::Result<()> {
    let there = match fs::symlink_metadata(path) {
        Ok(there) => there,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if !there.file_type().is_socket() {
        let text = "a file that is no socket has this name: remove it, or choose another name";
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, text));
    }
    if UnixStream::connect(path).is_ok() {
        let text = "another process listens there: stop it, or choose another name";
        return Err(io::Error::new(io::ErrorKind::AddrInUse, text));
    }
    fs::remove_file(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_socket_of_a_broker_that_is_gone_is_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("amqp.sock");
        let first = bind(&path, 0o600, 1).expect("a fresh name");
        let mode = fs::metadata(&path).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let taken = bind(&path, 0o600, 1).expect_err("somebody listens");
        assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
        drop(first);
        bind(&path, 0o660, 1).expect("nobody listens any more");
        let mode = fs::metadata(&path).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o660);

        let file = folder.path().join("file");
        fs::write(&file, "precious").expect("a file");
        let refused = bind(&file, 0o600, 1).expect_err("no socket");
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&file).expect("still there"), "precious");
    }
}
