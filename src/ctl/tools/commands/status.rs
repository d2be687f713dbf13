//! What the broker says about itself.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::facts::{self, Listening};
use crate::ctl::tools::answer::{Answer, Table};
use crate::ctl::tools::failure::Failure;
use crate::ctl::tools::session::Session;
use crate::ctl::tools::spec::Section::{Configuration, FeatureFlags, Monitoring};
use crate::ctl::tools::spec::{Column, CommandSpec, Flag};
use crate::ctl::tools::tool::Tool::{self, Diagnostics, Rabbitmqctl};

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new(
        "status",
        Monitoring,
        "Shows version, uptime, alarms, memory, disk, totals and listeners",
        status,
    )
    .flags(&[UNIT])
    .tools(READERS)
    .says(|call| format!("Status of node {} ...", call.node)),
    CommandSpec::new(
        "cluster_status",
        Monitoring,
        "Shows the nodes of the cluster; there is one",
        cluster_status,
    )
    .tools(READERS)
    .says(|call| format!("Cluster status of node {} ...", call.node)),
    CommandSpec::new(
        "memory_breakdown",
        Monitoring,
        "Shows what memory is used for",
        memory_breakdown,
    )
    .flags(&[UNIT])
    .tools(&[Diagnostics])
    .says(|call| format!("Reporting memory breakdown on node {}...", call.node)),
    CommandSpec::new("environment", Configuration, "Shows the settings in force", environment)
        .tools(READERS)
        .says(|call| format!("Application environment of node {} ...", call.node)),
    CommandSpec::new("report", Monitoring, "Shows everything that helps to find a fault", report)
        .tools(READERS)
        .says(|call| format!("Reporting server status of node {} ...\n", call.node)),
    CommandSpec::new("list_feature_flags", FeatureFlags, "Lists feature flags", list_feature_flags)
        .lists(FLAG_COLUMNS, &["name", "state"])
        .tools(READERS)
        .says(|_| "Listing feature flags ...".to_owned()),
    CommandSpec::new(
        "list_deprecated_features",
        FeatureFlags,
        "Lists features that are to go away",
        list_deprecated,
    )
    .lists(DEPRECATED_COLUMNS, &["name", "deprecation_phase"])
    .flags(&[Flag::switch("used", "Only those that are in use")])
    .says(|call| {
        if call.has("used") {
            "Listing deprecated features in use ...".to_owned()
        } else {
            "Listing deprecated features ...".to_owned()
        }
    }),
];

const READERS: &[Tool] = &[Rabbitmqctl, Diagnostics];
const UNIT: Flag = Flag::text("unit", "unit", "bytes, kb, mb, gb or tb (default gb)");

const FLAG_COLUMNS: &[Column] = &[
    Column::same("name"),
    Column::same("state"),
    Column::same("stability"),
    Column::same("provided_by"),
    Column::same("desc"),
    Column::same("doc_url"),
];

const DEPRECATED_COLUMNS: &[Column] = &[
    Column::same("name"),
    Column::same("deprecation_phase"),
    Column::same("provided_by"),
    Column::same("desc"),
    Column::same("doc_url"),
];

/// The parts of a report: a title, and lines below it.
struct Page(String);

