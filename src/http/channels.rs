//! Open channels. Each is asked of its connection.

use serde_json::Value;

use super::answer::Answer;
use super::call::Call;
use super::connections::Told;
use super::error::ApiError;
use super::model::{ChannelModel, ConsumerModel};
use super::queues;
use super::route::Run::Later;
use super::route::{Answering, Needs, Route};
use super::samples::{CHANNEL, Ranges, rfc3339};
use crate::broker::{ChannelReport, ConnectionInfo};

pub(super) const ROUTES: &[Route] = &[
    Route::get("/channels", Needs::Management, "Channels", Later(list)),
    Route::get(
        "/vhosts/{vhost}/channels",
        Needs::Management,
        "Channels of a virtual host",
        Later(list),
    ),
    Route::get(
        "/connections/{connection}/channels",
        Needs::Management,
        "Channels of a connection",
        Later(of_connection),
    ),
    Route::get("/channels/{channel}", Needs::Management, "A channel", Later(one)),
];

fn list(call: Call) -> Answering {
    Box::pin(async move {
        let told = call.ask(call.visible_connections()?).await;
        Ok(Answer::list(values(&call, &told)?))
    })
}

fn of_connection(call: Call) -> Answering {
    Box::pin(async move {
        let told = call.ask(vec![call.connection()?]).await;
        Ok(Answer::list(values(&call, &told)?))
    })
}

fn values(call: &Call, told: &[Told]) -> Result<Vec<Value>, ApiError> {
    let ranges = Ranges::of(&call.query)?;
    let mut all = Vec::new();
    for (info, report) in told {
        let channels = report.iter().flat_map(|report| &report.channels);
        all.extend(channels.map(|channel| value(&model(call, info, channel, ranges))));
    }
    Ok(all)
}

fn model(
    call: &Call,
    info: &ConnectionInfo,
    report: &ChannelReport,
    ranges: Ranges,
) -> ChannelModel {
    let at = call.management.moment();
    let stats = call.management.samples.channels.look(at.now, [report.holder].iter(), |series| {
        let idle_since = series.idle_since_unix_ms(&report.counts).map(rfc3339);
        (series.stats(CHANNEL, &report.counts, ranges.msg_rates, at.unix_ms), idle_since)
    });
    ChannelModel::new(&call.management.facts.node, info, report, stats)
}

fn value(model: &ChannelModel) -> Value {
    // Field names are text and numbers are whole.
    serde_json::to_value(model).unwrap_or_default()
}

fn one(call: Call) -> Answering {
    Box::pin(async move {
        let ranges = Ranges::of(&call.query)?;
        let name = call.segment("channel");
        // The name of a channel is that of its connection, and its number.
        let connection = name.rsplit_once(" (").map_or("", |(connection, _)| connection);
        let mut connections = call.visible_connections()?;
        connections.retain(|one| one.name() == connection);
        for (info, report) in call.ask(connections).await {
            for channel in report.iter().flat_map(|report| &report.channels) {
                let mut model = model(&call, &info, channel, ranges);
                if model.name == name {
                    model.consumer_details = Some(consumers(&call, &info, channel));
                    return Ok(Answer::object(value(&model)));
                }
            }
        }
        Err(ApiError::not_found())
    })
}

/// The consumers of a channel, looked for in the queues of its virtual host.
fn consumers(call: &Call, info: &ConnectionInfo, channel: &ChannelReport) -> Vec<ConsumerModel> {
    let Some(vhost) = call.broker().vhost(&info.vhost) else { return Vec::new() };
    let mut all = Vec::new();
    for cell in vhost.list_queues() {
        let mut report = cell.report();
        report.consumers.retain(|consumer| {
            (consumer.connection, consumer.channel) == (info.id, channel.channel)
        });
        all.append(&mut queues::consumers(call, &vhost, &cell, &report));
    }
    all
}
