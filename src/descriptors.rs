//! Room in the process's table of file descriptors, made before there is a second thread.
//!
//! Linux doubles the table when a descriptor does not fit any more. In a process of several threads it first
//! waits until no processor reads the old one (an RCU grace period: tens of milliseconds on a busy machine),
//! inside the call that wanted the descriptor: a thread that takes a connection would hold up every
//! connection whose turn it has. A process of one thread waits for nobody.

use std::io;
use std::os::fd::AsFd;

use rustix::io::fcntl_dupfd_cloexec;
use rustix::process::{Resource, getrlimit};

use crate::base::limits::DESCRIPTORS_READY;

/// Makes the room. A system that refuses is only slower later, so nothing is said of it.
pub(crate) fn make_room() {
    if let Some(last) = last_ready(getrlimit(Resource::Nofile).current) {
        // Taking the highest number makes the table that long; it stays so when the number is free again.
        drop(fcntl_dupfd_cloexec(io::stderr().as_fd(), last));
    }
}

/// The highest descriptor there shall be room for, under a limit on how many may be open (none: no limit).
fn last_ready(limit: Option<u64>) -> Option<i32> {
    let ready = limit.map_or(DESCRIPTORS_READY, |limit| limit.min(DESCRIPTORS_READY));
    ready.checked_sub(1).and_then(|last| i32::try_from(last).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_made_for_as_many_as_may_be_open_and_within_its_bound() {
        assert_eq!(last_ready(Some(1_024)), Some(1_023));
        assert_eq!(last_ready(Some(1_048_576)), Some(65_535));
        assert_eq!(last_ready(None), Some(65_535));
        assert_eq!(last_ready(Some(0)), None);
    }
}
