//! The credit that lives outside of a queue because several queues draw on it.

use crate::base::HolderId;

/// The credit that all consumers of one channel share, whichever queues they consume from
/// (`basic.qos` with `global`).
///
/// The contract, so that no consumer sleeps while there is credit: when [`Self::try_take`] refuses, the
/// implementation remembers, in the same step, that this holder was refused, and whoever returns
/// credit to the holder later sends [`super::Command::Flow`] with [`super::Flow::Open`] for its
/// consumers. The machine holds the consumer back before [`super::Machine::deliver`] returns, and
/// commands are applied only outside of `deliver`, so that command always comes after the hold.
pub trait SharedCredit {
    /// Takes one message's worth for this holder, or refuses. Asked only for consumers that share
    /// (`Acknowledge::Manual` with `shared`), once per message, as the last condition: after `true`
    /// the message is handed out.
    fn try_take(&mut self, holder: HolderId) -> bool;
}
