//! Settings that deployments hide in the arguments of the Erlang machine, as `-rabbit key value`. There is
//! no such machine here; for each of them the key of `rabbitmq.conf` is named that says the same.

use super::keys::Key;
use super::known;

/// One warning for each setting of an application of RabbitMQ. Values are not repeated: they may be
/// secret. Everything else tunes the machine and is missed by nobody.
pub(super) fn warnings(arguments: &str) -> Vec<String> {
    let words = words(arguments);
    let settings = words.windows(2).filter(|pair| {
        let word = |index: usize| pair[index].as_str();
        word(0).starts_with("-rabbit") && !word(1).starts_with('-')
    });
    settings.map(|pair| warning(&pair[0][1..], &pair[1])).collect()
}

fn warning(application: &str, name: &str) -> String {
    match key(application, name) {
        Some(key) => format!("'-{application} {name}' has no effect: use the key '{key}'"),
        None => format!(
            "'-{application} {name}' has no effect: there is no Erlang here, and no key that says the same"
        ),
    }
}

/// The key of the file that sets what an application calls by this name.
fn key(application: &str, name: &str) -> Option<String> {
    let listed = NAMED_OTHERWISE.iter().find(|(a, n, _)| (*a, *n) == (application, name));
    if let Some((_, _, key)) = listed {
        return Some((*key).to_owned());
    }
    let key = match application {
        "rabbitmq_management" => format!("management.{name}"),
        "rabbitmq_prometheus" => format!("prometheus.{name}"),
        _ => name.to_owned(),
    };
    let is_key = Key::find(&key).is_some() || known::standing(&key, "").is_some();
    is_key.then_some(key)
}

/// Words as a shell takes them apart.
fn words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for letter in text.chars() {
        match quote {
            Some(open) if open == letter => quote = None,
            None if letter == '\'' || letter == '"' => quote = Some(letter),
            None if letter.is_whitespace() => words.push(std::mem::take(&mut word)),
            _ => word.push(letter),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

/// Application, name, key.
const NAMED_OTHERWISE: &[(&str, &str, &str)] = &[
    ("rabbit", "auth_backends", "auth_backends.1"),
    ("rabbit", "auth_mechanisms", "auth_mechanisms.1"),
    ("rabbit", "cluster_nodes", "cluster_formation.classic_config.nodes.1"),
    ("rabbit", "default_permissions", "default_permissions.configure"),
    ("rabbit", "default_user_tags", "default_user_tags.administrator"),
    ("rabbit", "disk_free_limit", "disk_free_limit.absolute"),
    ("rabbit", "log", "log.console.level"),
    ("rabbit", "log_levels", "log.console.level"),
    ("rabbit", "ssl_listeners", "listeners.ssl.default"),
    ("rabbit", "ssl_options", "ssl_options.certfile"),
    ("rabbit", "tcp_listen_options", "tcp_listen_options.backlog"),
    ("rabbit", "tcp_listeners", "listeners.tcp.default"),
    ("rabbit", "vm_memory_high_watermark", "vm_memory_high_watermark.relative"),
    ("rabbitmq_management", "cors_allow_origins", "management.cors.allow_origins.1"),
    ("rabbitmq_management", "listener", "management.tcp.port"),
    ("rabbitmq_management", "tcp_config", "management.tcp.port"),
    ("rabbitmq_prometheus", "ssl_config", "prometheus.ssl.port"),
    ("rabbitmq_prometheus", "tcp_config", "prometheus.tcp.port"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setting_is_named_with_its_key_and_without_its_value() {
        let said = warnings(
            "+P 100 -rabbit consumer_timeout 1 -rabbit tcp_listeners '[5673]' -kernel net_ticktime 9 \
             -rabbit default_pass '<<\"secret\">>' -rabbitmq_management path_prefix '\"/x\"' \
             -rabbit loopback_users '[]' -rabbit some_thing 1 -setcookie abc",
        );
        assert_eq!(
            said,
            [
                "'-rabbit consumer_timeout' has no effect: use the key 'consumer_timeout'",
                "'-rabbit tcp_listeners' has no effect: use the key 'listeners.tcp.default'",
                "'-rabbit default_pass' has no effect: use the key 'default_pass'",
                "'-rabbitmq_management path_prefix' has no effect: use the key 'management.path_prefix'",
                "'-rabbit loopback_users' has no effect: use the key 'loopback_users'",
                "'-rabbit some_thing' has no effect: there is no Erlang here, and no key that says the \
                 same",
            ]
        );
        assert_eq!(warnings("+S 4:4 -env X 1"), Vec::<String>::new());
    }
}
