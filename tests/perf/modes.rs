//! The other modes, each with a few messages.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use super::program::Run;
use crate::support::{Broker, unique};

fn figures(arguments: &[&str]) -> Value {
    Run::figures(Broker::shared(), arguments)
}

#[test]
fn latency_measures_every_message() {
    let name = unique("perf");
    let steady = ["latency", "--rate", "1000", "--duration", "0.1", "--confirm", "100"];
    let value = figures(&[&steady[..], &["--queue-pattern", &name]].concat());
    assert_eq!(value["ended"], "complete");
    for name in ["published", "confirmed", "delivered", "acked"] {
        assert_eq!(value[name], 100, "{name}");
    }
    let latency = &value["latency_us"];
    assert_eq!(latency["samples"], 100);
    let at = |name: &str| latency[name].as_f64().expect("a number");
    let order = ["min", "p50", "p90", "p99", "p99_9", "max"].map(at);
    assert!(order.is_sorted() && order[0] > 0.0, "{latency}");
}

#[test]
fn a_backlog_comes_back_complete_and_in_order() {
    let name = unique("perf");
    let sizes = ["backlog", "--messages", "2000", "--size", "20", "--hold", "0"];
    let value = figures(&[&sizes[..], &["--queue-pattern", &name]].concat());
    assert_eq!(value["in_order"], true);
    assert_eq!(
        (&value["fill"]["messages"], &value["drain"]["messages"]),
        (&2000.into(), &2000.into())
    );
}

#[test]
fn connections_stay_open_while_they_are_held() {
    let value = figures(&["connections", "--count", "11", "--parallel", "3", "--hold", "0"]);
    assert_eq!((&value["count"], &value["lost"]), (&11.into(), &0.into()));
    assert_eq!(value["latency_us"]["samples"], 11);
    assert!(value["opened_per_s"].as_f64().is_some_and(|rate| rate > 0.0), "{value}");
}

#[test]
fn everything_that_can_come_and_go_does() {
    for what in ["connections", "channels", "queues", "bindings"] {
        let run = ["churn", "--what", what, "--parallel", "2", "--duration", "0.1"];
        let value = figures(&run);
        assert!(value["count"].as_u64().is_some_and(|count| count > 0), "{what}: {value}");
        assert_eq!(value["latency_us"]["samples"], value["count"], "{what}");
    }
}

#[test]
fn the_disk_is_measured_and_left_clean() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().to_str().expect("UTF-8");
    let options = ["disk", "--dir", path, "--size", "100", "--batch", "10", "--duration", "0.05"];
    let run = Run::of(&[&options[..], &["--json"]].concat());
    assert_eq!(run.code, Some(0), "{run:?}");
    let value = run.json();
    let syncs = value["syncs"].as_u64().expect("a number");
    assert!(syncs > 0);
    assert_eq!(value["messages"], syncs * 10);
    assert_eq!(fs::read_dir(folder.path()).expect("it is there").count(), 0);
}

#[test]
fn a_chart_and_samples_show_the_run_over_time() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("run.svg");
    let chart = path.to_str().expect("UTF-8");
    let name = unique("perf");
    let run = ["throughput", "--rate", "1000", "--duration", "0.3", "--interval", "0.05"];
    let value = figures(&[&run[..], &["--chart", chart, "--queue-pattern", &name]].concat());
    assert!(value["samples"].as_array().is_some_and(|samples| samples.len() >= 2), "{value}");
    let text = fs::read_to_string(path).expect("the chart is written");
    assert!(text.starts_with("<svg") && text.contains("messages per second"), "{text}");
}

#[test]
fn the_brokers_cpu_and_memory_are_in_the_report() {
    let name = unique("perf");
    // Any process will do: this one.
    let pid = std::process::id().to_string();
    let run = ["throughput", "--messages", "10", "--pid", &pid, "--queue-pattern", &name];
    let value = figures(&run);
    let process = &value["broker_process"];
    assert!(process["rss_bytes"].as_u64().is_some_and(|bytes| bytes > 0), "{value}");
    assert!(process["cpu_us_per_message"].is_number(), "{value}");
}

#[test]
fn people_get_tables() {
    let name = unique("perf");
    let uri = super::program::uri(Broker::shared());
    let run = ["throughput", "--messages", "1000", "--uri", &uri, "--queue-pattern", &name];
    let run = Run::of(&run);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert!(lines[0].starts_with("messages   count  per second"), "{}", run.stdout);
    assert!(lines[1].starts_with("published  1,000"), "{}", run.stdout);
    assert!(!run.stdout.contains('\x1b'), "no colours without a terminal");
}
