//! Logins that last: whoever logged in with a form and shows the cookie that came with the answer.
//!
//! A session is known by a random token, of which only a hash is kept. It ends after
//! `management.login_session_timeout`, at a log-out, and with the user: its password when it logged in is
//! compared with the one that it has now, so a changed password, a deleted user and one that was made anew
//! under the name end it without anybody having to tell. A session of a user that somebody else keeps ends with
//! the token that it showed, too. Nothing survives a restart.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::base::Millis;
use crate::base::limits::{HTTP_SESSIONS_MAX, HTTP_SESSIONS_OF_USER_MAX};
use crate::broker::Identity;

/// The sessions of this process. Bounded by [`HTTP_SESSIONS_MAX`]; a leaf lock.
#[derive(Default)]
pub(super) struct Sessions(Mutex<BTreeMap<TokenHash, Session>>);

/// What a session is known by: so the time that a search takes tells nothing of a token.
type TokenHash = [u8; 32];

/// Who is logged in.
#[derive(Clone, Debug)]
pub(super) struct Session {
    /// The user, and what it may do where somebody else says so.
    pub(super) identity: Identity,
    /// What the user's password was; `None` when somebody else keeps the user.
    pub(super) proof: Option<Proof>,
    /// When it ends.
    pub(super) ends: Millis,
}

/// The hash of a user's password and what it was made with, as the records have it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Proof(pub(super) Option<String>, pub(super) String);

impl std::fmt::Debug for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Proof")
    }
}

/// Random bytes of a token: nobody guesses 256 bits.
const TOKEN_BYTES: usize = 32;

impl Sessions {
    /// A session from now on; the token that names it. Who has too many loses the oldest.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub(super) fn begin(&self, now: Millis, session: Session) -> Result<String, getrandom::Error> {
        let mut bytes = [0; TOKEN_BYTES];
        getrandom::fill(&mut bytes)?;
        let token = URL_SAFE_NO_PAD.encode(bytes);
        let mut all = self.lock();
        if all.len() >= HTTP_SESSIONS_MAX {
            all.retain(|_, other| other.ends > now);
        }
        let user = session.identity.name.clone();
        let is_of_user = |other: &Session| other.identity.name == user;
        let of_user = all.values().filter(|other| is_of_user(other)).count();
        if of_user >= HTTP_SESSIONS_OF_USER_MAX {
            drop_oldest(&mut all, is_of_user);
        } else if all.len() >= HTTP_SESSIONS_MAX {
            tracing::warn!(
                sessions = HTTP_SESSIONS_MAX,
                "too many are logged in: the oldest is out"
            );
            drop_oldest(&mut all, |_| true);
        }
        all.insert(hash(&token), session);
        Ok(token)
    }

    /// Who shows this token; one whose time is over is nobody.
    pub(super) fn find(&self, now: Millis, token: &str) -> Option<Session> {
        let mut all = self.lock();
        let key = hash(token);
        let session = all.get(&key)?;
        if session.ends > now {
            return Some(session.clone());
        }
        all.remove(&key);
        None
    }

    /// Ends the session of this token.
    pub(super) fn end(&self, token: &str) {
        self.lock().remove(&hash(token));
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<TokenHash, Session>> {
        // One look at or one change of the map.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn hash(token: &str) -> TokenHash {
    Sha256::digest(token.as_bytes()).into()
}

/// All last as long: who ends first came first.
fn drop_oldest(all: &mut BTreeMap<TokenHash, Session>, which: impl Fn(&Session) -> bool) {
    let oldest = all.iter().filter(|(_, session)| which(session));
    if let Some(key) = oldest.min_by_key(|(_, session)| session.ends).map(|(key, _)| *key) {
        all.remove(&key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::UserName;

    fn session(user: &str, ends: u64) -> Session {
        let identity = Identity::of_user(UserName::try_from(user).expect("short"));
        let proof = Some(Proof(None, String::new()));
        Session { identity, proof, ends: Millis(ends) }
    }

    /// Who a token names.
    fn find(sessions: &Sessions, now: u64, token: &str) -> Option<String> {
        sessions.find(Millis(now), token).map(|session| session.identity.name.to_string())
    }

    fn begin(sessions: &Sessions, user: &str, ends: u64) -> String {
        sessions.begin(Millis(0), session(user, ends)).expect("random numbers")
    }

    #[test]
    fn a_session_is_found_by_its_token_until_its_time_is_over() {
        let sessions = Sessions::default();
        let (ann, bob) = (begin(&sessions, "ann", 10), begin(&sessions, "bob", 20));
        assert_ne!(ann, bob);
        assert_eq!(ann.len(), 43, "256 bits");
        assert_eq!(find(&sessions, 9, &ann), Some("ann".to_owned()));
        assert_eq!(find(&sessions, 10, &ann), None);
        assert_eq!(find(&sessions, 9, &ann), None, "it is forgotten");
        assert_eq!(find(&sessions, 19, &bob), Some("bob".to_owned()));
        assert_eq!(find(&sessions, 0, "guessed"), None);
        sessions.end(&bob);
        assert_eq!(find(&sessions, 0, &bob), None);
    }

    #[test]
    fn who_logs_in_too_often_loses_the_oldest_session_and_nobody_elses() {
        let sessions = Sessions::default();
        let bob = begin(&sessions, "bob", 1);
        let most = u64::try_from(HTTP_SESSIONS_OF_USER_MAX).expect("small");
        let of_ann: Vec<String> = (0..=most).map(|at| begin(&sessions, "ann", 100 + at)).collect();
        assert_eq!(find(&sessions, 0, &of_ann[0]), None);
        assert!(of_ann[1..].iter().all(|token| find(&sessions, 0, token).is_some()));
        assert!(find(&sessions, 0, &bob).is_some());
    }

    #[test]
    fn there_are_never_more_sessions_than_the_bound() {
        let sessions = Sessions::default();
        let first = begin(&sessions, "first", 1_000);
        for user in 0..HTTP_SESSIONS_MAX {
            begin(&sessions, &user.to_string(), 2_000);
        }
        assert_eq!(sessions.lock().len(), HTTP_SESSIONS_MAX);
        assert_eq!(find(&sessions, 0, &first), None, "the oldest is out");
        let late = sessions.begin(Millis(2_000), session("late", 3_000)).expect("random numbers");
        assert_eq!(sessions.lock().len(), 1, "those whose time is over make room");
        assert!(find(&sessions, 2_000, &late).is_some());
    }
}
