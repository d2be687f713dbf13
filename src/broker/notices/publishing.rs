//! Notices as messages: who tells, and who publishes what was told.

use std::cell::Cell as Flag;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use super::homes::{EVENT_EXCHANGE, LOG_EXCHANGE, Places, home_exchange};
use super::{Actor, LogLine, LoginAttempt, Notice, Occurrence, Told, audit};
use crate::base::limits::NOTICES_AT_ONCE;
use crate::base::{
    Body, ExchangeName, FieldTable, FieldValue, Message, MessageHeader, ShortStr, VhostName,
};
use crate::broker::broker::Common;
use crate::broker::courier::Mail;
use crate::broker::facts::{MessageFacts, Numbers};
use crate::broker::publish::incoming;
use crate::broker::{Broker, Cell, Edit, Envelope, Existing, Inbox, Vhost, keeping};
use crate::routing::{Routed, Table};

/// Properties that say nothing, as they stand in a content header.
const NO_PROPERTIES: &[u8] = b"\0\0";

/// `delivery-mode` of a message that outlives the process.
const PERSISTENT: u8 = 2;

/// Notices that did not fit into the list, from the start of the process.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct NoticeLosses {
    /// Events.
    pub events: u64,
    /// Lines of the log.
    pub lines: u64,
}

thread_local! {
    /// Whether this thread is making messages of notices (N3).
    static PUBLISHING: Flag<bool> = const { Flag::new(false) };
}

/// While it is there, this thread's lines are no notices.
struct Publishing;

impl Publishing {
    fn begin() -> Self {
        PUBLISHING.set(true);
        Self
    }
}

impl Drop for Publishing {
    fn drop(&mut self) {
        PUBLISHING.set(false);
    }
}

impl Common {
    /// Tells those who want events; what is asked for is made only then. Any lock may be held.
    pub(in crate::broker) fn tell(&self, by: &Actor, what: impl FnOnce() -> Occurrence) {
        if self.notices.wants_events() {
            self.tell_now(by.clone(), what());
        }
    }

    /// Tells what the broker did itself.
    pub(in crate::broker) fn tell_of_own(&self, what: impl FnOnce() -> Occurrence) {
        if self.notices.wants_events() {
            self.tell_now(Actor::internal(), what());
        }
    }

    /// Tells of an alarm that goes on or off.
    pub(in crate::broker) fn tell_of_alarm(&self, source: &'static str, on: bool) {
        self.tell_of_own(|| Occurrence::Alarm { source, on });
    }

    /// Looks at the memory budget; a change of its alarm is told to everybody. Costs two loads when there is none.
    pub(in crate::broker) fn look_at_memory(&self) {
        if let Some(on) = self.alarms.observe(&self.memory, self.clock.as_ref()) {
            self.tell_of_alarm("memory", on);
        }
    }

    /// Tells a change by whoever administers the broker, and writes its line of the audit: no lock is held.
    pub(in crate::broker) fn tell_and_audit(&self, by: &Actor, what: Occurrence) {
        audit::write(by, &what);
        self.tell(by, || what);
    }

    #[cold]
    fn tell_now(&self, by: Actor, what: Occurrence) {
        let told = Told { what, by, at_ms: self.clock.unix_ms() };
        self.notices.push(Notice::Event(Box::new(told)));
    }
}

impl Broker {
    /// Declares the exchange of events in this virtual host, for which `node` is the name of this one.
    /// Without such a virtual host it comes with it.
    pub fn open_event_exchange(&self, node: &str, vhost: &VhostName) {
        self.open_exchange(vhost, |places| {
            node.clone_into(&mut places.node);
            places.events = Some(vhost.clone());
        });
    }

    /// Declares the exchange of the log in this virtual host.
    pub fn open_log_exchange(&self, node: &str, vhost: &VhostName) {
        self.open_exchange(vhost, |places| {
            node.clone_into(&mut places.node);
            places.lines = Some(vhost.clone());
        });
    }

