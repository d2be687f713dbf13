//! What the API says about the node, in the words of `rabbitmqctl`.

use serde_json::{Value, json};

use crate::ctl::tools::failure::Failure;
use crate::ctl::tools::session::Session;

/// The one node, from the list of nodes.
pub(super) fn node(session: &mut Session<'_>) -> Result<Value, Failure> {
    let nodes = session.list(&["nodes"])?;
    Ok(nodes.into_iter().next().unwrap_or(Value::Null))
}

/// Where something listens.
pub(super) struct Listening {
    pub interface: String,
    pub port: u64,
    pub protocol: String,
}

/// The listeners, as the overview has them.
pub(super) fn listeners(overview: &Value) -> Vec<Listening> {
    let all = overview["listeners"].as_array().map(Vec::as_slice).unwrap_or_default();
    let read = |listener: &Value| {
        let address = listener["ip_address"].as_str().unwrap_or("::");
        Listening {
            interface: if address.contains(':') {
                format!("[{address}]")
            } else {
                address.to_owned()
            },
            port: listener["port"].as_u64().unwrap_or(0),
            protocol: listener["protocol"].as_str().unwrap_or("unknown").to_owned(),
        }
    };
    all.iter().map(read).collect()
}

impl Listening {
    fn purpose(&self) -> &str {
        match self.protocol.as_str() {
            "amqp" => "AMQP 0-9-1",
            "amqp/ssl" | "amqps" => "AMQP 0-9-1 over TLS",
            "http" => "HTTP API",
            "https" => "HTTP API over TLS (HTTPS)",
            "http/prometheus" => "Prometheus exporter API over HTTP",
            other => other,
        }
    }

    pub(super) fn line(&self) -> String {
        let (interface, port, protocol) = (&self.interface, self.port, &self.protocol);
        let purpose = self.purpose();
        format!("Interface: {interface}, port: {port}, protocol: {protocol}, purpose: {purpose}")
    }

    pub(super) fn document(&self, node: &str) -> Value {
        json!({
            "interface": self.interface,
            "node": node,
            "port": self.port,
            "protocol": self.protocol,
            "purpose": self.purpose(),
        })
    }
}

/// The alarms in effect, one line each.
pub(super) fn alarms(node: &Value, name: &str) -> Vec<String> {
    let known = node["alarms"].as_array().map(Vec::as_slice).unwrap_or_default();
    let reason = |resource: &str| {
        let alarm = known.iter().find(|alarm| alarm["resource"] == resource)?;
        alarm["reason"].as_str()
    };
    [("mem_alarm", "Memory alarm", "memory"), ("disk_free_alarm", "Free disk space alarm", "disk")]
        .into_iter()
        .filter(|(field, ..)| node[*field] == Value::Bool(true))
        .map(|(_, text, resource)| match reason(resource) {
            Some(reason) => format!("{text} on node {name}: {reason}"),
            None => format!("{text} on node {name}"),
        })
        .collect()
}

/// A number of bytes in the unit that was asked for; `gb` without one, as RabbitMQ has it.
pub(super) fn in_unit(bytes: &Value, unit: &str) -> String {
    let divisor = match unit.to_lowercase().as_str() {
        "kb" => 1e3,
        "mb" => 1e6,
        "tb" => 1e12,
        "bytes" | "b" => return format!("{} bytes", bytes.as_u64().unwrap_or(0)),
        _ => 1e9,
    };
    let amount = bytes.as_f64().unwrap_or(0.0) / divisor;
    // Four places, and no zeros at the end but one.
    let text = format!("{amount:.4}");
    let text = text.trim_end_matches('0');
    let text = if text.ends_with('.') { format!("{text}0") } else { text.to_owned() };
    format!("{text} {}", unit.to_lowercase())
}

/// One of the units that [`in_unit`] knows.
pub(super) fn unit(session: &Session<'_>) -> Result<&'static str, Failure> {
    let given = session.call.flag("unit").unwrap_or("gb").to_lowercase();
    match ["gb", "mb", "kb", "tb", "bytes"].into_iter().find(|unit| *unit == given) {
        Some(unit) => Ok(unit),
        None => Err(Failure::argument(format!(
            "unit '{given}' is not supported. Please use one of: bytes, kb, mb, gb, tb"
        ))),
    }
}
