//! The audit: one line of the log for each change of who may do what, and who made it.
//!
//! No line holds a password, a hash, or the value of a parameter, which may hold one. Names are quoted with
//! their control characters escaped: a name cannot end a line and begin another one.

use std::fmt::Write as _;

use super::occurrence::{Occurrence, PasswordChange};
use super::{Actor, Via};
use crate::broker::policy::PolicyKind;

/// The target of the lines, by which the configuration knows them.
pub(super) const TARGET: &str = "haremq::audit";

/// Writes the line, if this is something for the audit. Called without a lock held.
pub(in crate::broker) fn write(by: &Actor, what: &Occurrence) {
    if by.is_part() {
        return;
    }
    let Some((action, facts)) = line(what) else { return };
    let (user, from) = (by.user(), by.via());
    if from == Via::Internal {
        return;
    }
    tracing::info!(target: TARGET, user = ?user.as_str(), from = %from, "audit: {action} {facts}");
}

/// What was done, and to what.
fn line(what: &Occurrence) -> Option<(&'static str, String)> {
    let mut facts = String::new();
    let action = accounts(what, &mut facts)
        .or_else(|| places(what, &mut facts))
        .or_else(|| deeds(what, &mut facts))?;
    Some((action, facts))
}

fn say(facts: &mut String, name: &str, value: &str) {
    let separator = if facts.is_empty() { "" } else { " " };
    // Writing to a text cannot fail.
    let _ = write!(facts, "{separator}{name}={value:?}");
}

fn accounts(what: &Occurrence, facts: &mut String) -> Option<&'static str> {
    Some(match what {
        Occurrence::UserPut { user, tags, password, new } => {
            say(facts, "name", user.as_str());
            match password {
                PasswordChange::Kept => {}
                PasswordChange::Set => say(facts, "password", "set"),
                PasswordChange::Cleared => say(facts, "password", "cleared"),
            }
            if let Some(tags) = tags {
                say(facts, "tags", &tags.join(","));
            }
            if *new { "user created:" } else { "user changed:" }
        }
        Occurrence::UserDeleted(user) => {
            say(facts, "name", user.as_str());
            "user deleted:"
        }
        Occurrence::PermissionSet(record) => {
            say(facts, "of", record.user.as_str());
            say(facts, "vhost", record.vhost.as_str());
            say(facts, "configure", &record.configure);
            say(facts, "write", &record.write);
            say(facts, "read", &record.read);
            "permissions set:"
        }
        Occurrence::PermissionCleared { user, vhost, cascade: false } => {
            say(facts, "of", user.as_str());
            say(facts, "vhost", vhost.as_str());
            "permissions cleared:"
        }
        Occurrence::TopicPermissionSet(record) => {
            say(facts, "of", record.user.as_str());
            say(facts, "vhost", record.vhost.as_str());
            say(facts, "exchange", record.exchange.as_str());
            say(facts, "write", &record.write);
            say(facts, "read", &record.read);
            "topic permissions set:"
        }
        Occurrence::TopicPermissionCleared { user, vhost, exchange, cascade: false } => {
            say(facts, "of", user.as_str());
            say(facts, "vhost", vhost.as_str());
            say(facts, "exchange", exchange.as_str());
            "topic permissions cleared:"
        }
        Occurrence::UserLimitsSet { user, limits } => {
            say(facts, "of", user.as_str());
            say_limit(facts, "max-connections", limits.max_connections);
            say_limit(facts, "max-channels", limits.max_channels);
            "user limits set:"
        }
        _ => return None,
    })
}

fn say_limit(facts: &mut String, name: &str, limit: Option<usize>) {
    let limit = limit.map_or_else(|| "none".to_owned(), |limit| limit.to_string());
    say(facts, name, &limit);
}

/// Of virtual hosts, parameters and policies.
fn places(what: &Occurrence, facts: &mut String) -> Option<&'static str> {
    Some(match what {
        Occurrence::VhostPut { record, new } => {
            say(facts, "name", record.name.as_str());
            say(facts, "description", &record.description);
            say(facts, "tags", &record.tags.join(","));
            say(facts, "protected", if record.protected_from_deletion { "yes" } else { "no" });
            say(facts, "tracing", if record.tracing { "on" } else { "off" });
            if *new { "virtual host created:" } else { "virtual host changed:" }
        }
        Occurrence::VhostDeleted(name) => {
            say(facts, "name", name.as_str());
            "virtual host deleted:"
        }
        Occurrence::VhostLimitsSet { vhost, limits } => {
            say(facts, "vhost", vhost.as_str());
            say_limit(facts, "max-connections", limits.max_connections);
            say_limit(facts, "max-queues", limits.max_queues);
            "virtual host limits set:"
        }
        Occurrence::ParameterSet(record) => {
            say(facts, "vhost", record.vhost.as_str());
            say(facts, "component", record.component.as_str());
            say(facts, "name", record.name.as_str());
            "parameter set:"
        }
        Occurrence::ParameterCleared { vhost, component, name, cascade: false } => {
            say(facts, "vhost", vhost.as_str());
            say(facts, "component", component.as_str());
            say(facts, "name", name.as_str());
            "parameter cleared:"
        }
        Occurrence::GlobalParameterSet(record) => {
            say(facts, "name", record.name.as_str());
            "global parameter set:"
        }
        Occurrence::GlobalParameterCleared(name) => {
            say(facts, "name", name.as_str());
            "global parameter cleared:"
        }
        Occurrence::PolicySet { kind, record } => {
            say(facts, "vhost", record.vhost.as_str());
            say(facts, "name", record.name.as_str());
            say(facts, "pattern", &record.pattern);
            say(facts, "apply-to", &record.apply_to);
            say(facts, "priority", &record.priority.to_string());
            match kind {
                PolicyKind::User => "policy set:",
                PolicyKind::Operator => "operator policy set:",
            }
        }
        Occurrence::PolicyCleared { kind, vhost, name } => {
            say(facts, "vhost", vhost.as_str());
            say(facts, "name", name.as_str());
            match kind {
                PolicyKind::User => "policy cleared:",
                PolicyKind::Operator => "operator policy cleared:",
            }
        }
        _ => return None,
    })
}

/// Of what is done once and is no record.
fn deeds(what: &Occurrence, facts: &mut String) -> Option<&'static str> {
    Some(match what {
        Occurrence::Imported { summary } => {
            say(facts, "summary", summary);
            "definitions imported:"
        }
        Occurrence::Node { action } => {
            say(facts, "action", action);
            "node:"
        }
        Occurrence::ConnectionsClosed { which, connections, reason } => {
            say(facts, "which", which);
            say(facts, "connections", &connections.to_string());
            say(facts, "reason", reason);
            "connections closed:"
        }
        _ => return None,
    })
}
