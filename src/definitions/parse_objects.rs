//! Parameters, policies, exchanges, queues and bindings.

use serde_json::Value;

use super::Fault;
use super::document::{Document, Placed, QueueSpec};
use super::reader::Reader;
use super::value::{to_short, to_value};
use crate::base::{ExchangeName, FieldTable, FieldValue, QueueName, ShortStr, VhostName};
use crate::store::{self, Change, DestinationKind};

/// Names with this prefix are the server's.
const RESERVED: &str = "amq.";

pub(super) const OPERATOR_POLICY: &str = "operator_policy";
pub(super) const VHOST_LIMITS: &str = "vhost-limits";

/// The hash of what was imported last at a start: not a setting but a note, which no document brings along.
pub(super) const IMPORTED_HASH: &str = "imported_definition_hash_value";

const QUEUE_TYPE: &str = "x-queue-type";

impl Document {
    pub(super) fn parameter(&mut self, reader: &Reader<'_>) -> Result<(), Fault> {
        reader.warn_of_others(&["vhost", "component", "name", "value"], &mut self.warnings);
        let vhost = self.vhost_of(reader)?;
        match reader.required_text("component")? {
            VHOST_LIMITS => {
                let limits = reader.limits("value")?.unwrap_or_default();
                self.vhost_limits(reader, &reader.at("value"), vhost, &limits);
            }
            OPERATOR_POLICY => {
                let value = reader.get("value").unwrap_or(&Value::Null);
                let inner = Reader::new(reader.at("value"), value)?;
                if let Some(policy) = self.policy_of(&inner, vhost, reader.name("name")?)? {
                    self.put(reader, Change::PutOperatorPolicy(store::OperatorPolicy(policy)));
                }
            }
            _ => {
                let record = store::Parameter {
                    vhost,
                    component: reader.name("component")?,
                    name: reader.name("name")?,
                    value: any(reader)?,
                };
                self.put(reader, Change::PutParameter(record));
            }
        }
        Ok(())
    }

    pub(super) fn global_parameter(&mut self, reader: &Reader<'_>) -> Result<(), Fault> {
        reader.warn_of_others(&["name", "value"], &mut self.warnings);
        if reader.required_text("name")? == IMPORTED_HASH {
            self.passed_over(reader, "it is a note of the broker that wrote it");
            return Ok(());
        }
        let record = store::GlobalParameter { name: reader.name("name")?, value: any(reader)? };
        self.put(reader, Change::PutGlobalParameter(record));
        Ok(())
    }

    pub(super) fn policy(&mut self, reader: &Reader<'_>) -> Result<(), Fault> {
        let known = ["vhost", "name", "pattern", "apply-to", "priority", "definition"];
        reader.warn_of_others(&known, &mut self.warnings);
        let vhost = self.vhost_of(reader)?;
        if let Some(policy) = self.policy_of(reader, vhost, reader.name("name")?)? {
            self.put(reader, Change::PutPolicy(policy));
        }
        Ok(())
    }

    fn policy_of(
        &mut self,
        reader: &Reader<'_>,
        vhost: VhostName,
        name: crate::base::PolicyName,
    ) -> Result<Option<store::Policy>, Fault> {
        let definition = self.without_mirroring(reader, reader.table("definition")?);
        let Some(definition) = definition else { return Ok(None) };
        Ok(Some(store::Policy {
            vhost,
            name,
            pattern: reader.required_text("pattern")?.to_owned(),
            apply_to: reader.text("apply-to")?.unwrap_or("all").to_owned(),
            priority: reader.integer("priority")?.unwrap_or(0),
            definition,
        }))
    }

    /// RabbitMQ before 4.0 mirrored queues by policy, and most of its exports have such a policy. There is
    /// nothing to mirror to: the rest of the policy is kept; `None` when nothing is left.
    fn without_mirroring(
        &mut self,
        reader: &Reader<'_>,
        definition: FieldTable,
    ) -> Option<FieldTable> {
        let mirrors = |key: &ShortStr| key.as_bytes().starts_with(b"ha-");
        if !definition.iter().any(|(key, _)| mirrors(key)) {
            return Some(definition);
        }
        let place = reader.at("definition");
        let rest = definition.iter().filter(|(key, _)| !mirrors(key));
        let rest: FieldTable = rest.map(|(key, value)| (key.clone(), value.clone())).collect();
        if rest.is_empty() {
            let why = "the policy only mirrors queues (ha-*), which RabbitMQ 4.0 gave up";
            self.passed_over(reader, why);
            return None;
        }
        self.warnings.push(format!(
            "{place}: the keys for mirrored queues (ha-*), which RabbitMQ 4.0 gave up, are left out"
        ));
        Some(rest)
    }

