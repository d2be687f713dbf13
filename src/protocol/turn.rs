//! What a handler may touch besides its own channel, and what the machine waits for.

use crate::base::{ChannelId, HolderId, VhostName};
use crate::wire::{Method, MethodId, Output};

use super::action::{Action, Ask, Request};
use super::error::ProtocolError;
use super::flow::Flow;
use super::settings::Settings;
use super::tx::HeldPublish;

/// What a handler may touch besides its own channel.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    pub(super) settings: &'a Settings,
    pub(super) output: &'a mut Output,
    pub(super) actions: &'a mut Vec<Action>,
    pub(super) waiting: &'a mut Waiting,
    pub(super) flow: &'a mut Flow,
    /// What was agreed on for frames; 0 for no limit.
    pub(super) frame_max: u32,
    /// The number of this call of `recv`.
    pub(super) number: u64,
}

impl Turn<'_> {
    /// Asks the world; the machine takes nothing more until the answer is there.
    pub(super) fn ask(
        &mut self,
        (channel, holder): (ChannelId, HolderId),
        failed: MethodId,
        request: Request,
        then: Then,
    ) {
        self.actions.push(Action::Ask(Box::new(Ask { channel, holder, request })));
        *self.waiting = Waiting::Answer(Pending { channel, holder, failed, then });
    }
}

/// Why no input is taken.
#[derive(Debug)]
pub(super) enum Waiting {
    /// It is taken.
    Nothing,
    /// An answer is due.
    Answer(Pending),
    /// A commit's publishes are not all confirmed.
    Commit { channel: ChannelId, holder: HolderId },
}

impl Waiting {
    /// Whether it is this opening of a channel that waits.
    pub(super) fn is_for(&self, holder: HolderId) -> bool {
        match self {
            Self::Nothing => false,
            Self::Answer(pending) => pending.holder == holder,
            Self::Commit { holder: waiting, .. } => *waiting == holder,
        }
    }
}

/// A question that is not answered yet.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) channel: ChannelId,
    pub(super) holder: HolderId,
    /// The method that fails when the answer is a refusal.
    pub(super) failed: MethodId,
    pub(super) then: Then,
}

/// What an answer is for.
#[derive(Debug)]
pub(super) enum Then {
    /// `connection.tune`.
    Tune,
    /// `connection.open-ok`.
    OpenOk(VhostName),
    /// This method, which needs nothing of the answer; `None` for `nowait`.
    Reply(Option<Method>),
    /// `queue.declare-ok`.
    QueueDeclareOk { nowait: bool },
    /// `queue.purge-ok`.
    QueuePurgeOk { nowait: bool },
    /// `queue.delete-ok`.
    QueueDeleteOk { nowait: bool },
    /// `basic.consume-ok`.
    ConsumeOk { nowait: bool },
    /// `basic.get-ok` or `basic.get-empty`.
    GetOk { no_ack: bool },
    /// The publish joins the transaction.
    Hold(HeldPublish),
    /// The publish would be taken, but for this.
    Refuse(ProtocolError),
}

impl Then {
    /// `method`, unless the client wants no answer.
    pub(super) fn reply(nowait: bool, method: Method) -> Self {
        Self::Reply((!nowait).then_some(method))
    }
}
