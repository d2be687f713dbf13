//! `rabbitmq-plugins`: what of RabbitMQ's plug-ins is built in. Nothing can be added or taken away, so
//! it needs no broker.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::ctl::tools::answer::Answer;
use crate::ctl::tools::call::Call;
use crate::ctl::tools::failure::{Failure, code};
use crate::ctl::tools::session::Session;
use crate::ctl::tools::spec::{CommandSpec, Flag, Section::Plugins};
use crate::ctl::tools::tool::Tool;

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::saying(
        "list",
        Plugins,
        "Lists RabbitMQ's plug-ins and whether they are built in",
        list,
    )
    .takes("[<pattern>]")
    .flags(&[
        Flag::switch("verbose", "Also what each is").short('v'),
        Flag::switch("minimal", "Names only").short('m'),
        Flag::switch("enabled", "Only those that are built in").short('E'),
        Flag::switch("implicitly-enabled", "Only those that are built in").short('e'),
    ])
    .tools(TOOL)
    .says(|call| {
        let pattern = call.arguments.first().map_or(".*", String::as_str);
        format!("Listing plugins with pattern \"{pattern}\" ...")
    }),
    CommandSpec::new(
        "enable",
        Plugins,
        "Checks that plug-ins are built in; nothing else is to be done",
        enable,
    )
    .takes("[<plugin> ...]")
    .flags(&[ONLINE, OFFLINE, Flag::switch("all", "Everything that is built in")])
    .tools(TOOL)
    .says(|call| format!("Enabling plugins on node {}:\n{}", call.node, call.arguments.join("\n"))),
    CommandSpec::new("disable", Plugins, "Fails: what is built in cannot be taken out", disable)
        .takes("[<plugin> ...]")
        .flags(&[ONLINE, OFFLINE, Flag::switch("all", "Everything that is built in")])
        .tools(TOOL)
        .says(|call| {
            format!("Disabling plugins on node {}:\n{}", call.node, call.arguments.join("\n"))
        }),
    CommandSpec::new("set", Plugins, "As enable", enable)
        .takes("[<plugin> ...]")
        .flags(&[ONLINE, OFFLINE])
        .tools(TOOL)
        .says(|call| {
            format!("Enabling plugins on node {}:\n{}", call.node, call.arguments.join("\n"))
        }),
    CommandSpec::new("is_enabled", Plugins, "Checks that plug-ins are built in", is_enabled)
        .takes("<plugin> [<plugin> ...]")
        .flags(&[ONLINE, OFFLINE])
        .tools(TOOL)
        .says(|call| {
            let (names, node) = (call.arguments.join(", "), &call.node);
            let (plugins, are) =
                if call.arguments.len() > 1 { ("plugins", "are") } else { ("plugin", "is") };
            format!("Asking node {node} if {plugins} {names} {are} enabled...")
        }),
    CommandSpec::saying(
        "directories",
        Plugins,
        "Says that there are no folders of plug-ins",
        directories,
    )
    .flags(&[ONLINE, OFFLINE])
    .tools(TOOL)
    .says(|call| format!("Listing plugin directories used by node {}", call.node)),
];

const TOOL: &[Tool] = &[Tool::Plugins];
const ONLINE: Flag = Flag::switch("online", "Taken and not used");
const OFFLINE: Flag = Flag::switch("offline", "Taken and not used");

/// A plug-in of RabbitMQ.
struct Plugin {
    name: &'static str,
    built_in: bool,
    about: &'static str,
}

const fn built_in(name: &'static str, about: &'static str) -> Plugin {
    Plugin { name, built_in: true, about }
}

const fn absent(name: &'static str, about: &'static str) -> Plugin {
    Plugin { name, built_in: false, about }
}

/// By name. A change here is a change of what the broker can do.
const PLUGINS: &[Plugin] = &[
    absent("rabbitmq_amqp1_0", "AMQP 1.0"),
    absent("rabbitmq_auth_backend_cache", "a cache of what another back-end says"),
    absent("rabbitmq_auth_backend_http", "users of an HTTP service"),
    absent("rabbitmq_auth_backend_ldap", "users of a directory"),
    absent("rabbitmq_auth_backend_oauth2", "users by token"),
    absent("rabbitmq_auth_mechanism_ssl", "users by certificate"),
    built_in("rabbitmq_consistent_hash_exchange", "exchanges of the type x-consistent-hash"),
    built_in("rabbitmq_delayed_message_exchange", "exchanges of the type x-delayed-message"),
    absent("rabbitmq_event_exchange", "events as messages"),
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

fn find(name: &str) -> Option<&'static Plugin> {
    PLUGINS.iter().find(|plugin| plugin.name == name)
}

fn built_in_names() -> impl Iterator<Item = &'static str> {
    PLUGINS.iter().filter(|plugin| plugin.built_in).map(|plugin| plugin.name)
}

