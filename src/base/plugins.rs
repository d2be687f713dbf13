//! RabbitMQ's plug-ins, and which of them HareMQ has built in.

/// A plug-in of RabbitMQ.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Plugin {
    /// Its name.
    pub name: &'static str,
    /// Whether HareMQ has what it does.
    pub built_in: bool,
    /// What it is for.
    pub about: &'static str,
}

const fn built_in(name: &'static str, about: &'static str) -> Plugin {
    Plugin { name, built_in: true, about }
}

const fn absent(name: &'static str, about: &'static str) -> Plugin {
    Plugin { name, built_in: false, about }
}

/// By name. A change here is a change of what the broker can do: the API and the command line tell it from here.
pub const PLUGINS: &[Plugin] = &[
    absent("rabbitmq_amqp1_0", "AMQP 1.0"),
    built_in("rabbitmq_auth_backend_cache", "a cache of what another back-end says"),
    built_in("rabbitmq_auth_backend_http", "users of an HTTP service"),
    absent("rabbitmq_auth_backend_ldap", "users of a directory"),
    built_in("rabbitmq_auth_backend_oauth2", "users by token"),
    built_in("rabbitmq_auth_mechanism_ssl", "users by certificate"),
    built_in("rabbitmq_consistent_hash_exchange", "exchanges of the type x-consistent-hash"),
    built_in("rabbitmq_delayed_message_exchange", "exchanges of the type x-delayed-message"),
    built_in("rabbitmq_event_exchange", "events as messages"),
    absent("rabbitmq_federation", "exchanges and queues over several brokers"),
    absent("rabbitmq_federation_management", "federation in the API"),
    absent("rabbitmq_jms_topic_exchange", "JMS selectors"),
    built_in("rabbitmq_management", "the HTTP API"),
    built_in("rabbitmq_management_agent", "statistics for the HTTP API"),
    built_in("rabbitmq_message_deduplication", "messages that come twice are dropped"),
    absent("rabbitmq_mqtt", "MQTT"),
    built_in("rabbitmq_prometheus", "metrics for Prometheus"),
    built_in("rabbitmq_random_exchange", "exchanges of the type x-random"),
    built_in("rabbitmq_recent_history_exchange", "exchanges of the type x-recent-history"),
    absent("rabbitmq_sharding", "queues in parts"),
    absent("rabbitmq_shovel", "messages from broker to broker"),
    absent("rabbitmq_shovel_management", "shovels in the API"),
    absent("rabbitmq_stomp", "STOMP"),
    absent("rabbitmq_stream", "the stream protocol"),
    absent("rabbitmq_stream_management", "streams in the API"),
    absent("rabbitmq_top", "processes by use"),
    absent("rabbitmq_tracing", "traced messages in files"),
    absent("rabbitmq_trust_store", "certificates of a trusted list"),
    built_in("rabbitmq_web_dispatch", "the HTTP listener"),
    absent("rabbitmq_web_mqtt", "MQTT over WebSockets"),
    absent("rabbitmq_web_stomp", "STOMP over WebSockets"),
];

/// A plug-in that RabbitMQ knows.
#[must_use]
pub fn find(name: &str) -> Option<&'static Plugin> {
    PLUGINS.iter().find(|plugin| plugin.name == name)
}

/// The names of what is built in.
pub fn built_in_names() -> impl Iterator<Item = &'static str> {
    PLUGINS.iter().filter(|plugin| plugin.built_in).map(|plugin| plugin.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_plugin_stands_once_and_in_the_order_of_names() {
        assert!(PLUGINS.is_sorted_by(|a, b| a.name < b.name));
        assert!(find("rabbitmq_management").is_some_and(|plugin| plugin.built_in));
        assert_eq!(find("rabbitmq_nothing"), None);
    }
}
