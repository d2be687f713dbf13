//! A connection over a stream that no [`Listener`](super::Listener) accepted.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};

use super::caller::{Caller, CallerAddress};
use super::session::{Parts, Session};
use crate::broker::Broker;
use crate::protocol::Settings;

/// Serves one client until its connection is over, whoever ends it: over a pipe in memory, or over
/// whatever an embedding program has in the place of a socket. `peer` stands in log lines, and decides
/// whether the client counts as one of this machine (loopback users).
///
/// Needs a Tokio runtime with its timer. What a listener does around a connection (counting it, ending
/// it at shutdown) is up to the caller.
pub async fn serve_stream<S>(
    stream: S,
    peer: SocketAddr,
    broker: Arc<Broker>,
    settings: Arc<Settings>,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let id = broker.next_connection_id();
    let caller = Caller::plain(CallerAddress::inet(peer));
    Session::new(Parts { stream, caller, id, broker, settings }).run().await;
}
