//! What a change of the table, or a look into it, can be refused for.
//!
//! The variants carry the pieces of RabbitMQ's reply texts; the broker knows the virtual host and puts
//! the sentence together (rabbitmq: wire errors of exchanges and bindings).

/// Why the table refused. The displayed text is what follows the reply code's name, except that
/// texts which name the virtual host lack it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RoutingError {
    /// No exchange type has this name. Reply 406.
    #[error("unknown exchange type '{0}'")]
    UnknownType(String),
    /// Declared again with another property. Reply 406; `received` and `current` are quoted already.
    #[error("inequivalent arg '{argument}': received {received} but current is {current}")]
    Inequivalent {
        /// The property or argument that differs.
        argument: &'static str,
        /// The value of this declaration, as text.
        received: String,
        /// The value the exchange has, as text.
        current: String,
    },
    /// An argument has a value of the wrong type. Reply 406.
    #[error("invalid type '{type_name}' for arg '{argument}'")]
    InvalidArgumentType {
        /// The argument.
        argument: &'static str,
        /// RabbitMQ's word for the type it has.
        type_name: &'static str,
    },
    /// There is no such exchange. Reply 404.
    #[error("no exchange '{0}'")]
    NoExchange(String),
    /// There is no such queue. Reply 404.
    #[error("no queue '{0}'")]
    NoQueue(String),
    /// The exchange still has bindings from it, and was to go only if it had none. Reply 406.
    #[error("exchange '{0}' in use")]
    InUse(String),
    /// The default exchange cannot be declared, deleted or bound. Reply 403.
    #[error("operation not permitted on the default exchange")]
    DefaultExchange,
    /// `x-match` of a binding is none of the known words. Reply 406; the value is an Erlang term.
    #[error("Invalid x-match field value {0}; expected all, any, all-with-x, or any-with-x")]
    InvalidXMatchValue(String),
    /// `x-match` of a binding is not a string. Reply 406; the value is an Erlang term.
    #[error("Invalid x-match field type {type_name} (value {value}); expected longstr")]
    InvalidXMatchType {
        /// RabbitMQ's word for the type it has.
        type_name: &'static str,
        /// The value, as text.
        value: String,
    },
    /// The binding key of a consistent hash exchange is no weight. Reply 406; an Erlang term.
    #[error("The binding key must be an integer: {0}")]
    WeightNoInteger(String),
    /// As above. Reply 406.
    #[error("The binding key must be greater than 0")]
    WeightNotPositive,
    /// As above. Reply 406.
    #[error("The binding key must not exceed 10000")]
    WeightTooLarge,
    /// `hash-property` names a property that is not hashed. Reply 406.
    #[error("Unsupported property: {0}")]
    UnsupportedProperty(String),
    /// Two things to hash. Reply 406.
    #[error("hash-header and hash-property are mutually exclusive")]
    HeaderAndProperty,
    /// `x-recent-history-length` is no positive number. Reply 406; an Erlang term.
    #[error("Invalid argument {0}, 'x-recent-history-length' must be a positive integer")]
    HistoryLength(String),
    /// `x-cache-size` of an exchange that drops duplicates. Reply 406.
    #[error("Missing or invalid argument, 'x-cache-size' must be an integer greater than 0")]
    CacheSize,
    /// As above, and the bound is ours. Reply 406.
    #[error("Invalid argument, 'x-cache-size' must not exceed {0}")]
    CacheTooLarge(usize),
    /// `x-cache-ttl` of an exchange that drops duplicates. Reply 406.
    #[error("Invalid argument, 'x-cache-ttl' must be an integer greater than 0")]
    CacheTtl,
    /// `x-cache-persistence` of an exchange that drops duplicates. Reply 406.
    #[error("Invalid argument, 'x-cache-persistence' must be either 'disk' or 'memory'")]
    CachePersistence,
    /// An exchange that delays does not say how it routes then. Reply 406.
    #[error("Invalid argument, 'x-delayed-type' must be an existing exchange type")]
    DelayedType,
    /// A local random exchange is bound with a key. Reply 406.
    #[error("Non empty binding '{0}' key not permitted")]
    KeyNotPermitted(String),
    /// A local random exchange is bound to an exchange. Reply 406.
    #[error("Destination not found")]
    NoDestination,
    /// The bindings of the virtual host would take more bytes than this. Reply 406, and the bound is ours.
    #[error(
        "bindings of the virtual host take {0} bytes at most: remove some, or use another virtual host"
    )]
    TooManyBindings(usize),
}
