//! The variables that programs with OpenTelemetry share, in terms of keys.

use super::env::Environment;
use super::error::ConfigError;
use super::load::Given;

impl Environment {
    /// What they set. They are set for whole machines and containers, so what this program cannot do with them, to
    /// speak gRPC for instance, does not keep it from starting.
    pub(super) fn given_by_opentelemetry(&self) -> Result<Vec<Given>, ConfigError> {
        let is_off = self.text("OTEL_SDK_DISABLED")?.is_some_and(|text| text == "true")
            || self.text("OTEL_TRACES_EXPORTER")?.is_some_and(|text| text != "otlp")
            || self.text("OTEL_EXPORTER_OTLP_PROTOCOL")?.is_some_and(|text| text == "grpc");
        if is_off {
            return Ok(Vec::new());
        }
        let mut all = Vec::new();
        for (variable, key) in
            [(ENDPOINT, "haremq.otel.endpoint"), ("OTEL_SERVICE_NAME", "haremq.otel.service_name")]
        {
            let text = self.text(variable)?;
            let text = text.filter(|text| variable != ENDPOINT || text.starts_with("http"));
            all.extend(text.map(|text| self.given(variable, key, text)));
        }
        Ok(all)
    }
}

/// The address of a collector, to which each signal adds its path.
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
