//! Remembers what another backend said (rabbitmq: rabbitmq-auth-backend-cache).
//!
//! What it said yes to is remembered for a time, by everything that was asked with; a no only where the settings say so,
//! and that it could not say never. Of what a login showed only a keyed hash is kept.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ring::hmac;
use ring::rand::SystemRandom;

use crate::access::{
    Answer, Backend, BackendError, Grant, Judge, Known, Login, Question, Suspect, Verdict,
};
use crate::base::limits::AUTH_CACHE_ENTRIES_MAX;
use crate::base::{Clock, Millis};

/// How long what is remembered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CacheSettings {
    /// How long, in ms; 0: not at all.
    pub ttl_ms: u64,
    /// Whether a no is remembered as well.
    pub refusals: bool,
}

/// See the module.
#[derive(Clone)]
pub struct Cache(Arc<Shared>);

struct Shared {
    backend: Arc<dyn Backend>,
    settings: CacheSettings,
    clock: Arc<dyn Clock>,
    key: hmac::Key,
    logins: Mutex<Entries<Vec<u8>, Result<Known, BackendError>>>,
    verdicts: Mutex<Entries<(Suspect, Question), bool>>,
}

type Entries<K, V> = BTreeMap<K, (Millis, V)>;

/// A judge with the memory of its cache.
struct CachedJudge {
    cache: Cache,
    judge: Arc<dyn Judge>,
}

impl Cache {
    /// Nothing is remembered yet.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn new(
        backend: Arc<dyn Backend>,
        settings: CacheSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, &'static str> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new());
        let key = key.map_err(|_| "the system gives no random numbers")?;
        let (logins, verdicts) = (Mutex::default(), Mutex::default());
        Ok(Self(Arc::new(Shared { backend, settings, clock, key, logins, verdicts })))
    }

    async fn find(&self, login: &Login) -> Result<Known, BackendError> {
        let key = self.0.hashed(login);
        if let Some((_, kept)) = self.0.kept(&self.0.logins, &key) {
            return kept;
        }
        let found = self.0.backend.log_in(login).await;
        let found = found.map(|known| {
            let grant = match known.grant {
                Grant::Judge(judge) => {
                    Grant::Judge(Arc::new(CachedJudge { cache: self.clone(), judge }))
                }
                token @ Grant::Token(_) => token,
            };
            Known { grant, ..known }
        });
        let is_kept = match &found {
            Ok(_) => true,
            Err(BackendError::Refused(_)) => self.0.settings.refusals,
            Err(BackendError::Failed(_)) => false,
        };
        if is_kept {
            self.0.keep(&self.0.logins, key, found.clone());
        }
        found
    }
}

impl CachedJudge {
    async fn decide(&self, suspect: &Suspect, question: &Question) -> Verdict {
        let shared = &self.cache.0;
        let key = (suspect.clone(), question.clone());
        if let Some((good_for_ms, is_allowed)) = shared.kept(&shared.verdicts, &key) {
            return Verdict { is_allowed, is_sure: true, good_for_ms };
        }
        let verdict = self.judge.judge(suspect, question).await;
        if verdict.is_allowed || (verdict.is_sure && shared.settings.refusals) {
            shared.keep(&shared.verdicts, key, verdict.is_allowed);
            return Verdict { good_for_ms: shared.settings.ttl_ms, ..verdict };
        }
        verdict
    }
}

impl Backend for Cache {
    fn name(&self) -> &'static str {
        self.0.backend.name()
    }

    fn log_in<'a>(&'a self, login: &'a Login) -> Answer<'a, Result<Known, BackendError>> {
        Box::pin(self.find(login))
    }
}

impl Judge for CachedJudge {
    fn judge<'a>(&'a self, suspect: &'a Suspect, question: &'a Question) -> Answer<'a, Verdict> {
        Box::pin(self.decide(suspect, question))
    }
}

impl Shared {
    fn hashed(&self, login: &Login) -> Vec<u8> {
        let mut context = hmac::Context::with_key(&self.key);
        let mut put = |bytes: &[u8]| {
            context.update(&(bytes.len() as u64).to_be_bytes());
            context.update(bytes);
        };
        put(&login.user);
        put(login.peer.to_string().as_bytes());
        if let Some(password) = &login.password {
            put(password);
        }
        context.sign().as_ref().to_vec()
    }

    /// What is remembered, and for how long yet.
    fn kept<K: Ord, V: Clone>(&self, entries: &Mutex<Entries<K, V>>, key: &K) -> Option<(u64, V)> {
        let now = self.clock.now();
        let entries = lock(entries);
        let (until, value) = entries.get(key)?;
        (now < *until).then(|| (until.since(now), value.clone()))
    }

    fn keep<K: Ord + Clone, V>(&self, entries: &Mutex<Entries<K, V>>, key: K, value: V) {
        let now = self.clock.now();
        let mut entries = lock(entries);
        if entries.len() >= AUTH_CACHE_ENTRIES_MAX {
            entries.retain(|_, (until, _)| now < *until);
        }
        if entries.len() >= AUTH_CACHE_ENTRIES_MAX {
            // All of them are good, and which goes is a matter of one more question.
            entries.pop_first();
        }
        entries.insert(key, (now.after(self.settings.ttl_ms), value));
    }
}

fn lock<T>(entries: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each holder leaves a whole map behind.
    entries.lock().unwrap_or_else(PoisonError::into_inner)
}
