//! Where spans go: the keys, and the variables that programs with OpenTelemetry share.

use haremq::config::Password;

use crate::config::{defaults, environment, file, load_with, refusal};

const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://shared:4318");

#[test]
fn nothing_is_traced_unless_a_collector_is_named() {
    let otel = defaults().otel;
    assert_eq!((otel.endpoint, &*otel.service_name, otel.sample_millionths), (None, "haremq", 0));
    let text = "haremq.otel.endpoint = https://c:4318\nharemq.otel.sample_ratio = 0.25\n\
                haremq.otel.headers.x-key = s3cret\nharemq.otel.timeout = 2s\n";
    let loaded = file(text);
    let otel = &loaded.settings.otel;
    assert_eq!(otel.endpoint.as_deref(), Some("https://c:4318"));
    assert_eq!((otel.sample_millionths, otel.timeout_ms), (250_000, 2_000));
    assert_eq!(otel.headers["x-key"], Password("s3cret".to_owned()));
    let shown = format!("{:?} {:?}", loaded.settings, loaded.values);
    assert!(!shown.contains("s3cret"), "a header is a secret");
}

#[test]
fn wrong_values_stop_the_start() {
    for (line, expected) in [
        ("haremq.otel.endpoint = localhost:4318", "an address that begins with http://"),
        ("haremq.otel.sample_ratio = 1.5", "a share from 0 to 1"),
        ("haremq.otel.timeout = 0", "a time of at least 1ms"),
        ("haremq.otel.headers.x-y = ü", "the value of a header"),
    ] {
        let refused = refusal(&format!("{line}\n"));
        assert!(refused.contains(expected), "{refused}");
    }
}

#[test]
fn shared_variables_hold_where_nothing_else_does() {
    let named = ("OTEL_SERVICE_NAME", "shop");
    let otel = environment(&[ENDPOINT, named]).settings.otel;
    assert_eq!(otel.endpoint.as_deref(), Some("http://shared:4318"));
    assert_eq!(otel.service_name, "shop");
    let line = "haremq.otel.endpoint = http://own:4318\n";
    let loaded = load_with(&[], &[ENDPOINT, named], line).expect("good settings");
    assert_eq!(loaded.settings.otel.endpoint.as_deref(), Some("http://own:4318"));
    assert_eq!(loaded.settings.otel.service_name, "shop");
    let own = ("HAREMQ_OTEL_ENDPOINT", "http://mine:4318");
    let otel = environment(&[ENDPOINT, own]).settings.otel;
    assert_eq!(otel.endpoint.as_deref(), Some("http://mine:4318"));
    for off in [
        ("OTEL_SDK_DISABLED", "true"),
        ("OTEL_TRACES_EXPORTER", "none"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
    ] {
        assert_eq!(environment(&[ENDPOINT, off]).settings.otel.endpoint, None, "{off:?}");
    }
    let bare = ("OTEL_EXPORTER_OTLP_ENDPOINT", "shared:4317");
    assert_eq!(environment(&[bare]).settings.otel.endpoint, None, "it does not stop the start");
}
