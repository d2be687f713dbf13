//! The thread of a broker: it has a runtime of its own, so that a test that blocks its own cannot starve it (T2).

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use super::error::TestError;
use crate::broker::Broker;
use crate::net::ClockTurner;
use crate::node::{Node, NodeError, NodeParts};
use crate::shutdown::Shutdown;

/// What is known of a broker once it serves.
pub(super) struct Facts {
    pub(super) broker: Arc<Broker>,
    pub(super) turner: Arc<ClockTurner>,
    pub(super) address: SocketAddr,
    pub(super) management: Option<SocketAddr>,
    handle: Handle,
}

/// How it ends.
#[derive(Clone, Copy)]
enum End {
    /// Every client is told, and given time to answer.
    Farewell,
    /// Every socket is closed at once.
    Cut,
}

/// See the module. It ends when this is dropped, and the thread is gone by then.
pub(super) struct Engine {
    handle: Handle,
    order: Option<oneshot::Sender<End>>,
    thread: Option<thread::JoinHandle<()>>,
    ended: Option<oneshot::Receiver<Result<(), TestError>>>,
}

type Started = Result<Facts, TestError>;

impl Engine {
    /// Starts it. The answer comes when it serves, or does not start.
    pub(super) fn start(
        parts: NodeParts,
    ) -> Result<(EngineParts, oneshot::Receiver<Started>), TestError> {
        let (tell_started, started) = oneshot::channel();
        let (order, ordered) = oneshot::channel();
        let (tell_ended, ended) = oneshot::channel();
        // One of the program's own, and not the test's: nobody else has anything to do on it.
        let thread = thread::Builder::new().name("haremq-test".to_owned()).spawn(move || {
            let ended = run(parts, tell_started, ordered);
            // Whoever dropped it does not want to know.
            let _ = tell_ended.send(ended);
        })?;
        Ok((EngineParts { order, thread, ended }, started))
    }

    /// Does something on the broker's runtime.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, TestError> {
        self.handle.spawn(work).await.map_err(|_| TestError::Ended)
    }

    /// As [`Self::run`], from a thread that may wait.
    pub(super) fn run_blocking<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, TestError> {
        let (tell, told) = mpsc::channel();
        let work = async move { drop(tell.send(work.await)) };
        drop(self.handle.spawn(work));
        told.recv().map_err(|_| TestError::Ended)
    }

    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Ends it with a farewell to everybody.
    pub(super) async fn end(mut self) -> Result<(), TestError> {
        self.tell(End::Farewell);
        let ended = match self.ended.take() {
            Some(ended) => ended.await,
            None => return Ok(()),
        };
        self.join();
        ended.unwrap_or(Err(TestError::Ended))
    }

    /// As [`Self::end`], from a thread that may wait.
    pub(super) fn end_blocking(mut self) -> Result<(), TestError> {
        self.tell(End::Farewell);
        self.join();
        let ended = self.ended.as_mut().and_then(|ended| ended.try_recv().ok());
        ended.unwrap_or(Err(TestError::Ended))
    }

    fn tell(&mut self, end: End) {
        if let Some(order) = self.order.take() {
            // It has ended by itself when nobody hears it.
            let _ = order.send(end);
        }
    }

    fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            // A panic of it was told by the panic hook, and is an error for who wants to know how it ended.
            let _ = thread.join();
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.tell(End::Cut);
        self.join();
    }
}

/// An engine whose broker does not serve yet.
pub(super) struct EngineParts {
    order: oneshot::Sender<End>,
    thread: thread::JoinHandle<()>,
    ended: oneshot::Receiver<Result<(), TestError>>,
}

impl EngineParts {
    /// The broker serves.
    pub(super) fn serving(self, facts: &Facts) -> Engine {
        Engine {
            handle: facts.handle.clone(),
            order: Some(self.order),
            thread: Some(self.thread),
            ended: Some(self.ended),
        }
    }

    /// It does not: its thread has nothing more to do.
    pub(super) fn failed(self) {
        // As in `Engine::join`.
        let _ = self.thread.join();
    }
}

fn run(
    parts: NodeParts,
    tell: oneshot::Sender<Started>,
    ordered: oneshot::Receiver<End>,
) -> Result<(), TestError> {
    let runtime = match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = tell.send(Err(error.into()));
            return Ok(());
        }
    };
    // Dropped with the runtime at the end of this, with every task and thread of it.
    runtime.block_on(serve(parts, tell, ordered))
}

async fn serve(
    parts: NodeParts,
    tell: oneshot::Sender<Started>,
    ordered: oneshot::Receiver<End>,
) -> Result<(), TestError> {
    let shutdown: Shutdown = parts.shutdown.clone();
    let opened = Node::open(parts).map_err(|error| broken(&error));
    let (node, facts) = match opened.and_then(|node| facts(&node).map(|facts| (node, facts))) {
        Ok(opened) => opened,
        Err(error) => {
            let _ = tell.send(Err(error));
            return Ok(());
        }
    };
    let running = node.run();
    let wanted = tell.send(Ok(facts)).is_ok();
    // Who waits for it no longer has dropped it.
    let end = if wanted { ordered.await.unwrap_or(End::Cut) } else { End::Cut };
    let ended = match end {
        End::Farewell => {
            shutdown.begin();
            running.end().await
        }
        End::Cut => running.cut().await,
    };
    ended.map_err(|error| broken(&error))
}

fn facts(node: &Node) -> Result<Facts, TestError> {
    let missing =
        |what: &str| TestError::Broker(format!("{what}: leave the listeners as they are"));
    let mut addresses = node.listeners().iter().filter(|listener| !listener.has_tls());
    let address = addresses.find_map(|listener| listener.address().socket());
    let turner = node.turner().cloned();
    Ok(Facts {
        broker: Arc::clone(node.broker()),
        turner: turner.ok_or_else(|| missing("the clock cannot be turned"))?,
        address: address.ok_or_else(|| missing("there is no port without TLS"))?,
        management: node.management().address(),
        handle: Handle::current(),
    })
}

fn broken(error: &NodeError) -> TestError {
    TestError::Broker(error.to_string())
}
