//! The file that tells scripts where everything is served.

use std::fs;
use std::io;
use std::path::Path;

use serde_json::{Value, json};

use crate::management::OpenManagement;
use crate::net::Listener;

/// Writes the first port of each kind. Written whole or not at all: whoever waits for the file must not read half
/// of it.
pub(crate) fn write(
    path: &Path,
    listeners: &[Listener],
    management: &OpenManagement,
) -> io::Result<()> {
    let amqp = |has_tls: bool| {
        let mut listeners = listeners.iter().filter(|listener| listener.has_tls() == has_tls);
        Value::from(listeners.find_map(|listener| listener.address().port()))
    };
    let ports = json!({
        "amqp": amqp(false),
        "amqps": amqp(true),
        "management": management.port(false),
        "management_tls": management.port(true),
        "prometheus": management.metrics_address().map(|address| address.port()),
    });
    let beside = path.with_extension("tmp");
    fs::write(&beside, format!("{ports}\n"))?;
    fs::rename(&beside, path)
}