    pub(super) fn exchange(&mut self, reader: &Reader<'_>) -> Result<(), Fault> {
        let known = [
            "vhost",
            "name",
            "type",
            "durable",
            "auto_delete",
            "internal",
            "arguments",
            "user_who_performed_action",
        ];
        reader.warn_of_others(&known, &mut self.warnings);
        let vhost = self.vhost_of(reader)?;
        let name: ExchangeName = reader.name("name")?;
        if name.is_empty() || name.as_str().starts_with(RESERVED) {
            self.passed_over(reader, "the exchange is one of the server's");
            return Ok(());
        }
        let record = store::Exchange {
            vhost,
            name,
            kind: reader.required_text("type")?.to_owned(),
            durable: reader.flag("durable")?.unwrap_or(true),
            auto_delete: reader.flag("auto_delete")?.unwrap_or(false),
            internal: reader.flag("internal")?.unwrap_or(false),
            arguments: reader.table("arguments")?,
            number: None,
            delay_queue: None,
        };
        self.put(reader, Change::PutExchange(record));
        Ok(())
    }

    pub(super) fn queue(&mut self, reader: &Reader<'_>) -> Result<(), Fault> {
        let known = ["vhost", "name", "type", "durable", "auto_delete", "arguments"];
        reader.warn_of_others(&known, &mut self.warnings);
        let vhost = self.vhost_of(reader)?;
        let name: QueueName = reader.name("name")?;
        if name.as_str().starts_with(RESERVED) {
            self.passed_over(reader, "the name of the queue is one of the server's");
            return Ok(());
        }
        if name.is_empty() {
            return Err(reader.fault("name", "a queue must have a name"));
        }
        let mut arguments = reader.table("arguments")?;
        let said = arguments.get(QUEUE_TYPE.as_bytes()).is_some();
        let queue_type = reader.text("type")?;
        if let Some(queue_type) = queue_type.filter(|name| !said && *name != "classic") {
            let key = reader.parse_name("type", QUEUE_TYPE)?;
            arguments.push(key, FieldValue::text(queue_type));
        }
        let record = store::Queue {
            vhost,
            name,
            durable: reader.flag("durable")?.unwrap_or(true),
            auto_delete: reader.flag("auto_delete")?.unwrap_or(false),
            arguments,
            number: 0,
        };
        let value = QueueSpec { record, typed: said || queue_type.is_some() };
        self.queues.push(Placed { place: reader.place().to_owned(), value });
        Ok(())
    }

    pub(super) fn binding(&mut self, reader: &Reader<'_>) -> Result<(), Fault> {
        let known = [
            "vhost",
            "source",
            "destination",
            "destination_type",
            "routing_key",
            "arguments",
            "properties_key",
        ];
        reader.warn_of_others(&known, &mut self.warnings);
        let vhost = self.vhost_of(reader)?;
        let source: ExchangeName = reader.name("source")?;
        let destination = reader.required_text("destination")?;
        let destination_type = match reader.required_text("destination_type")? {
            "queue" => DestinationKind::Queue,
            "exchange" => DestinationKind::Exchange,
            other => {
                let text = format!("expected queue or exchange, found {other:?}");
                return Err(reader.fault("destination_type", text));
            }
        };
        if source.is_empty() {
            self.passed_over(reader, "the default exchange binds every queue by itself");
            return Ok(());
        }
        if destination_type == DestinationKind::Queue && destination.starts_with(RESERVED) {
            self.passed_over(reader, "the name of the queue is one of the server's");
            return Ok(());
        }
        let routing_key = match reader.get("routing_key") {
            None => ShortStr::default(),
            Some(value) => to_short(value, &reader.at("routing_key"))?,
        };
        let record = store::Binding {
            vhost,
            source,
            destination: destination.to_owned(),
            destination_type,
            routing_key,
            arguments: reader.table("arguments")?,
        };
        self.put(reader, Change::PutBinding(record));
        Ok(())
    }
}

fn any(reader: &Reader<'_>) -> Result<FieldValue, Fault> {
    match reader.get_any("value") {
        None => Err(reader.fault("value", "it is missing")),
        Some(value) => to_value(value, &reader.at("value"), 0),
    }
}
