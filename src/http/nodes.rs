//! The node: there is one.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::call::Call;
use super::error::ApiError;
use super::machine::Process;
use super::overview::{ERLANG_VERSION, contexts, exchange_types};
use super::route::Run::Now;
use super::route::{Needs, Route};
use super::samples::{CHURN, NODE, NodeSample, Ranges};
use crate::base::plugins::built_in_names;

pub(super) const ROUTES: &[Route] = &[
    Route::get("/nodes", Needs::Monitoring, "The nodes: one", Now(list)),
    Route::get("/nodes/{node}", Needs::Monitoring, "A node", Now(one)),
    Route::get("/nodes/{node}/memory", Needs::Monitoring, "What memory is used for", Now(memory)),
    Route::get(
        "/nodes/{node}/memory/relative",
        Needs::Monitoring,
        "What memory is used for, in percent",
        Now(relative_memory),
    ),
];

/// Numbers that are counted in an Erlang machine and in its files only. Dashboards want them to be there.
const ERLANG_NUMBERS: &[&str] = &[
    "gc_num",
    "gc_bytes_reclaimed",
    "io_read_count",
    "io_read_bytes",
    "io_read_avg_time",
    "io_write_count",
    "io_write_bytes",
    "io_write_avg_time",
    "io_sync_count",
    "io_sync_avg_time",
    "io_seek_count",
    "io_seek_avg_time",
    "io_reopen_count",
    "io_file_handle_open_attempt_count",
    "io_file_handle_open_attempt_avg_time",
    "mnesia_ram_tx_count",
    "mnesia_disk_tx_count",
    "msg_store_read_count",
    "msg_store_write_count",
    "queue_index_journal_write_count",
    "queue_index_write_count",
    "queue_index_read_count",
];

fn list(call: &Call) -> Result<Answer, ApiError> {
    Ok(Answer::list(vec![describe(call)?]))
}

fn one(call: &Call) -> Result<Answer, ApiError> {
    check(call)?;
    let mut node = describe(call)?;
    if call.query.is_true("memory") {
        node["memory"] = memory_of(&Process::look(), call);
    }
    Ok(Answer::object(node))
}

fn check(call: &Call) -> Result<(), ApiError> {
    if call.segment("node") == call.management.facts.node {
        Ok(())
    } else {
        Err(ApiError::not_found())
    }
}

fn describe(call: &Call) -> Result<Value, ApiError> {
    let ranges = Ranges::of(&call.query)?;
    let mut node = about(call);
    let zeros = ERLANG_NUMBERS.iter().map(|&name| (name, 0));
    let files_max = Process::files_max();
    for (name, number) in zeros.chain([("fd_total", files_max), ("sockets_total", files_max)]) {
        node.insert(name.to_owned(), Value::from(number));
        node.insert(format!("{name}_details"), json!({ "rate": 0.0 }));
    }
    let at = call.management.moment();
    let folder = call.management.facts.data_folder.as_deref();
    let sample = NodeSample::look(call.broker(), folder);
    let [numbers, churn] = call.management.samples.node.look(at.now, [()].iter(), |series| {
        [
            series.stats(NODE, &sample, ranges.node_stats, at.unix_ms),
            series.stats(CHURN, &sample, ranges.node_stats, at.unix_ms),
        ]
    });
    node.extend(numbers.into_map());
    node.extend(churn.into_map());
    Ok(Value::Object(node))
}

fn about(call: &Call) -> Map<String, Value> {
    let facts = &call.management.facts;
    let alarms = call.broker().alarm_state();
    let state = call.management.control.state();
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let uptime = call.broker().clock().now().since(facts.started);
    let about = json!({
        "name": facts.node,
        "type": "disc",
        "running": state.app_runs,
        "being_drained": !state.app_runs,
        "os_pid": std::process::id().to_string(),
        "uptime": uptime,
        "run_queue": 0,
        "processors": processors,
        "rates_mode": "basic",
        "proc_total": 1_048_576,
        "mem_limit": call.broker().memory_watermark_bytes(),
        "alarms": super::alarms::list(call),
        "mem_alarm": alarms.memory,
        "mem_calculation_strategy": "rss",
        "disk_free_limit": call.management.control.disk_free_bytes_min(),
        "disk_free_alarm": alarms.disk,
        "net_ticktime": 60,
        "db_dir": facts.data_folder.as_deref().unwrap_or(Path::new("")),
        "config_files": facts.config_files,
        "log_files": ["stderr"],
        "enabled_plugins": built_in_names().collect::<Vec<_>>(),
        "exchange_types": exchange_types(),
        "auth_mechanisms": auth_mechanisms(),
        "applications": [{
            "name": "rabbit",
            "description": concat!("HareMQ ", env!("CARGO_PKG_VERSION")),
            "version": facts.rabbitmq_version,
        }],
        "contexts": contexts(facts),
        "partitions": [],
        "cluster_links": [],
        "metrics_gc_queue_length": {},
        "ra_open_file_metrics": {},
        "rabbitmq_version": facts.rabbitmq_version,
        "erlang_version": ERLANG_VERSION,
        "crypto_lib_version": "",
    });
    match about {
        Value::Object(about) => about,
        _ => Map::new(),
    }
}

fn auth_mechanisms() -> Value {
    let mechanism = |name: &str, description: &str| json!({ "name": name, "description": description, "enabled": true });
    json!([
        mechanism("PLAIN", "SASL PLAIN authentication mechanism"),
        mechanism("AMQPLAIN", "QPid AMQPLAIN mechanism"),
    ])
}

fn memory(call: &Call) -> Result<Answer, ApiError> {
    check(call)?;
    Ok(Answer::object(json!({ "memory": memory_of(&Process::look(), call) })))
}

/// Message bytes that wait, and everything else.
fn memory_of(process: &Process, call: &Call) -> Value {
    let messages = call.broker().memory_used_bytes().min(process.resident_bytes);
    json!({
        "binary": messages,
        "other_proc": process.resident_bytes - messages,
        "strategy": "rss",
        "total": {
            "rss": process.resident_bytes,
            "allocated": process.resident_bytes,
            "erlang": process.resident_bytes,
        },
    })
}

fn relative_memory(call: &Call) -> Result<Answer, ApiError> {
    check(call)?;
    let process = Process::look();
    let messages = call.broker().memory_used_bytes().min(process.resident_bytes);
    let percent = (messages * 100).checked_div(process.resident_bytes).unwrap_or_default();
    Ok(Answer::object(json!({
        "memory": { "binary": percent, "other_proc": 100 - percent, "strategy": "rss", "total": 100 },
    })))
}
