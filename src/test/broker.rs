//! A broker that runs inside a test.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::builder::Builder;
use super::engine::{Engine, Facts};
use super::error::TestError;
use super::vhost::{Snapshot, TestVhost};
use crate::base::{Stopwatch, TurnedTime, amqp_uri};
use crate::broker::{Actor, Broker, Faults};
use crate::config::DefaultUser;
use crate::net::ClockTurner;

/// Starts a broker in memory on a free port of 127.0.0.1, on a thread of its own, in milliseconds.
///
/// # Errors
/// [`TestError`]; then nothing of it is left.
pub async fn broker() -> Result<TestBroker, TestError> {
    Builder::new().start().await
}

/// As [`broker()`], for tests without a runtime.
///
/// ```
/// let broker = haremq::test::blocking()?;
/// assert!(std::net::TcpStream::connect(("127.0.0.1", broker.port())).is_ok());
/// # Ok::<(), haremq::test::TestError>(())
/// ```
///
/// # Errors
/// [`TestError`]; then nothing of it is left.
pub fn blocking() -> Result<TestBroker, TestError> {
    Builder::new().start_blocking()
}

/// A broker that runs inside a test. When it is dropped, everything of it ends before the drop returns: listeners,
/// connections (which are cut without a word), tasks, its thread; only a folder that was asked for stays.
///
/// It can be shared between threads and tests: every method takes `&self`.
pub struct TestBroker {
    engine: Option<Engine>,
    broker: Arc<Broker>,
    turner: Arc<ClockTurner>,
    address: SocketAddr,
    management: Option<SocketAddr>,
    user: DefaultUser,
}

/// How often somebody who waits looks again.
const LOOK_PAUSE: Duration = Duration::from_millis(1);

impl TestBroker {
    pub(super) fn new(engine: Engine, facts: Facts, user: DefaultUser) -> Self {
        let Facts { broker, turner, address, management, .. } = facts;
        Self { engine: Some(engine), broker, turner, address, management, user }
    }

    pub(super) fn broker(&self) -> &Arc<Broker> {
        &self.broker
    }

    /// The port of 127.0.0.1 where AMQP is spoken.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The user that a broker begins with, who may do everything, also in the management API: `guest`, unless
    /// `default_user` was set.
    #[must_use]
    pub fn username(&self) -> &str {
        self.user.name.as_str()
    }

    /// The password of [`Self::username`].
    #[must_use]
    pub fn password(&self) -> &str {
        &self.user.password.0
    }

    /// Where a client connects, as `guest` in the virtual host `/`: `amqp://guest:guest@127.0.0.1:PORT/%2f`.
    #[must_use]
    pub fn amqp_uri(&self) -> String {
        self.amqp_uri_of(self.user.vhost.as_str())
    }

    /// Where a client connects, as [`Self::username`] in this virtual host.
    #[must_use]
    pub fn amqp_uri_of(&self, vhost: &str) -> String {
        self.amqp_uri_as(self.username(), self.password(), vhost)
    }

    /// Where a client connects, as this user in this virtual host.
    #[must_use]
    pub fn amqp_uri_as(&self, user: &str, password: &str, vhost: &str) -> String {
        amqp_uri(user, password, &self.address.to_string(), vhost)
    }

    /// Where the management API is served, without a slash at the end; `None` unless [`Builder::management`] asked
    /// for it.
    #[must_use]
    pub fn management_url(&self) -> Option<String> {
        self.management.map(|address| format!("http://{address}"))
    }

    /// What the broker's clock shows.
    #[must_use]
    pub fn time(&self) -> TurnedTime {
        self.turner.time()
    }

    /// Turns the broker's clock forward. It stops at every deadline on the way and has done what is due then: time to
    /// live of messages and queues, delays, acknowledgement time-outs, with the dead letters that follow, whose own
    /// time counts from the moment of their death. So a retry chain of three ten-minute hops is through after one
    /// call with thirty minutes.
    ///
    /// When it returns, queues are as they are at that moment, and deliveries are on their way to their clients, whose
    /// answers come after that. Heartbeats and everything else that a client has time for goes by real time and is
    /// not touched.
    ///
    /// # Errors
    /// [`TestError::Clock`] when messages go in a circle, or a disk does not answer.
    pub async fn advance(&self, by: Duration) -> Result<TurnedTime, TestError> {
        let turner = Arc::clone(&self.turner);
        let by_ms = millis(by);
        Ok(self.engine()?.run(async move { turner.advance(by_ms).await }).await??)
    }

    /// As [`Self::advance`], for tests without a runtime.
    ///
    /// # Errors
    /// As there.
    pub fn blocking_advance(&self, by: Duration) -> Result<TurnedTime, TestError> {
        let turner = Arc::clone(&self.turner);
        let by_ms = millis(by);
        Ok(self.engine()?.run_blocking(async move { turner.advance(by_ms).await })??)
    }

    /// The broker's clock stands from now on: only [`Self::advance`] moves it.
    ///
    /// # Errors
    /// [`TestError::Ended`].
    pub async fn freeze(&self) -> Result<TurnedTime, TestError> {
        let turner = Arc::clone(&self.turner);
        self.engine()?.run(async move { turner.freeze().await }).await
    }

    /// As [`Self::freeze`], for tests without a runtime.
    ///
    /// # Errors
    /// As there.
    pub fn blocking_freeze(&self) -> Result<TurnedTime, TestError> {
        let turner = Arc::clone(&self.turner);
        self.engine()?.run_blocking(async move { turner.freeze().await })
    }

