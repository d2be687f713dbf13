//! One connection's task: it owns the socket, and takes turns with its [`Conversation`].
//!
//! The unit of work is one read. `now` is read once per turn.
//!
//! A connection that always has more to do lets the others go first after a bounded amount of work:
//! [`TURN_BYTES_MAX`] read and written, or [`TURNS_IN_A_ROW_MAX`] turns. The runtime runs a task that
//! yields only after it has run every other one that is ready and has asked the sockets again.

use std::sync::Arc;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite};

use super::caller::Caller;
use super::conversation::Conversation;
use super::wait::Line;
use crate::base::ConnectionId;
use crate::base::limits::{TURN_BYTES_MAX, TURNS_IN_A_ROW_MAX};
use crate::broker::Broker;
use crate::protocol::Settings;

/// What a session is made of.
pub(super) struct Parts<S> {
    pub(super) stream: S,
    pub(super) caller: Caller,
    pub(super) id: ConnectionId,
    pub(super) broker: Arc<Broker>,
    pub(super) settings: Arc<Settings>,
}

/// See the module.
pub(super) struct Session<S> {
    line: Line<S>,
    input: BytesMut,
    conversation: Conversation,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    pub(super) fn new(parts: Parts<S>) -> Self {
        let conversation = Conversation::new(parts.caller, parts.id, parts.broker, parts.settings);
        Self { line: Line::new(parts.stream), input: BytesMut::new(), conversation }
    }

    /// Runs until the connection is over, whoever ends it.
    pub(super) async fn run(mut self) {
        let inbox = self.conversation.inbox();
        let mut now = self.conversation.now();
        let (mut moved_bytes, mut read_bytes) = (0, 0);
        loop {
            if self.conversation.is_over(now) {
                self.line.linger().await;
                return;
            }
            let deadline = self.conversation.deadline(now);
            let interest = self.conversation.interest();
            let unwritten = self.conversation.output().len();
            let woken = self
                .line
                .wait(now, deadline, interest, &mut self.input, self.conversation.output(), &inbox)
                .await;
            now = self.conversation.now();
            match woken {
                Err(error) => {
                    self.conversation.peer_gone(now, &error.to_string());
                    return;
                }
                Ok(woken) => {
                    if woken.wrote {
                        self.conversation.wrote(now);
                    }
                    if woken.read == Some(0) {
                        self.conversation.peer_gone(now, "the client closed the socket");
                        return;
                    }
                    let read = woken.read.unwrap_or(0);
                    let written = unwritten - self.conversation.output().len();
                    self.conversation.moved(read, written);
                    moved_bytes += read + written;
                    read_bytes += read;
                }
            }
            let mut turns = 0;
            while self.conversation.turn(now, &mut self.input) {
                turns += 1;
                if turns == TURNS_IN_A_ROW_MAX {
                    turns = 0;
                    tokio::task::yield_now().await;
                }
            }
            if self.conversation.is_cut() {
                return;
            }
            if moved_bytes >= TURN_BYTES_MAX {
                if read_bytes >= TURN_BYTES_MAX / 2 {
                    // The system leaves a thread its processor for milliseconds, while another worker may wait for it with
                    // somebody's turn begun. Consumers, who mostly write, keep theirs: with less of it queues grow.
                    std::thread::yield_now();
                }
                (moved_bytes, read_bytes) = (0, 0);
                tokio::task::yield_now().await;
            }
        }
    }
}

#[cfg(test)]
mod tests;
