//! Class tx (spec: 1.9). Transactions are atomic for the order of things, not for a crash, as in
//! RabbitMQ.

use crate::base::{Plant, planted};
use crate::wire::Method;

use crate::protocol::action::{Action, Publish};
use crate::protocol::channel::{Channel, Mode};
use crate::protocol::confirms::{Confirms, Finished};
use crate::protocol::error::ProtocolError;
use crate::protocol::ledger::{Origin, return_credit, settle};
use crate::protocol::turn::{Turn, Waiting};
use crate::protocol::tx::{Bounds, HeldPublish, HeldSettlement, Transaction};

impl Channel {
    pub(in crate::protocol) fn tx_select(
        &mut self,
        turn: &mut Turn<'_>,
    ) -> Result<(), ProtocolError> {
        match self.mode {
            Mode::Confirm(_) => return Err(ProtocolError::ConfirmToTx),
            Mode::Plain => {
                let bounds = Bounds {
                    bytes_max: turn.settings.tx_bytes_max,
                    entries_max: turn.settings.tx_entries_max,
                };
                let held = Transaction::new(bounds);
                self.mode = Mode::Transaction { held, confirms: Confirms::new() };
            }
            Mode::Transaction { .. } => {}
        }
        self.reply(&Method::TxSelectOk, turn);
        Ok(())
    }

    /// Everything that was held goes out; `commit-ok` follows when every publish is confirmed.
    pub(in crate::protocol) fn tx_commit(
        &mut self,
        turn: &mut Turn<'_>,
    ) -> Result<(), ProtocolError> {
        let (channel, holder) = (self.id, self.holder);
        let Mode::Transaction { held, confirms } = &mut self.mode else {
            return Err(ProtocolError::NotTransactional);
        };
        let (publishes, settlements) = held.end();
        let waits = !publishes.is_empty();
        for HeldPublish { message, mandatory } in publishes {
            self.counters.published(message.body().len() as u64);
            let sequence = Some(confirms.publish());
            let publish = Publish { channel, holder, message, mandatory, sequence };
            turn.actions.push(Action::Publish(publish));
        }
        self.settle_held(settlements, turn);
        self.count_held();
        if waits {
            *turn.waiting = Waiting::Commit { channel, holder };
        } else {
            self.reply(&Method::TxCommitOk, turn);
        }
        Ok(())
    }

    pub(in crate::protocol) fn tx_rollback(
        &mut self,
        turn: &mut Turn<'_>,
    ) -> Result<(), ProtocolError> {
        let Mode::Transaction { held, .. } = &mut self.mode else {
            return Err(ProtocolError::NotTransactional);
        };
        let (publishes, settlements) = held.end();
        for publish in publishes.into_iter().filter(|_| planted(Plant::RollbackKeeps)) {
            held.publish(publish)?;
        }
        self.ledger.restore(settlements.into_iter().map(|held| held.line));
        self.count_held();
        self.reply(&Method::TxRollbackOk, turn);
        Ok(())
    }

    /// A publish that the broker would take joins the transaction.
    pub(in crate::protocol) fn hold(&mut self, publish: HeldPublish) -> Result<(), ProtocolError> {
        let held = match &mut self.mode {
            Mode::Transaction { held, .. } => held.publish(publish),
            Mode::Plain | Mode::Confirm(_) => Err(ProtocolError::Internal),
        };
        self.count_held();
        held
    }

    /// Whether the commit that runs is through.
    pub(in crate::protocol) fn commit_finished(&mut self) -> Option<Finished> {
        match &mut self.mode {
            Mode::Transaction { confirms, .. } => confirms.finish(),
            Mode::Plain | Mode::Confirm(_) => None,
        }
    }

    fn settle_held(&self, settlements: Vec<HeldSettlement>, turn: &mut Turn<'_>) {
        let mut credit = 0;
        for HeldSettlement { outcome, line } in settlements {
            self.settled(outcome).add(1);
            settle(turn.actions, self.holder, outcome, line);
            credit += u32::from(self.shares_credit && line.origin == Origin::Consumer);
        }
        return_credit(turn.actions, self.holder, credit);
    }
}
