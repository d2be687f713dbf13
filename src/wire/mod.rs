//! AMQP bytes to values and back (spec: 4.2). Knows frames and methods, and no state of a connection.

mod method;

pub use method::{
    BasicConsume, Close, ExchangeBind, ExchangeDeclare, Method, MethodId, QueueBind, QueueDeclare,
};
