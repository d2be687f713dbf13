//! What a broker in a test is to be.

use std::path::PathBuf;

use tokio::sync::oneshot;

use super::broker::TestBroker;
use super::engine::{Engine, EngineParts, Facts};
use super::error::TestError;
use crate::access::User;
use crate::base::{UserName, VhostName};
use crate::broker::{Actor, Broker, PassingVhostError, user_record};
use crate::config::{DefaultUser, Loaded, Logging, Source};
use crate::definitions::{ImportOptions, import};
use crate::node::{NodeParts, read_seeds};
use crate::reload::Origin;
use crate::shutdown::Shutdown;
use crate::store;

/// What a broker in a test is to be. [`Builder::new`] is what [`broker`](super::broker()) starts.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), haremq::test::TestError> {
/// let broker = haremq::test::Builder::new()
///     .vhost("orders")
///     .user("app", "secret")
///     .set("consumer_timeout", "60000")
///     .start()
///     .await?;
/// assert!(broker.amqp_uri_as("app", "secret", "orders").ends_with("/orders"));
/// # broker.shutdown().await
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Builder {
    data_dir: Option<PathBuf>,
    management: bool,
    frozen: bool,
    settings: Vec<(String, String)>,
    vhosts: Vec<String>,
    users: Vec<(String, String, Vec<String>)>,
    definitions: Vec<String>,
}

