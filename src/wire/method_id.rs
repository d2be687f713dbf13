//! The numbers of the methods and their names (spec: 1.3 to 1.8 and RabbitMQ's extensions).

use super::method::{Method, MethodId};

macro_rules! methods {
    ($($id:ident = $class:literal, $method:literal, $name:literal;)*) => {
        #[expect(missing_docs, reason = "the constants are named as the methods are")]
        impl MethodId {
            $(pub const $id: Self = Self { class: $class, method: $method };)*

            /// Every method there is.
            pub const ALL: &[Self] = &[$(Self::$id,)*];

            /// The method's name as the specification spells it, `basic.publish` for instance.
            #[must_use]
            pub fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$id => Some($name),)*
                    _ => None,
                }
            }
        }
    };
}

methods! {
    CONNECTION_START = 10, 10, "connection.start";
    CONNECTION_START_OK = 10, 11, "connection.start-ok";
    CONNECTION_SECURE = 10, 20, "connection.secure";
    CONNECTION_SECURE_OK = 10, 21, "connection.secure-ok";
    CONNECTION_TUNE = 10, 30, "connection.tune";
    CONNECTION_TUNE_OK = 10, 31, "connection.tune-ok";
    CONNECTION_OPEN = 10, 40, "connection.open";
    CONNECTION_OPEN_OK = 10, 41, "connection.open-ok";
    CONNECTION_CLOSE = 10, 50, "connection.close";
    CONNECTION_CLOSE_OK = 10, 51, "connection.close-ok";
    CONNECTION_BLOCKED = 10, 60, "connection.blocked";
    CONNECTION_UNBLOCKED = 10, 61, "connection.unblocked";
    CONNECTION_UPDATE_SECRET = 10, 70, "connection.update-secret";
    CONNECTION_UPDATE_SECRET_OK = 10, 71, "connection.update-secret-ok";
    CHANNEL_OPEN = 20, 10, "channel.open";
    CHANNEL_OPEN_OK = 20, 11, "channel.open-ok";
    CHANNEL_FLOW = 20, 20, "channel.flow";
    CHANNEL_FLOW_OK = 20, 21, "channel.flow-ok";
    CHANNEL_CLOSE = 20, 40, "channel.close";
    CHANNEL_CLOSE_OK = 20, 41, "channel.close-ok";
    ACCESS_REQUEST = 30, 10, "access.request";
    ACCESS_REQUEST_OK = 30, 11, "access.request-ok";
    EXCHANGE_DECLARE = 40, 10, "exchange.declare";
    EXCHANGE_DECLARE_OK = 40, 11, "exchange.declare-ok";
    EXCHANGE_DELETE = 40, 20, "exchange.delete";
    EXCHANGE_DELETE_OK = 40, 21, "exchange.delete-ok";
    EXCHANGE_BIND = 40, 30, "exchange.bind";
    EXCHANGE_BIND_OK = 40, 31, "exchange.bind-ok";
    EXCHANGE_UNBIND = 40, 40, "exchange.unbind";
    EXCHANGE_UNBIND_OK = 40, 51, "exchange.unbind-ok";
    QUEUE_DECLARE = 50, 10, "queue.declare";
    QUEUE_DECLARE_OK = 50, 11, "queue.declare-ok";
    QUEUE_BIND = 50, 20, "queue.bind";
    QUEUE_BIND_OK = 50, 21, "queue.bind-ok";
    QUEUE_PURGE = 50, 30, "queue.purge";
    QUEUE_PURGE_OK = 50, 31, "queue.purge-ok";
    QUEUE_DELETE = 50, 40, "queue.delete";
    QUEUE_DELETE_OK = 50, 41, "queue.delete-ok";
    QUEUE_UNBIND = 50, 50, "queue.unbind";
    QUEUE_UNBIND_OK = 50, 51, "queue.unbind-ok";
    BASIC_QOS = 60, 10, "basic.qos";
    BASIC_QOS_OK = 60, 11, "basic.qos-ok";
    BASIC_CONSUME = 60, 20, "basic.consume";
    BASIC_CONSUME_OK = 60, 21, "basic.consume-ok";
    BASIC_CANCEL = 60, 30, "basic.cancel";
    BASIC_CANCEL_OK = 60, 31, "basic.cancel-ok";
    BASIC_PUBLISH = 60, 40, "basic.publish";
    BASIC_RETURN = 60, 50, "basic.return";
    BASIC_DELIVER = 60, 60, "basic.deliver";
    BASIC_GET = 60, 70, "basic.get";
    BASIC_GET_OK = 60, 71, "basic.get-ok";
    BASIC_GET_EMPTY = 60, 72, "basic.get-empty";
    BASIC_ACK = 60, 80, "basic.ack";
    BASIC_REJECT = 60, 90, "basic.reject";
    BASIC_RECOVER_ASYNC = 60, 100, "basic.recover-async";
    BASIC_RECOVER = 60, 110, "basic.recover";
    BASIC_RECOVER_OK = 60, 111, "basic.recover-ok";
    BASIC_NACK = 60, 120, "basic.nack";
    CONFIRM_SELECT = 85, 10, "confirm.select";
    CONFIRM_SELECT_OK = 85, 11, "confirm.select-ok";
    TX_SELECT = 90, 10, "tx.select";
    TX_SELECT_OK = 90, 11, "tx.select-ok";
    TX_COMMIT = 90, 20, "tx.commit";
    TX_COMMIT_OK = 90, 21, "tx.commit-ok";
    TX_ROLLBACK = 90, 30, "tx.rollback";
    TX_ROLLBACK_OK = 90, 31, "tx.rollback-ok";
}