    fn open_exchange(&self, vhost: &VhostName, change: impl FnOnce(&mut Places)) {
        self.common().notices.homes.set(change);
        if let Some(vhost) = self.vhost(vhost) {
            vhost.declare_homes();
        } else {
            tracing::warn!(vhost = %vhost, "the virtual host of the exchange of events or of the log is not there; the exchange comes with it");
        }
    }

    /// A line of the log, for whoever is bound to its exchange. `level` is RabbitMQ's name. Never blocks.
    pub fn log_line(&self, level: &'static str, text: impl FnOnce() -> String) {
        let notices = &self.common().notices;
        if notices.wants_lines() && !PUBLISHING.get() {
            let at_ms = self.common().clock.unix_ms();
            notices.push(Notice::Line(LogLine { level, text: text(), at_ms }));
        }
    }

    /// Ready when [`Self::publish_notices`] has something to do; else the one task that does it is woken
    /// when that becomes so.
    pub fn poll_notices(&self, context: &mut Context<'_>) -> Poll<()> {
        self.common().notices.poll_waiting(context)
    }

    /// Publishes what was told, a bounded part of it; says whether there was something. One task calls
    /// this at a time: it is what keeps the order (N1).
    pub fn publish_notices(&self) -> bool {
        let common = self.common();
        let taken = common.notices.take(NOTICES_AT_ONCE);
        let unsaid = common.notices.take_unsaid();
        if unsaid > 0 {
            let losses = self.notice_losses();
            tracing::warn!(
                dropped = unsaid,
                events_so_far = losses.events,
                lines_so_far = losses.lines,
                "more happened than could be told: so many messages of the exchanges of events and of the log were dropped"
            );
        }
        if taken.is_empty() {
            return false;
        }
        let _no_more_lines = Publishing::begin();
        let places = common.notices.homes.places();
        let mut post = Post::default();
        let events = places.events.as_ref().and_then(|name| self.vhost(name));
        let lines = places.lines.as_ref().and_then(|name| self.vhost(name));
        for notice in taken {
            match (notice, &events, &lines) {
                (Notice::Event(told), Some(vhost), _) => {
                    for (key, headers) in told.messages(&places.node) {
                        let message = event_message(common, key, &headers, told.at_ms);
                        post.route(vhost, &message);
                    }
                }
                (Notice::Line(line), _, Some(vhost)) => {
                    post.route(vhost, &line_message(common, &places.node, &line));
                }
                // Its virtual host was deleted meanwhile.
                (Notice::Event(_) | Notice::Line(_), _, _) => {}
            }
        }
        post.send(common);
        true
    }

    /// Tells of a login, which was refused for this reason, if there is one.
    pub fn tell_login(&self, login: impl FnOnce() -> LoginAttempt, error: Option<&str>) {
        self.common().tell_of_own(|| {
            let login = Box::new(login());
            match error {
                None => Occurrence::LoggedIn(login),
                Some(error) => Occurrence::LoginRefused { login, error: error.to_owned() },
            }
        });
    }

    /// Writes the line of the audit of an import of definitions.
    pub fn audit_import(&self, by: &Actor, vhost: Option<&VhostName>, summary: &str) {
        let into = vhost.map_or_else(String::new, |vhost| format!(" in vhost {vhost}"));
        let summary = format!("{summary}{into}");
        audit::write(by, &Occurrence::Imported { summary });
    }

    /// Writes the line of the audit of something that was done to the node.
    pub fn audit_node(&self, by: &Actor, action: &str) {
        audit::write(by, &Occurrence::Node { action: action.to_owned() });
    }

    /// How many notices did not fit.
    #[must_use]
    pub fn notice_losses(&self) -> NoticeLosses {
        let (events, lines) = self.common().notices.dropped();
        NoticeLosses { events, lines }
    }
}