    /// The broker's clock shows real time and what it was advanced by again. It jumps over the time for which it
    /// stood.
    ///
    /// # Errors
    /// [`TestError::Ended`].
    pub async fn resume(&self) -> Result<TurnedTime, TestError> {
        let turner = Arc::clone(&self.turner);
        self.engine()?.run(async move { turner.resume().await }).await
    }

    /// As [`Self::resume`], for tests without a runtime.
    ///
    /// # Errors
    /// As there.
    pub fn blocking_resume(&self) -> Result<TurnedTime, TestError> {
        let turner = Arc::clone(&self.turner);
        self.engine()?.run_blocking(async move { turner.resume().await })
    }

    /// Waits until something is so, for `most` of real time: what a client causes happens a moment after the client
    /// was told. `what` is for the error. The check is made at once, and then every millisecond.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), haremq::test::TestError> {
    /// let broker = haremq::test::broker().await?;
    /// let nobody = |broker: &haremq::test::TestBroker| broker.connections().is_empty();
    /// broker.wait_until("nobody is connected", Duration::from_secs(5), nobody).await
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`TestError::NotInTime`].
    pub async fn wait_until(
        &self,
        what: &str,
        most: Duration,
        mut is_so: impl FnMut(&Self) -> bool,
    ) -> Result<(), TestError> {
        let since = Stopwatch::start();
        while !is_so(self) {
            if since.elapsed() > most {
                return Err(not_in_time(what, most));
            }
            // The timer of the broker's runtime: the test may have none.
            let pause = {
                let _inside = self.engine()?.handle().enter();
                tokio::time::sleep(LOOK_PAUSE)
            };
            pause.await;
        }
        Ok(())
    }

    /// As [`Self::wait_until`], for tests without a runtime.
    ///
    /// # Errors
    /// As there.
    pub fn blocking_wait_until(
        &self,
        what: &str,
        most: Duration,
        mut is_so: impl FnMut(&Self) -> bool,
    ) -> Result<(), TestError> {
        let since = Stopwatch::start();
        while !is_so(self) {
            if since.elapsed() > most {
                return Err(not_in_time(what, most));
            }
            std::thread::sleep(LOOK_PAUSE);
        }
        Ok(())
    }

    /// Makes a virtual host with a random name and a user of its own, for one test: it is deleted with everything in
    /// it when it is dropped. So one broker serves many tests at the same time.
    ///
    /// # Errors
    /// [`TestError::Vhost`].
    pub fn make_vhost(&self) -> Result<TestVhost, TestError> {
        let made = self.broker.make_passing_vhost(&Actor::configuration(), None, None)?;
        let uri = self.amqp_uri_as(made.user.as_str(), &made.password, made.name.as_str());
        Ok(TestVhost::new(&self.broker, made, uri))
    }

    /// Keeps what is in a virtual host, to roll back to it.
    ///
    /// # Errors
    /// [`TestError::Snapshot`].
    pub fn snapshot(&self, vhost: &str) -> Result<Snapshot, TestError> {
        Snapshot::take(&self.broker, vhost)
    }

    /// What is ordered to go wrong, and the way to order it: lost confirms, closed channels, cut sockets.
    ///
    /// ```
    /// use haremq::test::FaultKind;
    ///
    /// let broker = haremq::test::blocking()?;
    /// // Every publish is refused with `basic.nack`, until the fault is withdrawn.
    /// let fault = broker.faults().order(FaultKind::Nack).expect("it makes sense");
    /// assert!(broker.faults().withdraw(fault));
    /// # Ok::<(), haremq::test::TestError>(())
    /// ```
    #[must_use]
    pub fn faults(&self) -> Faults<'_> {
        self.broker.faults()
    }

    /// Ends the broker with a farewell: clients are told with `connection.close` (320) and have time to answer. It
    /// says what went wrong, which a drop cannot.
    ///
    /// # Errors
    /// [`TestError::Broker`], for one when the data folder cannot be closed.
    pub async fn shutdown(mut self) -> Result<(), TestError> {
        match self.engine.take() {
            Some(engine) => engine.end().await,
            None => Ok(()),
        }
    }

    /// As [`Self::shutdown`], for tests without a runtime.
    ///
    /// # Errors
    /// As there.
    pub fn blocking_shutdown(mut self) -> Result<(), TestError> {
        self.engine.take().map_or(Ok(()), Engine::end_blocking)
    }

    fn engine(&self) -> Result<&Engine, TestError> {
        self.engine.as_ref().ok_or(TestError::Ended)
    }
}

impl std::fmt::Debug for TestBroker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TestBroker").field("address", &self.address).finish_non_exhaustive()
    }
}

fn millis(by: Duration) -> u64 {
    u64::try_from(by.as_millis()).unwrap_or(u64::MAX)
}

fn not_in_time(what: &str, after: Duration) -> TestError {
    TestError::NotInTime { what: what.to_owned(), after }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_dropped_broker_is_kept_in_memory_t8() -> Result<(), TestError> {
        let folder = tempfile::tempdir()?;
        let builders = [
            Builder::new(),
            Builder::new().management(true).data_dir(folder.path()).set("log.exchange", "true"),
        ];
        for builder in builders {
            let broker = builder.start_blocking()?;
            let (kept, vhost) = (Arc::downgrade(broker.broker()), broker.make_vhost()?);
            drop(broker);
            assert_eq!(kept.strong_count(), 0);
            drop(vhost);
        }
        Ok(())
    }
}
