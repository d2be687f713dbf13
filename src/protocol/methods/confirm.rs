//! Class confirm (rabbitmq: confirms.md).

use crate::wire::Method;

use crate::protocol::channel::{Channel, Mode};
use crate::protocol::confirms::Confirms;
use crate::protocol::error::ProtocolError;
use crate::protocol::turn::Turn;

impl Channel {
    pub(in crate::protocol) fn confirm_select(
        &mut self,
        nowait: bool,
        turn: &mut Turn<'_>,
    ) -> Result<(), ProtocolError> {
        match self.mode {
            Mode::Transaction { .. } => return Err(ProtocolError::TxToConfirm),
            Mode::Plain => {
                self.mode = Mode::Confirm(Confirms::new());
                self.counters.confirms_from.set(self.counters.publishes());
            }
            // Selecting it again changes nothing: the numbers go on.
            Mode::Confirm(_) => {}
        }
        if !nowait {
            self.reply(&Method::ConfirmSelectOk, turn);
        }
        Ok(())
    }
}