impl Vhost {
    /// Declares the exchanges of events and of the log that have their home here.
    pub(in crate::broker) fn declare_homes(self: &std::sync::Arc<Self>) {
        let names = self.common.notices.homes.in_vhost(&self.name);
        if names.is_empty() {
            return;
        }
        self.is_home.store(true, Ordering::SeqCst);
        self.change(|table| {
            for name in names {
                let Some(exchange) = home_exchange(name) else { continue };
                match self.declare_in(table, exchange) {
                    Ok(changes) => keeping::keep(&self.common, changes, move |stored| {
                        if let Err(error) = stored {
                            tracing::error!(exchange = name, error = %error, "an exchange of the broker was not stored: its bindings are gone after a restart");
                        }
                    }),
                    Err(error) => tracing::error!(
                        exchange = name,
                        vhost = %self.name,
                        error = %error,
                        "another exchange has the name of one of the broker: nothing is published to it"
                    ),
                }
            }
        });
    }

    /// Notes whether anybody would get a notice. Called with every change of a table.
    pub(in crate::broker) fn note_wanted(&self, table: &Table<Arc<Cell>>) {
        if !self.is_home.load(Ordering::SeqCst) {
            return;
        }
        let notices = &self.common.notices;
        for name in notices.homes.in_vhost(&self.name) {
            let wanted =
                if name == EVENT_EXCHANGE { &notices.events_wanted } else { &notices.lines_wanted };
            wanted.store(table.leads_anywhere(name), Ordering::Relaxed);
        }
    }
}

/// The messages of one part of the list, by queue.
#[derive(Default)]
struct Post {
    mail: Mail,
    numbers: Numbers,
    routed: Routed<Arc<Cell>>,
}

impl Post {
    fn route(&mut self, vhost: &Vhost, message: &Message) {
        self.routed.clear();
        let table = vhost.table();
        let (common, numbers) = (&*vhost.common, &mut self.numbers);
        let mut facts = MessageFacts { common, message, numbers, windows: None };
        let key = [message.routing_key()];
        let routed = table.route_keys(message.exchange(), &key, &mut facts, &mut self.routed);
        drop(table);
        if routed.is_err() {
            // Nobody can be bound to an exchange that is not there.
            return;
        }
        let (now, later) = self.routed.now_and_later();
        for cell in now.iter().chain(later) {
            self.mail.add(cell, incoming(message.clone()));
        }
    }

    fn send(self, common: &Common) {
        let now = common.clock.now();
        // Nobody waits for confirms.
        let publisher = Arc::new(Inbox::new());
        for (cell, messages) in self.mail.into_groups() {
            cell.enqueue(Envelope::Publish { messages, publisher: Arc::clone(&publisher) });
            cell.drive(now);
        }
    }
}

/// rabbitmq: the body is empty, everything stands in the headers.
fn event_message(common: &Common, key: &str, headers: &FieldTable, at_ms: u64) -> Message {
    let edits = [
        Edit::SetDeliveryMode(PERSISTENT),
        Edit::SetTimestamp { seconds: at_ms / 1000, existing: Existing::Overwritten },
    ];
    let properties = (common.write_headers)(NO_PROPERTIES, headers);
    let properties = (common.edit_properties)(&properties, &edits);
    let header = MessageHeader { persistent: true, has_headers: true, ..MessageHeader::default() };
    message(EVENT_EXCHANGE, key, &properties, String::new(), header)
}

fn line_message(common: &Common, node: &str, line: &LogLine) -> Message {
    let name = ShortStr::try_from("node").expect("the name is short");
    let headers = FieldTable::new(vec![(name, FieldValue::text(node))]);
    let edits = [
        Edit::SetContentType("text/plain"),
        Edit::SetTimestamp { seconds: line.at_ms / 1000, existing: Existing::Overwritten },
    ];
    let properties = (common.write_headers)(NO_PROPERTIES, &headers);
    let properties = (common.edit_properties)(&properties, &edits);
    let header = MessageHeader { has_headers: true, ..MessageHeader::default() };
    message(LOG_EXCHANGE, line.level, &properties, line.text.clone(), header)
}

fn message(
    exchange: &str,
    key: &str,
    properties: &[u8],
    body: String,
    header: MessageHeader,
) -> Message {
    let exchange = ExchangeName::try_from(exchange).expect("the names of the exchanges are short");
    let body = Body::One(bytes::Bytes::from(body));
    Message::new(&exchange, key.as_bytes(), properties, body, header)
}