impl MethodId {
    /// The id at the head of a method frame's payload, and the arguments after it.
    #[must_use]
    pub fn split(payload: &[u8]) -> Option<(Self, &[u8])> {
        let ([c0, c1, m0, m1], arguments) = payload.split_first_chunk::<4>()?;
        let class = u16::from_be_bytes([*c0, *c1]);
        Some((Self { class, method: u16::from_be_bytes([*m0, *m1]) }, arguments))
    }

    /// As it stands at the head of a method frame's payload.
    #[must_use]
    pub fn octets(self) -> [u8; 4] {
        let [c0, c1] = self.class.to_be_bytes();
        let [m0, m1] = self.method.to_be_bytes();
        [c0, c1, m0, m1]
    }
}

impl Method {
    /// The method's numbers.
    #[must_use]
    pub fn id(&self) -> MethodId {
        match self {
            Self::ConnectionStart { .. } => MethodId::CONNECTION_START,
            Self::ConnectionStartOk { .. } => MethodId::CONNECTION_START_OK,
            Self::ConnectionSecure { .. } => MethodId::CONNECTION_SECURE,
            Self::ConnectionSecureOk { .. } => MethodId::CONNECTION_SECURE_OK,
            Self::ConnectionTune { .. } => MethodId::CONNECTION_TUNE,
            Self::ConnectionTuneOk { .. } => MethodId::CONNECTION_TUNE_OK,
            Self::ConnectionOpen { .. } => MethodId::CONNECTION_OPEN,
            Self::ConnectionOpenOk => MethodId::CONNECTION_OPEN_OK,
            Self::ConnectionClose(_) => MethodId::CONNECTION_CLOSE,
            Self::ConnectionCloseOk => MethodId::CONNECTION_CLOSE_OK,
            Self::ConnectionBlocked { .. } => MethodId::CONNECTION_BLOCKED,
            Self::ConnectionUnblocked => MethodId::CONNECTION_UNBLOCKED,
            Self::ConnectionUpdateSecret { .. } => MethodId::CONNECTION_UPDATE_SECRET,
            Self::ConnectionUpdateSecretOk => MethodId::CONNECTION_UPDATE_SECRET_OK,
            Self::ChannelOpen => MethodId::CHANNEL_OPEN,
            Self::ChannelOpenOk => MethodId::CHANNEL_OPEN_OK,
            Self::ChannelFlow { .. } => MethodId::CHANNEL_FLOW,
            Self::ChannelFlowOk { .. } => MethodId::CHANNEL_FLOW_OK,
            Self::ChannelClose(_) => MethodId::CHANNEL_CLOSE,
            Self::ChannelCloseOk => MethodId::CHANNEL_CLOSE_OK,
            Self::AccessRequest { .. } => MethodId::ACCESS_REQUEST,
            Self::AccessRequestOk { .. } => MethodId::ACCESS_REQUEST_OK,
            Self::ExchangeDeclare(_) => MethodId::EXCHANGE_DECLARE,
            Self::ExchangeDeclareOk => MethodId::EXCHANGE_DECLARE_OK,
            Self::ExchangeDelete { .. } => MethodId::EXCHANGE_DELETE,
            Self::ExchangeDeleteOk => MethodId::EXCHANGE_DELETE_OK,
            Self::ExchangeBind(_) => MethodId::EXCHANGE_BIND,
            Self::ExchangeBindOk => MethodId::EXCHANGE_BIND_OK,
            Self::ExchangeUnbind(_) => MethodId::EXCHANGE_UNBIND,
            Self::ExchangeUnbindOk => MethodId::EXCHANGE_UNBIND_OK,
            Self::QueueDeclare(_) => MethodId::QUEUE_DECLARE,
            Self::QueueDeclareOk { .. } => MethodId::QUEUE_DECLARE_OK,
            Self::QueueBind(_) => MethodId::QUEUE_BIND,
            Self::QueueBindOk => MethodId::QUEUE_BIND_OK,
            Self::QueuePurge { .. } => MethodId::QUEUE_PURGE,
            Self::QueuePurgeOk { .. } => MethodId::QUEUE_PURGE_OK,
            Self::QueueDelete { .. } => MethodId::QUEUE_DELETE,
            Self::QueueDeleteOk { .. } => MethodId::QUEUE_DELETE_OK,
            Self::QueueUnbind(_) => MethodId::QUEUE_UNBIND,
            Self::QueueUnbindOk => MethodId::QUEUE_UNBIND_OK,
            Self::BasicQos { .. } => MethodId::BASIC_QOS,
            Self::BasicQosOk => MethodId::BASIC_QOS_OK,
            Self::BasicConsume(_) => MethodId::BASIC_CONSUME,
            Self::BasicConsumeOk { .. } => MethodId::BASIC_CONSUME_OK,
            Self::BasicCancel { .. } => MethodId::BASIC_CANCEL,
            Self::BasicCancelOk { .. } => MethodId::BASIC_CANCEL_OK,
            Self::BasicPublish { .. } => MethodId::BASIC_PUBLISH,
            Self::BasicReturn { .. } => MethodId::BASIC_RETURN,
            Self::BasicDeliver { .. } => MethodId::BASIC_DELIVER,
            Self::BasicGet { .. } => MethodId::BASIC_GET,
            Self::BasicGetOk { .. } => MethodId::BASIC_GET_OK,
            Self::BasicGetEmpty => MethodId::BASIC_GET_EMPTY,
            Self::BasicAck { .. } => MethodId::BASIC_ACK,
            Self::BasicReject { .. } => MethodId::BASIC_REJECT,
            Self::BasicRecoverAsync { .. } => MethodId::BASIC_RECOVER_ASYNC,
            Self::BasicRecover { .. } => MethodId::BASIC_RECOVER,
            Self::BasicRecoverOk => MethodId::BASIC_RECOVER_OK,
            Self::BasicNack { .. } => MethodId::BASIC_NACK,
            Self::ConfirmSelect { .. } => MethodId::CONFIRM_SELECT,
            Self::ConfirmSelectOk => MethodId::CONFIRM_SELECT_OK,
            Self::TxSelect => MethodId::TX_SELECT,
            Self::TxSelectOk => MethodId::TX_SELECT_OK,
            Self::TxCommit => MethodId::TX_COMMIT,
            Self::TxCommitOk => MethodId::TX_COMMIT_OK,
            Self::TxRollback => MethodId::TX_ROLLBACK,
            Self::TxRollbackOk => MethodId::TX_ROLLBACK_OK,
        }
    }
}
