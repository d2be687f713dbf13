//! What a running listener can be told: to take no more connections, to end those that are there, and to
//! go on.

use std::io;

use tokio::sync::{mpsc, oneshot};

/// Tells one listener.
#[derive(Clone, Debug)]
pub struct Gate(mpsc::Sender<Order>);

/// What it is told, and who waits until it is done.
#[derive(Debug)]
pub(super) enum Order {
    /// Its socket is closed; connections that are there stay.
    Close(oneshot::Sender<()>),
    /// As a stop does: with 320, and those that do not end in time are dropped.
    EndSessions(oneshot::Sender<()>),
    /// It listens again at the same place.
    Open(oneshot::Sender<io::Result<()>>),
}

impl Gate {
    /// A gate, and the orders that come through it. They are few and far between.
    pub(super) fn new() -> (Self, mpsc::Receiver<Order>) {
        let (orders, come) = mpsc::channel(1);
        (Self(orders), come)
    }

    /// Takes no more connections; whoever connects is refused by the system. Connections that are there
    /// stay. A listener that has ended takes none either.
    pub async fn close(&self) {
        self.tell(Order::Close).await;
    }

    /// Closes the connections that are there with 320 `broker forced connection closure with reason
    /// 'shutdown'` and waits for their end.
    pub async fn end_sessions(&self) {
        self.tell(Order::EndSessions).await;
    }

    /// Listens again where it did before. One that listens goes on.
    ///
    /// # Errors
    /// As the system says, when somebody else has the port by now.
    pub async fn open(&self) -> io::Result<()> {
        let ended = || Err(io::Error::other("the listener has ended"));
        self.tell(Order::Open).await.unwrap_or_else(ended)
    }

    async fn tell<T>(&self, order: impl FnOnce(oneshot::Sender<T>) -> Order) -> Option<T> {
        let (done, told) = oneshot::channel();
        self.0.send(order(done)).await.ok()?;
        told.await.ok()
    }
}