fn list(call: &Call) -> Answer {
    let only_built_in = call.has("enabled") || call.has("implicitly-enabled");
    // A pattern of letters is what scripts use; `.*` stands for all.
    let pattern = call.arguments.first().map_or("", String::as_str);
    let pattern = pattern.trim_start_matches('^').trim_end_matches('$').replace(".*", "");
    let shown: Vec<&Plugin> = PLUGINS
        .iter()
        .filter(|plugin| plugin.name.contains(&pattern) && (plugin.built_in || !only_built_in))
        .collect();
    let version = env!("CARGO_PKG_VERSION");
    let mut text = String::new();
    let documents: Vec<Value> = shown.iter().map(|plugin| document(plugin)).collect();
    if call.has("minimal") {
        let lines: Vec<&str> = shown.iter().map(|plugin| plugin.name).collect();
        let document = json!({ "format": "minimal", "plugins": documents });
        return Answer::Document { document, text: lines.join("\n") };
    }
    if !call.is_quiet() {
        let _ = writeln!(text, " Configured: E = built in");
        let _ = writeln!(text, " | Status: * = running on {}", call.node);
        let _ = writeln!(text, " |/");
    }
    let width = shown.iter().map(|plugin| plugin.name.len()).max().unwrap_or(0);
    for plugin in &shown {
        let (mark, version) = if plugin.built_in { ("E*", version) } else { ("  ", "not there") };
        let _ = writeln!(text, "[{mark}] {:<width$} {version}", plugin.name);
        if call.has("verbose") {
            let _ = writeln!(text, "     Description: \t{}", plugin.about);
        }
    }
    let format = if call.has("verbose") { "verbose" } else { "normal" };
    let document = json!({ "format": format, "status": "running", "plugins": documents });
    Answer::Document { document, text }
}

fn document(plugin: &Plugin) -> Value {
    json!({
        "name": plugin.name,
        "enabled": if plugin.built_in { "enabled" } else { "not_enabled" },
        "running": plugin.built_in,
        "description": plugin.about,
        "version": env!("CARGO_PKG_VERSION"),
    })
}

fn enable(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let call = session.call;
    let names = named(session, call.command.name == "set")?;
    let absent: Vec<&str> = names
        .iter()
        .copied()
        .filter(|name| find(name).is_some_and(|plugin| !plugin.built_in))
        .collect();
    if !absent.is_empty() {
        let text = format!(
            "HareMQ has nothing that takes the place of {}: it has {}",
            absent.join(", "),
            built_in_names().collect::<Vec<_>>().join(", ")
        );
        return Err(Failure::told(code::UNAVAILABLE, text));
    }
    let mut text = String::from("The following plugins have been configured:\n");
    for name in names {
        let _ = writeln!(text, "  {name}");
    }
    let _ = writeln!(text, "Applying plugin configuration to {}...", call.node);
    let _ = writeln!(text, "Plugin configuration unchanged. They are built in.");
    Ok(Answer::Text(text))
}

fn disable(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let names = named(session, false)?;
    let built_in: Vec<&str> = names
        .iter()
        .copied()
        .filter(|name| find(name).is_some_and(|plugin| plugin.built_in))
        .collect();
    if !built_in.is_empty() {
        let text = format!("built in and cannot be disabled: {}", built_in.join(", "));
        return Err(Failure::told(code::UNAVAILABLE, text));
    }
    let node = &session.call.node;
    Ok(Answer::Text(format!(
        "Applying plugin configuration to {node}...\nPlugin configuration unchanged."
    )))
}

/// The plug-ins of a line, every one of which RabbitMQ knows.
fn named<'a>(session: &Session<'a>, may_be_none: bool) -> Result<Vec<&'a str>, Failure> {
    let call = session.call;
    if call.has("all") {
        return Ok(built_in_names().collect());
    }
    if call.arguments.is_empty() && !may_be_none {
        return Err(Failure::usage("not enough arguments."));
    }
    let unknown: Vec<String> = call
        .arguments
        .iter()
        .filter(|name| find(name).is_none())
        .map(|name| format!(":{name}"))
        .collect();
    if !unknown.is_empty() {
        let text = format!("{{:plugins_not_found, [{}]}}", unknown.join(", "));
        return Err(Failure::told(code::SOFTWARE, text));
    }
    Ok(call.arguments.iter().map(String::as_str).collect())
}

fn is_enabled(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let (names, node) = (&session.call.arguments, &session.call.node);
    let is_absent = |name: &&String| find(name).is_none_or(|plugin| !plugin.built_in);
    let absent: Vec<&str> = names.iter().filter(is_absent).map(String::as_str).collect();
    let subject = |names: &[&str]| match names {
        [one] => format!("Plugin {one} is"),
        many => format!("Plugins {} are", many.join(", ")),
    };
    if absent.is_empty() {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        return Ok(Answer::Text(format!("{} enabled on node {node}", subject(&names))));
    }
    let text = format!(
        "{} not enabled on node {node}. Enabled plugins and dependencies: {}",
        subject(&absent),
        built_in_names().collect::<Vec<_>>().join(", ")
    );
    Err(Failure::told(code::UNAVAILABLE, text))
}

fn directories(_: &Call) -> Answer {
    let document =
        json!({ "plugins_dir": null, "plugins_expand_dir": null, "enabled_plugins_file": null });
    let text = "Plugin archives directory: (none: plugins are built in)\n\
                Plugin expansion directory: (none)\n\
                Enabled plugins file: (none)";
    Answer::Document { document, text: text.to_owned() }
}
