//! Keys of RabbitMQ that have no effect here, and how much is to be said about each.
//!
//! A file that worked with RabbitMQ must not stop this broker; a person who relies on a key must learn
//! that it does nothing.

/// What becomes of a key that has no effect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Standing {
    /// It belongs to something that is not there yet.
    NotYet,
    /// It tunes something that does not exist here: nobody misses it, nothing is said.
    Needless,
    /// RabbitMQ itself dropped it.
    Obsolete,
    /// The same is said with another key.
    Instead(&'static str),
}

/// What is known about a key, unless its value is one that asks for what happens anyway.
pub(super) fn standing(key: &str, value: &str) -> Option<Standing> {
    if HARMLESS.iter().any(|(pattern, values)| matches(pattern, key) && values.contains(&value)) {
        return Some(Standing::Needless);
    }
    let lists = [(NEEDLESS, Standing::Needless), (OBSOLETE, Standing::Obsolete)];
    let listed = lists.into_iter().find(|(patterns, _)| patterns.iter().any(|p| matches(p, key)));
    if let Some((_, standing)) = listed {
        return Some(standing);
    }
    if let Some((_, other)) = INSTEAD.iter().find(|(pattern, _)| matches(pattern, key)) {
        return Some(Standing::Instead(other));
    }
    NOT_YET.iter().any(|pattern| matches(pattern, key)).then_some(Standing::NotYet)
}

/// Whole names, for suggestions.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    NOT_YET.iter().copied().filter(|pattern| !pattern.ends_with('*'))
}

/// `a.*` stands for every key below `a`; everything else for itself.
fn matches(pattern: &str, key: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => key.len() > start.len() && key.starts_with(start),
        None => pattern == key,
    }
}

/// Values that ask for what happens anyway.
const HARMLESS: &[(&str, &[&str])] = &[
    ("definitions.import_backend", &["local", "local_filesystem"]),
    ("deprecated_features.permit.*", &["true", "on"]),
    ("log.syslog", &["false", "off"]),
    ("password_hashing_module", &["rabbit_password_hashing_sha256"]),
];

const NEEDLESS: &[&str] = &[
    "background_gc_enabled",
    "background_gc_target_interval",
    "channel_operation_timeout",
    "channel_tick_interval",
    "cluster_keepalive_interval",
    "cluster_partition_handling",
    "cluster_partition_handling.*",
    "collect_statistics",
    "definitions.hashing.algorithm",
    "default_worker_pool_size",
    "distribution.*",
    "erlang.*",
    "log.federation.*",
    "log.ldap.*",
    "log.mirroring.*",
    "log.osiris.*",
    "log.prelaunch.*",
    "log.ra.*",
    "log.upgrade.*",
    "management.ssl.client_renegotiation",
    "management.ssl.honor_cipher_order",
    "management.ssl.honor_ecc_order",
    "management.ssl.secure_renegotiate",
    "memory_monitor_interval",
    "message_store_shutdown_timeout",
    "metadata_store.*",
    "msg_store_file_size_limit",
    "net_ticktime",
    "num_acceptors.*",
    "queue_leader_locator",
    "raft.*",
    "socket_writer.*",
    "ssl_options.client_renegotiation",
    "ssl_options.honor_cipher_order",
    "ssl_options.honor_ecc_order",
    "ssl_options.reuse_sessions",
    "ssl_options.secure_renegotiate",
    "sysmon_handler.*",
    "tcp_listen_options.exit_on_close",
    "vhost_restart_strategy",
    "vm_memory_calculation_strategy",
];

const OBSOLETE: &[&str] = &[
    "classic_queue.default_version",
    "delegate_count",
    "hipe_compile",
    "lazy_queue_explicit_gc_run_operation_threshold",
    "mirroring_flow_control",
    "mirroring_sync_batch_size",
    "mirroring_sync_max_throughput",
    "mnesia_table_loading_retry_limit",
    "mnesia_table_loading_retry_timeout",
    "msg_store_credit_disc_bound.*",
    "msg_store_index_module",
    "queue_index_embed_msgs_below",
    "queue_index_max_journal_entries",
    "queue_master_locator",
    "ssl_allow_poodle_attack",
    "vm_memory_high_watermark_paging_ratio",
];

const INSTEAD: &[(&str, &str)] =
    &[("product.name", "haremq.product"), ("product.version", "haremq.product_version")];

const NOT_YET: &[&str] = &[
    "amqp1_0.*",
    "auth_cache.*",
    "auth_http.*",
    "auth_ldap.*",
    "auth_oauth2.*",
    "aws.*",
    "classic_queue.*",
    "cluster_formation.*",
    "cluster_tags.*",
    "consumer_max_per_channel",
    "credential_validator.*",
    "default_consumer_prefetch.*",
    "default_limits.*",
    "default_policies.*",
    "default_users.*",
    "definitions.*",
    "deprecated_features.*",
    "exchange_types.*",
    "include",
    "initial_frame_max",
    "link_max_per_session",
    "log.*",
    "management.*",
    "management_agent.*",
    "message_interceptors.*",
    "motd_file",
    "mqtt.*",
    "node_tags.*",
    "password_hashing_module",
    "prometheus.*",
    "quorum_queue.*",
    "ranch_connection_max",
    "reverse_dns_lookups",
    "runtime_parameters.*",
    "session_max_per_connection",
    "shovel.*",
    "ssl_options",
    "ssl_options.*",
    "stomp.*",
    "stream.*",
    "tcp_listen_options",
    "tcp_listen_options.*",
    "trust_store.*",
    "web_dispatch.*",
    "web_mqtt.*",
    "web_stomp.*",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_a_feature_to_come_is_told_from_one_that_nobody_misses() {
        assert_eq!(standing("management.oauth_enabled", "true"), Some(Standing::NotYet));
        assert_eq!(standing("ssl_options.crl_check", "true"), Some(Standing::NotYet));
        assert_eq!(standing("ssl_options.honor_cipher_order", "true"), Some(Standing::Needless));
        assert_eq!(standing("num_acceptors.tcp", "10"), Some(Standing::Needless));
        assert_eq!(standing("hipe_compile", "false"), Some(Standing::Obsolete));
        assert_eq!(
            standing("product.name", "X"),
            Some(Standing::Instead("haremq.product")),
            "before the wider pattern"
        );
        assert_eq!(standing("managment.tcp.port", "15672"), None);
        assert_eq!(standing("management.", "1"), None);
    }

    #[test]
    fn a_value_that_asks_for_what_happens_anyway_is_not_mentioned() {
        assert_eq!(standing("log.syslog", "false"), Some(Standing::Needless));
        assert_eq!(standing("log.syslog", "true"), Some(Standing::NotYet));
    }
}