impl Page {
    fn part(&mut self, title: &str, lines: &[String]) {
        // Writing into a string does not fail.
        let _ = writeln!(self.0, "{title}\n");
        for line in lines {
            let _ = writeln!(self.0, "{line}");
        }
        if lines.is_empty() {
            let _ = writeln!(self.0, "(none)");
        }
        self.0.push('\n');
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn list(value: &Value) -> Vec<String> {
    value.as_array().map(Vec::as_slice).unwrap_or_default().iter().map(text).collect()
}

/// What `status` and `report` show.
struct Facts {
    overview: Value,
    node: Value,
    vhosts: usize,
    name: String,
}

fn facts(session: &mut Session<'_>) -> Result<Facts, Failure> {
    let overview = session.expect(&["overview"])?;
    let node = facts::node(session)?;
    let vhosts = session.list(&["vhosts"])?.len();
    let name = overview["node"].as_str().unwrap_or(&session.call.node).to_owned();
    Ok(Facts { overview, node, vhosts, name })
}

fn status(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let unit = facts::unit(session)?;
    let facts = facts(session)?;
    let document = status_document(&facts);
    Ok(Answer::Document { document, text: status_text(&facts, unit) })
}

fn status_text(facts: &Facts, unit: &str) -> String {
    let Facts { overview, node, vhosts, name } = facts;
    let mut page = Page(String::new());
    page.part(
        "Runtime",
        &[
            format!("OS PID: {}", text(&node["os_pid"])),
            format!("OS: {}", std::env::consts::OS),
            format!("Uptime (seconds): {}", node["uptime"].as_u64().unwrap_or(0) / 1000),
            format!("Is under maintenance?: {}", node["being_drained"] == Value::Bool(true)),
            format!(
                "Product: {} {}",
                text(&overview["product_name"]),
                text(&overview["product_version"])
            ),
            format!("RabbitMQ version: {}", text(&overview["rabbitmq_version"])),
            format!("Node name: {name}"),
        ],
    );
    page.part(
        "Plugins",
        &list(&node["enabled_plugins"])
            .iter()
            .map(|plugin| format!(" * {plugin}"))
            .collect::<Vec<_>>(),
    );
    page.part("Data directory", &[format!("Node data directory: {}", text(&node["db_dir"]))]);
    page.part("Config files", &bullets(&node["config_files"]));
    page.part("Log file(s)", &bullets(&node["log_files"]));
    page.part("Alarms", &facts::alarms(node, name));
    page.part(
        "Memory",
        &[
            format!("Total memory used: {}", facts::in_unit(&node["mem_used"], unit)),
            format!("Calculation strategy: {}", text(&node["mem_calculation_strategy"])),
            format!("Memory high watermark: {}", facts::in_unit(&node["mem_limit"], unit)),
        ],
    );
    page.part(
        "File Descriptors",
        &[
            format!("Total: {}, limit: {}", text(&node["fd_used"]), text(&node["fd_total"])),
            format!(
                "Sockets: {}, limit: {}",
                text(&node["sockets_used"]),
                text(&node["sockets_total"])
            ),
        ],
    );
    page.part(
        "Free Disk Space",
        &[
            format!(
                "Low free disk space watermark: {}",
                facts::in_unit(&node["disk_free_limit"], unit)
            ),
            format!("Free disk space: {}", facts::in_unit(&node["disk_free"], unit)),
        ],
    );
    let totals = &overview["object_totals"];
    page.part(
        "Totals",
        &[
            format!("Connection count: {}", totals["connections"].as_u64().unwrap_or(0)),
            format!("Queue count: {}", totals["queues"].as_u64().unwrap_or(0)),
            format!("Virtual host count: {vhosts}"),
        ],
    );
    let listeners: Vec<String> = facts::listeners(overview).iter().map(Listening::line).collect();
    page.part("Listeners", &listeners);
    page.0.trim_end().to_owned()
}

fn bullets(value: &Value) -> Vec<String> {
    list(value).iter().map(|item| format!(" * {item}")).collect()
}

/// The fields of `rabbitmqctl status --formatter json` that mean something here.
fn status_document(facts: &Facts) -> Value {
    let Facts { overview, node, vhosts, name } = facts;
    let listeners: Vec<Value> =
        facts::listeners(overview).iter().map(|listener| listener.document(name)).collect();
    json!({
        "pid": node["os_pid"].as_str().and_then(|pid| pid.parse::<u64>().ok()),
        "os": std::env::consts::OS,
        "uptime": node["uptime"].as_u64().unwrap_or(0) / 1000,
        "is_under_maintenance": node["being_drained"] == Value::Bool(true),
        "product_name": overview["product_name"],
        "product_version": overview["product_version"],
        "rabbitmq_version": overview["rabbitmq_version"],
        "erlang_version": overview["erlang_version"],
        "active_plugins": node["enabled_plugins"],
        "data_directory": node["db_dir"],
        "config_files": node["config_files"],
        "log_files": node["log_files"],
        "alarms": facts::alarms(node, name),
        "memory": { "total": { "rss": node["mem_used"] }, "strategy": node["mem_calculation_strategy"] },
        "vm_memory_high_watermark_limit": node["mem_limit"],
        "disk_free": node["disk_free"],
        "disk_free_limit": node["disk_free_limit"],
        "file_descriptors": {
            "total_used": node["fd_used"],
            "total_limit": node["fd_total"],
            "sockets_used": node["sockets_used"],
            "sockets_limit": node["sockets_total"],
        },
        "processes": { "used": node["proc_used"], "limit": node["proc_total"] },
        "run_queue": node["run_queue"],
        "totals": {
            "connection_count": overview["object_totals"]["connections"],
            "queue_count": overview["object_totals"]["queues"],
            "virtual_host_count": vhosts,
        },
        "listeners": listeners,
    })
}

fn cluster_status(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let facts = facts(session)?;
    let flags = session.list(&["feature-flags"])?;
    let Facts { overview, node, name, .. } = &facts;
    let version = text(&overview["product_version"]);
    let product = text(&overview["product_name"]);
    let listeners = facts::listeners(overview);
    let mut page = Page(String::new());
    page.part("Basics", &[format!("Cluster name: {}", text(&overview["cluster_name"]))]);
    page.part("Disk Nodes", std::slice::from_ref(name));
    page.part("Running Nodes", std::slice::from_ref(name));
    page.part("Versions", &[format!("{name}: {product} {version}")]);
    page.part("Maintenance status", &[format!("Node: {name}, status: not under maintenance")]);
    page.part("Alarms", &facts::alarms(node, name));
    page.part("Network Partitions", &[]);
    let lines: Vec<String> = listeners
        .iter()
        .map(|listener| {
            format!("Node: {name}, {}", listener.line().replacen("Interface", "interface", 1))
        })
        .collect();
    page.part("Listeners", &lines);
    let lines: Vec<String> = flags
        .iter()
        .map(|flag| format!("Flag: {}, state: {}", text(&flag["name"]), text(&flag["state"])))
        .collect();
    page.part("Feature flags", &lines);
    let listeners: Vec<Value> = listeners.iter().map(|l| l.document(name)).collect();
    let document = json!({
        "cluster_name": overview["cluster_name"],
        "disk_nodes": [name],
        "ram_nodes": [],
        "running_nodes": [name],
        "partitions": {},
        "versions": { name.clone(): { "rabbitmq_name": product, "rabbitmq_version": version } },
        "maintenance_status": { name.clone(): "not under maintenance" },
        "alarms": facts::alarms(node, name),
        "listeners": { name.clone(): listeners },
        "feature_flags": flags,
    });
    Ok(Answer::Document { document, text: page.0.trim_end().to_owned() })
}

fn memory_breakdown(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let unit = facts::unit(session)?;
    let document = session.expect(&["haremq", "memory"])?;
    let parts = document["parts"].as_array().cloned().unwrap_or_default();
    let total = document["total_bytes"].as_f64().unwrap_or(0.0).max(1.0);
    let mut parts: Vec<(f64, String)> = parts
        .iter()
        .map(|part| {
            let bytes = part["bytes"].as_f64().unwrap_or(0.0);
            let (name, amount) = (text(&part["name"]), facts::in_unit(&part["bytes"], unit));
            (bytes, format!("{name}: {amount} ({:.2}%)", bytes * 100.0 / total))
        })
        .collect();
    parts.sort_by(|a, b| b.0.total_cmp(&a.0));
    let lines: Vec<String> = parts.into_iter().map(|(_, line)| line).collect();
    Ok(Answer::Document { document, text: lines.join("\n") })
}

/// Where each value comes from is said behind it.
fn environment(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let document = session.expect(&["config", "effective"])?;
    let mut lines = String::new();
    for (key, value) in document.as_object().into_iter().flatten() {
        let shown = value.get("value").unwrap_or(value);
        let source = value.get("source").map(|source| format!("    # {}", text(source)));
        let _ = writeln!(lines, "{key} = {}{}", text(shown), source.unwrap_or_default());
    }
    Ok(Answer::Document { document, text: lines })
}

fn report(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let facts = facts(session)?;
    let mut page = Page(status_text(&facts, "gb"));
    page.0.push_str("\n\n");
    let mut document = serde_json::Map::new();
    document.insert("status".to_owned(), status_document(&facts));
    for (title, segments) in [
        ("Connections", &["connections"][..]),
        ("Channels", &["channels"]),
        ("Consumers", &["consumers"]),
        ("Queues", &["queues"]),
        ("Exchanges", &["exchanges"]),
        ("Bindings", &["bindings"]),
        ("Users", &["users"]),
        ("Permissions", &["permissions"]),
        ("Policies", &["policies"]),
        ("Parameters", &["parameters"]),
        ("Virtual hosts", &["vhosts"]),
    ] {
        let items: Vec<Value> = session.list(segments)?.into_iter().map(without_secrets).collect();
        let lines: Vec<String> = items.iter().map(Value::to_string).collect();
        page.part(title, &lines);
        document.insert(segments.join("/"), Value::Array(items));
    }
    let text = page.0.trim_end().to_owned();
    Ok(Answer::Document { document: Value::Object(document), text })
}

/// A report is sent to others.
fn without_secrets(mut item: Value) -> Value {
    if let Some(fields) = item.as_object_mut() {
        fields.remove("password_hash");
        if fields.contains_key("component") {
            // The address of an upstream holds a password.
            fields.insert("value".to_owned(), Value::from("[hidden]"));
        }
    }
    item
}

fn list_feature_flags(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let found = session.list(&["feature-flags"])?;
    Ok(Answer::Table(Table::of(&session.call.columns()?, &found)))
}

fn list_deprecated(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let found = if session.call.has("used") {
        session.list(&["deprecated-features", "used"])?
    } else {
        session.list(&["deprecated-features"])?
    };
    Ok(Answer::Table(Table::of(&session.call.columns()?, &found)))
}
