//! Times in which a queue may lose messages because a client wants it so.
//!
//! Nobody outside knows when a purge, a delete, or a delivery that needs no ack happens: only that it is between what was
//! asked and what was answered. When such a time ends with a loss, nobody is promised any more what may have been in
//! the queue meanwhile.

use super::{Oracle, index};

/// Why messages may go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::sim) enum Taking {
    /// What waits goes; what somebody holds stays.
    Purge,
    /// Everything goes, and what comes before the queue is declared again.
    Delete,
    /// What is sent is gone, whether it arrives or not.
    Fetch,
    /// As above, by a consumer.
    Consumer(u64),
}

/// One of these times.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    connection: u64,
    queue: usize,
    taking: Taking,
    since: u64,
}

impl Window {
    /// Whether it takes even what comes to the queue.
    pub(super) fn deletes(&self, queue: usize) -> bool {
        self.queue == queue && self.taking == Taking::Delete
    }
}

impl Oracle {
    /// From now on messages may go.
    pub(in crate::sim) fn may_take(&mut self, connection: u64, queue: usize, taking: Taking) {
        let since = self.next_moment();
        self.windows.push(Window { connection, queue, taking, since });
    }

    /// The answer came: what went, if it came to the client, has been heard of.
    pub(in crate::sim) fn has_taken(&mut self, connection: u64, queue: usize, taking: Taking) {
        let is_it = |window: &Window| {
            (window.connection, window.queue, window.taking) == (connection, queue, taking)
        };
        let Some(at) = self.windows.iter().position(is_it) else { return };
        let window = self.windows.remove(at);
        match taking {
            Taking::Purge => self.waive(window),
            Taking::Delete => {
                self.waive(window);
                self.deleted(window);
            }
            // All of it was heard.
            Taking::Fetch | Taking::Consumer(_) => {}
        }
    }

    /// The queue that was deleted is certainly there again, and nobody deletes it.
    pub(in crate::sim) fn is_there_again(&mut self) {
        self.end_windows(|window| window.taking == Taking::Delete);
    }

    /// The connection is gone, and with it what was on the way to it. Its deletes go on, because nobody knows whether
    /// the queue was declared again.
    pub(super) fn lose(&mut self, connection: Option<u64>) {
        self.end_windows(|window| {
            window.taking != Taking::Delete && connection.is_none_or(|of| of == window.connection)
        });
    }

    /// The world stands still: what was sent has been heard. A consumer that needs no acks goes on to take what is given
    /// back.
    pub(super) fn nothing_was_lost(&mut self) {
        let now = self.next_moment();
        self.windows.retain(|of| matches!(of.taking, Taking::Delete | Taking::Consumer(_)));
        let consumers = |of: &&mut Window| matches!(of.taking, Taking::Consumer(_));
        for window in self.windows.iter_mut().filter(consumers) {
            window.since = now;
        }
    }

    fn end_windows(&mut self, ends: impl Fn(&Window) -> bool) {
        let (ended, left): (Vec<_>, Vec<_>) = self.windows.iter().partition(|of| ends(of));
        self.windows = left;
        for window in ended {
            self.waive(window);
        }
    }

    /// Who held a message all the time still has it, unless the queue went with it.
    fn waive(&mut self, window: Window) {
        let (open, all) = (&self.open, window.taking == Taking::Delete);
        let copies = self.copies.iter_mut().filter(|((_, queue), _)| *queue == window.queue);
        for (_, copy) in copies {
            let held_since = copy.holder.map_or(u64::MAX, |(_, since)| since);
            let stayed = copy.is_held(open) && held_since < window.since;
            copy.waived |= all || !stayed;
        }
    }

    /// What was there before the delete is gone; nobody takes anything out of such a queue.
    fn deleted(&mut self, window: Window) {
        for ((number, queue), copy) in &mut self.copies {
            let answered_at = self.messages[index(*number)].answered_at;
            if *queue == window.queue && answered_at.is_some_and(|at| at < window.since) {
                copy.gone = true;
            }
        }
    }
}
