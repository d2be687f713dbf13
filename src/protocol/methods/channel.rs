//! Class channel (spec: 1.3), as far as an open channel goes; opening and closing are the
//! connection's business.

use crate::wire::Method;

use crate::protocol::channel::Channel;
use crate::protocol::error::ProtocolError;
use crate::protocol::turn::Turn;

impl Channel {
    /// rabbitmq: deliveries are never held by `channel.flow`; a client uses prefetch for that.
    pub(in crate::protocol) fn channel_flow(
        &self,
        active: bool,
        turn: &mut Turn<'_>,
    ) -> Result<(), ProtocolError> {
        if !active {
            return Err(ProtocolError::FlowOff);
        }
        self.reply(&Method::ChannelFlowOk { active }, turn);
        Ok(())
    }
}
