//! Virtual hosts, users and what they may do.

use super::document::{Document, DocumentPassword, Placed, UserPatch, VhostPatch};
use super::reader::{Limits, Reader};
use super::{Fault, Section};
use crate::access::{HashAlgorithm, PasswordHash};
use crate::base::{UserName, VhostName};
use crate::store::{self, Change};

impl Document {
    pub(super) fn vhost(&mut self, reader: &Reader<'_>) -> Result<(), Fault> {
        let known = [
            "name",
            "description",
            "tags",
            "default_queue_type",
            "metadata",
            "limits",
            "tracing",
            "protected_from_deletion",
            "cluster_state",
        ];
        reader.warn_of_others(&known, &mut self.warnings);
        let name: VhostName = reader.name("name")?;
        let metadata = reader.inner("metadata")?;
        let inner = metadata.as_ref();
        let text = |key: &str| match (reader.text(key)?, inner) {
            (Some(text), _) => Ok(Some(text.to_owned())),
            (None, Some(inner)) => Ok(inner.text(key)?.map(str::to_owned)),
            (None, None) => Ok(None),
        };
        let description = text("description")?;
        // rabbitmq: a virtual host without one says undefined.
        let default_queue_type = text("default_queue_type")?.filter(|text| text != "undefined");
        let tags = match (reader.tags("tags")?, inner) {
            (None, Some(inner)) => inner.tags("tags")?,
            (tags, _) => tags,
        };
        let protected = match (reader.flag("protected_from_deletion")?, inner) {
            (None, Some(inner)) => inner.flag("protected_from_deletion")?,
            (flag, _) => flag,
        };
        let value = VhostPatch {
            name: name.clone(),
            description,
            tags,
            default_queue_type,
            protected_from_deletion: protected,
            tracing: reader.flag("tracing")?,
        };
        if let Some(limits) = reader.limits("limits")?.filter(|limits| !limits.is_empty()) {
            // The parameters say it as well, and come later.
            self.vhost_limits(reader, &reader.at("limits"), name, &limits);
        }
        self.vhosts.push(Placed { place: reader.place().to_owned(), value });
        Ok(())
    }

    pub(super) fn vhost_limits(
        &mut self,
        reader: &Reader<'_>,
        place: &str,
        vhost: VhostName,
        limits: &Limits,
    ) {
        let max_connections = limit(limits, "max-connections");
        let max_queues = limit(limits, "max-queues");
        self.warn_of_limits(place, limits, &["max-connections", "max-queues"]);
        self.put(
            reader,
            if max_connections.is_none() && max_queues.is_none() {
                Change::DeleteVhostLimits { vhost }
            } else {
                Change::PutVhostLimits(store::VhostLimits { vhost, max_connections, max_queues })
            },
        );
    }

    fn warn_of_limits(&mut self, place: &str, limits: &Limits, known: &[&str]) {
        for (name, _) in limits.iter().filter(|(name, _)| !known.contains(&name.as_str())) {
            self.warnings
                .push(format!("{place}.{name}: this limit is not known and is passed over"));
        }
    }

    pub(super) fn user(&mut self, reader: &Reader<'_>) -> Result<(), Fault> {
        let known = ["name", "password_hash", "password", "hashing_algorithm", "tags", "limits"];
        reader.warn_of_others(&known, &mut self.warnings);
        let name: UserName = reader.name("name")?;
        let algorithm = match reader.text("hashing_algorithm")? {
            None => HashAlgorithm::default(),
            Some(text) => HashAlgorithm::parse(text)
                .map_err(|error| reader.fault("hashing_algorithm", error.to_string()))?,
        };
        let password = match (reader.text("password_hash")?, reader.text("password")?) {
            (Some(""), None) => DocumentPassword::Hash(None),
            (Some(hash), None) => {
                PasswordHash::parse(algorithm, hash)
                    .map_err(|error| reader.fault("password_hash", error.to_string()))?;
                DocumentPassword::Hash(Some(hash.to_owned()))
            }
            (None, Some(password)) => DocumentPassword::Plain(password.to_owned()),
            (None, None) => DocumentPassword::Unsaid,
            (Some(_), Some(_)) => {
                return Err(reader.fault("password", "there is a password_hash too: take one away"));
            }
        };
        let tags = reader.tags("tags")?;
        if let Some(limits) = reader.limits("limits")? {
            self.user_limits(reader, name.clone(), &limits);
        }
        let hashing_algorithm = algorithm.as_str().to_owned();
        let value = UserPatch { name, password, hashing_algorithm, tags };
        self.users.push(Placed { place: reader.place().to_owned(), value });
        Ok(())
    }

    fn user_limits(&mut self, reader: &Reader<'_>, user: UserName, limits: &Limits) {
        let max_connections = limit(limits, "max-connections");
        let max_channels = limit(limits, "max-channels");
        let known = ["max-connections", "max-channels"];
        self.warn_of_limits(&reader.at("limits"), limits, &known);
        self.put(
            reader,
            if max_connections.is_none() && max_channels.is_none() {
                Change::DeleteUserLimits { user }
            } else {
                Change::PutUserLimits(store::UserLimits { user, max_connections, max_channels })
            },
        );
        self.sections.insert(Section::UserLimits);
    }

    pub(super) fn permission(&mut self, reader: &Reader<'_>) -> Result<(), Fault> {
        let known = ["user", "vhost", "configure", "write", "read"];
        reader.warn_of_others(&known, &mut self.warnings);
        let record = store::Permission {
            user: reader.name("user")?,
            vhost: reader.name("vhost")?,
            configure: reader.required_text("configure")?.to_owned(),
            write: reader.required_text("write")?.to_owned(),
            read: reader.required_text("read")?.to_owned(),
        };
        self.put(reader, Change::PutPermission(record));
        Ok(())
    }

    pub(super) fn topic_permission(&mut self, reader: &Reader<'_>) -> Result<(), Fault> {
        let known = ["user", "vhost", "exchange", "write", "read"];
        reader.warn_of_others(&known, &mut self.warnings);
        let record = store::TopicPermission {
            user: reader.name("user")?,
            vhost: reader.name("vhost")?,
            exchange: reader.name("exchange")?,
            write: reader.required_text("write")?.to_owned(),
            read: reader.required_text("read")?.to_owned(),
        };
        self.put(reader, Change::PutTopicPermission(record));
        Ok(())
    }
}

/// RabbitMQ writes -1 for no limit.
fn limit(limits: &Limits, name: &str) -> Option<i64> {
    let found = limits.iter().find(|(known, _)| known == name);
    found.map(|(_, number)| *number).filter(|number| *number >= 0)
}