impl Builder {
    /// In memory, without the management API, with the user `guest` (password `guest`) and the virtual host `/`.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps messages and definitions in this folder, which is made when it is not there. Another broker that is
    /// started on it later has what this one had; two at the same time must not be.
    #[must_use]
    pub fn data_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(folder.into());
        self
    }

    /// Serves the management API, with the test API, on a free port of 127.0.0.1:
    /// [`TestBroker::management_url`].
    #[must_use]
    pub fn management(mut self, served: bool) -> Self {
        self.management = served;
        self
    }

    /// The clock stands from the beginning, until it is turned: [`TestBroker::advance`].
    #[must_use]
    pub fn frozen(mut self, frozen: bool) -> Self {
        self.frozen = frozen;
        self
    }

    /// Sets a key of the configuration, as a line of a configuration file does. An unknown key, and one without
    /// effect, is an error of the start. No file of this machine is read, and no environment variable.
    #[must_use]
    pub fn set(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.push((key.into(), value.into()));
        self
    }

    /// Makes a virtual host. Every user of the builder may do everything in it, and so may `guest`.
    #[must_use]
    pub fn vhost(mut self, name: impl Into<String>) -> Self {
        self.vhosts.push(name.into());
        self
    }

    /// Makes a user who may do everything in the virtual hosts of the builder and in `/`.
    #[must_use]
    pub fn user(self, name: impl Into<String>, password: impl Into<String>) -> Self {
        self.user_with_tags(name, password, [])
    }

    /// As [`Self::user`], with tags such as `administrator`, for the management API.
    #[must_use]
    pub fn user_with_tags<'a>(
        mut self,
        name: impl Into<String>,
        password: impl Into<String>,
        tags: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let tags = tags.into_iter().map(str::to_owned).collect();
        self.users.push((name.into(), password.into(), tags));
        self
    }

    /// Imports a document of definitions, JSON in RabbitMQ's form, after users and virtual hosts were made.
    #[must_use]
    pub fn definitions(mut self, json: impl Into<String>) -> Self {
        self.definitions.push(json.into());
        self
    }

    /// Starts it, on a thread of its own.
    ///
    /// # Errors
    /// [`TestError`]; then nothing of it is left.
    pub async fn start(self) -> Result<TestBroker, TestError> {
        let Begun { engine, started, user } = self.begin()?;
        match started.await.unwrap_or(Err(TestError::Ended)) {
            Ok(facts) => self.serving(engine, facts, user),
            Err(error) => {
                engine.failed();
                Err(error)
            }
        }
    }

    /// As [`Self::start`], without a runtime. It blocks for milliseconds, also where there is a runtime.
    ///
    /// # Errors
    /// [`TestError`]; then nothing of it is left.
    pub fn start_blocking(self) -> Result<TestBroker, TestError> {
        let Begun { engine, started, user } = self.begin()?;
        let (tell, told) = std::sync::mpsc::channel();
        // `oneshot` refuses to block where there is a runtime; here nothing else of it is needed.
        std::thread::scope(|scope| {
            scope.spawn(move || drop(tell.send(started.blocking_recv())));
        });
        match told.recv().ok().and_then(Result::ok).unwrap_or(Err(TestError::Ended)) {
            Ok(facts) => self.serving(engine, facts, user),
            Err(error) => {
                engine.failed();
                Err(error)
            }
        }
    }

    fn begin(&self) -> Result<Begun, TestError> {
        let origin = Origin::Given(self.given());
        let loaded = origin.load(&[])?;
        refuse_unused(&loaded)?;
        let seeds = read_seeds(&loaded)?;
        let (logging, shutdown) = (Logging::of_nobody(), Shutdown::on_request());
        let user = loaded.settings.default_user.clone();
        let parts = NodeParts { loaded, seeds, origin, logging, shutdown };
        let (engine, started) = Engine::start(parts)?;
        Ok(Begun { engine, started, user })
    }

    fn given(&self) -> Vec<(String, String)> {
        let storage = match &self.data_dir {
            Some(folder) => ("haremq.data_dir", folder.display().to_string()),
            None => ("haremq.ephemeral", "true".to_owned()),
        };
        let management = if self.management { "0" } else { "none" };
        let own = [
            storage,
            ("haremq.test_api", "true".to_owned()),
            ("listeners.tcp.default", "127.0.0.1:0".to_owned()),
            ("management.tcp.ip", "127.0.0.1".to_owned()),
            ("management.tcp.port", management.to_owned()),
            ("prometheus.tcp.port", "none".to_owned()),
        ];
        let own = own.into_iter().map(|(key, value)| (key.to_owned(), value));
        // The last one of a key counts.
        own.chain(self.settings.iter().cloned()).collect()
    }

    fn serving(
        self,
        engine: EngineParts,
        facts: Facts,
        user: DefaultUser,
    ) -> Result<TestBroker, TestError> {
        let engine = engine.serving(&facts);
        let broker = TestBroker::new(engine, facts, user);
        self.furnish(broker.broker(), broker.username())?;
        if self.frozen {
            broker.blocking_freeze()?;
        }
        Ok(broker)
    }

    /// Makes what was asked for; in a broker that keeps nothing this waits for nothing.
    fn furnish(&self, broker: &Broker, first_user: &str) -> Result<(), TestError> {
        let by = Actor::configuration();
        let failed = PassingVhostError::from;
        let mut vhosts: Vec<VhostName> =
            broker.all_vhosts().iter().map(|v| v.name().clone()).collect();
        for name in &self.vhosts {
            let name = VhostName::try_from(name.as_str()).map_err(PassingVhostError::from)?;
            let record = store::Vhost::new(name.clone());
            broker
                .put_vhost(&by, record, Box::new(|_| {}))
                .map_err(|error| TestError::Vhost(error.into()))?;
            vhosts.push(name);
        }
        let mut users = vec![UserName::try_from(first_user).map_err(failed)?];
        for (name, password, tags) in &self.users {
            let name = UserName::try_from(name.as_str()).map_err(PassingVhostError::from)?;
            let user = User::with_password(name.clone(), password.as_bytes(), tags.clone());
            let user = user.map_err(PassingVhostError::from)?;
            broker
                .put_user(&by, user_record(&user), Box::new(|_| {}))
                .map_err(PassingVhostError::from)?;
            users.push(name);
        }
        for vhost in &vhosts {
            for user in &users {
                broker.let_into(&by, user.clone(), vhost.clone())?;
            }
        }
        for document in &self.definitions {
            let options = ImportOptions { by: by.clone(), ..ImportOptions::default() };
            import(broker, document.as_bytes(), &options)?;
        }
        Ok(())
    }
}

/// A broker that does not serve yet, and the user that it begins with.
struct Begun {
    engine: EngineParts,
    started: oneshot::Receiver<Result<Facts, TestError>>,
    user: DefaultUser,
}

/// A key that is misspelt must not be found out by a test that shows something else than it says.
fn refuse_unused(loaded: &Loaded) -> Result<(), TestError> {
    let said = loaded.warnings.iter().find(|warning| warning.source == Source::Program);
    said.map_or(Ok(()), |warning| Err(TestError::Unused(warning.to_string())))
}
