//! Spans of the real program, as a collector gets them.

mod collector;
mod scenes;
mod trouble;

use crate::support::{Broker, RawClient, Table};
use collector::Collector;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PRODUCER: &str = "00f067aa0ba902b7";

/// A broker that sends its spans there, and a client with a channel.
fn traced(collector: &Collector, more: &[&str]) -> (Broker, RawClient) {
    let endpoint = collector.line();
    let lines: Vec<&str> = [endpoint.as_str()].iter().chain(more).copied().collect();
    let broker = Broker::start(&lines);
    let client = RawClient::with_channel_on(&broker);
    (broker, client)
}

/// Properties with a trace in the headers, as instrumentations write it.
fn properties() -> Vec<u8> {
    let parent = format!("00-{TRACE}-{PRODUCER}-01");
    let headers = Table::new().text("traceparent", &parent).text("tracestate", "shop=1");
    [&0x2000_u16.to_be_bytes()[..], &headers.with_length()].concat()
}
