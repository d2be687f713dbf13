//! Slows down whoever guesses passwords, by whichever door: both ask here.
//!
//! A failed login is answered after a pause that doubles with each failure from the same address. A right login
//! of a name that failed from there lately waits as long, so that a guesser who does not wait for the answer
//! learns nothing from how fast it comes; other names of that address go on at once.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use crate::base::Millis;
use crate::base::limits::{
    LOGIN_MEMORY_MS, LOGIN_NAMES_MAX, LOGIN_PAUSE_MAX_MS, LOGIN_PAUSE_MIN_MS, LOGIN_PEERS_MAX,
};

/// The failed logins of the last minute.
#[derive(Debug, Default)]
pub struct FailedLogins(Mutex<BTreeMap<IpAddr, Failures>>);

/// Those of one address.
#[derive(Debug)]
struct Failures {
    count: u32,
    last: Millis,
    /// Cut, because a peer may send names of any length.
    names: Vec<Vec<u8>>,
    /// More names than are remembered.
    any_name: bool,
}

/// The first bytes of a name tell it from others well enough; more is only a pause for one more.
const NAME_BYTES: usize = 64;

impl FailedLogins {
    /// A login was checked: how long its answer waits, in ms.
    pub fn checked(&self, now: Millis, peer: IpAddr, name: &[u8], is_right: bool) -> u64 {
        let name = &name[..name.len().min(NAME_BYTES)];
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.get(&peer).is_some_and(|failures| now.since(failures.last) > LOGIN_MEMORY_MS) {
            all.remove(&peer);
        }
        if is_right {
            return all.get_mut(&peer).map_or(0, |failures| failures.succeeded(name));
        }
        if all.len() >= LOGIN_PEERS_MAX && !all.contains_key(&peer) {
            make_room(&mut all);
        }
        let failures = all.entry(peer).or_insert_with(|| Failures {
            count: 0,
            last: now,
            names: Vec::new(),
            any_name: false,
        });
        failures.failed(now, name)
    }
}

impl Failures {
    fn failed(&mut self, now: Millis, name: &[u8]) -> u64 {
        self.count = self.count.saturating_add(1);
        self.last = now;
        if !self.names.iter().any(|other| other == name) {
            if self.names.len() < LOGIN_NAMES_MAX {
                self.names.push(name.to_vec());
            } else {
                self.any_name = true;
            }
        }
        self.pause_ms()
    }

    fn succeeded(&mut self, name: &[u8]) -> u64 {
        let known = self.names.iter().position(|other| other == name);
        if known.is_none() && !self.any_name {
            return 0;
        }
        // Who knows the password is no guesser from here on.
        if let Some(at) = known {
            self.names.swap_remove(at);
        }
        self.pause_ms()
    }

    fn pause_ms(&self) -> u64 {
        let doublings = self.count.saturating_sub(1).min(16);
        (LOGIN_PAUSE_MIN_MS << doublings).min(LOGIN_PAUSE_MAX_MS)
    }
}

/// Forgets the address that has been quiet for longest.
fn make_room(all: &mut BTreeMap<IpAddr, Failures>) {
    let quietest = all.iter().min_by_key(|(_, failures)| failures.last).map(|(peer, _)| *peer);
    if let Some(peer) = quietest {
        all.remove(&peer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(last: u32) -> IpAddr {
        IpAddr::from(std::net::Ipv4Addr::from(0x0a00_0000 + last))
    }

    #[test]
    fn pauses_double_up_to_a_bound_and_are_forgotten_after_a_while() {
        let logins = FailedLogins::default();
        let fail = |at| logins.checked(Millis(at), peer(1), b"ann", false);
        let pauses: Vec<u64> = (0..7).map(fail).collect();
        assert_eq!(pauses, [100, 200, 400, 800, 1600, 3000, 3000]);
        assert_eq!(logins.checked(Millis(7), peer(2), b"ann", false), 100, "another address");
        assert_eq!(fail(6 + LOGIN_MEMORY_MS), 3000);
        assert_eq!(fail(7 + 2 * LOGIN_MEMORY_MS), 100);
    }

    #[test]
    fn a_right_login_waits_only_after_failures_of_that_name_from_that_address() {
        let logins = FailedLogins::default();
        let right = |from, name: &[u8]| logins.checked(Millis(1), peer(from), name, true);
        assert_eq!(logins.checked(Millis(0), peer(1), b"ann", false), 100);
        assert_eq!(right(1, b"bob"), 0);
        assert_eq!(right(2, b"ann"), 0);
        assert_eq!(right(1, b"ann"), 100);
        assert_eq!(right(1, b"ann"), 0, "it has shown that it knows the password");
    }

    #[test]
    fn addresses_and_names_are_bounded() {
        let logins = FailedLogins::default();
        for from in 0..u32::try_from(LOGIN_PEERS_MAX).expect("small") + 10 {
            logins.checked(Millis(u64::from(from)), peer(from), b"ann", false);
        }
        assert_eq!(logins.0.lock().expect("no panic").len(), LOGIN_PEERS_MAX);
        assert_eq!(logins.checked(Millis(1), peer(0), b"ann", true), 0, "the first was forgotten");
        for name in 0..=LOGIN_NAMES_MAX {
            logins.checked(Millis(2), peer(0), name.to_string().as_bytes(), false);
        }
        assert_eq!(logins.checked(Millis(2), peer(0), b"eve", true), 3000, "any name waits");
    }
}
