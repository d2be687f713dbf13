//! What a transaction holds back until its commit (spec: class tx).
//!
//! Publishes wait here with their bytes; settlements were checked against the ledger and taken out of
//! it when they came. A rollback forgets the publishes and puts the settlements back: the messages
//! stay unsettled and are not delivered again (rabbitmq: semantics.md, tx).

use crate::base::Message;
use crate::base::limits::{TX_BYTES_MAX, TX_ENTRIES_MAX};

use super::action::Outcome;
use super::error::ProtocolError;
use super::ledger::Line;

/// A publish that waits for the commit.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct HeldPublish {
    pub(super) message: Message,
    pub(super) mandatory: bool,
}

/// A settlement that waits for the commit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct HeldSettlement {
    pub(super) outcome: Outcome,
    pub(super) line: Line,
}

/// One transaction. When it ends, the next one begins empty.
#[derive(Debug)]
pub(super) struct Transaction {
    publishes: Vec<HeldPublish>,
    settlements: Vec<HeldSettlement>,
    bytes: u64,
    bounds: Bounds,
}

/// How much a transaction may hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Bounds {
    pub(super) bytes_max: u64,
    pub(super) entries_max: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { bytes_max: TX_BYTES_MAX, entries_max: TX_ENTRIES_MAX }
    }
}

impl Transaction {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self { publishes: Vec::new(), settlements: Vec::new(), bytes: 0, bounds }
    }

    /// Publishes and settlements that are held.
    pub(super) fn len(&self) -> usize {
        self.publishes.len() + self.settlements.len()
    }

    pub(super) fn publishes(&self) -> usize {
        self.publishes.len()
    }

    pub(super) fn publish(&mut self, publish: HeldPublish) -> Result<(), ProtocolError> {
        self.admit()?;
        let bytes = self.bytes.saturating_add(publish.message.ram_bytes());
        if bytes > self.bounds.bytes_max {
            return Err(ProtocolError::TxBytes { bytes_max: self.bounds.bytes_max });
        }
        self.bytes = bytes;
        self.publishes.push(publish);
        Ok(())
    }

    pub(super) fn settle(&mut self, settlement: HeldSettlement) -> Result<(), ProtocolError> {
        self.admit()?;
        self.settlements.push(settlement);
        Ok(())
    }

    /// Ends the transaction: its publishes and its settlements in the order in which they came.
    pub(super) fn end(&mut self) -> (Vec<HeldPublish>, Vec<HeldSettlement>) {
        self.bytes = 0;
        (std::mem::take(&mut self.publishes), std::mem::take(&mut self.settlements))
    }

    fn admit(&self) -> Result<(), ProtocolError> {
        if self.len() >= self.bounds.entries_max {
            return Err(ProtocolError::TxEntries { entries_max: self.bounds.entries_max });
        }
        Ok(())
    }
}
